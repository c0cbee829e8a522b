"""How many ions a node's trap holds: from loss to loading, across kernels and processes."""

from __future__ import annotations

import json
from pathlib import Path

from postprocess.storage.whole_files import write_whole
from testbed.physics import truth


class TrappedIons:
    """One trap. In a laboratory with a folder a file there, ion-NODE.json, knows it; else this object alone.

    A process that starts a kernel may have been idle while another lost or loaded ions, and recalls them first.

    Attributes:
        number: 0, 1 or 2.
        lost_at: the last herald at which ions got lost for good: it does not happen again there, whoever sets out.
        pulses: loading pulses fired so far, which number the random numbers that they use.
    """

    def __init__(self, folder: Path | None, node: str) -> None:
        self._path = None if folder is None else folder / f"ion-{node}.json"
        self.number, self.lost_at, self.pulses = 1, 0, 0
        self._returns = False
        self.recall()

    def recall(self) -> None:
        """A kernel begins: what the trap holds now."""
        if self._path is not None and self._path.exists():
            known = json.loads(self._path.read_text())
            self.number, self.lost_at, self.pulses = known["ions"], known["lost_at"], known["pulses"]
        elif self._returns:
            self.number = 1
        self._returns = False

    def stay_away(self) -> None:
        """No ion until the next kernel begins."""
        self._returns, self.number = True, 0

    def lose(self, herald: int) -> bool:
        """The ions get lost at a herald, unless they did already; whether they do."""
        if herald <= self.lost_at:
            return False
        self.number, self.lost_at = 0, herald
        self._keep()
        return True

    def expel(self) -> None:
        """Voltages that hold no ion."""
        if self.number:
            self.number = 0
            self._keep()

    def load(self, pulses: int, ions: int) -> None:
        """So many pulses have brought so many ions."""
        self.pulses += pulses
        self.number = min(self.number + ions, truth.MOST_IONS)
        self._keep()

    def _keep(self) -> None:
        self._returns = False
        if self._path is not None:
            known = {"ions": self.number, "lost_at": self.lost_at, "pulses": self.pulses}
            write_whole(self._path, json.dumps(known).encode(), 0o600)
