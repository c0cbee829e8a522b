"""The lines between the crates, round type from Bob to Alice and barrier from Alice to Bob, with what can go wrong on
the cables."""

from __future__ import annotations

from testbed.physics import truth
from testbed.physics.faults import Faults
from testbed.physics.round_state import RoundState

ROUND_TYPE_LINES = ("ttl_round_type_test", "ttl_round_type_key_0", "ttl_round_type_key_1")
BARRIER_LINES = ("ttl_barrier_0", "ttl_barrier_1")
TEST_LINE = 0
LATE_NS = 2000
SWALLOWED = 1  # unless the fault says which


class SignalSource:
    """One node's pulses on its lines in a round, on their way to the other.

    Args:
        kind: of the faults on this cable.

    Attributes:
        announced: line of this round's pulse.
    """

    def __init__(self, kind: str, round_state: RoundState, faults: Faults, partner) -> None:
        self._kind, self._round, self._faults, self._partner = kind, round_state, faults, partner
        self._edges: list[tuple[int, int]] = []
        self.announced: int | None = None

    def listener(self, number: int):
        """What hears the edges of one of the lines."""

        def heard(time: int, level: int) -> None:
            if level and self._round.open:
                self._edges.append((number, time - self._round.herald_mu))

        return heard

    def begin_round(self) -> None:
        """A herald: nothing is announced yet."""
        self._edges, self.announced = [], None

    def publish(self) -> None:
        """The edges of this round travel to the other node; none arrive if the cable loses them."""
        edges = self._edges
        if not edges:
            return
        self._edges, self.announced = [], edges[0][0]
        self._partner.announce(self._round.herald, self._on_the_way(edges))

    def _on_the_way(self, edges: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """What the cables make of the edges."""
        line, after = edges[0]
        another = 1 if line == 0 else 0
        if self._strikes("lost") or line in self._swallowed():
            return []
        if self._strikes("doubled"):
            return [(line, after), (another, after)]
        if self._strikes("crossed"):
            return [(another, after)]
        if self._strikes("late"):
            return [(line, after + LATE_NS)]
        return edges

    def _strikes(self, what: str) -> bool:
        return self._faults.at(f"{self._kind} {what}", self._round.herald, anywhere=True) is not None

    def _swallowed(self) -> set[int]:
        """Lines from which nothing arrives."""
        found = self._faults.find(f"{self._kind} swallowed", anywhere=True)
        return {SWALLOWED if f.value is None else int(f.value) for f in found if f.round <= self._round.herald}


class SignalInput:
    """The other side: one of the lines."""

    def __init__(self, round_state: RoundState, partner, number: int) -> None:
        self._round, self._partner, self._number = round_state, partner, number

    def edges(self, start: int, stop: int) -> list[tuple[int, int]]:
        found = []
        for line, after in self._partner.edges(self._round.herald) if self._round.herald else ():
            time = (start + stop) // 2 if after < 0 else self._round.herald_mu + after + truth.CABLE_NS
            if line == self._number and start <= time < stop:
                found.append((time, 1))
        return found

    def level(self, time: int) -> int:
        return 0
