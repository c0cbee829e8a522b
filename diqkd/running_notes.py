"""What the diqkd commands of this user do right now: one note per command, for `diqkd status` in another shell.

    $XDG_RUNTIME_DIR/diqkd/PID.json, or TMPDIR/diqkd-UID/PID.json     title, folder, how far, since when
    .../PID.lock                                                      locked as long as the command runs
A note has public things alone: what a person at the command's terminal sees of its progress.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

EVERY_S = 1.0


@dataclass
class Note:
    """One command.

    Attributes:
        pid, title, folder: process, what it does, its laboratory or home (empty: none).
        started, updated: s since 1970.
        share, text: how much of the work is done, 0 to 1, and what goes on.
        first, pace_from: share that was done before, and since when the pace counts.
    """

    pid: int
    title: str
    folder: str
    started: float
    updated: float
    share: float = 0.0
    text: str = "starting"
    first: float = 0.0
    pace_from: float | None = None

    @property
    def remaining_s(self) -> float | None:
        """Estimated time to the end, from the pace so far; None while unknown."""
        done = self.share - self.first
        if done <= 0 or self.share >= 1:
            return None
        return (self.updated - (self.pace_from or self.started)) * (1 - self.share) / done


class RunningNote:
    """The note of this command; call it with what is done."""

    def __init__(self, note: Note, path: Path | None) -> None:
        self._note, self._path = note, path
        self._written = 0.0

    def begin_at(self, share: float) -> None:
        """So much was done before: the pace counts from here."""
        self._note.first, self._note.share, self._note.pace_from = share, share, time.time()

    def __call__(self, share: float, text: str) -> None:
        """`share` of the work is done; `text` says what goes on."""
        changed = text != self._note.text
        self._note.share, self._note.text, self._note.updated = share, text, time.time()
        if self._path is not None and (changed or time.time() - self._written >= EVERY_S):
            self.write()

    def write(self) -> None:
        """Write the note whole."""
        if self._path is None:
            return
        self._written = time.time()
        draft = self._path.with_suffix(".new")
        with suppress(OSError), os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(asdict(self._note), file)
            draft.replace(self._path)


@contextmanager
def running(title: str, folder: Path | None = None) -> Iterator[RunningNote]:
    """While inside, `diqkd status` shows this command; where no note can be kept it runs without one."""
    now = time.time()
    note = Note(os.getpid(), title, "" if folder is None else str(folder.absolute()), now, now)
    place = _place(make=True)
    lock = None if place is None else _lock(place / f"{note.pid}.lock")
    kept = RunningNote(note, None if lock is None or place is None else place / f"{note.pid}.json")
    kept.write()
    try:
        yield kept
    finally:
        if lock is not None and place is not None:
            _forget(place, note.pid)
            os.close(lock)


def notes() -> list[Note]:
    """All commands that run, oldest first; notes of those that were killed are removed."""
    place, found = _place(make=False), []
    for path in sorted(place.glob("*.json")) if place else []:
        with suppress(OSError, ValueError, TypeError):
            note = Note(**json.loads(path.read_text()))
            if note.pid != os.getpid() and _is_free(path.with_suffix(".lock")):
                _forget(path.parent, note.pid)
            else:
                found.append(note)
    return sorted(found, key=lambda note: note.started)


def _place(make: bool) -> Path | None:
    """The folder of the notes, this user's alone; None where there is none."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    own = Path(runtime) / "diqkd" if runtime.startswith("/") else Path(tempfile.gettempdir()) / f"diqkd-{os.getuid()}"
    try:
        if make:
            own.mkdir(mode=0o700, exist_ok=True)
        told = own.lstat()
    except OSError:
        return None
    private = told.st_uid == os.getuid() and not told.st_mode & 0o077
    return own if own.is_dir() and not own.is_symlink() and private else None


def _lock(path: Path) -> int | None:
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return descriptor
    return None


def _is_free(path: Path) -> bool:
    descriptor = _lock(path)
    if descriptor is None:
        return False
    os.close(descriptor)
    return True


def _forget(place: Path, pid: int) -> None:
    for name in (f"{pid}.json", f"{pid}.lock"):
        (place / name).unlink(missing_ok=True)
