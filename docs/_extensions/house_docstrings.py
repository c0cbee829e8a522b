"""Docstrings of this project for autodoc: sections with an item per name, or several names that share a line."""

import inspect
import re

from sphinx.application import Sphinx

SECTION = re.compile(r"(Args|Attributes|Returns|Raises|Source):(?:\s+(.+))?")
ITEM = re.compile(r"(?<![\w`])(\*?[A-Za-z_]\w*(?:, [A-Za-z_]\w*)*): (?=\S)")
NAMED = ("Args", "Attributes", "Raises")


ALIASES = (  # numpy's own, which arrive taken apart
    (re.compile(r"[~\w.]*ndarray\[tuple\[[~\w.]*Any, \.\.\.\], [~\w.]*dtype\[(?:~?numpy\.)?(\w+)\]\]"), r"NDArray[\1]"),
    (re.compile(r"[~\w.]*Buffer \| [~\w.]*_SupportsArray\[.*?_NestedSequence\[(?:bool|int|float|complex)[^\]]*\]"),
     "ArrayLike"),
)  # fmt: skip


def one_item_a_line(lines: list[str], names: set[str]) -> list[str]:
    """Lines like "    rounds: n. gamma: probability." taken apart where a name of the signature begins an item."""
    if not names:
        return lines
    begins = re.compile(rf"(?<=[.;]) (?=(?:{'|'.join(map(re.escape, sorted(names)))})(?:, \w+)*: )")
    return [part if number == 0 else f"    {part}" for line in lines for number, part in enumerate(begins.split(line))]


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


def _parameters(obj: object) -> set[str]:
    try:
        return set(inspect.signature(obj).parameters)
    except (TypeError, ValueError):
        return set()


def setup(app: Sphinx) -> dict[str, bool]:
    """In place of sphinx.ext.napoleon."""

    def process(app, what, name, obj, options, lines: list[str]) -> None:
        lines[:] = restructured(one_item_a_line(lines, _parameters(obj)))

    def shorten(app, what, name, obj, options, signature, returns):
        for pattern, alias in ALIASES:
            signature, returns = (text and pattern.sub(alias, text) for text in (signature, returns))
        return signature, returns

    app.connect("autodoc-process-docstring", process)
    app.connect("autodoc-process-signature", shorten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
