"""Herald times of stored rounds: points, pauses, a core whose clock begins anew."""

import numpy as np
import pytest

from contract.record_layout import RECORD_WORDS
from postprocess.rounds.herald_times import herald_times
from postprocess.rounds.round_files import RECORDS_FILE
from postprocess.rounds.round_records import RoundRecords
from postprocess.rounds.round_store import RECORDS, SPAN
from postprocess.storage.framed_log import FramedLog


def store(folder, *pieces):
    """Pieces (first round, times in s) of stored records; what else a record says is of no interest here."""
    log = FramedLog(FramedLog.create(folder / RECORDS_FILE) or folder / RECORDS_FILE, longest_payload=1 << 30)
    for first, seconds in pieces:
        n = len(seconds)
        times = np.round(np.asarray(seconds) * 1e9).astype(np.int64)
        none = np.zeros(n, np.uint8)
        words = RoundRecords(times, np.ones(n, np.int64), none + 5, none, none, none, none, none.astype(int)).to_words()
        assert words.shape == (n, RECORD_WORDS)
        log.append(RECORDS, SPAN.pack(first, n) + words.astype("<i4").tobytes())
    log.close()


def test_no_rounds(tmp_path):
    store(tmp_path)
    found = herald_times(tmp_path)
    assert len(found.rounds) == len(found.seconds) == len(found.rates_hz) == 0 and found.pauses == ()
    assert found.measuring_s == 0


def test_a_pause_is_a_step_of_the_line(tmp_path):
    steady = 100 + 0.02 * np.arange(100)
    store(tmp_path, (0, steady[:50]), (50, steady[50:] + 600))
    found = herald_times(tmp_path)
    assert found.rounds.tolist() == [1, 50, 51, 100]
    np.testing.assert_allclose(found.seconds, [0, 0.98, 601.0, 601.98])
    (pause,) = found.pauses
    assert pause.after_round == 50 and pause.seconds == pytest.approx(600.02)
    assert found.measuring_s == pytest.approx(1.96)
    np.testing.assert_allclose(found.rates_hz, [50, 50])


def test_a_pause_within_a_piece_has_both_its_ends(tmp_path):
    store(tmp_path, (0, [0.0, 0.1, 0.2, 30.0, 30.1]))
    found = herald_times(tmp_path)
    assert found.rounds.tolist() == [1, 3, 4, 5]
    np.testing.assert_allclose(found.seconds, [0, 0.2, 30, 30.1])


def test_slow_heralds_are_no_pauses(tmp_path):
    times = np.cumsum(np.random.default_rng(1).exponential(3.0, 2000))
    store(tmp_path, (0, times))
    assert herald_times(tmp_path).pauses == ()


def test_a_clock_that_begins_anew_is_a_pause_of_unknown_length(tmp_path):
    store(tmp_path, (0, [5.0, 5.1, 5.2]), (3, [1.0, 1.1]), (5, [1.2]))
    found = herald_times(tmp_path)
    assert [(pause.after_round, pause.seconds) for pause in found.pauses] == [(3, None)]
    assert found.rounds[-1] == 6 and found.seconds[-1] == pytest.approx(0.4)
    assert (np.diff(found.seconds) >= 0).all()
