"""Which key session is between its first round and its end: meanwhile nothing else that a device produced is shown."""

from __future__ import annotations

from postprocess.errors import InvalidInput
from postprocess.keystore import open_ledger
from postprocess.rounds import RoundStore
from postprocess.storage.node_home import NodeHome


def sessions_under_way(home: NodeHome) -> list[str]:
    """Key sessions whose settings are drawn and which are not closed in the ledger, oldest first.

    Raises:
        InvalidInput: a ledger that cannot be read.
    """
    if not home.ledger.exists():
        return []
    with open_ledger(home, checked=False) as ledger:
        unfinished = [record.session_id for record in ledger.sessions() if record.outcome is None]
    return [session_id for session_id in unfinished if RoundStore.exists(home.session_folder(session_id))]


def require_no_rounds_to_come(home: NodeHome) -> None:
    """Refuse to exchange outcomes with the peer in the middle of a key session's rounds.

    Raises:
        InvalidInput: names the session.
    """
    for session_id in sessions_under_way(home):
        store = RoundStore.open(home.session_folder(session_id), read_only=True)
        store.close()
        if store.burned_blocks and not store.complete:
            raise InvalidInput(
                f"session {session_id} is in the middle of its rounds, and this experiment tells the peer outcomes of "
                f"the same devices; finish that session first, or `diqkd keys abandon --session {session_id}`"
            )
