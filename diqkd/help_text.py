"""How --help looks: paragraphs wrapped to the terminal between words, examples as they are typed."""

from __future__ import annotations

import argparse
import re
import textwrap

NOTE = re.compile(r"(?<=\S)\s{3,}(?=\S)")  # between an example and what it is for


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Lines that begin with a space are examples or tables: never joined, and cut only where the terminal is narrow."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines: list[str] = []
        paragraph: list[str] = []
        for line in [*text.strip("\n").split("\n"), ""]:
            if line and not line.startswith(" "):
                paragraph.append(line)
                continue
            lines += textwrap.wrap(" ".join(paragraph), width, break_long_words=False, break_on_hyphens=False)
            paragraph = []
            lines += _example(line, width) if line else [""]
        return "\n".join(indent + line for line in lines).rstrip("\n") + "\n"


def _example(line: str, width: int) -> list[str]:
    """A command stays whole, for copying; what it is for goes below where there is no room beside it."""
    if len(line) <= width:
        return [line]
    command, *note = NOTE.split(line, maxsplit=1)
    indent = " " * (len(command) - len(command.lstrip()) + 4)
    if not command.lstrip().startswith(("diqkd", "-")):
        return textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=False)
    wrapped = [
        part
        for each in note
        for part in textwrap.wrap(each, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False)
    ]
    return [command, *wrapped]
