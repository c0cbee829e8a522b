"""The folder that two emulated nodes share: its seed, its faults, the ring through which nature couples them, its
truths.

`create(folder, seed, faults)` makes one; each node process finds it by DIQKD_LABORATORY. Without that variable a node
has a laboratory of its own with an ideal partner, for calibrations and tests.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postprocess.storage.whole_files import write_whole
from testbed.physics.drift import Drift
from testbed.physics.emulated_link import PUBLISHED, EmulatedLink
from testbed.physics.faults import Fault, Faults
from testbed.physics.heralds import HeraldStream
from testbed.physics.instability import STABLE, Instability
from testbed.physics.ion_losses import IonLosses

VARIABLE = "DIQKD_LABORATORY"
DESCRIPTION, RING = "laboratory.json", "nature.ring"


@dataclass(frozen=True)
class Laboratory:
    """One emulated laboratory.

    Attributes:
        seed: of everything random in it, but not of the protocol's own randomness.
        faults: what goes wrong.
        link: what its heralds leave, and how many there are.
        instability: how it drifts, and how long ions stay.
        folder: None for a node on its own.
        patience_s: how long (host time) a node waits for a partner who is there but not in a kernel.
        run_ahead: so many heralds Alice's process promises at once, which Bob's goes through without waiting for her
            (host time again: what happens is the same); 0: both always wait for each other.
    """

    seed: int
    faults: tuple[Fault, ...] = ()
    folder: Path | None = None
    patience_s: float = 2.0
    link: EmulatedLink = PUBLISHED
    run_ahead: int = 48
    instability: Instability = STABLE

    def heralds(self) -> HeraldStream:
        return HeraldStream(self.seed, self.link.success_per_attempt)

    def faults_of(self, node: str) -> Faults:
        lifetime = self.instability.ion_lifetime_s
        if lifetime is None:
            return Faults(self.faults, node)
        return Faults(self.faults, node, IonLosses(self.seed, node, min(1.0, self.link.herald_s / lifetime)))

    def drift_of(self, node: str) -> Drift | None:
        """How a node drifts, None if it does not."""
        if not self.instability.drift:
            return None
        return Drift(self.seed, node, self.link.herald_s, self.instability.drift)

    def partner_of(self, node: str):
        """What stands at the other end of the link."""
        from testbed.physics.partner import IdealPartner, SharedPartner

        if self.folder is None:
            return IdealPartner(node, self.seed)
        return SharedPartner(self.folder / RING, node, self.patience_s)

    def add_truth(self, node: str, heralds: int, leak_counts: dict[str, list[int]]) -> None:
        """Add to what only nature knows, in truth-NODE.json beside the ring; nothing for a node on its own.

        Args:
            heralds: since the last call.
            leak_counts: rounds with 0, 1, 2, 3 and more photons at the station since then, by outcomes "ALICE_BOB".
        """
        if self.folder is None:
            return
        target = self.folder / f"truth-{node}.json"
        known: dict[str, Any] = json.loads(target.read_text()) if target.exists() else {"heralds": 0, "leak_counts": {}}
        rows = known["leak_counts"]
        for outcomes, row in leak_counts.items():
            rows[outcomes] = [a + b for a, b in zip(rows.get(outcomes, [0] * len(row)), row, strict=True)]
        truths = {"apparatus": "emulated", "heralds": known["heralds"] + heralds, "leak_counts": rows}
        write_whole(target, (json.dumps(truths, indent=1) + "\n").encode())


def create(
    folder: Path | str,
    seed: int | None = None,
    faults: Sequence[Fault | dict] = (),
    link: EmulatedLink = PUBLISHED,
    run_ahead: int | None = None,
    instability: Instability = STABLE,
) -> Laboratory:
    """Make a laboratory in a new or empty folder.

    Args:
        folder: 0700, created if needed.
        seed: makes every run in it repeat bit for bit, which is insecure; None draws one.
        faults: what shall go wrong; a dict has the fields of `Fault`.
        link: S, Q and herald rate, by default the published ones.
        run_ahead, instability: see `Laboratory`.

    Raises:
        FileExistsError: there is a laboratory already.
    """
    from testbed.physics.partner import make_ring

    path = Path(folder)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (path / DESCRIPTION).exists():
        raise FileExistsError(f"{path} is a laboratory already; use it by {VARIABLE}, or choose another folder")
    chosen = secrets.randbits(63) if seed is None else seed
    known = tuple(fault if isinstance(fault, Fault) else Fault(**fault) for fault in faults)
    make_ring(path / RING)
    description: dict[str, Any] = {
        "seed": chosen,
        "faults": [fault.as_dict() for fault in known],
        "link": link.as_dict(),
    }
    if run_ahead is not None:
        description["run_ahead"] = run_ahead
    if instability != STABLE:
        description["instability"] = instability.as_dict()
    with os.fdopen(os.open(path / DESCRIPTION, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(description, file, indent=1)
    return open_laboratory(path)


def open_laboratory(folder: Path | str) -> Laboratory:
    """A laboratory made by `create`."""
    path = Path(folder)
    try:
        description = json.loads((path / DESCRIPTION).read_text())
    except OSError as problem:
        raise FileNotFoundError(
            f"{path} is no emulated laboratory ({problem.strerror}); make one with testbed.physics.laboratory.create"
        ) from None
    faults = tuple(Fault(**fault) for fault in description["faults"])
    ahead = {"run_ahead": description["run_ahead"]} if "run_ahead" in description else {}
    link = EmulatedLink(**description.get("link", {}))
    instability = Instability(**description.get("instability", {}))
    return Laboratory(description["seed"], faults, path, link=link, instability=instability, **ahead)


_chosen: Laboratory | None = None


def use(laboratory: Laboratory | None) -> None:
    """Choose the laboratory of this process by hand (tests); None goes back to the environment."""
    global _chosen
    _chosen = laboratory


def current() -> Laboratory:
    """The laboratory of this process."""
    if _chosen is not None:
        return _chosen
    folder = os.environ.get(VARIABLE)
    return open_laboratory(folder) if folder else Laboratory(secrets.randbits(63))
