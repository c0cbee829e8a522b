"""A disk that fails on demand: where a process dies, loses power or gets an error, at every durable write.

Places are the system calls that change files, the commits of ledgers, and whatever else calls `place`. What a power
cut leaves is what was synced: content of a file at its last fsync, entries of a folder at the folder's last fsync;
of the rest each piece is there or not as a coin decides. Ledgers are at their last commit (SQLite's own journal is
SQLite's to test), with the write-ahead log of that moment.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np

from postprocess.errors import PeerLost
from postprocess.keystore.database import Database

MODES = ("kill", "power cut", "ENOSPC", "EIO")


class Dead(BaseException):
    """The process is gone; nothing may catch this."""


class FailingDisk:
    """Counts the places that each node passes below `folder`, and lets some node fail at some place.

    Args:
        folder: holds a folder per node.
        deadly: per node the number of the place at which it fails; the others go on.
        mode: one of MODES. An error is raised once, at the place itself; nothing is done there.
        who: tells whose turn it is; None: the node whose file it is.
        on_death: called with the node at its end.
    """

    def __init__(
        self,
        folder: Path,
        deadly: dict[str, int],
        mode: str,
        who,
        random: np.random.Generator,
        on_death: Callable[[str], None] = lambda node: None,
    ) -> None:
        self.folder, self._deadly, self.mode, self._who, self._random = folder, deadly, mode, who, random
        self._on_death = on_death
        self.passed: dict[str, list[str]] = {"alice": [], "bob": []}
        self.failed: dict[str, str] = {}
        self._content: dict[int, tuple[int, bytes]] = {}  # inode -> open descriptor that keeps it, content
        self._entries: dict[str, dict[str, int]] = {}
        self._logs: dict[str, bytes] = {}  # of ledgers: their write-ahead logs at the last commit
        self._state = threading.local()
        self._really = {name: getattr(os, name) for name in ("open", "fsync", "replace")}
        for path in [folder, *folder.rglob("*")]:
            self._remember(path)

    # Places

    def place(self, what: str, *, sends: bool = False, node: str | None = None) -> None:
        """The node whose turn it is may fail here."""
        node = node or self._who()
        if self._quiet or node not in self.passed or (what.startswith("after") and self.mode in ("ENOSPC", "EIO")):
            return
        if node in self.failed and self.mode in ("kill", "power cut"):
            raise Dead(node)
        number = len(self.passed[node])
        self.passed[node].append(what)
        if self._deadly.get(node) != number:
            return
        self.failed[node] = what
        if self.mode in ("kill", "power cut"):
            self._on_death(node)
        if self.mode in ("kill", "power cut"):
            raise Dead(f"{node}: {what}")
        if sends:
            raise PeerLost(f"link: {what} failed")
        code = getattr(errno, self.mode)
        raise OSError(code, os.strerror(code))

    @property
    def _quiet(self) -> bool:
        """Whether this thread is at work for the disk itself."""
        return getattr(self._state, "quiet", False)

    @_quiet.setter
    def _quiet(self, quiet: bool) -> None:
        self._state.quiet = quiet

    def node_of(self, path) -> str | None:
        """Whose file it is, where no turn says so."""
        return None if self._who else Path(path).relative_to(self.folder).parts[0]

    @contextmanager
    def watching(self):
        """Put the places under the system calls and the ledgers."""
        with ExitStack() as stack:
            for name in ("write", "pwrite", "fsync", "fdatasync", "ftruncate"):
                stack.enter_context(patch.object(os, name, self._on_descriptor(name)))
            for name in ("replace", "rename", "unlink"):
                stack.enter_context(patch.object(os, name, self._on_path(name)))
            stack.enter_context(patch.object(os, "open", self._opened))
            begin = Database.__init__
            disk = self

            def opened(database, path, *args, **options):
                begin(database, path, *args, **options)
                if disk._mine(path):
                    database._connection = FailingConnection(database._connection, path, disk)

            stack.enter_context(patch.object(Database, "__init__", opened))
            yield self

    def _mine(self, path) -> bool:
        """A lock is no state: a process that really dies releases it."""
        return str(path).startswith(str(self.folder) + os.sep) and not str(path).endswith("lock")

    def _on_descriptor(self, name: str):
        really = getattr(os, name)

        def call(descriptor, *args):
            path = str(Path(f"/proc/self/fd/{descriptor}").readlink())
            if not self._mine(path) or self._quiet:
                return really(descriptor, *args)
            node = self.node_of(path)
            self.place(f"before {name} {Path(path).name}", node=node)
            result = really(descriptor, *args)
            if name in ("fsync", "fdatasync"):
                self._remember(Path(path))
            self.place(f"after {name} {Path(path).name}", node=node)
            return result

        return call

    def _on_path(self, name: str):
        really = getattr(os, name)

        def call(path, *args, **options):
            if not self._mine(path) or self._quiet:
                return really(path, *args, **options)
            node = self.node_of(path)
            self.place(f"before {name} {Path(path).name}", node=node)
            result = really(path, *args, **options)
            self.place(f"after {name} {Path(path).name}", node=node)
            return result

        return call

    def _opened(self, path, flags, *args, **options):
        if not self._mine(path) or self._quiet or not flags & os.O_CREAT:
            return self._really["open"](path, flags, *args, **options)
        self.place(f"before open {Path(path).name}", node=self.node_of(path))
        return self._really["open"](path, flags, *args, **options)

    # What is on the disk

    def _remember(self, path: Path) -> None:
        """What is synced now."""
        quiet, self._quiet = self._quiet, True
        try:
            if path.is_dir():
                self._entries[str(path)] = {entry.name: entry.inode() for entry in os.scandir(path)}
            elif path.is_file():
                inode = path.stat().st_ino
                kept = self._content.get(inode, (None, b""))[0]
                descriptor = self._really["open"](path, os.O_RDONLY) if kept is None else kept
                self._content[inode] = (descriptor, path.read_bytes())
                if path.suffix == ".sqlite":
                    log = path.with_name(path.name + "-wal")
                    self._logs[str(path)] = log.read_bytes() if log.exists() else b""
        finally:
            self._quiet = quiet

    def restore(self) -> None:
        """After a power cut: what was not synced may be gone. Every file must be closed."""
        if self.mode != "power cut":
            return
        for node in self.failed:
            self._restore_folder(self.folder / node)

    def _restore_folder(self, folder: Path) -> None:
        now = {entry.name: entry for entry in os.scandir(folder)}
        synced, coins = self._entries.get(str(folder), {}), {}
        for name in sorted({*now, *synced}):
            path = folder / name
            if name.endswith(("-journal", "lock", "-wal", "-shm")):
                continue
            changed = name not in now or name not in synced or now[name].inode() != synced[name]
            inode = now[name].inode() if name in now else synced[name]  # a rename is done as a whole or not at all
            back = changed and coins.setdefault(inode, self._random.random() < 0.5)
            if back and name not in synced:
                if not path.is_dir():
                    path.unlink()
                continue
            if path.is_dir():
                self._restore_folder(path)
                continue
            if not back and name not in now:
                continue
            inode = synced[name] if back else now[name].inode()
            descriptor, content = self._content.get(inode, (None, b""))
            if back or name.endswith(".sqlite") or self._random.random() < 0.5:
                mode = os.fstat(descriptor).st_mode if descriptor is not None else 0o600
                path.write_bytes(content)
                path.chmod(mode & 0o777)
            if name.endswith(".sqlite"):
                path.with_name(f"{name}-shm").unlink(missing_ok=True)
                path.with_name(f"{name}-wal").write_bytes(self._logs.get(str(path), b""))

    def close(self) -> None:
        """Forget what was kept."""
        for descriptor, _ in self._content.values():
            os.close(descriptor)
        self._content = {}


class FailingConnection:
    """A connection to SQLite whose commits are places; errors are those of SQLite."""

    def __init__(self, connection: sqlite3.Connection, path: Path, disk: FailingDisk) -> None:
        self._connection, self._path, self._disk = connection, Path(path), disk

    def execute(self, statement: str, values=()):
        """As of a connection."""
        if statement not in ("BEGIN IMMEDIATE", "COMMIT"):
            return self._connection.execute(statement, values)
        node = self._disk.node_of(self._path)
        try:
            self._disk.place(f"before {statement.lower()}", node=node)
        except OSError as problem:
            full = problem.errno == errno.ENOSPC
            raise sqlite3.OperationalError("database or disk is full" if full else "disk I/O error") from None
        result = self._connection.execute(statement, values)
        if statement == "COMMIT":
            self._disk._remember(self._path)
            self._disk.place("after commit", node=node)
        return result

    def __getattr__(self, name: str):
        return getattr(self._connection, name)
