"""How far a ledger has come, kept beside it: an old copy of the ledger is behind, and is refused.

The number rises with every transaction, in the ledger first and then here, durably, before anything that the
transaction allows is sent. So this file may lag behind after a crash, and is never ahead of the true ledger.
"""

from __future__ import annotations

import os
from pathlib import Path

from postprocess.errors import InvalidInput
from postprocess.storage.private_files import changing, disk_errors, write_private

_MOST_BYTES = 32


class Generation:
    """The number beside the ledger at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(path.name + ".generation")

    def read(self) -> int:
        """The number; 0 where there is none yet. InvalidInput when the file is damaged."""
        try:
            with self.path.open("rb") as file:
                text = file.read(_MOST_BYTES)
            return int(text)
        except FileNotFoundError:
            return 0
        except ValueError:
            raise InvalidInput(
                f"{self.path}: damaged; whether the ledger beside it is the newest can no longer be told: provision a "
                "new home"
            ) from None

    def keep(self, number: int) -> None:
        """Put the number on disk; it never goes back, whichever of two processes comes last."""
        with changing(self.path.parent):
            if number <= self.read():
                return
            text = f"{number:<20}\n".encode()  # always as long, within one sector: there before or after, never half
            if self.path.exists():
                self._overwrite(text)
            else:
                write_private(self.path, text)

    def _overwrite(self, text: bytes) -> None:
        """In place: one sync of a few bytes, as often as a ledger commits."""
        with disk_errors(self.path):
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.pwrite(descriptor, text, 0)
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)

    def require_not_behind(self, number: int, noted: int) -> None:
        """Refuse a ledger that is older than what it had done already when `noted` was read here, or one that has lost
        this file."""
        if noted > number or (noted == 0 and number > 1):
            raise InvalidInput(
                f"{self.path.with_suffix('')}: "
                + ("an old copy" if noted else f"without {self.path.name} beside it")
                + ", whose pads may be spent already; put the newest ledger and its .generation back, or provision new "
                "homes"
            )
