"""Which key session is between its first round and its end: meanwhile nothing else that a device produced is shown."""

from __future__ import annotations

from postprocess.keystore import open_ledger
from postprocess.rounds import RoundStore
from postprocess.storage.node_home import NodeHome


def session_under_way(home: NodeHome) -> str:
    """Id of a key session whose settings are drawn and which is not closed in the ledger; empty if there is none.

    Raises:
        InvalidInput: a ledger that cannot be read.
    """
    if not home.ledger.exists():
        return ""
    with open_ledger(home, checked=False) as ledger:
        for record in ledger.sessions():
            if record.outcome is None and RoundStore.exists(home.session_folder(record.session_id)):
                return record.session_id
    return ""
