"""What can be made to go wrong in the emulated laboratory, and when."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from contract.nodes import NODES

KINDS = {
    "ion lost": "no fluorescence and no heralds on `node` from herald `round` on, until its next kernel starts",
    "laser unlocked": "lock line low on both nodes from herald `round` on, for `value` s of timeline (default 0.02)",
    "partner late": "`node` is not ready at herald `round` for `value` attempt windows (default 3)",
    "link dead": "no heralds from herald `round` on for `value` attempt windows (default: for ever)",
    "stuck apd": "APD number `value` clicks in every attempt from herald `round` on",
    "underflow": "the CPU of `node` stalls after herald `round`",
    "round type lost": "Bob's pulse on the round-type lines gets lost in round `round`",
    "round type doubled": "Bob's pulse appears on both round-type lines in round `round`",
    "barrier lost": "Alice's pulse on the barrier's lines gets lost in round `round`",
    "barrier doubled": "Alice's pulse appears on both of the barrier's lines in round `round`",
    "round type swallowed": "Bob's pulses that announce key rounds get lost from round `round` on",
    "device answers 0 to setting 2": "Bob's ion is found dark in every key round from round `round` on",
    "phase error": "`value` rad are added to the analysis pulses of `node`, always",
    "shuttle broken": "the electrodes of `node` do not move from herald `round` on",
}


@dataclass(frozen=True)
class Fault:
    """One fault: what, on which node, from which herald of the laboratory on (the first is 1), and how much of it."""

    kind: str
    node: str = "bob"
    round: int = 1
    value: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault '{self.kind}'; there are: {', '.join(KINDS)}")
        if self.node not in NODES:
            raise ValueError(f"fault '{self.kind}': node must be alice or bob, not '{self.node}'")

    def as_dict(self) -> dict:
        return asdict(self)


class Faults:
    """The faults of a laboratory, seen from one node."""

    def __init__(self, faults: tuple[Fault, ...], node: str):
        self._all = faults
        self._node = node

    def find(self, kind: str, anywhere: bool = False) -> list[Fault]:
        """Faults of a kind on this node, or on either."""
        return [f for f in self._all if f.kind == kind and (anywhere or f.node == self._node)]

    def at(self, kind: str, herald: int, anywhere: bool = False) -> Fault | None:
        """The fault of this kind that strikes exactly at a herald."""
        if not self._all:
            return None
        return next((f for f in self.find(kind, anywhere) if f.round == herald), None)

    def since(self, kind: str, herald: int, anywhere: bool = False) -> Fault | None:
        """The fault of this kind that has struck by a herald."""
        if not self._all:
            return None
        return next((f for f in self.find(kind, anywhere) if f.round <= herald), None)
