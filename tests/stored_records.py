"""What a store's record file holds, read frame by frame."""

import numpy as np

from contract.record_layout import RECORD_WORDS
from postprocess.rounds.round_store import RECORDS, SPAN
from postprocess.storage.framed_log import FramedLog


def stored_records(folder):
    """(first round, words int32 (count, RECORD_WORDS)) of all records in order; lost rounds have none."""
    log = FramedLog(folder / "records.log", longest_payload=1 << 30, read_only=True)
    for kind, payload in log.frames():
        if kind == RECORDS:
            first, count = SPAN.unpack_from(payload)
            yield first, np.frombuffer(payload, "<i4", offset=SPAN.size).reshape(count, RECORD_WORDS)
    log.close()
