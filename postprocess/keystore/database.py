"""The ledger's file: SQLite, private, and on disk before a transaction returns."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from postprocess.errors import DiqkdError, InvalidInput
from postprocess.storage.private_files import private_folder, sync_folder

SCHEMA_VERSION = "2"
Execute = Callable[..., int]
NO_OLD_COPY = "provision a new home; an old copy of a ledger would spend its pads a second time"

# Bit strings are packed, most significant bit first. Erased secrets are NULL.
_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE reusable (name TEXT PRIMARY KEY, bits INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE pads (
    label TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('available', 'reserved', 'spent')),
    session TEXT, message_sha256 BLOB, data BLOB, PRIMARY KEY (label, name));
CREATE TABLE sessions (
    id TEXT PRIMARY KEY, parameters TEXT NOT NULL, pads TEXT NOT NULL, verdict TEXT, outcome TEXT, detail TEXT,
    opened TEXT NOT NULL, closed TEXT);
CREATE TABLE messages (
    session TEXT NOT NULL, direction TEXT NOT NULL CHECK (direction IN ('sent', 'received', 'own')), kind TEXT NOT NULL,
    payload BLOB NOT NULL, PRIMARY KEY (session, direction, kind));
CREATE TABLE keys (
    id TEXT PRIMARY KEY, bits INTEGER NOT NULL, deliverable INTEGER NOT NULL, data BLOB,
    state TEXT NOT NULL CHECK (state IN ('pending', 'active', 'delivered', 'discarded')),
    apparatus TEXT NOT NULL, insecure_because TEXT NOT NULL);
"""


class LedgerConflict(DiqkdError):
    """The ledger holds another version of what is about to be used: nothing is sent, nothing is spent."""


class Database:
    """One SQLite file. Reads see committed state; every write goes through `transaction`.

    The rollback journal is truncated and synced at each commit (synchronous=FULL with journal_mode=TRUNCATE): a
    committed write survives a power cut, and so does the erasure of a secret (secure_delete).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=30.0, check_same_thread=False)
            for setting in ("journal_mode=TRUNCATE", "synchronous=FULL", "secure_delete=ON", "foreign_keys=ON"):
                self._connection.execute(f"PRAGMA {setting}")
        except sqlite3.Error as problem:
            raise InvalidInput(f"{path}: not a key ledger that can be opened ({problem}); {NO_OLD_COPY}") from problem

    @classmethod
    def create(cls, path: Path, facts: dict[str, str]) -> Database:
        """A new ledger with its schema; InvalidInput where there is one already."""
        private_folder(path.parent)
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError as problem:
            if path.stat().st_size:
                raise InvalidInput(f"{path}: there is a key ledger already; use it or choose another home") from problem
        path.chmod(0o600)
        sync_folder(path.parent)
        database = cls(path)
        with database.transaction("create") as write:
            for statement in _SCHEMA.split(";"):
                write(statement)
            for name, value in {**facts, "schema": SCHEMA_VERSION}.items():
                write("INSERT INTO facts VALUES (?, ?)", name, value)
        return database

    @classmethod
    def open(cls, path: Path) -> Database:
        """An existing ledger; InvalidInput where there is none, or one of another version."""
        if not path.is_file() or not path.stat().st_size:
            raise InvalidInput(
                f"{path}: no key ledger here; run `diqkd keys provision`, or give the right home and node"
            )
        if path.stat().st_mode & 0o077:
            raise InvalidInput(f"{path}: others may read it; if nobody has, say chmod 600, else provision a new home")
        database = cls(path)
        try:
            version = database.fact("schema")
        except sqlite3.Error as problem:
            database.close()
            raise InvalidInput(f"{path}: not a key ledger of diqkd ({problem})") from problem
        if version != SCHEMA_VERSION:
            database.close()
            raise InvalidInput(
                f"{path}: ledger version {version}, this program knows {SCHEMA_VERSION}; use the diqkd that made it, "
                "or provision a new home"
            )
        return database

    @contextmanager
    def transaction(self, what: str) -> Iterator[Execute]:
        """All or nothing, durable on exit. `what` names the write, for faults injected by tests."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._execute
            self._connection.execute("COMMIT")
        except BaseException as problem:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if isinstance(problem, sqlite3.Error):
                raise DiqkdError(
                    f"{self.path}: cannot {what} ({problem}); look for a full disk or another process, then run again"
                ) from problem
            raise

    def _execute(self, statement: str, *values: object) -> int:
        """Run one statement of a transaction; returns how many rows it changed."""
        return self._connection.execute(statement, values).rowcount

    def rows(self, query: str, *values: object) -> list[tuple]:
        """All rows of a query."""
        return self._connection.execute(query, values).fetchall()

    def row(self, query: str, *values: object) -> tuple | None:
        """The first row of a query, or None."""
        return self._connection.execute(query, values).fetchone()

    def fact(self, name: str) -> str | None:
        """A fact about the whole ledger, or None."""
        found = self.row("SELECT value FROM facts WHERE name = ?", name)
        return None if found is None else found[0]

    def close(self) -> None:
        """Release the file."""
        self._connection.close()
