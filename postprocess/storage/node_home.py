"""Where a node keeps what: the paths of its home on disk.

<DIQKD_HOME>/<node>/  keystore.sqlite, link/, calibration.json, random.json, kme.toml, kme/ (its certificate),
                      sessions/<session id>/, measurements/<name>/ (characterisations, which make no key)
"""

from __future__ import annotations

import os
from pathlib import Path

from contract.nodes import NODES
from postprocess.errors import InvalidInput
from postprocess.storage.private_files import require_private, require_private_folder

PRIVATE_PARTS = ("keystore.sqlite", "keystore.sqlite.generation", "random.json", "link", "sessions")


class NodeHome:
    """Everything that belongs to one node.

    Args:
        node: "alice" or "bob".
        homes: the folder that holds a folder per node; None reads DIQKD_HOME.

    Raises:
        InvalidInput: no such node, DIQKD_HOME is not set, or the node has no home there.
    """

    def __init__(self, node: str, homes: Path | str | None = None) -> None:
        homes = homes or os.environ.get("DIQKD_HOME", "")
        if node not in NODES:
            raise InvalidInput(f"node = {node}: must be 'alice' or 'bob'")
        if not homes:
            raise InvalidInput("DIQKD_HOME is not set; give the folder that holds this node's keystore and rounds")
        self.node, self.folder = node, Path(homes).absolute() / node
        if not self.folder.is_dir():
            inner = self.folder.parent / "homes"
            meant = f"the homes of this laboratory are in {inner}" if (inner / node).is_dir() else ""
            what_to_do = meant or "run `diqkd keys provision`, or correct --home or DIQKD_HOME"
            raise InvalidInput(f"{self.folder}: no home of {node}; {what_to_do}")

    @property
    def calibration(self) -> Path:
        """The calibration file; it may be missing."""
        return self.folder / "calibration.json"

    def session_folder(self, session_id: str) -> Path:
        """Private folder of one session; it may be missing."""
        return self.folder / "sessions" / session_id

    def rounds_folder(self, store_folder: str, name: str) -> Path:
        """Private folder of the rounds of a plan: `store_folder` is "sessions" or "measurements"."""
        return self.folder / store_folder / name

    @property
    def ledger(self) -> Path:
        """The ledger of secret bits."""
        return self.folder / "keystore.sqlite"

    def require_private(self) -> None:
        """Refuse a home whose secrets others may read; InvalidInput names the first such place."""
        require_private_folder(self.folder)
        for name in PRIVATE_PARTS:
            if (self.folder / name).exists():
                require_private(self.folder / name)
