"""A logic output as the rest of the apparatus sees it: its edges over time.

This is what in_c/line.c does, in Python (see testbed.drivers.native).
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any, Protocol

from testbed.drivers.cpu_time import TTL_MU
from testbed.drivers.linkable import linkable

_by_time = itemgetter(0)
KEEP = 16


class EventSink(Protocol):
    """What a line needs of its core device."""

    log: Any

    def name(self, channel: int) -> str: ...


class Line:
    """One output channel of a core device: RTIO queue and wire in one, with edges kept only if somebody watches.

    Attributes:
        edges: edges later than `level`; empty and not filled unless `watched`. In C a copy, in the order of time.
        watched: whether somebody wants the edges.
        level: level before the first edge kept.
        latest: time of the latest edge; drivers append in the order of submission and note in `disordered` when an edge
            is earlier than that.
        listener: called as listener(time_mu, level) for each edge, or None.
    """

    __slots__ = ("channel", "core", "disordered", "edges", "latest", "level", "listener", "watched")
    linked_invariants = frozenset(("core", "channel", "edges"))
    linked_options = frozenset(("watched", "listener"))

    def __init__(self, core: EventSink, channel: int) -> None:
        self.core: Any = core  # for `put` a testbed.drivers.core.Core
        self.channel = channel
        self.edges: list[tuple[int, int]] = []
        self.watched = False
        self.level = 0
        self.latest = 0
        self.disordered = False
        self.listener: Callable[[int, int], None] | None = None

    def kept(self) -> int:
        """How many edges are kept."""
        return len(self.edges)

    def watch(self) -> Line:
        self.watched = True
        return self

    @linkable
    def put(self, level: int) -> None:
        """The CPU hands over an edge to this level at the cursor."""
        time = self.core.timeline.now
        self.core.cpu.submit(time, self.channel, TTL_MU)
        self.drive(time, level)

    @linkable
    def drive(self, time: int, level: int) -> None:
        """An edge that no CPU time was spent on (a reset, the second edge of a pulse)."""
        if self.watched:
            self.edges.append((time, level))
            if time < self.latest:
                self.disordered = True
            else:
                self.latest = time
        if self.listener is not None:
            self.listener(time, level)
        if self.core.log is not None:
            self.core.log.add(time, self.core.name(self.channel), "set", level)

    def _order(self) -> None:
        self.edges.sort(key=_by_time)
        self.disordered = False

    def forget(self, before: int) -> None:
        """Drop edges before a time; the level they leave stays."""
        edges = self.edges
        if not edges:
            return
        if self.disordered:
            self._order()
        keep = len(edges)
        while keep and edges[keep - 1][0] >= before:
            keep -= 1
        if keep:
            self.level = edges[keep - 1][1]
            del edges[:keep]

    def stays(self, level: int, start: int, stop: int) -> bool:
        """Whether the line has this level during all of [start, stop)."""
        edges = self.edges
        if self.disordered:
            self._order()
        i = len(edges) - 1
        while i >= 0:
            time, latest = edges[i]
            if time < stop:
                return latest == level and time <= start
            i -= 1
        return self.level == level

    def pulses(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Intervals (on, off) with the line high, clipped to [start, stop)."""
        found = []
        level, since = self.level, start
        if self.disordered:
            self._order()
        for time, value in self.edges:
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
