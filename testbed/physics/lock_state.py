"""Whether the 674 nm laser is locked, and the line that says so."""

from __future__ import annotations

DEFAULT_UNLOCKED_S = 0.02


class LockState:
    """Loses its lock when told to, for a while that begins when somebody looks.

    Attributes:
        was_lost: whether that ever happened.
    """

    def __init__(self) -> None:
        self.was_lost = False
        self._loses_for_s: float | None = None
        self._unlocked_until: int | None = None

    def lose(self, seconds: float | None) -> None:
        """Out of lock from the next look on."""
        self.was_lost = True
        self._loses_for_s = seconds or DEFAULT_UNLOCKED_S

    def is_unlocked(self, time: int) -> bool:
        """Whether the laser is out of lock at a time, ns."""
        if self._loses_for_s is not None:
            self._unlocked_until = time + int(self._loses_for_s * 1e9)
            self._loses_for_s = None
        return self._unlocked_until is not None and time < self._unlocked_until


class LaserLockInput:
    """The logic line: high while the laser is locked."""

    def __init__(self, lock: LockState) -> None:
        self._lock = lock

    def level(self, time: int) -> int:
        lock = self._lock
        return 0 if lock.was_lost and lock.is_unlocked(time) else 1

    def edges(self, start: int, stop: int) -> list[tuple[int, int]]:
        before, after = self.level(start), self.level(stop)
        return [] if before == after else [(stop, after)]
