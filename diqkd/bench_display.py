"""Progress of a long count: a bar with failures so far and the time of day when it will end; lines in a log."""

from __future__ import annotations

import sys
import time
from datetime import datetime, timedelta
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from diqkd.bars import WITH_BAR, is_animated
from diqkd.plain_progress import duration
from diqkd.printing import spaced
from diqkd.progress import progress
from postprocess.reconciliation.trials import TrialCounts


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
        self.started = time.monotonic()
        self._told = progress("bench", f"bench: {about}", plain=not is_animated(self.console))
        self.bar = Progress(
            BarColumn(bar_width=30 if self.console.width >= WITH_BAR else 8),
            TextColumn("{task.description}"),
            console=self.console,
            disable=not is_animated(self.console),
        )
        self.task = self.bar.add_task(self.describe(before), total=samples, completed=min(self.before, samples))

    def __enter__(self) -> SampleBar:
        self.told = self._told.__enter__()
        self.told.begin_at(min(self.before / self.samples, 1.0))
        self.bar.start()
        return self

    def __exit__(self, kind: type | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.bar.stop()
        self._told.__exit__(kind, problem, trace)

    def __call__(self, counts: TrialCounts) -> None:
        """Show these counts."""
        self.bar.update(self.task, completed=counts.samples, description=self.describe(counts))
        self.told(min(counts.samples / self.samples, 1.0), self.counted(counts))

    def counted(self, counts: TrialCounts) -> str:
        """Samples and failures."""
        return f"{spaced(counts.samples)} of {spaced(self.samples)}, {counts.failures} failed"

    def describe(self, counts: TrialCounts) -> str:
        """Samples, failures and the estimated end."""
        words = self.counted(counts)
        done = counts.samples - self.before
        if done <= 0 or counts.samples >= self.samples:
            return words
        seconds = (time.monotonic() - self.started) / done * (self.samples - counts.samples)
        return f"{words}, {duration(seconds)} left, ends {_clock(seconds)}"


def _clock(seconds: float) -> str:
    now = datetime.now()
    end = now + timedelta(seconds=seconds)
    return f"{end:%H:%M}" if end.date() == now.date() else f"{end:%a %H:%M}"
