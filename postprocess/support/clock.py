"""The clock that a session and its ledger read, so that a test can let time pass as it likes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Clock:
    """Monotonic seconds, waiting for so many, and the time of day (UTC)."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    utc: Callable[[], datetime] = lambda: datetime.now(UTC)

    def stamp(self) -> str:
        """The time of day for people, ISO 8601, whole seconds."""
        return self.utc().isoformat(timespec="seconds")


SYSTEM_CLOCK = Clock()
