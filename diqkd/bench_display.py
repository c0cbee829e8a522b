"""Progress of a long count: a bar with failures so far and the time of day when it will end; lines in a log."""

from __future__ import annotations

import sys
import time
from datetime import datetime, timedelta
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from diqkd.printing import spaced
from postprocess.reconciliation.trials import TrialCounts

LOG_EVERY_S = 60.0


class SampleBar:
    """Shows counts as they come in; use as a context manager and call it with the counts so far.

    Args:
        samples: how many there will be.
        before: what was counted earlier.
        about: one line on where the work is done.
    """

    def __init__(self, samples: int, before: TrialCounts, about: str) -> None:
        self.samples, self.before = samples, before.samples
        self.console = Console(file=sys.stderr, highlight=False)
        self.console.print(
            about + (f", {spaced(self.before)} samples from before" if self.before else ""),
            markup=False,
            soft_wrap=True,
        )
        self.started = self.logged = time.monotonic()
        self.bar = Progress(BarColumn(bar_width=30), TextColumn("{task.description}"), console=self.console)
        self.task = self.bar.add_task(self.describe(before), total=samples, completed=min(self.before, samples))

    def __enter__(self) -> SampleBar:
        if self.console.is_terminal:
            self.bar.start()
        return self

    def __exit__(self, kind: type | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        if self.console.is_terminal:
            self.bar.stop()

    def __call__(self, counts: TrialCounts) -> None:
        """Show these counts."""
        words = self.describe(counts)
        self.bar.update(self.task, completed=counts.samples, description=words)
        if not self.console.is_terminal and time.monotonic() - self.logged >= LOG_EVERY_S:
            self.logged = time.monotonic()
            self.console.print(words, soft_wrap=True)

    def describe(self, counts: TrialCounts) -> str:
        """Samples, failures and the estimated end."""
        words = f"{spaced(counts.samples)} of {spaced(self.samples)}, {counts.failures} failed"
        done = counts.samples - self.before
        if done <= 0 or counts.samples >= self.samples:
            return words
        seconds = (time.monotonic() - self.started) / done * (self.samples - counts.samples)
        return f"{words}, {_duration(seconds)} left, ends {_clock(seconds)}"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


def _clock(seconds: float) -> str:
    now = datetime.now()
    end = now + timedelta(seconds=seconds)
    return f"{end:%H:%M}" if end.date() == now.date() else f"{end:%a %H:%M}"
