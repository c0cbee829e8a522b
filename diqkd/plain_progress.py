"""Progress where there is no terminal: one plain line every ten seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

EVERY_S = 10.0


class PlainProgress:
    """Prints at most every ten seconds what is done and, from the pace so far, the estimated end; call it often."""

    def __init__(self, name: str, out: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._name, self._out, self._clock = name, out or sys.stderr, clock
        self._start = self._last = clock()

    def __call__(self, share: float, text: str) -> None:
        """`share` of the work is done, from 0 to 1; `text` says what goes on."""
        now = self._clock()
        if now - self._last < EVERY_S:
            return
        self._last, spent = now, now - self._start
        left = f", ends in about {spent * (1 - share) / share:.0f} s" if share > 0 else ""
        print(f"{self._name}: {100 * share:.0f} % done after {spent:.0f} s{left} ({text})", file=self._out, flush=True)
