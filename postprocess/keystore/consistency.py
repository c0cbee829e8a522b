"""Whether a ledger contradicts itself: what every crash must leave intact."""

from __future__ import annotations

from postprocess.keystore.database import Database
from postprocess.keystore.initial_secret import Pad

# Each query finds rows that must not exist.
_CONTRADICTIONS = (
    (
        "session {}: accepted without an active key",
        "SELECT id FROM sessions WHERE outcome = 'accepted' AND id NOT IN "
        "(SELECT id FROM keys WHERE state IN ('active', 'delivered'))",
    ),
    (
        "key {}: usable although its session is not accepted",
        "SELECT id FROM keys WHERE state IN ('active', 'delivered') AND id NOT IN "
        "(SELECT id FROM sessions WHERE outcome = 'accepted')",
    ),
    (
        "key {}: pending although its session is closed",
        "SELECT keys.id FROM keys JOIN sessions USING (id) WHERE state = 'pending' AND outcome IS NOT NULL",
    ),
    ("key {}: discarded but not erased", "SELECT id FROM keys WHERE state = 'discarded' AND data IS NOT NULL"),
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
        "SELECT id FROM sessions WHERE NOT EXISTS "
        "(SELECT 1 FROM pads WHERE pads.session = sessions.id AND pads.label = sessions.pads)",
    ),
)


def contradictions(database: Database) -> list[str]:
    """One line per contradiction, empty for a sound ledger; also asks SQLite about the file itself."""
    found = [f"file: {answer}" for (answer,) in database.rows("PRAGMA integrity_check") if answer != "ok"]
    for text, query in _CONTRADICTIONS:
        found += [text.format(name) for (name,) in database.rows(query)]
    return found
