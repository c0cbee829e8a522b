"""A page of a report: self-contained HTML, printable, without scripts or anything from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files

from postprocess.shaping.apparatus_marks import REAL

TEMPLATE = "page.html"

Row = Sequence[str]


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        rows: name, value and a remark each.
        head, lines: a table with its columns' names.
        charts: inline SVG.
    """

    title: str
    text: str = ""
    rows: Sequence[Row] = ()
    head: Row = ()
    lines: Sequence[Row] = ()
    charts: Sequence[str] = ()


@dataclass(frozen=True)
class Page:
    """What stands on it.

    Attributes:
        title: of the window. about: what kind of page, above the heading.
        outcome: in one line; good: whether nothing speaks against it.
        warnings: what must stand beside everything here.
        assumed: in the footer. source: who has stored what the page is made from.
    """

    title: str
    about: str
    heading: str
    outcome: str
    good: bool
    warnings: Sequence[str]
    apparatus: str
    sections: Sequence[Section]
    source: str
    assumed: str = ""


def html_of(page: Page, made: datetime) -> str:
    """The page as HTML text; `made`: when, UTC."""
    from jinja2 import Environment
    from markupsafe import Markup

    template = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
        files("postprocess.reports").joinpath(TEMPLATE).read_text(encoding="utf-8")
    )
    return template.render(page=page, real=page.apparatus in REAL, chart=Markup, made=f"{made:%d %b %Y, %H:%M} UTC")
