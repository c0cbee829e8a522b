"""What a person sees of a command that takes long: bars in a terminal, plain lines elsewhere, and `diqkd status`."""

import io
import time

import pytest
from rich.console import Console

from diqkd import bars as bar_module
from diqkd.bars import bars
from diqkd.plain_progress import PlainProgress
from diqkd.progress import Progress

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
    told.begin_at(0.9)  # heeded once
    now[0] = 15.0
    told(0.6, "60/100 rounds")
    assert out.getvalue() == "demo: 60 % done after 10 s, ends in about 40 s (60/100 rounds)\n"


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
