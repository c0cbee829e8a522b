"""`diqkd calibrate`: the chain, its page, and what is refused."""

import re

import pytest
from command_runs import diqkd

from diqkd import calibrate_command
from postprocess.calibration.running_order import RUNNING_ORDER


def test_one_calibration_through_a_node_process_and_its_page(tmp_path, monkeypatch):
    words = ("--node", "alice", "--keep", tmp_path / "lab")
    done = diqkd("calibrate", "--only", "check_random_source", *words)
    assert done.status == 0, done.err
    assert " 1 of 1  check_random_source" in done.out and "0 good" not in done.out
    shown = diqkd("calibrate", "--page", *words)
    row = next(line for line in shown.out.splitlines() if line.startswith("check_random_source"))
    assert row.rstrip().endswith("good") and "1 good, 13 stale or never measured" in shown.out
    for width in (60, 80, 120):
        monkeypatch.setenv("COLUMNS", str(width))
        lines = diqkd("calibrate", "--page", *words).out.splitlines()
        assert max(map(len, lines)) <= width and any("check_random_source" in line and "good" in line for line in lines)
    monkeypatch.delenv("COLUMNS")
    again = diqkd("calibrate", "--page", "--home", tmp_path / "lab" / "homes", "--max-age", "12 h", "--node", "alice")
    without_ages = [re.sub(r"\d+ (s|min) ago", "", page.out) for page in (again, shown)]
    assert without_ages[0] == without_ages[1] != shown.out
    refused = diqkd("calibrate", "--seed", "3", *words)
    assert refused.status == 2 and "is a laboratory already" in refused.err


def test_the_chain_runs_in_order_and_stops_at_a_failure(tmp_path, monkeypatch):
    measured = []

    def measure(folder, step, nodes, number):
        measured.append((step.key, dict(step.arguments(len(nodes) == 1)), nodes))
        return 1 if step.key == "calibrate_readout" else 0

    monkeypatch.setattr(calibrate_command, "_measure", measure)
    monkeypatch.setattr(calibrate_command, "open_laboratory", lambda folder, args: (folder / "homes").mkdir())
    done = diqkd("calibrate")
    assert done.status == 1 and [key for key, _, _ in measured] == [step.key for step in RUNNING_ORDER][:6]
    assert "calibrate_readout failed" in done.out and "Not measured: calibrate_frequency analysis" in done.out
    assert "never measured" in done.out
    monkeypatch.setattr(calibrate_command, "_measure", lambda *_: measured.append(_) or 0)
    measured.clear()
    assert diqkd("calibrate").status == 0 and len(measured) == len(RUNNING_ORDER)
    measured.clear()
    assert diqkd("calibrate", "--node", "bob").status == 0 and len(measured) == len(RUNNING_ORDER) - 1


def test_a_node_alone_does_not_wait_for_the_other_with_the_laser():
    gates = next(step for step in RUNNING_ORDER if step.experiment == "calibrate_apd_gates")
    assert gates.arguments(alone=True) == {"take_turns": False} and gates.arguments(alone=False) == {}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--only", "tomography"), "not in the running order (RUNNING_ORDER in postprocess/"),
        (("--only", "calibrate_herald_phase", "--node", "bob"), "both nodes measure it together"),
        (("--page",), "say whose"),
        (("--history",), "--history: say whose"),
        (("--page", "--home", "/nowhere/at/all"), "no such folder"),
        (("--page", "--keep", "/nowhere/at/all"), "--keep /nowhere/at/all: no laboratory there"),
        (("--home", "/tmp"), "only --page and --history read real homes"),
    ],
)
def test_what_is_refused_is_one_line(words, says):
    end = diqkd("calibrate", *words)
    assert end.status == 2 and says in end.err and end.err.count("\n") == 1


@pytest.mark.parametrize("text", ["abc", "0 s", "8 Hz"])
def test_an_age_that_is_none_is_one_line(text):
    end = diqkd("calibrate", "--page", "--max-age", text)
    assert end.status == 2 and end.err.count("\n") == 1 and "write for instance '8 h'" in end.err
