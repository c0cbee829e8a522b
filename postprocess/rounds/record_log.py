"""The record file of a session, read frame by frame beside whoever writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from postprocess.rounds.round_files import RECORDS_FILE
from postprocess.rounds.round_records import RoundRecords
from postprocess.rounds.round_store import RECORDS, SPAN
from postprocess.storage.framed_log import FramedLog


def stored_records(folder: Path) -> Iterator[tuple[int, RoundRecords]]:
    """(first round, records) of every hand-out that was kept, in order; lost rounds have none.

    Raises:
        InvalidInput: missing or damaged file.
    """
    log = FramedLog(folder / RECORDS_FILE, longest_payload=1 << 30, read_only=True)
    for kind, payload in log.frames():
        if kind == RECORDS:
            yield SPAN.unpack_from(payload)[0], RoundRecords.from_words(np.frombuffer(payload, "<i4", offset=SPAN.size))
