"""The two round-type lines from Bob to Alice, with what can go wrong on the cable."""

from __future__ import annotations

from testbed.physics import truth
from testbed.physics.faults import Faults
from testbed.physics.round_state import RoundState

ROUND_TYPE_LINES = ("ttl_round_type_test", "ttl_round_type_key")
TEST_LINE, KEY_LINE = range(2)


class RoundTypeSource:
    """Bob's side: the edges that his kernel puts out in a round, on their way to Alice."""

    def __init__(self, round_state: RoundState, faults: Faults, partner) -> None:
        self._round, self._faults, self._partner = round_state, faults, partner
        self._edges: list[tuple[int, int]] = []
        self.announced: int | None = None  # line of this round's pulse

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
        """The edges of this round travel to Alice."""
        edges = self._edges
        if not edges:
            return
        self._edges, self.announced = [], edges[0][0]
        herald, faults = self._round.herald, self._faults
        if faults.at("round type lost", herald):
            return
        if faults.since("round type swallowed", herald) and self.announced == KEY_LINE:
            return
        if faults.at("round type doubled", herald):
            edges = [(TEST_LINE, edges[0][1]), (KEY_LINE, edges[0][1])]
        self._partner.announce(herald, edges)


class RoundTypeInput:
    """Alice's side: one of the two lines."""

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
