"""The rounds of two small stores on the emulated gateware, in lockstep: what must hold whatever happened."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from emulated_rounds import NODES, Gateware, Laboratory
from emulated_rounds import small_session as small_rounds_plan

from contract.codes import KernelLeft
from postprocess.acquisition import Acquisition, Next
from postprocess.errors import DiqkdError
from postprocess.rounds import RoundStore
from tests.soak.disk import Dead
from tests.soak.lockstep import Lockstep, links, unchanged


class LenientGateware(Gateware):
    """Nodes that were talked into different places still measure: each its own rounds."""

    def _pair(self) -> None:
        (first, count, _), other = self._waiting["alice"], self._waiting["bob"]
        if (first, count) == other[:2]:
            return super()._pair()
        longest = np.full(self.outcomes["bob"].shape, 2, np.uint8)
        longest[: other[1]] = other[2]
        for node, (start, number, _) in self._waiting.items():
            self.measured[node][start : start + number] += 1
            self._results[node] = (number, KernelLeft.LEFT_BY_HOST, "", longest)
        self._waiting.clear()
        return None


class SmallRounds(Laboratory):
    """Two round stores in a folder; `live` plays one life of both nodes.

    The stores are made, not copied: their lock, marks and settings are part of what is swept.
    """

    def __post_init__(self) -> None:
        shutil.rmtree(self.home, ignore_errors=True)
        super().__post_init__()
        self.begin()

    def begin(self) -> None:
        """A gateware that has measured nothing yet."""
        self.gateware = LenientGateware(self.parameters.rounds, no_herald_s=self.no_herald_s, seed=self.seed)

    def live(self, passing=unchanged, place=lambda node, what: None) -> dict[str, object]:
        """One life of both nodes: per node Next.FINISHED, another Next, or what ended it."""
        self.lockstep = lockstep = Lockstep()
        self.gateware._turn = lockstep.condition()
        self.gateware._waiting.clear(), self.gateware._results.clear()
        ends = links(lockstep, passing, lambda what: place(lockstep.current, what))
        return lockstep.run({node: (lambda node=node: self._one(node, ends[node], lockstep)) for node in NODES})

    def _one(self, node, link, lockstep) -> Next:
        self.lives[node] += 1
        store = None
        try:
            store = RoundStore.open(self.home / node)
            acquisition = Acquisition(store, link, timeout_s=60.0, clock=lockstep.clock.monotonic)
            acquisition.agree_on_parameters()
            following = acquisition.resume()
            for _ in range(30):
                if following in (Next.FINISHED, Next.OPERATOR):
                    break
                following = acquisition.kernel_left(self._kernel(node, acquisition))
            return following
        finally:
            link.close()
            if store is not None:
                store.close()

    def violations(self, results: dict[str, object], *, tampered: bool = False) -> list[str]:
        """What must hold after every life."""
        found = []
        for node, result in results.items():
            if isinstance(result, BaseException) and not isinstance(result, DiqkdError | Dead):
                found.append(f"{node}: traceback {type(result).__name__}: {result}")
        stores = {node: self.store(node) for node in NODES}
        raw = {node: store.portion(0, store.decided) for node, store in stores.items()}
        for node, store in stores.items():
            kept = store.clean(0, store.decided)
            outcomes = self.gateware.outcomes[node][: store.decided]
            if self.gateware.measured[node].max() > 1:
                found.append(f"{node}: a round was measured twice")
            if any(len(set(lives)) > 1 for lives in self.handed[node].values()):
                found.append(f"{node}: settings were handed out in two lives")
            if raw[node].outcomes[~kept].any() or len(store.zeroed) != (~kept).sum():
                found.append(f"{node}: a zeroed round has an outcome, or is not on the list")
            if (raw[node].outcomes[kept] != outcomes[kept]).any():
                found.append(f"{node}: an outcome is not the one that was measured")
            if (self.gateware.measured[node][: store.decided][kept] != 1).any():
                found.append(f"{node}: a record of a round that was not measured")
        if raw["alice"].settings[raw["alice"].test == 0].any():
            found.append("alice: X is not 0 in a key round")
        comparable = all(store.complete for store in stores.values()) and not tampered
        if comparable and (raw["alice"].test != raw["bob"].test).any():
            found.append("T differs")
        return found


def small_rounds(folder: Path, **options) -> SmallRounds:
    """Two stores with 1000 rounds in blocks of 400; 999 may be zeroed."""
    return SmallRounds(folder, small_rounds_plan(), no_herald_s=0.5, **options)
