"""Temporary laboratories: removed when the command ends, by the next one where it was killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from postprocess.errors import InvalidInput


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """A new private folder, locked while in use; those with the same prefix that killed commands left are removed.

    Raises:
        InvalidInput: there is no room for temporary files.
    """
    remove_stale(prefix)
    try:
        folder = Path(tempfile.mkdtemp(prefix=prefix))
        lock = _locked(folder)
    except OSError as problem:
        raise InvalidInput(
            f"no temporary folder ({problem}); make room, name another with TMPDIR, or use --keep"
        ) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def remove_stale(prefix: str) -> None:
    """Remove this user's folders that no process has locked, and say so: they hold ledgers."""
    try:
        found = [path for path in Path(tempfile.gettempdir()).glob(f"{prefix}*") if path.lstat().st_uid == os.getuid()]
    except OSError:
        return
    for folder in found:
        lock = _locked(folder)
        if lock is None:
            continue
        with suppress(OSError):
            shutil.rmtree(folder)
            print(f"diqkd: removed {folder}, left by a command that was killed", file=sys.stderr)
        os.close(lock)


def _locked(folder: Path) -> int | None:
    """The descriptor that holds the folder's lock; None when another process does, or it is no folder."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
