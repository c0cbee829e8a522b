"""The ledger's public side: how many bits, sessions and keys there are, never the bits."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from postprocess.keystore import open_ledger
from postprocess.storage.node_home import NodeHome


class KeystoreFacts:
    """Balance, sessions and keys of one node's ledger; the file is opened anew for each question.

    Args:
        node: "alice" or "bob".
        homes: the folder that holds a folder per node; None reads DIQKD_HOME.

    Raises:
        InvalidInput: no such home; from every method but `ping`: no ledger, or one that cannot be read.
    """

    def __init__(self, node: str, homes: Path | str | None = None) -> None:
        self._home = NodeHome(node, homes)

    def ping(self) -> bool:
        """Whether the controller answers."""
        return True

    def node(self) -> str:
        """Whose ledger it is."""
        return self._home.node

    def home(self) -> str:
        """Folder of the node's home."""
        return str(self._home.folder)

    def balance(self) -> dict[str, Any]:
        """Table I of the paper for this ledger, in bits by name, with apparatus and reasons to distrust its keys."""
        with open_ledger(self._home, checked=False) as keystore:
            return keystore.balance().to_json()

    def sessions(self) -> list[dict[str, Any]]:
        """All sessions, oldest first: session_id, outcome (None while open), detail, pads, opened, closed."""
        with open_ledger(self._home, checked=False) as keystore:
            records = keystore.sessions()
        return [asdict(record) for record in records]

    def keys(self) -> list[dict[str, Any]]:
        """All keys, oldest first: key_id, bits, deliverable, state, apparatus, insecure_because, rule, label,
        destination.
        """
        with open_ledger(self._home, checked=False) as keystore:
            records = keystore.keys()
        return [asdict(record) for record in records]

    def check(self) -> list[str]:
        """What in the ledger contradicts itself, one line each; empty for a sound one."""
        with open_ledger(self._home, checked=False) as keystore:
            return keystore.check()
