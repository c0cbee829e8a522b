"""Monte-Carlo trials: samples follow the plan, counts add up, and an interrupted run continues."""

import json
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import numpy as np
import pytest

from postprocess.errors import InvalidInput
from postprocess.estimation.priors import Priors, priors_from_score
from postprocess.reconciliation import make_code, protograph
from postprocess.reconciliation.trials import TrialCounts, TrialPlan, TrialRecord, draw_rounds, run_batch, run_trials

SKEWED = Priors(test=((0.411, 0.0842), (0.0813, 0.4237)), key=((0.5017, 0.011), (0.0034, 0.4839)))


def plan(n=20_000, syndrome_bits=11_000, **changes):
    fields = {"gamma": 0.3, "statistics": SKEWED, "priors": SKEWED} | changes
    return TrialPlan(n=n, syndrome_bits=syndrome_bits, **fields)


def test_samples_follow_the_joint_distributions():
    alice, bob, x, y = draw_rounds(plan(n=400_000), 3)
    is_test = y < 2
    assert is_test.mean() == pytest.approx(0.3, abs=0.005)
    assert not x[~is_test].any()
    flipped = bob ^ ((x == 1) & (y == 1))
    for rounds, table in ((is_test, SKEWED.test), (~is_test, SKEWED.key)):
        for a in (0, 1):
            for b in (0, 1):
                measured = np.mean((alice == a)[rounds] & (flipped == b)[rounds])
                assert measured == pytest.approx(table[a][b], abs=0.005)


def test_samples_are_fresh_and_repeatable():
    first, again, other = (draw_rounds(plan(), k)[0] for k in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_batch_counts_successes_and_failures():
    assert run_batch(plan(), 0, 4).failures == 0
    hopeless = run_batch(plan(syndrome_bits=5000), 0, 2)
    assert (hopeless.samples, hopeless.failures, hopeless.failed) == (2, 2, (0, 1))
    assert hopeless.undetected == 0


def test_interrupted_run_continues_to_the_same_counts(tmp_path):
    class Interrupted(Exception):
        pass

    def interrupt(counts):
        if counts.samples >= 16:
            raise Interrupted

    whole = run_batch(plan(), 0, 30)
    record = tmp_path / "counts.json"
    with ThreadPoolExecutor(1) as pool, pytest.raises(Interrupted):
        run_trials(plan(), 30, record=record, executor=pool, parallel=1, progress=interrupt)
    assert 16 <= TrialRecord(plan(), record).counts.samples < 30
    computed = []
    with ThreadPoolExecutor(1) as pool:
        counts = run_trials(
            plan(), 30, record=record, executor=pool, parallel=1, progress=lambda c: computed.append(c.samples)
        )
    assert computed[0] > 16
    assert (counts.samples, counts.failures, counts.iterations) == (30, whole.failures, whole.iterations)
    assert json.loads(record.read_text())["plan"]["n"] == 20_000


def test_record_of_another_plan_is_refused(tmp_path):
    record = tmp_path / "counts.json"
    TrialRecord(plan(), record).keep(0, TrialCounts(samples=8))
    with pytest.raises(InvalidInput, match="another plan"):
        TrialRecord(plan(gamma=0.2), record)


def test_counts_of_another_construction_are_refused(tmp_path, monkeypatch):
    record = tmp_path / "counts.json"
    TrialRecord(plan(), record).keep(0, TrialCounts(samples=8))
    assert TrialRecord(plan(), record).counts.samples == 8
    name, fingerprint = plan().short_name(), plan().code().fingerprint
    monkeypatch.setattr(protograph, "_SHORTEST_WITH_HALVES", 1)
    make_code.cache_clear()
    try:
        assert plan().code().fingerprint != fingerprint and plan().short_name() != name
        with pytest.raises(InvalidInput, match="built by another version") as refusal:
            TrialRecord(plan(), record)
        with pytest.raises(InvalidInput, match="same diqkd for all workers"):
            run_batch(plan(), 0, 1, fingerprint=fingerprint)
    finally:
        make_code.cache_clear()
    assert "\n" not in str(refusal.value)


def test_missing_batches_fill_the_gaps():
    record = TrialRecord(plan())
    record.keep(8, TrialCounts(samples=8))
    assert list(record.missing(30)) == [(0, 8), (16, 8), (24, 6)]
    assert list(record.missing(12)) == [(0, 8)]
    record.keep(0, TrialCounts(samples=8))
    assert list(record.missing(16)) == []


def test_local_processes():
    counts = run_trials(plan(), 10, parallel=1)
    assert (counts.samples, counts.failures) == (10, 0)


@pytest.mark.parametrize(
    ("failures", "samples", "interval"),
    [(3, 15_000, (4.13e-5, 5.84e-4)), (0, 100, (0.0, 0.03622)), (100, 100, (0.96378, 1.0)), (0, 0, (0.0, 1.0))],
)
def test_clopper_pearson(failures, samples, interval):
    assert TrialCounts(samples=samples, failures=failures).interval() == pytest.approx(interval, rel=3e-3)


def test_decoder_may_believe_other_statistics():
    believed = priors_from_score(2.64, 0.018)
    assert run_batch(plan(priors=believed, syndrome_bits=13_000), 0, 3).failures == 0


def test_one_process_at_a_time_fills_a_file_of_counts(tmp_path):
    """Case L6: the last of two writers would win, and the other's samples be lost."""
    record = tmp_path / "counts.json"
    seen = []

    def second(counts):
        with pytest.raises(InvalidInput, match=r"counts.json: another process is counting into this file"):
            run_trials(plan(), 16, record=record, executor=AtOnce())
        seen.append(counts.samples)

    assert run_trials(plan(), 16, record=record, executor=AtOnce(), parallel=1, progress=second).samples == 16
    assert seen == [8, 16]
    assert run_trials(plan(), 24, record=record, executor=AtOnce()).samples == 24


class AtOnce(Executor):
    """Runs in this process, when asked."""

    def submit(self, work, /, *arguments, **named):
        done = Future()
        done.set_result(work(*arguments, **named))
        return done


@pytest.mark.parametrize(
    "change",
    [{"samples": -3}, {"failures": 9}, {"samples": 1.5}, {"failed": [1, 1], "failures": 2}, {"decode_s": "x"},
     {"failed": 5}, {"colour": 1}],
)  # fmt: skip
def test_counts_that_cannot_be_are_refused(tmp_path, change):
    record = tmp_path / "counts.json"
    TrialRecord(plan(), record).keep(0, TrialCounts(samples=8))
    stored = json.loads(record.read_text())
    stored["batches"]["0"] |= change
    record.write_text(json.dumps(stored))
    with pytest.raises(InvalidInput, match="not a file of counts"):
        TrialRecord(plan(), record)


@pytest.mark.parametrize("samples", [0, -3])
def test_no_samples_are_refused(samples):
    with pytest.raises(InvalidInput, match="must be 1 or more"):
        run_trials(plan(), samples)
