"""Numbers like 1 500 000 stay on one line."""

import re

from docutils import nodes
from sphinx.application import Sphinx

THOUSANDS = re.compile(r"(?<=\d) (?=\d{3}(?!\d))")


def join(app: Sphinx, document: nodes.document, name: str) -> None:
    """No-break spaces in text; code and formulas stay as they are."""
    for text in list(document.findall(nodes.Text)):
        if not isinstance(text.parent, nodes.FixedTextElement | nodes.literal | nodes.math | nodes.raw):
            joined = THOUSANDS.sub("\N{NO-BREAK SPACE}", text)
            if joined != text:
                text.parent.replace(text, nodes.Text(joined))


def setup(app: Sphinx) -> dict[str, bool]:
    """After references are resolved."""
    app.connect("doctree-resolved", join)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
