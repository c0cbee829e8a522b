"""Tables of a ledger, and the steps that lead an older one to them.

Bit strings are packed, most significant bit first. Erased secrets are NULL; so are their digests, but a key's.
"""

from __future__ import annotations

SCHEMA_VERSION = "5"

_KEYS = """
CREATE TABLE keys (
    id TEXT PRIMARY KEY, bits INTEGER NOT NULL, deliverable INTEGER NOT NULL, data BLOB,
    state TEXT NOT NULL CHECK (state IN ('pending', 'active', 'offered', 'serving', 'delivering', 'delivered',
        'forgotten', 'discarded')),
    apparatus TEXT NOT NULL, insecure_because TEXT NOT NULL, digest BLOB, destination TEXT);
"""

# A served key lies in pieces; each share of it has one owner, who cuts slices from `position` on; what lies before
# `erased` is gone. A slice has a row as long as somebody may ask for it: at the slave's node until it is handed out
# (confirmed: its master has it), at the master's until the slave's node has confirmed it. Then it only counts, in
# `accounts`, and by the minute in `takings`. Units: bytes; bits in the accounts.
_SLICES = """
CREATE TABLE slices (
    id TEXT PRIMARY KEY, key TEXT NOT NULL, start INTEGER NOT NULL, bytes INTEGER NOT NULL, master TEXT NOT NULL,
    slave TEXT NOT NULL, side TEXT NOT NULL CHECK (side IN ('master', 'slave')),
    state TEXT NOT NULL CHECK (state IN ('reserved', 'confirmed', 'delivered')), stored REAL NOT NULL, data BLOB,
    digest BLOB, UNIQUE (key, start));
CREATE TABLE accounts (
    master TEXT NOT NULL, slave TEXT NOT NULL, side TEXT NOT NULL, state TEXT NOT NULL, keys INTEGER NOT NULL,
    bits INTEGER NOT NULL, PRIMARY KEY (master, slave, side, state));
CREATE TABLE takings (
    master TEXT NOT NULL, minute INTEGER NOT NULL, bits INTEGER NOT NULL, PRIMARY KEY (master, minute));
"""
_KEY_SERVER = f"""
CREATE TABLE shares (
    key TEXT NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL, position INTEGER NOT NULL, owner TEXT NOT NULL,
    erased INTEGER NOT NULL, PRIMARY KEY (key, start));
CREATE TABLE pieces (
    key TEXT NOT NULL, start INTEGER NOT NULL, data BLOB NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (key, start));
{_SLICES}
"""

SCHEMA = f"""
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE reusable (name TEXT PRIMARY KEY, bits INTEGER NOT NULL, data BLOB NOT NULL, digest BLOB NOT NULL);
CREATE TABLE pads (
    label TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('available', 'reserved', 'spent')),
    session TEXT, message_sha256 BLOB, data BLOB, digest BLOB, PRIMARY KEY (label, name));
CREATE TABLE sessions (
    id TEXT PRIMARY KEY, parameters TEXT NOT NULL, pads TEXT NOT NULL, verdict TEXT, outcome TEXT, detail TEXT,
    opened TEXT NOT NULL, closed TEXT);
CREATE TABLE messages (
    session TEXT NOT NULL, direction TEXT NOT NULL CHECK (direction IN ('sent', 'received', 'own')), kind TEXT NOT NULL,
    stored TEXT NOT NULL, sha256 BLOB NOT NULL, bytes INTEGER NOT NULL, payload BLOB,
    PRIMARY KEY (session, direction, kind));
{_KEYS}
{_KEY_SERVER}
"""

# Version -> what makes a ledger of a later version of it, in one transaction.
STEPS = {
    "3": f"""
ALTER TABLE keys RENAME TO keys_of_3;
{_KEYS}
INSERT INTO keys SELECT id, bits, deliverable, data, state, apparatus, insecure_because, digest, destination
    FROM keys_of_3 ORDER BY rowid;
DROP TABLE keys_of_3;
{_KEY_SERVER}
UPDATE facts SET value = '5' WHERE name = 'schema';
""",
    "4": f"""
ALTER TABLE slices RENAME TO slices_of_4;
{_SLICES}
INSERT INTO slices SELECT * FROM slices_of_4 WHERE (side, state) IN (('master', 'delivered'), ('slave', 'reserved'));
INSERT INTO accounts SELECT master, slave, side, state, count(*), 8 * sum(bytes) FROM slices_of_4
    WHERE state != 'reserved' GROUP BY master, slave, side, state;
INSERT INTO takings SELECT master, CAST(stored / 60 AS INTEGER), 8 * sum(bytes) FROM slices_of_4
    WHERE side = 'master' GROUP BY 1, 2;
DROP TABLE slices_of_4;
UPDATE facts SET value = '5' WHERE name = 'schema';
""",
}
