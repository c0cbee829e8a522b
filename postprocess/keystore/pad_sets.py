"""Sets of four one-time pads: where they come from, in which order both nodes use them, what they are called."""

from __future__ import annotations

from collections.abc import Mapping

from postprocess.keystore.database import Execute, LedgerConflict
from postprocess.keystore.digests import digest_of
from postprocess.keystore.initial_secret import Pad


def hold(write: Execute, label: str, session_id: str) -> None:
    """Reserve a free set of pads for a session, inside the caller's transaction."""
    query = "UPDATE pads SET state = 'reserved', session = ? WHERE label = ? AND state = 'available'"
    if write(query, session_id, label) != len(Pad):
        raise LedgerConflict(f"session {session_id}: the pads '{label}' are no longer free; run the same command again")


def set_aside(write: Execute, label: str, pads: Mapping[Pad, bytes]) -> None:
    """Put a set of four fresh pads into the ledger, inside the caller's transaction."""
    for pad, data in pads.items():
        row = (label, pad, data, digest_of(pad_name(label, pad), data))
        write("INSERT INTO pads VALUES (?, ?, 'available', NULL, NULL, ?, ?)", *row)


def pad_name(label: str, pad: str) -> str:
    """What messages and digests call a pad."""
    return f"pad {label} {pad}"


def in_order(labels: list[str]) -> list[str]:
    """Sets of pads in the order in which both nodes use them: K0's first, then those from keys by session id."""
    return sorted(labels, key=lambda label: (not label.startswith("K0/"), label))


def refill_label(session_id: str) -> str:
    """Name of the pads set aside from a session's key."""
    return f"key/{session_id}"
