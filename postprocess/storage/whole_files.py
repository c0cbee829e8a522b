"""Files that are replaced as a whole: whoever looks, or comes after a crash, sees the old content or all of the new."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

PUBLIC = 0o666  # less the umask


def draft_of(path: Path) -> Path:
    """Where the new content is written before it gets its name: the same folder, hidden."""
    return path.with_name(f".{path.name}.new")


def write_whole(path: Path, content: bytes, mode: int = PUBLIC) -> None:
    """Write a file and put its content on disk; behind a link, the file that it names.

    What is no regular file (a pipe, a terminal) is written as it is.

    Raises:
        OSError: the disk refused; nothing has changed.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    draft = draft_of(path)
    try:
        descriptor = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode)
        try:
            if mode != PUBLIC:
                os.fchmod(descriptor, mode)
            view = memoryview(content)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            draft.unlink()  # no half of a secret stays behind
        raise
