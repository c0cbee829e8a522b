"""Committed notebooks as pages: text, code and the outputs that are stored in them; nothing is run here."""

import json
from pathlib import Path

from myst_parser.parsers.sphinx_ import MystParser
from sphinx.application import Sphinx


def markdown(notebook: dict) -> str:
    """A notebook's cells as Markdown."""
    parts = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
        elif cell["cell_type"] == "code":
            parts.append(f"```python\n{source}\n```")
            parts += [shown for output in cell["outputs"] if (shown := _shown(output))]
    return "\n\n".join(parts) + "\n"


def _shown(output: dict) -> str:
    if output["output_type"] == "stream":
        return f"```text\n{''.join(output['text'])}```"
    data = output.get("data", {})
    if "image/png" in data:
        picture = "".join(data["image/png"]).replace("\n", "")
        return (
            f'```{{raw}} html\n<p><img alt="Output of the cell above" src="data:image/png;base64,{picture}"></p>\n```'
        )
    return f"```text\n{''.join(data['text/plain'])}\n```" if "text/plain" in data else ""


class NotebookParser(MystParser):
    """Reads .ipynb."""

    supported = ("notebook",)

    def parse(self, inputstring: str, document) -> None:
        """Parse what `markdown` makes of the file, and offer the file itself."""
        name = Path(document["source"]).name
        page = markdown(json.loads(inputstring))
        super().parse(f"{page}\n\nThe notebook itself: {{download}}`{name}`.\n", document)


def setup(app: Sphinx) -> dict[str, bool]:
    """The suffix .ipynb."""
    app.add_source_suffix(".ipynb", "notebook")
    app.add_source_parser(NotebookParser)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
