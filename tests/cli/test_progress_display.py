"""What a person sees of a command that takes long: bars in a terminal, plain lines elsewhere, and `diqkd status`."""

import io
import json
import re
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from command_runs import diqkd
from rich.console import Console

from diqkd import bars as bar_module
from diqkd import demo_display
from diqkd.bars import bars
from diqkd.demo_display import Follower
from diqkd.plain_progress import PlainProgress
from diqkd.progress import Progress
from diqkd.running_notes import notes, running
from diqkd.status_command import node_lines
from postprocess.plans.presets import paper
from postprocess.results.dataset_catalogue import ENTRIES
from procedures.public_status import PublicStatus

LONGEST = {"Alice's keys": "privacy amplification", "Rounds": "1 500 000/1 500 000"}


class Clock:
    """A time of its own for rich's bars."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def drawn(width, seconds=3725.0, share=0.5):
    """The lines of two bars after some time."""
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=True, color_system=None, legacy_windows=False)
    shown = bars(console)
    shown.get_time = clock = Clock()
    for name, text in LONGEST.items():
        task = shown.add_task(name, total=100, text=text, begun_at=0)
        clock.now = seconds
        shown.update(task, completed=100 * share)
        clock.now = 0.0
    clock.now = seconds
    console.print(shown.get_renderable())
    return out.getvalue().rstrip("\n").split("\n")


@pytest.mark.parametrize("width", [60, 72, 80, 120])
def test_a_bar_is_one_line_two_columns_narrower_than_the_terminal(width):
    """Cases 23 and 24: with labelled times, and Ctrl-C does not leave a second copy."""
    lines = drawn(width)
    assert len(lines) == 2 and all(len(line.rstrip()) <= width - 2 for line in lines)
    assert "1 500 000/1 500 000" in lines[1] and all("for 1:02:05 left 1:02:05" in line for line in lines)


@pytest.mark.parametrize(
    ("environment", "moves"),
    [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, True), ({"TERM": "dumb"}, False)],
)
def test_bars_move_in_terminals_that_can(environment, moves):
    console = Console(file=io.StringIO(), force_terminal=True, _environ=environment)
    assert bar_module.is_animated(console) is moves
    assert bars(console).disable is not moves


def test_nothing_of_bars_is_written_to_a_pipe():
    out = io.StringIO()
    with bars(Console(file=out)) as shown:
        shown.update(shown.add_task("Rounds", total=10, text="10/10"), completed=10)
    assert out.getvalue() == ""


def test_the_pace_of_a_resumed_run_counts_from_its_own_start():
    now, out = [0.0], io.StringIO()
    line = PlainProgress("demo", out, lambda: now[0])
    now[0] = 5.0
    told = Progress([line])
    told.begin_at(0.5)
    told.begin_at(0.9)  # counts once
    now[0] = 15.0
    told(0.6, "60/100 rounds")
    assert out.getvalue() == "demo: 60 % done after 15 s, ends in about 40 s (60/100 rounds)\n"


def test_a_line_comes_also_while_nothing_is_reported(monkeypatch):
    """Case 1."""
    monkeypatch.setattr("diqkd.plain_progress.EVERY_S", 0.0)
    out = io.StringIO()
    with PlainProgress("demo", out) as line:
        line._text = "compiling"
        deadline = time.monotonic() + 60
        while "compiling" not in out.getvalue():
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture
def own_notes(tmp_path, monkeypatch):
    """Notes of this test alone."""
    (tmp_path / "runtime").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.delenv("DIQKD_HOME", raising=False)
    return tmp_path / "runtime" / "diqkd"


def test_status_shows_a_command_of_another_shell(own_notes, tmp_path):
    words = "import time; from pathlib import Path; from diqkd.running_notes import running\n"
    words += f"with running('demo: session s1', Path({str(tmp_path)!r})) as note:\n"
    words += "    note.begin_at(0.2); note(0.4, '40/100 rounds'); print('ready', flush=True); time.sleep(600)"
    other = subprocess.Popen([sys.executable, "-c", words], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "ready\n"
        shown = diqkd("status")
        assert shown.status == 0 and f"demo: session s1 (process {other.pid}, in {tmp_path})" in shown.out
        assert "40 % done after" in shown.out and "40/100 rounds" in shown.out
        (told,) = diqkd("status", "--json").json["commands"]
        assert told["share"] == 0.4 and told["pid"] == other.pid and told["remaining_s"] >= 0
    finally:
        other.kill()
        other.wait()
    assert diqkd("status").out == "Nothing of yours runs here.\n"  # a killed command leaves no note
    assert list(own_notes.iterdir()) == []


def test_notes_are_private_and_a_strange_folder_is_not_used(own_notes):
    with running("bench: here") as note:
        note(0.5, "half")
        assert {path.stat().st_mode & 0o777 for path in (own_notes, *own_notes.iterdir())} == {0o700, 0o600}
        assert notes()[0].text == "half"
    own_notes.chmod(0o777)
    with running("bench: here") as note:
        note(0.5, "half")
        assert list(own_notes.iterdir()) == [] and notes() == []


def test_status_reads_what_the_nodes_of_a_home_publish(own_notes, tmp_path):
    folder = tmp_path / "lab" / "homes" / "bob"
    folder.mkdir(parents=True)
    kept = PublicStatus(folder, "GenerateKey")
    for name, value in (
        ("rounds.total", 1_500_000), ("rounds.done", 300_000), ("rounds.remaining_s", 7260.0),
        ("rounds.herald_rate_hz", [90.0]), ("rounds.session", "s1"), ("rounds.status", "measuring"),
    ):  # fmt: skip
        kept.note("diqkd." + name, value)
    for home in (tmp_path / "lab", tmp_path / "lab" / "homes"):
        shown = diqkd("status", "--home", home)
        assert "Bob: GenerateKey, last heard of " in shown.out and "Alice" not in shown.out
        assert "rounds of s1: 300 000 of 1 500 000 (20 %), measuring, ends in about 2 h 01 min" in shown.out
    assert (folder / "status.json").stat().st_mode & 0o777 == 0o600
    nothing = diqkd("status", "--home", tmp_path)
    assert nothing.status == 2 and nothing.err.count("\n") == 1
    (folder / "status.json").write_text("{}")
    assert "damaged" in diqkd("status", "--home", tmp_path / "lab").err


def test_status_says_what_a_calibration_waits_for():
    datasets = {"calibration.scan.title": "Pi time (bob)", "calibration.status": "paused: waiting for the ion"}
    lines = node_lines("bob", {"experiment": "CalibratePiTime", "updated": time.time() + 60, "datasets": datasets})
    assert lines[0] == "  Bob: CalibratePiTime, last heard of just now"
    assert lines[1:] == ["    Pi time (bob)", "    paused: waiting for the ion"]
    assert all(f"diqkd.{name}" in ENTRIES for name in datasets)


def test_numbers_are_written_at_most_every_second_and_unknown_ones_as_none(tmp_path, monkeypatch):
    monkeypatch.setattr("procedures.public_status.EVERY_S", 3600.0)
    kept = PublicStatus(tmp_path, "Ramsey")
    kept.note("diqkd.rounds.status", "measuring")
    before = (tmp_path / "status.json").read_text()
    kept.note("diqkd.rounds.done", 5)
    assert (tmp_path / "status.json").read_text() == before
    kept.note("diqkd.rounds.remaining_s", float("nan"))
    kept.note("diqkd.rounds.status", "rounds complete")
    assert json.loads((tmp_path / "status.json").read_text())["datasets"] == {
        "rounds.status": "rounds complete", "rounds.done": 5, "rounds.remaining_s": None,
    }  # fmt: skip


def test_the_demo_reports_both_parts_of_its_work():
    """Case 1: rounds first, then the keys of both nodes; one pace for all of it."""
    said = []

    class Told:
        def begin_at(self, share):
            said.append(("begin", share))

        def __call__(self, share, text):
            said.append((round(share, 3), text))

    with bars(Console(file=io.StringIO())) as shown:
        rounds = shown.add_task("Rounds", total=1000, text="", begun_at=0)
        steps = {node: shown.add_task(node, total=5, text="", begun_at=0, start=False) for node in ("alice", "bob")}
        follower = Follower(shown, rounds, steps, Told())
        follower("bob", {"rounds.done": 200})
        follower("bob", {"rounds.done": 200, "rounds.status": "paused: reloading the ion (1 of 3)"})
        assert shown.tasks[rounds].fields["text"] == "200/1 000, paused: reloading the ion (1 of 3)"
        assert said.pop() == (0.19, "200/1 000 rounds, paused: reloading the ion (1 of 3)")
        follower("bob", {"rounds.done": 1000, "rounds.status": "measuring"})
        assert shown.tasks[rounds].fields["text"] == "1 000/1 000"
        follower("bob", {"rounds.done": 1000, "key.status": "round types"})
        follower("alice", {"key.status": "key accepted"})
    assert said[0] == ("begin", 0.19) and said[1] == (0.19, "200/1 000 rounds") and said[2][0] == 0.95
    assert said[-1] == (0.973, "Alice: key accepted") and follower.rounds_s is not None


def test_the_demos_times_follow_each_other_and_add_up(capsys, monkeypatch):
    """Case 25: eight overlapping durations; compilation passed for privacy amplification and was not announced."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(demo_display, "is_empty", lambda: True)
    display = demo_display.Display(SimpleNamespace(parameters=paper("s1", "emulated")), quiet=False)
    display.announce()
    assert "First run on this machine: compiling the kernels takes" in capsys.readouterr().out
    display.follower = SimpleNamespace(rounds_s=27.25)
    display._time({"set up": 0.5, "session": 42.5, "privacy amplification": 12.25, "total": 43.0})
    line, after = capsys.readouterr().out.splitlines()
    parts = re.fullmatch(r"Time: set up (.*) s, rounds (.*) s, keys (.*) s \(privacy .* 12\.2 s\); in all (.*) s", line)
    set_up, rounds, keys, total = map(float, parts.groups())
    assert set_up + rounds + keys == pytest.approx(total, abs=0.2) and total == 43.0
    assert "compiled its kernels first" in after
