"""A key leaves the ledger for a file, once, whatever is killed on the way.

1. An empty temporary file beside the destination. 2. The ledger notes the destination: a copy may lie there. 3. The key
in the temporary file, on disk. 4. The ledger commits itself to that destination. 5. The temporary file gets its name.
6. What the key was made from is erased, then the key. After 4 the same call finishes. Before it the key is still free,
but goes nowhere before the temporary file is overwritten; what is noted has a file, so that one which is not there is
on a medium that is away, or in somebody's hands, and never taken for erased.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from postprocess.errors import DiqkdError, InvalidInput
from postprocess.keystore.key_records import KeyRecord
from postprocess.keystore.ledger import Keystore
from postprocess.storage.private_files import erase_file, lock_file, overwrite_file, sync_folder

LOCK = "delivery.lock"


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
            name; the file exists or cannot be written; what an interrupted delivery has left is gone or cannot be
            erased; another process delivers.
    """
    file = file.absolute()
    with _alone(keystore):
        record = keystore.key_records.require_deliverable(
            key_id, str(file), allow_emulated=allow_emulated, allow_insecure=allow_insecure
        )
        part = _part(file, key_id)
        if record.state == "active":
            if os.path.lexists(file):
                raise InvalidInput(f"{file}: exists; choose a new file")
            _erase_leftover(keystore, record)
            _commit_to(keystore, key_id, file, part)
        elif os.path.lexists(part):
            _fill_part(part, _content(keystore, key_id))  # `forget_key`, killed, may have overwritten it
        _give_name(part, file, key_id)
        erase_strings()
        keystore.key_records.finish_delivery(key_id)
    return record


def leftover(record: KeyRecord) -> Path | None:
    """The temporary file in which an interrupted delivery has left a copy of this key, or may have."""
    if record.destination is None or record.state not in ("active", "delivering"):
        return None
    part = _part(Path(record.destination), record.key_id)
    return part if record.state == "active" or os.path.lexists(part) else None


def interrupted(keystore: Keystore) -> list[str]:
    """One line for each delivery that was not finished: what has been left where, and what to do."""
    found = []
    for record in keystore.key_records.records():
        part = leftover(record)
        if record.state == "delivering":
            found.append(
                f"key {record.key_id}: its delivery to {record.destination} was interrupted; run that command again"
            )
        elif part is not None:
            found.append(
                f"key {record.key_id}: an interrupted delivery has left a copy in {part}; `diqkd keys deliver`, to any "
                "place, and `diqkd keys forget --with-key` erase that first"
            )
    return found


def erase_leftover(keystore: Keystore, key_id: str) -> None:
    """Erase what an interrupted delivery has left of a key that is still free; nothing where there is none.

    Raises:
        InvalidInput: it cannot be erased, or is not there; another process delivers.
    """
    record = next((each for each in keystore.key_records.records() if each.key_id == key_id), None)
    if record is not None and record.state == "active" and leftover(record) is not None:
        with _alone(keystore):
            _erase_leftover(keystore, keystore.key(key_id))


def forget_key(keystore: Keystore, key_id: str) -> None:
    """Erase a key that nobody wants, with what a delivery has left of it; one that is in its file counts as delivered.

    Raises:
        InvalidInput: what is left cannot be erased; another process delivers.
    """
    record = next((each for each in keystore.key_records.records() if each.key_id == key_id), None)
    if record is None or record.state not in ("active", "delivering"):
        return
    with _alone(keystore):
        record = keystore.key(key_id)
        part = leftover(record)
        if part is not None:
            _overwrite(part, key_id)
        if record.state == "delivering" and part is None:
            keystore.key_records.finish_delivery(key_id)
        else:
            keystore.key_records.forget(key_id)
        if part is not None:
            _remove(part)


def _part(file: Path, key_id: str) -> Path:
    return file.with_name(f".{file.name[:100]}.{key_id}.part")


@contextmanager
def _alone(keystore: Keystore) -> Iterator[None]:
    """One process at a time makes and erases temporary files."""
    folder = keystore.path.parent
    descriptor = lock_file(folder / LOCK, f"{folder}: another process delivers a key; wait for it")
    try:
        yield
    finally:
        os.close(descriptor)


def _erase_leftover(keystore: Keystore, record: KeyRecord) -> None:
    """Overwritten, then said so in the ledger, then removed: what is noted there always has a file."""
    part = leftover(record)
    if record.state == "active" and part is not None:
        _overwrite(part, record.key_id)
        keystore.key_records.withdraw_delivery(record.key_id)
        _remove(part)


def _overwrite(part: Path, key_id: str) -> None:
    if not os.path.lexists(part):
        raise InvalidInput(
            f"key '{key_id}': an interrupted delivery has left a copy in {part}, which is not there; bring its medium "
            "back, or, if it is destroyed for good, make an empty file of that name"
        )
    try:
        overwrite_file(part)
    except DiqkdError as problem:
        raise InvalidInput(f"key '{key_id}': the copy that an interrupted delivery has left: {problem}") from None


def _remove(part: Path) -> None:
    """An empty or overwritten one: if it stays, nothing is lost."""
    with suppress(OSError, DiqkdError):
        part.unlink(missing_ok=True)
        sync_folder(part.parent)


def _commit_to(keystore: Keystore, key_id: str, file: Path, part: Path) -> None:
    """The key in its temporary file, and the ledger committed to its destination; or nothing of both."""
    content = _content(keystore, key_id)
    _make_part(part)
    try:
        keystore.key_records.intend_delivery(key_id, str(file))
        _fill_part(part, content)
        keystore.key_records.begin_delivery(key_id, str(file))
    except DiqkdError:
        with suppress(DiqkdError):  # what cannot be erased now is noted in the ledger
            record = keystore.key(key_id)
            if record.state == "active" and record.destination is None:
                _remove(part)
            _erase_leftover(keystore, record)
        raise


def _content(keystore: Keystore, key_id: str) -> bytes:
    return np.packbits(keystore.key_records.bits(key_id), bitorder="big").tobytes()


def _make_part(part: Path) -> None:
    """The empty temporary file."""
    try:
        erase_file(part)  # an empty one, of an attempt that ended before the ledger knew of it
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
        sync_folder(part.parent)
    except (OSError, DiqkdError) as problem:
        _remove(part)
        why = getattr(problem, "strerror", problem)
        raise InvalidInput(f"{part.parent}: no file can be made there ({why}); give a folder of yours") from None


def _fill_part(part: Path, content: bytes) -> None:
    """The key on disk under its temporary name."""
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as problem:
        raise InvalidInput(
            f"{part.parent}: cannot take the key ({problem.strerror}); it is still in the ledger"
        ) from None


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
