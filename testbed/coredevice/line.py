"""A logic output as the rest of the apparatus sees it: its edges over time."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter

_by_time = itemgetter(0)


class Line:
    """Edges (time in machine units, level) of one output channel, kept only if somebody watches.

    Attributes:
        edges: None if nobody watches, else edges later than `level` in the order of submission.
        level: level before the first edge kept.
        listener: called as listener(time_mu, level) for each edge, or None.
    """

    __slots__ = ("edges", "level", "listener")

    def __init__(self) -> None:
        self.edges: list[tuple[int, int]] | None = None
        self.level = 0
        self.listener: Callable[[int, int], None] | None = None

    def watch(self) -> Line:
        if self.edges is None:
            self.edges = []
        return self

    def forget(self, before: int) -> None:
        """Drop edges before a time; the level they leave stays."""
        edges = self.edges
        if not edges:
            return
        edges.sort(key=_by_time)
        if edges[-1][0] < before:
            self.level = edges[-1][1]
            edges.clear()
            return
        keep = next(i for i, edge in enumerate(edges) if edge[0] >= before)
        if keep:
            self.level = edges[keep - 1][1]
            del edges[:keep]

    def pulses(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Intervals (on, off) with the line high, clipped to [start, stop)."""
        found = []
        level, since = self.level, start
        edges = self.edges or ()
        if len(edges) > 1:
            edges.sort(key=_by_time)
        for time, value in edges:
            if time >= stop:
                break
            if value == level:
                continue
            if level and time > since:
                found.append((since, time))
            level = value
            since = max(time, start)
        if level and since < stop:
            found.append((since, stop))
        return found

    def time_on(self, start: int, stop: int) -> int:
        """Machine units within [start, stop) with the line high."""
        return sum(off - on for on, off in self.pulses(start, stop))
