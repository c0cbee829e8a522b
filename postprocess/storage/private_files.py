"""Files of a node that nobody else may read: folders 0700, files 0600, replaced as a whole or not at all."""

from __future__ import annotations

import fcntl
import os
import shlex
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from postprocess.errors import DiqkdError, InvalidInput
from postprocess.storage.whole_files import write_whole


def private_folder(folder: Path) -> Path:
    """The folder, made with mode 0700 where it is missing; the entry is on disk when this returns."""
    if not folder.is_dir():
        parents = [parent for parent in (folder, *folder.parents) if not parent.exists()]
        for missing in reversed(parents):
            with disk_errors(missing):
                missing.mkdir(mode=0o700, exist_ok=True)
                missing.chmod(0o700)
            sync_folder(missing.parent)
    return folder


def write_private(path: Path, content: bytes) -> None:
    """Write a 0600 file durably; after a crash either all of it is there or nothing has changed.

    Raises:
        DiqkdError: the disk refused; nothing has changed.
    """
    with disk_errors(path):
        write_whole(path, content, 0o600)
    sync_folder(path.parent)


def erase_file(path: Path) -> None:
    """Overwrite a file with zeros and remove it, durably; none is erased already. DiqkdError: the disk refuses."""
    if os.path.lexists(path):
        overwrite_file(path)
        with disk_errors(path):
            path.unlink()
        sync_folder(path.parent)


def overwrite_file(path: Path) -> None:
    """Replace the content of a file by zeros, durably; DiqkdError: not there, or the disk refuses."""
    with disk_errors(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
        try:
            left, chunk = os.fstat(descriptor).st_size, bytes(1 << 20)
            while left > 0:
                left -= os.write(descriptor, chunk[:left])
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """What the system says when it refuses to write becomes one line, a DiqkdError."""
    try:
        yield
    except OSError as problem:
        raise DiqkdError(f"{path}: cannot be written ({problem.strerror}); make room and start again") from problem


def sync_folder(folder: Path) -> None:
    """Put the folder's entries on disk; DiqkdError when the disk refuses."""
    with disk_errors(folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def changing(folder: Path) -> Iterator[None]:
    """For the short time in which a file of the folder is read, changed and replaced: others wait for their turn.

    Raises:
        InvalidInput: no such folder.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as problem:
        raise InvalidInput(f"{folder}: cannot be opened ({problem.strerror}); name another folder") from problem
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def lock_folder(folder: Path) -> int:
    """Keep other processes from working in the folder; see `lock_file`."""
    return lock_file(folder / "lock", f"{folder}: another process is at work on this session; wait for it or stop it")


def lock_file(lock: Path, refusal: str) -> int:
    """Hold a lock as long as this process lives; returns the descriptor that holds it (a kill releases it).

    Raises:
        InvalidInput: another process holds it (`refusal`), or it cannot be opened.
    """
    try:
        descriptor = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as problem:
        raise InvalidInput(f"{lock}: cannot be opened ({problem.strerror}); remove it") from problem
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
        os.close(descriptor)
        named = f" (process {holder})" if holder.isdecimal() else ""
        raise InvalidInput(f"{refusal}{named}") from problem
    with suppress(OSError):  # the lock holds without the name
        os.pwrite(descriptor, f"{os.getpid():<20}".encode(), 0)
    return descriptor


def require_private(path: Path) -> None:
    """Refuse a file, or a folder and all that is in it, that others may read; InvalidInput names the first."""
    _refuse_if_open(path)
    for part in sorted(path.rglob("*")):
        _refuse_if_open(part)


def require_private_folder(folder: Path) -> None:
    """Refuse a folder that others may enter, whatever is in it."""
    _refuse_if_open(folder)


def _refuse_if_open(path: Path) -> None:
    with suppress(FileNotFoundError):  # a temporary file of another process
        if stat.S_IMODE(path.lstat().st_mode) & 0o077 and not path.is_symlink():
            remedy = f"chmod -R go= {shlex.quote(str(path))}"
            raise InvalidInput(f"{path}: others may read it; run `{remedy}`, and find out who has")
