"""A key leaves the ledger for a file, once, whatever is killed on the way.

1. The key in a temporary file beside its destination, on disk. 2. The ledger commits itself to that destination.
3. The temporary file gets its name. 4. What the key was made from is erased, then the key. Before 2 nothing has
happened; after it the same call finishes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from postprocess.errors import DiqkdError, InvalidInput
from postprocess.keystore.key_records import KeyRecord
from postprocess.keystore.ledger import Keystore
from postprocess.storage.private_files import sync_folder


def deliver(
    keystore: Keystore,
    key_id: str,
    file: Path,
    *,
    allow_emulated: bool = False,
    allow_insecure: bool = False,
    erase_strings: Callable[[], None] = lambda: None,
) -> KeyRecord:
    """Write a key to a new file (0600, packed, most significant bit first), or finish a delivery to it.

    Args:
        erase_strings: erases that from which the key could be computed again; called before the key is erased.

    Raises:
        InvalidInput: not active, delivered already, on its way elsewhere, emulated or insecure and not asked for by
            name; the file exists or cannot be written; an interrupted delivery's file is gone.
    """
    file = file.absolute()
    record = keystore.key_records.require_deliverable(
        key_id, str(file), allow_emulated=allow_emulated, allow_insecure=allow_insecure
    )
    part = file.with_name(f".{file.name[:100]}.{key_id}.part")
    if record.state == "active":
        if os.path.lexists(file):
            raise InvalidInput(f"{file}: exists; choose a new file")
        _write_part(part, np.packbits(keystore.key_records.bits(key_id), bitorder="big").tobytes())
        try:
            keystore.key_records.begin_delivery(key_id, str(file))
        except InvalidInput:  # it has gone elsewhere in this moment, and must not lie here as well
            found = keystore.key(key_id)
            if (found.state, found.destination) != ("delivering", str(file)):
                part.unlink(missing_ok=True)
            raise
    _give_name(part, file, key_id)
    erase_strings()
    keystore.key_records.finish_delivery(key_id)
    return record


def _write_part(part: Path, content: bytes) -> None:
    """The key on disk under its temporary name; nothing remains of it when that fails."""
    try:
        part.unlink(missing_ok=True)  # of an attempt that ended before the ledger knew of it
        descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    except OSError as problem:
        raise InvalidInput(
            f"{part.parent}: no file can be made there ({problem.strerror}); give a folder of yours"
        ) from None
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        sync_folder(part.parent)
    except (OSError, DiqkdError) as problem:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        why = getattr(problem, "strerror", problem)
        raise InvalidInput(f"{part.parent}: cannot take the key ({why}); it is still in the ledger") from None


def _give_name(part: Path, file: Path, key_id: str) -> None:
    if part.exists():
        if os.path.lexists(file):
            raise InvalidInput(f"{file}: exists beside the unfinished {part.name}; move it away, then run this again")
        try:
            part.rename(file)
            sync_folder(file.parent)
        except (OSError, DiqkdError) as problem:
            why, place = getattr(problem, "strerror", problem), file if file.exists() else part
            raise InvalidInput(
                f"{file}: cannot be named ({why}); run the same command again when it can, the key is in {place}"
            ) from None
    elif not file.exists():
        raise InvalidInput(
            f"key '{key_id}': neither {file} nor {part.name} is there any more; somebody has it, it is not handed "
            "out twice: `diqkd keys forget` closes its account"
        )
