"""Progress bars for 60 columns and more: what, a bar where there is room, how far, for how long, how long still.

They are two columns narrower than the terminal: what it shows of Ctrl-C must not begin a line of its own.
"""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text

WITH_BAR = 78  # columns from which there is room for a bar
HEAD, BAR = 12, 12
TEXT = {True: 22, False: 19}  # with and without a bar; what is longer is cut


def is_animated(console: Console) -> bool:
    """Whether bars can move there: a terminal, and not a dumb one."""
    return console.is_terminal and not console.is_dumb_terminal


def clock(seconds: float) -> str:
    """h:mm:ss."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


class TimeSpent(ProgressColumn):
    """Time since the task began."""

    def render(self, task: Task) -> Text:
        """For how long."""
        seconds = task.finished_time if task.finished else task.elapsed
        return Text("" if seconds is None else f"for {clock(seconds)}", style="dim", no_wrap=True)


class TimeLeft(ProgressColumn):
    """Expected time to the end, from the mean speed since the start of this run; field `begun_at` is where it began."""

    def render(self, task: Task) -> Text:
        """How long still; nothing before anything is known."""
        done = task.completed - task.fields.get("begun_at", 0)
        if task.finished or not task.started or not task.total or done <= 0 or task.elapsed is None:
            return Text("")
        left = task.elapsed * (task.total - task.completed) / done
        return Text(f"left {clock(left)}", style="cyan", no_wrap=True)


def bars(console: Console) -> Progress:
    """Bars for this console; tasks have the field `text`. They show nothing where they cannot move."""
    wide = console.width >= WITH_BAR
    text = Column(width=TEXT[wide], no_wrap=True, overflow="ellipsis")
    columns: list[ProgressColumn] = [TextColumn("{task.description}", table_column=Column(width=HEAD, no_wrap=True))]
    columns += [BarColumn(BAR)] * wide
    columns += [TextColumn("{task.fields[text]}", markup=False, table_column=text), TimeSpent(), TimeLeft()]
    return Progress(*columns, console=console, refresh_per_second=4, disable=not is_animated(console))
