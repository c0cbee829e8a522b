"""Which key session is between its first round and its end: meanwhile nothing else that a device produced is shown."""

from __future__ import annotations

from collections.abc import Callable
from time import sleep

from postprocess.errors import InvalidInput
from postprocess.keystore import open_ledger
from postprocess.rounds import RoundStore
from postprocess.session.mailbox import KINDS
from postprocess.storage.node_home import NodeHome

POLL_S = 0.5


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


def await_leave_to_tell_outcomes(home: NodeHome, patience_s: float, sleep: Callable[[float], None] = sleep) -> None:
    """Return once no key session hinders this node from telling the peer outcomes of the same devices.

    From a session's first round until its first message of post-processing is stored nothing of the devices leaves the
    node. Rounds that are to come are refused; a post-processing that has yet to begin, as after a session just now, is
    waited for.

    Args:
        patience_s: longest wait.

    Raises:
        InvalidInput: names the session.
    """
    while hindrances := _hindrances(home):
        session_id, why, over_soon = hindrances[0]
        if not over_soon or patience_s <= 0:
            raise InvalidInput(
                f"session {session_id} {why}, and this experiment tells the peer outcomes of the same devices; finish "
                f"that session first, or `diqkd keys abandon --session {session_id}`"
            )
        sleep(POLL_S)
        patience_s -= POLL_S


def _hindrances(home: NodeHome) -> list[tuple[str, str, bool]]:
    """Session, what it is in the middle of, and whether that is over as soon as its post-processing begins."""
    found = []
    for session_id in sessions_under_way(home):
        store = RoundStore.open(home.session_folder(session_id), read_only=True)
        store.close()
        if store.burned_blocks and not store.complete:
            found.append((session_id, "is in the middle of its rounds", False))
        elif store.burned_blocks and not _first_message_is_stored(home, session_id):
            found.append((session_id, "has all its rounds and no message of its post-processing yet", True))
    return found


def _first_message_is_stored(home: NodeHome, session_id: str) -> bool:
    with open_ledger(home, checked=False) as ledger:
        page = ledger.session(session_id)
        return page.outcome is not None or page.sent(KINDS[home.node][0]) is not None
