"""The lines between the crates, round type from Bob to Alice and barrier from Alice to Bob, with what can go wrong on
the cables."""

from __future__ import annotations

from testbed.physics import truth
from testbed.physics.faults import Faults
from testbed.physics.round_state import RoundState

ROUND_TYPE_LINES = ("ttl_round_type_test", "ttl_round_type_key")
BARRIER_LINES = ("ttl_barrier_0", "ttl_barrier_1")
TEST_LINE, KEY_LINE = range(2)


class SignalSource:
    """One node's pulses on its two lines in a round, on their way to the other.

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
        herald, faults = self._round.herald, self._faults
        swallowed = faults.since(f"{self._kind} swallowed", herald, anywhere=True) and self.announced == KEY_LINE
        if faults.at(f"{self._kind} lost", herald, anywhere=True) or swallowed:
            edges = []
        elif faults.at(f"{self._kind} doubled", herald, anywhere=True):
            edges = [(0, edges[0][1]), (1, edges[0][1])]
        self._partner.announce(herald, edges)


class SignalInput:
    """The other side: one of the two lines."""

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
