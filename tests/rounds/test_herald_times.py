"""Herald times of stored rounds: points, pauses, a core whose clock begins anew."""

import numpy as np
import pytest

from contract.record_layout import RECORD_WORDS
from postprocess.errors import InvalidInput
from postprocess.rounds.herald_times import herald_times
from postprocess.rounds.pause_log import PauseCause, note_pause, pause_causes, pause_spans
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


def test_causes_of_pauses_are_kept_once_and_found_on_the_time_line(tmp_path):
    for _ in range(2):
        note_pause(tmp_path, 500, "alice: no herald, bob: ion lost")
    note_pause(tmp_path, 500, "alice: recalibration: herald rate 55 Hz after 100 Hz, bob: recalibration")
    note_pause(tmp_path, 0, "alice: calibrations too old")
    causes = pause_causes(tmp_path)
    assert [cause.after_round for cause in causes] == [500, 500, 0]
    assert causes[1].kinds == ("recalibration",)
    assert PauseCause(1, "alice: no herald").kinds == ("no herald",)
    rounds, seconds = np.array([1, 500, 501, 900]), np.array([0.0, 5.0, 65.0, 70.0])
    (span,) = pause_spans(rounds, seconds, causes)
    assert (span.after_round, span.start_s, span.seconds, span.what) == (500, 5.0, 60.0, "ion lost, recalibration")
    (tmp_path / "pauses.json").write_text('{"pauses": [[1]]}')
    with pytest.raises(InvalidInput, match=r"pauses\.json: damaged; delete it"):
        pause_causes(tmp_path)
    note_pause(tmp_path, 900, "bob: laser unlocked")
    assert pause_causes(tmp_path) == (PauseCause(900, "bob: laser unlocked"),)
