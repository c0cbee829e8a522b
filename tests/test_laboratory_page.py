"""docs/laboratory.md names commands, arguments, settings, codes and aborts that exist, and all codes and aborts."""

import json
import re
import shlex
from operator import attrgetter
from pathlib import Path

import pytest

from contract import codes
from diqkd.main import build_parser
from node_bob.settings import DEFAULTS
from postprocess.errors import AbortReason
from procedures import calibration_file as calibration

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "laboratory.md").read_text()
INDENTED = [line.strip() for line in PAGE.splitlines() if line.startswith("    ")]
COMMANDS = [line for line in INDENTED if line.startswith("diqkd ")]
SUBMISSIONS = [line for line in INDENTED if line.startswith("artiq_client submit")]


def table_rows(heading):
    """First cells of the tables below a heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [line.split("|")[1].strip(" *`") for line in section.splitlines() if line.startswith("|")]


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_parse(line):
    build_parser().parse_args(shlex.split(line, comments=True)[1:])


def test_there_are_commands_to_parse():
    assert len(COMMANDS) > 10 and SUBMISSIONS


@pytest.mark.parametrize("line", SUBMISSIONS)
def test_submissions_name_arguments_of_the_experiment(line):
    experiment, *arguments = shlex.split(line)[3:]
    source = (ROOT / "repository" / experiment).read_text()
    for argument in arguments:
        assert f'"{argument.split("=")[0]}"' in source, argument


def test_the_calibration_file_shown_is_one(tmp_path):
    shown = re.search(r"^    (\{\"readout.*?\}\})$", PAGE, re.DOTALL | re.MULTILINE)[1]
    path = tmp_path / "calibration.json"
    path.write_text(shown)
    settings = calibration.calibrated(DEFAULTS, path)
    entries = json.loads(shown)
    assert len(entries) == 2
    for name, entry in entries.items():
        value = attrgetter(name)(settings)
        assert value == entry["value"] != attrgetter(name)(DEFAULTS)


def test_calibrations_write_settings_that_exist():
    section = PAGE.split("## Running order of calibrations\n")[1].split("\n## ")[0]
    names = re.findall(r"`([a-z_]+\.[a-z_.]+)`", section)
    assert names
    for name in names:
        setting = DEFAULTS
        for part in name.split("."):
            setting = getattr(setting, part)


def test_every_leave_code_and_every_abort_has_its_row():
    rows = table_rows("When it stops")
    assert [int(row.split()[0]) for row in rows if row[:1].isdigit()] == sorted(codes.DESCRIPTIONS)
    named = ", ".join(rows)
    assert all(reason.value in named for reason in AbortReason)


def test_every_step_of_the_running_order_has_its_row():
    from postprocess.calibration.running_order import RUNNING_ORDER

    rows = " ".join(table_rows("Running order of calibrations"))
    missing = {step.experiment for step in RUNNING_ORDER if step.experiment not in rows}
    assert not missing, f"docs/laboratory.md, Running order of calibrations, lacks {missing}"
