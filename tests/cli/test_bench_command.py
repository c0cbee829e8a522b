"""`diqkd bench reconciliation`: counts, continuation, and the same counts from a Dask cluster."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_runs import diqkd

from diqkd.bench_display import SampleBar
from diqkd.main import build_parser
from postprocess.errors import InvalidInput
from postprocess.reconciliation.trials import TrialCounts
from postprocess.support.worker_pool import dask_workers, local_workers

SMALL = ("--rounds", "20000", "--workers", "1", "--json")


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def bench(samples, *options):
    return diqkd("bench", "reconciliation", "--samples", samples, *options)


def test_counts_and_continues():
    first = bench(10, *SMALL)
    assert first.status == 0, first.err
    (state,) = Path().glob("reconciliation-*.json")
    kept = json.loads(state.read_text())["batches"]
    more = bench(24, *SMALL).json
    assert first.json["samples"] == 10 and more["samples"] == 24
    assert kept.items() <= json.loads(state.read_text())["batches"].items()
    assert more["plan"]["n"] == 20_000 and more["plan"]["code_seed"] == 2022
    assert more["failures"] == 0 and more["interval"] == [0.0, pytest.approx(0.1425, abs=1e-3)]


def test_failures_are_counted_and_named():
    result = bench(3, *SMALL, "--syndrome-bits", "4000", "--state", "few.json").json
    assert result["failures"] == 3 and result["failed_samples"] == [0, 1, 2] and result["undetected"] == 0
    assert result["interval"] == [pytest.approx(0.2924, abs=1e-3), 1.0]


def test_rules_for_the_syndrome():
    lengths = {
        rule: bench(1, *SMALL, "--rounds", "100000", "--syndrome", rule).json["plan"]["syndrome_bits"]
        for rule in ("paper", "tight")
    }
    assert lengths["tight"] < lengths["paper"] == 31_496


def test_noise_other_than_expected():
    plan = bench(1, *SMALL, "--true-score", "2.7", "--true-qber", "0.01").json["plan"]
    assert plan["priors"]["key"][0][1] == pytest.approx(0.009) and plan["statistics"]["key"][0][1] == 0.005
    assert plan["priors"]["test"][0][1] == pytest.approx(0.085)
    assert plan["statistics"]["test"][0][1] == pytest.approx(0.08125)
    swamped = bench(2, *SMALL, "--syndrome-bits", "7000", "--true-qber", "0.2").json
    assert swamped["failures"] == 2 and bench(2, *SMALL, "--syndrome-bits", "7000").json["failures"] == 0


def test_text_says_what_was_done():
    done = bench(2, "--rounds", "20000", "--workers", "1", "--statistics", "table-S6")
    assert "0 failures in 2 samples" in done.out and "95 % interval" in done.out and "code seed 2022" in done.out
    assert "the paper" not in done.out
    assert "counts in reconciliation-" in done.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--rounds", "500"), "take more rounds"),
        (("--state", "missing/counts.json"), "cannot be written"),
        (
            ("--state", "junk.json", "--rounds", "20000"),
            "it is no file of counts, name another file or remove this one",
        ),
        (("--state", "other.json", "--rounds", "20000"), "another plan"),
        (("--scheduler", "tcp://127.0.0.1:1", "--workers", "2", "--rounds", "20000"), "--workers counts local"),
        (("--code-seed", "x"), "not a number"),
        (("--statistics", "table-S6", "--true-qber", "0.02"), "table S6 is its own noise"),
        (("--true-qber", "0"), "strictly between 0 and 1"),
    ],
)
def test_bad_input_is_one_line(options, words):
    Path("junk.json").write_text("[]")
    bench(1, *SMALL, "--state", "other.json", "--noise-seed", "5")
    done = bench(1, *options)
    assert done.status == 2 and words in done.err
    assert "Traceback" not in done.err


def test_interruption_keeps_the_counts():
    command = [sys.executable, "-m", "diqkd", "bench", "reconciliation", "--samples", "100000", "--state", "c.json"]
    process = subprocess.Popen(
        [*command, *SMALL],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # a shell's background ignores it
    )
    deadline = time.monotonic() + 60
    while not Path("c.json").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130 and "Traceback" not in err and "interrupted" in err
    assert sum(batch["samples"] for batch in json.loads(Path("c.json").read_text())["batches"].values()) >= 8


def test_a_cluster_counts_the_same():
    distributed = pytest.importorskip("distributed")
    options = ("--rounds", "20000", "--syndrome-bits", "4200", "--family", "regular", "--json")
    alone = bench(24, *options, "--workers", "1", "--state", "alone.json").json
    with distributed.LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=None) as cluster:
        done = bench(24, *options, "--scheduler", cluster.scheduler_address, "--state", "cluster.json")
    assert done.status == 0, done.err
    for name in ("samples", "failures", "failed_samples", "mean_iterations"):
        assert done.json[name] == alone[name]
    assert 0 < alone["failures"] < 24


def test_a_scheduler_that_does_not_answer():
    pytest.importorskip("distributed")
    with pytest.raises(InvalidInput, match="no Dask scheduler answers"), dask_workers("tcp://127.0.0.1:1", 0.3):
        pass


def test_a_scheduler_without_workers():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=None) as cluster,
        pytest.raises(InvalidInput, match="has no workers"),
        dask_workers(cluster.scheduler_address, 0.5),
    ):
        pass


def test_without_dask_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InvalidInput, match=r"diqkd\[cluster\]"), dask_workers("tcp://127.0.0.1:1"):
        pass


def test_local_workers_end_with_an_error():
    start = time.monotonic()
    with pytest.raises(ZeroDivisionError), local_workers(1) as workers:
        running = workers.executor.submit(time.sleep, 60)
        while not running.running():
            time.sleep(0.05)
        raise ZeroDivisionError
    assert time.monotonic() - start < 30


def test_bar_estimates_the_end():
    bar = SampleBar(100, TrialCounts(samples=20), "here")
    bar.started -= 40
    assert bar.describe(TrialCounts(samples=20)) == "20 of 100, 0 failed"
    words = bar.describe(TrialCounts(samples=40, failures=1))
    assert words.startswith("40 of 100, 1 failed, 2 min left, ends ")
    assert bar.describe(TrialCounts(samples=100)) == "100 of 100, 0 failed"


def test_another_decoder_counts_apart():
    """Case 28."""
    size = ("--rounds", "1500", "--syndrome-bits", "700", "--workers", "1")
    done = bench(2, *size, "--decoder", "pyldpc")
    assert done.status == 0 and "decoder pyldpc" in done.out and "0 failures in 2 samples" in done.out
    assert bench(2, *size, "--json").json["plan"]["decoder"] == "own" and len(list(Path().glob("*.json"))) == 2
    refused = bench(2, "--decoder", "pyldpc")
    assert refused.status == 2 and "up to 4000 rounds, not 1500000" in refused.err


def test_without_options_it_is_the_papers_number_of_samples():
    """Case 9."""
    args = build_parser().parse_args(["bench", "reconciliation"])
    assert args.samples == 15_000 and args.rounds == 1_500_000
