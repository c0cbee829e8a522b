"""Progress where there is no terminal: one plain line every ten seconds."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

EVERY_S = 10.0


class PlainProgress:
    """Says at most every ten seconds what is done and, from the pace so far, the estimated end.

    As a context manager it says so also while nothing is reported.
    """

    def __init__(self, name: str, out: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._name, self._out, self._clock = name, out or sys.stderr, clock
        self._start = self._pace_from = self._last = clock()
        self._first, self._share, self._text = 0.0, 0.0, "starting"
        self._over, self._printing = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> PlainProgress:
        self._thread.start()
        return self

    def __exit__(self, *ended: object) -> None:
        self._over.set()
        self._thread.join()

    def begin_at(self, share: float) -> None:
        """So much was done before this run: the pace counts from here."""
        self._first = self._share = share
        self._pace_from = self._clock()

    def __call__(self, share: float, text: str) -> None:
        """`share` of the work is done, from 0 to 1; `text` says what goes on."""
        self._share, self._text = share, text
        self.look()

    def look(self) -> None:
        """Print the line if it is time."""
        with self._printing:
            now = self._clock()
            if now - self._last < EVERY_S:
                return
            self._last = now
        print(f"{self._name}: {self.line(now)}", file=self._out, flush=True)

    def line(self, now: float) -> str:
        """What is done by now, and when it ends."""
        done = self._share - self._first
        left = ""
        if done > 0 and self._share < 1:
            left = f", ends in about {duration((now - self._pace_from) * (1 - self._share) / done)}"
        return f"{100 * self._share:.0f} % done after {duration(now - self._start)}{left} ({self._text})"

    def _tick(self) -> None:
        while not self._over.wait(1.0):
            self.look()


def duration(seconds: float) -> str:
    """A time span for people: 80 s, 12 min, 3 h 05 min."""
    minutes = round(seconds / 60)
    if seconds < 119.5:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"
