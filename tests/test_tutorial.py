"""docs/tutorial: its captures are of commands that exist, all of them work, and the page shows the same ones."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from diqkd.experiment_options import read_options
from diqkd.main import build_parser
from diqkd.places import checkout
from testbed.standin.experiment_catalogue import find, scan

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "tutorial"
PAGE = (FOLDER / "README.md").read_text()


def load():
    found = importlib.util.spec_from_file_location("tutorial_capture", FOLDER / "capture.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


CAPTURE = load()
COMMANDS = [command for commands in CAPTURE.CHAPTERS.values() for command in commands]


def typed_in(text):
    return tuple(line[2:] for line in text.splitlines() if line.startswith("$ "))


def test_the_captures_are_of_the_scripts_commands():
    """Whoever changes one of them runs the script again."""
    files = {path.stem: typed_in(path.read_text()) for path in FOLDER.glob("*.txt")}
    assert files == CAPTURE.CHAPTERS


def test_the_page_names_every_capture_and_command():
    shown = {line.strip() for line in PAGE.splitlines() if line.startswith("    diqkd ")}
    assert shown == {command for command in COMMANDS if command != "diqkd --version"}
    assert all(f"({chapter}.txt)" in PAGE for chapter in CAPTURE.CHAPTERS)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_parse(command):
    words = shlex.split(command)[1:]
    if words == ["--version"]:
        return
    args = build_parser().parse_args(words)
    if words[0] == "run":
        file = find(checkout(), args.experiment)
        assert read_options(next(entry for entry in scan(checkout()) if entry.file == file), args.option)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_captures_are_whole_and_name_no_machine(path):
    text = path.read_text()
    assert "Traceback" not in text and not re.search(r"(?<![.\w])/(home|tmp|root|work)/", text)


def test_every_captured_command_succeeded():
    """An error is one line that begins with the program's name."""
    for path in FOLDER.glob("*.txt"):
        assert not re.search(r"^diqkd(?: \w+)?: ", path.read_text(), re.MULTILINE), path


@pytest.mark.slow
def test_the_script_works_with_few_rounds(tmp_path):
    """The same commands, in the same order: all succeed but the one that shows an abort."""
    statuses = CAPTURE.capture(tmp_path, short=True)
    (abort,) = (command for command in statuses if "phase error" in command)
    assert statuses.pop(abort) == 3 and set(statuses.values()) == {0}, statuses
    text = {path.stem: path.read_text() for path in tmp_path.iterdir()}
    assert "the two nodes' keys are identical" in text["1-key"] and " 0 fail" in text["1-key"]
    assert "Plan of a session" in text["2-plan"] and "never" in text["2-plan"]
    assert "characterise_link" in text["3-report"] and "report-rehearsal-alice.html" in text["3-report"]
    assert "Session aborted" in text["4-aborts"]
