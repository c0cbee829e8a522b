"""Reading of files that may be damaged: bounded in size before they are read, and every failure is one line."""

from __future__ import annotations

import json
import math
import os
import stat
from pathlib import Path
from typing import Any

from postprocess.errors import InvalidInput

MOST_BYTES = 1 << 20


class MissingFile(InvalidInput):
    """There is no such file."""


def read_bytes(path: Path | str, remedy: str, most: int = MOST_BYTES) -> bytes:
    """Content of a regular file of at most `most` bytes.

    Args:
        remedy: what the operator can do when it does not read, for instance "restore it from a copy".

    Raises:
        MissingFile: no such file.
        InvalidInput: a folder, a device, too long, or the disk refuses.
    """
    try:
        # A pipe that nobody writes to would block the opening, a device the reading.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise MissingFile(f"{path}: missing; {remedy}") from None
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else problem
        raise InvalidInput(f"{path}: cannot be read ({reason}); {remedy}") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise InvalidInput(f"{path}: not a regular file; {remedy}")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = b"" if status.st_size > most else file.read(most + 1)
        if status.st_size > most or len(content) > most:
            raise InvalidInput(f"{path}: longer than {most} bytes; {remedy}")
        return content
    except OSError as problem:
        raise InvalidInput(f"{path}: cannot be read ({problem.strerror}); {remedy}") from None
    finally:
        os.close(descriptor)


def read_text(path: Path | str, remedy: str, most: int = MOST_BYTES) -> str:
    """Content of a UTF-8 file; raises as `read_bytes` does."""
    try:
        return read_bytes(path, remedy, most).decode()
    except UnicodeDecodeError:
        raise InvalidInput(f"{path}: not text in UTF-8; {remedy}") from None


def read_object(path: Path | str, remedy: str, most: int = MOST_BYTES) -> dict[str, Any]:
    """A JSON object whose numbers are all finite; raises as `read_bytes` does."""
    try:
        content = json.loads(read_text(path, remedy, most), parse_float=_finite, parse_constant=_finite)
    except InvalidInput:
        raise
    except (ValueError, RecursionError) as problem:
        reason = "nested too deeply" if isinstance(problem, RecursionError) else problem
        raise InvalidInput(f"{path}: not JSON of this kind ({reason}); {remedy}") from None
    if not isinstance(content, dict):
        raise InvalidInput(f"{path}: must hold a JSON object; {remedy}")
    return content


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:20]} is not finite")
    return value
