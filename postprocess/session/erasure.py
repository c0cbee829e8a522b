"""Erasing what a key was made from, once it is delivered: with A and the seed anybody could make it again.

Overwritten, then unlinked. A disk that writes elsewhere (a journal, an SSD) may keep old blocks: whoever must be sure
encrypts the disk.
"""

from __future__ import annotations

import json

from postprocess.keystore import ACCEPTED, Keystore
from postprocess.rounds.round_files import ERASED, RECORDS_FILE, SETTINGS_FILE
from postprocess.session.bob import PRIVATE_RECORD
from postprocess.session.transcript import write_transcript
from postprocess.storage.node_home import NodeHome
from postprocess.storage.private_files import erase_file, write_private

_SECRET_FILES = (RECORDS_FILE, SETTINGS_FILE, PRIVATE_RECORD)


def erase_session(home: NodeHome, keystore: Keystore, session_id: str) -> None:
    """Erase settings, outcomes, Bob's private record and the content of the messages of a closed session.

    Public facts stay: parameters, burned blocks, outcome, sizes and digests of messages. A call that was interrupted is
    made good by the next.
    """
    folder, page = home.session_folder(session_id), keystore.session(session_id)
    if folder.is_dir():
        write_transcript(page, home.node)  # a session that died before it could write its own is never run again
        write_private(folder / ERASED, json.dumps({"session_id": session_id, "outcome": page.outcome}).encode())
        for name in _SECRET_FILES:
            erase_file(folder / name)
            erase_file(folder / f".{name}.new")
    page.erase_messages()


def not_erased(home: NodeHome, keystore: Keystore) -> list[str]:
    """One line for each session whose key has left while its strings are still here."""
    left = ("serving", "delivered", "forgotten")
    gone = {record.key_id for record in keystore.key_records.records() if record.state in left}
    accepted = [record.session_id for record in keystore.sessions() if record.outcome == ACCEPTED]
    return [
        f"session {session_id}: its key has left, its strings are still here; run `diqkd keys forget`"
        for session_id in accepted
        if session_id in gone and any((home.session_folder(session_id) / name).exists() for name in _SECRET_FILES)
    ]
