"""Commands that are printed for pasting: every path in them is quoted."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TAKES_A_PATH = re.compile(r"--(home|keep|to|take|draw|report|results-folder|out|random-file) ?=?$")
ROOMS = ("diqkd", "postprocess", "testbed", "procedures", "controllers", "node", "repository")


def is_quoted(value):
    """shlex.quote(...), or a variable that is called quoted because it is."""
    if isinstance(value, ast.Call):
        return ast.unparse(value.func) == "shlex.quote"
    return isinstance(value, ast.Name) and value.id == "quoted"


def unquoted(tree):
    """(line, expression) of every path that stands unquoted in a command inside an f-string."""
    for text in (part for part in ast.walk(tree) if isinstance(part, ast.JoinedStr)):
        before = ""
        for part in text.values:
            if isinstance(part, ast.Constant):
                before = str(part.value)
                continue
            if TAKES_A_PATH.search(before) and "diqkd" in ast.unparse(text) and not is_quoted(part.value):
                yield part.lineno, ast.unparse(part.value)
            before = ""


@pytest.mark.parametrize("room", ROOMS)
def test_paths_in_printed_commands_are_quoted(room):
    """Usability case 18: `diqkd keys show --home /home/x/my home/homes` breaks when pasted."""
    for path in (ROOT / room).rglob("*.py"):
        found = list(unquoted(ast.parse(path.read_text())))
        assert not found, f"{path.relative_to(ROOT)}: {found}"


def test_the_search_finds_what_it_looks_for():
    said = 'say(f"`diqkd keys show --home {folder} --node alice`; `diqkd lab up --home {shlex.quote(str(folder))}`")'
    assert list(unquoted(ast.parse(said))) == [(1, "folder")]
