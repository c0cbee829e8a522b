"""Putting the strings of both nodes together while a characterisation is being measured.

Each node sends, after each of its blocks, what the peer does not have yet, and takes what has come; neither waits for
the other before the end. Every message says how far the sender has got with the receiver's strings, so a node that was
started again is told everything once more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from postprocess.errors import DiqkdError, InvalidInput, PeerLost
from postprocess.link import Link, Silence, codec
from postprocess.plans.measurement_plan import MeasurementPlan
from postprocess.rounds import RoundStore

KIND = "strings"
CHUNK_ROUNDS = 100_000
REPEAT_S = 2.0
LAST_SEND_S = 2.0  # patience with a peer that may have left, as it has everything

Bits = NDArray[np.uint8]


@dataclass(frozen=True)
class JointRounds:
    """Rounds of both nodes in which neither had a fault: uint8 arrays of equal length.

    Attributes:
        numbers: int64, counted from the first round of the measurement.
        patterns: herald patterns, bit k = APD k.
        x, y: settings of Alice and Bob. a, b: their outcomes.
        lost: rounds left out because of a fault.
    """

    numbers: NDArray[np.int64]
    patterns: Bits
    x: Bits
    y: Bits
    a: Bits
    b: Bits
    lost: int

    def __len__(self) -> int:
        return len(self.numbers)


class Recombination:
    """One node's side of the exchange.

    Args:
        store: this node's rounds of a characterisation.

    Raises:
        DiqkdError: the rounds are those of a key session, whose strings never leave the node.
    """

    def __init__(self, store: RoundStore) -> None:
        if not isinstance(store.parameters, MeasurementPlan):
            raise DiqkdError("the strings of a session never leave their node; only a characterisation's are exchanged")
        self.plan, self._store = store.parameters, store
        self._digest = self.plan.digest()
        self._settings, self._outcomes, self._clean = (np.zeros(self.plan.rounds, np.uint8) for _ in range(3))
        self._have = self._peer_has = self._sent = self._told = 0

    @property
    def known(self) -> int:
        """Rounds, from the first on, of which both nodes' strings are here."""
        return min(self._have, self._store.decided)

    @property
    def _complete(self) -> bool:
        return self._have == self.plan.rounds

    def update(self, link: Link) -> None:
        """Send what is new and take what has come; waits for nothing."""
        self._take(link, 0.0)
        self._send(link)

    def finish(self, link: Link, timeout_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Wait until this node has everything and the peer says that it has, too, or has left for another measurement.

        Raises:
            PeerLost: the peer went silent; the rounds are stored, and starting both nodes again repeats the exchange
                alone.
        """
        deadline, elsewhere = clock() + timeout_s, link.strays
        try:
            self._send(link, always=True)
            while not (self._complete and (self._peer_has == self.plan.rounds or link.strays > elsewhere)):
                left = deadline - clock()
                if left <= 0:
                    raise Silence(f"'{self.plan.session_id}': the peer's strings did not come; start both nodes again")
                heard = self._take(link, min(left, REPEAT_S))
                if not heard:
                    self._sent = self._peer_has
                self._send(link, always=not heard)
        except PeerLost:
            if not self._complete:  # a peer leaves only when it has everything
                raise

    def rounds(self) -> JointRounds:
        """All rounds known from both nodes, without those in which either had a fault."""
        n, store = self.known, self._store
        mine = store.portion(0, n)
        chosen = np.flatnonzero(store.clean(0, n) & self._clean[:n].astype(bool))
        own, other = (mine.settings, mine.outcomes), (self._settings[:n], self._outcomes[:n])
        (x, a), (y, b) = (own, other) if store.node == "alice" else (other, own)
        patterns = store.patterns(0, n)
        return JointRounds(chosen, patterns[chosen], x[chosen], y[chosen], a[chosen], b[chosen], lost=n - len(chosen))

    def _send(self, link: Link, always: bool = False) -> None:
        end = self._store.decided
        while True:
            first, until = self._sent, min(end, self._sent + CHUNK_ROUNDS)
            if first == until and self._told == self._have and not always:
                return
            part = self._store.portion(first, until)
            fields = np.stack((part.settings >> 1, part.settings & 1, part.outcomes, self._store.clean(first, until)))
            message = {
                "digest": self._digest,
                "first": first,
                "count": until - first,
                "have": self._have,
                "strings": np.packbits(fields, bitorder="big").tobytes(),
            }
            link.send(KIND, codec.encode(message), LAST_SEND_S if self._complete else None)
            self._sent, self._told, always = until, self._have, False
            if until == end:
                return

    def _take(self, link: Link, timeout_s: float) -> bool:
        """Take all that has come; whether there was anything."""
        something = False
        while True:
            try:
                _, payload = link.receive(KIND, 0.0 if something else timeout_s)
            except Silence:
                return something
            something = True
            head, bits = self._parse(payload)
            if head["have"] < self._peer_has:  # it was started again
                self._sent = min(self._sent, head["have"])
            self._peer_has = head["have"]
            part = slice(head["first"], head["first"] + head["count"])
            if part.start <= self._have:
                self._settings[part] = bits[0] << 1 | bits[1]
                self._outcomes[part], self._clean[part] = bits[2], bits[3]
                self._have = max(self._have, part.stop)

    def _parse(self, payload: bytes) -> tuple[dict[str, int], Bits]:
        number = codec.integer(0, self.plan.rounds)
        fields = {
            "digest": codec.byte_string(32),
            "first": number,
            "count": codec.integer(0, CHUNK_ROUNDS),
            "have": number,
            "strings": codec.byte_string(CHUNK_ROUNDS),
        }
        message = codec.decode(KIND, payload, fields)
        if message["digest"] != self._digest:
            raise InvalidInput(
                f"the peer measures another characterisation as '{self.plan.session_id}'; submit the same on both"
            )
        count, packed = message["count"], message.pop("strings")
        if message["first"] + count > self.plan.rounds or len(packed) != -(-4 * count // 8):
            raise codec.NotUnderstood(KIND)
        bits = np.unpackbits(np.frombuffer(packed, np.uint8), count=4 * count, bitorder="big")
        return message, bits.reshape(4, count)
