"""Which ledger uses a session's rounds: written beside them before the first round, so that no second ledger ever does.

One raw string must not make two keys, and a ledger that does not know a session whose rounds lie beside it is an old
copy, or a new one in an old home.
"""

from __future__ import annotations

from pathlib import Path

from postprocess.errors import InvalidInput
from postprocess.storage.private_files import write_private

MARK = "ledger"
_MOST_BYTES = 64


def mark_rounds(folder: Path, ledger_id: str) -> None:
    """Say durably that the rounds in this folder belong to the ledger of that id."""
    write_private(folder / MARK, ledger_id.encode())


def owner_of_rounds(folder: Path) -> str:
    """Id of the ledger to which the rounds belong; empty where the folder does not say."""
    try:
        with (folder / MARK).open("rb") as file:
            return file.read(_MOST_BYTES).decode(errors="replace")
    except FileNotFoundError:
        return ""


def require_owner(folder: Path, ledger_id: str) -> None:
    """Refuse rounds that another ledger uses, or that no ledger has claimed before they were measured."""
    owner = owner_of_rounds(folder)
    if owner != ledger_id:
        whose = "belong to another ledger" if owner else "do not say to which ledger they belong"
        raise InvalidInput(
            f"{folder}: these rounds {whose}; a second key from them would not be secret: measure a new session"
        )


def require_known_sessions(sessions: Path, known: set[str], ledger: Path) -> None:
    """Refuse a ledger that is older than the sessions beside it."""
    if not sessions.is_dir():
        return
    for folder in sorted(sessions.iterdir()):
        if owner_of_rounds(folder) and folder.name not in known:
            raise InvalidInput(
                f"{ledger}: does not know the session '{folder.name}', whose rounds are beside it: an old copy, or a "
                "new ledger in an old home; put the newest ledger back, or provision new homes on both nodes"
            )
