"""Whether a ledger contradicts itself: what every crash must leave intact."""

from __future__ import annotations

import hashlib

from postprocess.keystore.database import Database
from postprocess.keystore.digests import digest_of
from postprocess.keystore.initial_secret import Pad
from postprocess.keystore.key_records import MADE
from postprocess.keystore.pad_sets import pad_name

# Each query finds rows that must not exist.
_CONTRADICTIONS = (
    (
        "session {}: accepted without an active key",
        f"SELECT id FROM sessions WHERE outcome = 'accepted' AND id NOT IN (SELECT id FROM keys WHERE state IN {MADE})",
    ),
    (
        "key {}: usable although its session is not accepted",
        f"SELECT id FROM keys WHERE state IN {MADE} AND id NOT IN (SELECT id FROM sessions WHERE outcome = 'accepted')",
    ),
    (
        "key {}: pending although its session is closed",
        "SELECT keys.id FROM keys JOIN sessions USING (id) WHERE state = 'pending' AND outcome IS NOT NULL",
    ),
    (
        "key {}: discarded, served, delivered or forgotten, but not erased",
        "SELECT id FROM keys WHERE state IN ('discarded', 'serving', 'delivered', 'forgotten') AND data IS NOT NULL",
    ),
    (
        "key {}: erased before its time",
        "SELECT id FROM keys WHERE state IN ('pending', 'active', 'offered', 'delivering') AND data IS NULL",
    ),
    (
        "key {}: has a copy elsewhere, though it is not delivered",
        "SELECT id FROM keys WHERE state IN ('pending', 'offered', 'serving', 'forgotten', 'discarded') "
        "AND destination IS NOT NULL",
    ),
    (
        "key {}: has shares or pieces though it is not served, or none though it is",
        "SELECT id FROM keys WHERE (state = 'serving') != (id IN (SELECT key FROM pieces)) "
        "OR (state = 'serving') != (id IN (SELECT key FROM shares))",
    ),
    (
        "key {}: its shares overlap, or are cut beyond their end",
        "SELECT key FROM (SELECT *, lag(stop, 1, 0) OVER (PARTITION BY key ORDER BY start) AS before FROM shares) "
        "WHERE NOT (before <= start AND start <= erased AND erased <= position AND position <= stop)",
    ),
    (
        "slice {}: overlaps another one",
        "SELECT id FROM (SELECT *, lag(start + bytes, 1, 0) OVER (PARTITION BY key ORDER BY start) AS before "
        "FROM slices) WHERE before > start",
    ),
    (
        "slice {}: beyond the position of its share",
        "SELECT slices.id FROM slices JOIN shares USING (key) WHERE slices.start >= shares.start "
        "AND slices.start < shares.stop AND slices.start + bytes > position",
    ),
    (
        "slice {}: handed out but not erased, or erased before its time",
        "SELECT id FROM slices WHERE (side = 'slave') != (data IS NOT NULL) "
        "OR (side = 'slave') != (state IN ('reserved', 'confirmed'))",
    ),
    (
        "pads {}: held by a closed session but not erased",
        "SELECT DISTINCT label FROM pads JOIN sessions ON session = sessions.id "
        "WHERE outcome IS NOT NULL AND (state != 'spent' OR data IS NOT NULL)",
    ),
    (
        "pads {}: free, yet used before",
        "SELECT DISTINCT label FROM pads WHERE state = 'available' "
        "AND (session IS NOT NULL OR message_sha256 IS NOT NULL OR data IS NULL)",
    ),
    (
        "pads {}: held without a session",
        "SELECT DISTINCT label FROM pads WHERE state != 'available' AND COALESCE(session, '') NOT IN "
        "(SELECT id FROM sessions)",
    ),
    (
        "pads {}: held by several sessions or not whole",
        f"SELECT label FROM pads GROUP BY label HAVING count(*) != {len(Pad)} OR count(DISTINCT session) > 1",
    ),
    (
        "session {}: its pads are not in its name",
        "SELECT id FROM sessions WHERE pads != '' AND NOT EXISTS "
        "(SELECT 1 FROM pads WHERE pads.session = sessions.id AND pads.label = sessions.pads)",
    ),
)


def contradictions(database: Database) -> list[str]:
    """One line per contradiction, empty for a sound ledger; also asks SQLite about the file itself."""
    found = [f"file: {answer}" for (answer,) in database.rows("PRAGMA integrity_check") if answer != "ok"]
    for text, query in _CONTRADICTIONS:
        found += [text.format(name) for (name,) in database.rows(query)]
    return found


def damages(database: Database) -> list[str]:
    """One line per secret or stored message that is not what was stored, empty for an intact ledger."""
    secrets = [
        *database.rows("SELECT name, data, digest FROM reusable"),
        *(
            (pad_name(label, name), data, digest)
            for label, name, data, digest in database.rows("SELECT label, name, data, digest FROM pads")
        ),
        *((f"key {key_id}", *rest) for key_id, *rest in database.rows("SELECT id, data, digest FROM keys")),
        *(
            (f"piece {key_id} {start}", data, digest)
            for key_id, start, data, digest in database.rows("SELECT key, start, data, digest FROM pieces")
        ),
        *((f"slice {slice_id}", *rest) for slice_id, *rest in database.rows("SELECT id, data, digest FROM slices")),
    ]
    found = [
        f"{name}: changed since it was stored; do not use it"
        for name, data, digest in secrets
        if data is not None and (not isinstance(data, bytes) or digest_of(name, data) != digest)
    ]
    messages = database.rows("SELECT session, kind, payload, sha256 FROM messages WHERE payload IS NOT NULL")
    found += [
        f"session {session}: message {kind} changed since it was stored"
        for session, kind, payload, digest in messages
        if not isinstance(payload, bytes) or hashlib.sha256(payload).digest() != digest
    ]
    return found
