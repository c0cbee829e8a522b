"""Files that a command writes its result to: tried before the work, written whole after the result was shown."""

from __future__ import annotations

import os
from pathlib import Path

from postprocess.errors import InvalidInput
from postprocess.storage.whole_files import draft_of, write_whole


def require_writable(path: Path, option: str) -> None:
    """InvalidInput, in one line, unless `path` can be written; nothing is left behind."""
    if not path.parent.is_dir():
        raise InvalidInput(f"{option} {path}: no folder {path.parent}; create it first")
    existed = path.exists()
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o666))
        if not existed:
            path.unlink()
        if not existed or path.is_file():
            draft = draft_of(Path(os.path.realpath(path)))
            os.close(os.open(draft, os.O_WRONLY | os.O_CREAT, 0o666))
            draft.unlink()
    except OSError as problem:
        raise InvalidInput(f"{option} {path}: cannot be written ({problem.strerror}); name another file") from None


def require_folder(folder: Path, option: str) -> None:
    """InvalidInput, in one line, unless `folder` is one or can be made, and files can be made in it."""
    made = [part for part in (folder, *folder.parents) if not part.exists()]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.write_bytes(bytes(4096))
        probe.unlink()
    except OSError as problem:
        raise InvalidInput(f"{option} {folder}: cannot be used ({problem.strerror}); name another folder") from None
    finally:
        for part in made:
            if part.is_dir() and not any(part.iterdir()):
                part.rmdir()


def write_result(path: Path, text: str, option: str) -> None:
    """Write a result that has been shown already.

    Raises:
        InvalidInput: the file cannot be written; what was there before is still there.
    """
    try:
        write_whole(path, text.encode())
    except OSError as problem:
        raise InvalidInput(f"{option} {path}: not written ({problem.strerror}); the result above is complete") from None
