"""Docstrings of this project for autodoc: sections with an item per name, or several names that share a line."""

import re

from sphinx.application import Sphinx

SECTION = re.compile(r"(Args|Attributes|Returns|Raises|Source):(?:\s+(.+))?")
ITEM = re.compile(r"(?<![\w`])(\*?[A-Za-z_]\w*(?:, [A-Za-z_]\w*)*): (?=\S)")
NAMED = ("Args", "Attributes", "Raises")


def restructured(lines: list[str]) -> list[str]:
    """reStructuredText of a docstring's lines."""
    found, section = [], ""
    for line in lines:
        heading = SECTION.fullmatch(line.rstrip())
        if heading:
            section = heading[1]
            found += ["", f"**{section}**" + (f": {heading[2]}" if heading[2] else ""), ""]
        elif section in NAMED and line.startswith("    "):
            text = line.strip()
            item = ITEM.match(text)
            if item and not line.startswith("     "):
                found.append(f"- {_bold(item[1])}: {text[item.end() :]}")
            else:
                found.append(f"  {text}")
        else:
            section = section if line.startswith("    ") or not line.strip() else ""
            found.append(line.strip() if section else line)
    return found


def _bold(names: str) -> str:
    return ", ".join("**" + name.replace("*", r"\*") + "**" for name in names.split(", "))


def setup(app: Sphinx) -> dict[str, bool]:
    """In place of sphinx.ext.napoleon."""

    def process(app, what, name, obj, options, lines: list[str]) -> None:
        lines[:] = restructured(lines)

    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
