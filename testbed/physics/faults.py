"""What can be made to go wrong in the emulated laboratory, and when."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from contract.nodes import NODES
from testbed.physics.ion_losses import IonLosses


@dataclass(frozen=True)
class FaultKind:
    """One kind of fault.

    Attributes:
        effect: what it does; `node` and `round` in it are those of the fault.
        what: what `value` is, empty where there is none; unit: its base unit, empty for a number.
        low, high: range of `value`; usual: what it is unless given, None where it must be.
        has_round, has_node: whether the fault begins at a herald, and whether it strikes one node.
    """

    effect: str
    what: str = ""
    unit: str = ""
    low: float = 0.0
    high: float = 0.0
    usual: float | None = None
    has_round: bool = True
    has_node: bool = False


FOREVER = float("inf")
KINDS = {
    "ion lost": FaultKind(
        "no fluorescence and no heralds on the node from round on, until its next kernel starts", has_node=True
    ),
    "ion lost until reloaded": FaultKind(
        "no fluorescence and no heralds on the node from round on, until ReloadIon has loaded another", has_node=True
    ),
    "laser unlocked": FaultKind(
        "the 674 nm laser's lock line is low on both nodes from round on", "duration", "s", 1e-6, 60.0, 0.02
    ),
    "partner late": FaultKind("a node is not ready at round", "attempt windows", "", 1, 1e9, 3),
    "link dead": FaultKind("no heralds from round on", "attempt windows", "", 1, 1e12, FOREVER),
    "stuck apd": FaultKind("an APD clicks in every attempt from round on", "number of the APD", "", 0, 3, 0),
    "underflow": FaultKind("the CPU of the node stalls after round", has_node=True),
    "round type lost": FaultKind("Bob's pulse on the round-type lines gets lost in round"),
    "round type doubled": FaultKind("Bob's pulse appears on two of the round-type lines in round"),
    "round type crossed": FaultKind("Bob's pulse arrives on another round-type line in round"),
    "round type late": FaultKind("Bob's pulse on the round-type lines arrives 2 us late in round"),
    "barrier lost": FaultKind("Alice's pulse on the barrier's lines gets lost in round"),
    "barrier doubled": FaultKind("Alice's pulse appears on both of the barrier's lines in round"),
    "round type swallowed": FaultKind(
        "Bob's pulses on a round-type line get lost from round on", "line: 0 test, 1 key 0, 2 key 1", "", 0, 2, 1
    ),
    "device answers 0 to setting 2": FaultKind("Bob's ion is found dark in every key round from round on"),
    "phase error": FaultKind(
        "an angle is added to the analysis pulses of the node, always", "angle", "rad", -7, 7, has_round=False,
        has_node=True,
    ),
    "shuttle broken": FaultKind("the electrodes of the node do not move from round on", has_node=True),
}  # fmt: skip

# Once begun, these end no kernel, so that the partner may run ahead under them.
BORNE = {"stuck apd", "device answers 0 to setting 2", "phase error", "shuttle broken"}
# Over when the herald is, or when the node's kernel has ended.
PASSING = {
    "ion lost",
    "ion lost until reloaded",
    "laser unlocked",
    "partner late",
    "link dead",
    "underflow",
    "round type lost",
    "round type doubled",
    "round type crossed",
    "round type late",
    "barrier lost",
    "barrier doubled",
}


@dataclass(frozen=True)
class Fault:
    """One fault: what, on which node, from which herald of the laboratory on (the first is 1), and how much of it.

    Raises:
        ValueError: no such fault, or a value that it cannot have.
    """

    kind: str
    node: str = "bob"
    round: int = 1
    value: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault '{self.kind}'; there are: {', '.join(KINDS)}")
        if self.node not in NODES:
            raise ValueError(f"fault '{self.kind}': node must be alice or bob, not '{self.node}'")
        kind = KINDS[self.kind]
        if self.value is None:
            if kind.what and kind.usual is None:
                raise ValueError(f"fault '{self.kind}': say how much, for instance '{self.kind}=0.3'")
        elif not kind.what:
            raise ValueError(f"fault '{self.kind}': has no value")
        elif not kind.low <= self.value <= kind.high:
            raise ValueError(f"fault '{self.kind}': {kind.what} from {kind.low:g} to {kind.high:g}, not {self.value:g}")

    def as_dict(self) -> dict:
        return asdict(self)


class Faults:
    """The faults of a laboratory, seen from one node, with the losses of its ions."""

    def __init__(self, faults: tuple[Fault, ...], node: str, losses: IonLosses | None = None):
        self._all = faults
        self._of_kind: dict[str, list[Fault]] = {}
        for fault in faults:
            self._of_kind.setdefault(fault.kind, []).append(fault)
        self._node = node
        self._losses = losses

    def find(self, kind: str, anywhere: bool = False) -> list[Fault]:
        """Faults of a kind on this node, or on either."""
        return [f for f in self._of_kind.get(kind, ()) if anywhere or f.node == self._node]

    def at(self, kind: str, herald: int, anywhere: bool = False) -> Fault | None:
        """The fault of this kind that strikes exactly at a herald."""
        if kind not in self._of_kind:
            return None
        return next((f for f in self.find(kind, anywhere) if f.round == herald), None)

    def harmless_until(self, herald: int, last: int) -> int:
        """The last herald up to `last` to which a node comes for sure once it is on its way to `herald`."""
        for fault in self._all:
            if fault.round > herald:
                last = min(last, fault.round - 1)
            elif fault.round == herald or fault.kind not in BORNE | PASSING:
                last = herald
        return last if self._losses is None else self._losses.none_until(herald, last)

    def loses_ion_for_good(self, herald: int) -> bool:
        """Whether this node's ion gets lost on the way to a herald, and stays so."""
        if self._losses is not None and self._losses.at(herald):
            return True
        return self.at("ion lost until reloaded", herald) is not None

    def since(self, kind: str, herald: int, anywhere: bool = False) -> Fault | None:
        """The fault of this kind that has struck by a herald."""
        if kind not in self._of_kind:
            return None
        return next((f for f in self.find(kind, anywhere) if f.round <= herald), None)
