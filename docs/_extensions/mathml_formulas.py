r"""Formulas as MathML, which browsers draw themselves: no script, no font, no network, no LaTeX at build time."""

import re

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging

NAME = "mathml"
# The converter sizes brackets alone, knows no names of braces and double bars behind a size, and stacks two primes.
TEX = (
    (re.compile(r"\\[bB]ig+[lr]?(?=\\(Vert|lbrace|rbrace)(?![A-Za-z]))"), ""),
    (re.compile(r"(?<!')''(?!['^])"), r"^{\\prime\\prime}"),
)
# It gives names of functions no space, and browsers give a solidus too much.
MATHML = (
    (
        re.compile(r"<m[io]>(log|ln|cos|sin|tan|cosh|sinh|tanh|coth)</m[io]>"),
        r'<mo lspace="0.17em" rspace="0.17em">\1</mo>',
    ),
    (re.compile(r"<mo>&#x0002F;</mo>"), '<mo lspace="0" rspace="0">&#x0002F;</mo>'),
)
LOG = logging.getLogger(__name__)


def mathml(node: nodes.Node, source: str, display: str) -> str:
    """A formula; a macro that the converter leaves as it is becomes a warning, an error with -W."""
    try:
        formula = convert(_replaced(source, TEX), display=display)
    except Exception as problem:
        LOG.warning("formula %r: %r", source, problem, location=node)
        return f"<code>{nodes.unescape(source)}</code>"
    if left := re.search(r"(\\|&#x0005C;)\w*", formula):
        LOG.warning("formula %r: unknown macro %s", source, left[0], location=node)
    return _replaced(formula, MATHML)


def _replaced(text: str, rules: tuple[tuple[re.Pattern[str], str], ...]) -> str:
    for pattern, instead in rules:
        text = pattern.sub(instead, text)
    return text


def visit_inline(self, node: nodes.math) -> None:
    """$...$"""
    self.body.append(mathml(node, node.astext(), "inline"))
    raise nodes.SkipNode


def visit_block(self, node: nodes.math_block) -> None:
    """$$...$$"""
    self.body.append(f'<div class="formula">{mathml(node, node.astext(), "block")}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """The renderer `mathml`, chosen at once."""
    app.add_html_math_renderer(NAME, (visit_inline, None), (visit_block, None))
    app.config.html_math_renderer = NAME
    return {"parallel_read_safe": True, "parallel_write_safe": True}
