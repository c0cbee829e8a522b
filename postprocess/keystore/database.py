"""The ledger's file: SQLite, private, and on disk before a transaction returns."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from postprocess.errors import DiqkdError, InvalidInput
from postprocess.keystore.generation import Generation
from postprocess.keystore.schema import SCHEMA, SCHEMA_VERSION, STEPS
from postprocess.storage.private_files import disk_errors, private_folder, sync_folder
from postprocess.support.clock import SYSTEM_CLOCK, Clock

Execute = Callable[..., int]
PATIENCE_S = 30.0  # with another process that writes
NO_OLD_COPY = "provision a new home; an old copy of a ledger would spend its pads a second time"


class LedgerConflict(DiqkdError):
    """The ledger holds another version of what is about to be used: nothing is sent, nothing is spent."""


class Database:
    """One SQLite file. Reads see committed state; every write goes through `transaction`.

    The rollback journal is truncated and synced at each commit (synchronous=FULL with journal_mode=TRUNCATE): a
    committed write survives a power cut, and so does the erasure of a secret (secure_delete). `clock` stamps what is
    written, and is that of the sessions on this ledger.

    A key delivery server, which commits many times a second, asks for a write-ahead log instead (one sync per commit),
    and empties it within about a second of what was erased; other programs use the same log meanwhile, and empty it
    after each transaction.
    """

    def __init__(self, path: Path, clock: Clock = SYSTEM_CLOCK) -> None:
        self.path, self.clock = path, clock
        self._generation = Generation(path)
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=PATIENCE_S, check_same_thread=False)
        self._leave_write_ahead_log()
        for setting in ("synchronous=FULL", "secure_delete=ON", "foreign_keys=ON"):
            self.rows(f"PRAGMA {setting}")

    @classmethod
    def create(cls, path: Path, facts: dict[str, str]) -> Database:
        """A new ledger with its schema; InvalidInput where there is one already."""
        private_folder(path.parent)
        if not path.exists() and Generation(path).read():
            raise InvalidInput(f"{path}: a ledger was here and is lost, its sessions are not; provision a new home")
        with disk_errors(path):
            try:
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            except FileExistsError:
                if path.stat().st_size:
                    raise InvalidInput(
                        f"{path}: there is a key ledger already; use it or choose another home"
                    ) from None
            path.chmod(0o600)
        sync_folder(path.parent)
        database = cls(path)
        with database.transaction("create") as write:
            for statement in SCHEMA.split(";"):
                write(statement)
            for name, value in {**facts, "schema": SCHEMA_VERSION, "generation": "0"}.items():
                write("INSERT INTO facts VALUES (?, ?)", name, value)
        return database

    @classmethod
    def open(cls, path: Path, clock: Clock = SYSTEM_CLOCK) -> Database:
        """An existing ledger; InvalidInput where there is none, or one of another version."""
        if not path.is_file() or not path.stat().st_size:
            raise InvalidInput(
                f"{path}: no key ledger here; run `diqkd keys provision`, or give the right home and node"
            )
        if path.stat().st_mode & 0o077:
            raise InvalidInput(f"{path}: others may read it; if nobody has, say chmod 600, else provision a new home")
        generation = Generation(path)
        noted = generation.read()  # before the ledger's own number, which another process may raise at any time
        database = cls(path, clock)
        try:
            database._require_own_schema()
            number = int(database.fact("generation") or 0)
            generation.require_not_behind(number, noted)
            database._upgrade()
            if number > noted:  # by a process that died before it could say so; what it stored may be sent from here on
                generation.keep(number)
        except BaseException:
            database.close()
            raise
        return database

    def _require_own_schema(self) -> None:
        if not self.row("SELECT 1 FROM sqlite_master WHERE name = 'facts'"):
            raise InvalidInput(f"{self.path}: not a key ledger of diqkd; give the right home and node")
        version = self.fact("schema")
        if version != SCHEMA_VERSION and version not in STEPS:
            raise InvalidInput(
                f"{self.path}: ledger version {version}, this program knows {SCHEMA_VERSION}; use the diqkd that made "
                "it, or provision a new home"
            )

    def _upgrade(self) -> None:
        """Lead a ledger of an earlier version to this one; nothing in it is lost."""
        while (version := self.fact("schema")) in STEPS:
            with self.transaction(f"upgrade from version {version}") as write:
                if self.fact("schema") == version:  # no other process was quicker
                    for statement in STEPS[version].split(";"):
                        write(statement)

    def _leave_write_ahead_log(self) -> None:
        """One rollback journal again, unless another program works with the log."""
        patience = 0 if self.rows("PRAGMA journal_mode")[0][0] == "wal" else PATIENCE_S
        self._connection.execute(f"PRAGMA busy_timeout={int(1000 * patience)}")
        try:
            self.rows("PRAGMA journal_mode=TRUNCATE")
        except InvalidInput:
            if patience:
                raise
        finally:
            self._connection.execute(f"PRAGMA busy_timeout={int(1000 * PATIENCE_S)}")

    def use_write_ahead_log(self, wanted: bool) -> None:
        """From here on, or no longer."""
        if wanted:
            self.rows("PRAGMA journal_mode=WAL")
            self.rows("PRAGMA wal_autocheckpoint=0")
        else:
            self._leave_write_ahead_log()

    def empty_write_ahead_log(self) -> bool:
        """Remove older versions of pages, with bits that were erased since; False while another program reads them."""
        return not self.rows("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]

    @contextmanager
    def transaction(self, what: str, *, counted: bool = True) -> Iterator[Execute]:
        """All or nothing, durable on exit.

        Args:
            what: names the write, for faults injected by tests.
            counted: in the ledger's generation. A key delivery server leaves most out: it counts once a second.
        """
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._execute
            if counted:
                self._execute("UPDATE facts SET value = value + 1 WHERE name = 'generation'")
            generation = int(self.fact("generation") or 0) if counted else 0
            self._connection.execute("COMMIT")
        except BaseException as problem:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if isinstance(problem, sqlite3.Error):
                raise DiqkdError(self._line(problem, f"cannot {what}")) from problem
            raise
        if counted:
            self._generation.keep(generation)
            with suppress(InvalidInput):  # a server that is idle would not; what is erased is to be gone now
                self.empty_write_ahead_log()

    def _execute(self, statement: str, *values: object) -> int:
        """Run one statement of a transaction; returns how many rows it changed."""
        return self._connection.execute(statement, values).rowcount

    def rows(self, query: str, *values: object) -> list[tuple]:
        """All rows of a query; InvalidInput when the file is damaged or another program keeps it locked."""
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as problem:
            raise InvalidInput(self._line(problem, "cannot be read")) from problem

    def row(self, query: str, *values: object) -> tuple | None:
        """The first row of a query, or None."""
        found = self.rows(query, *values)
        return found[0] if found else None

    def _line(self, problem: sqlite3.Error, what: str) -> str:
        if getattr(problem, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            remedy = "another program holds it (a backup?); let that end, then run again"
        elif getattr(problem, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            remedy = f"not a key ledger, or a damaged one; {NO_OLD_COPY}"
        else:
            remedy = "look for a full or read-only disk, then run again"
        return f"{self.path}: {what} ({problem}); {remedy}"

    def fact(self, name: str) -> str | None:
        """A fact about the whole ledger, or None."""
        found = self.row("SELECT value FROM facts WHERE name = ?", name)
        return None if found is None else found[0]

    def close(self) -> None:
        """Release the file."""
        self._connection.close()
