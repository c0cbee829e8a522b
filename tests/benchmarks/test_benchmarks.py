"""The benchmarks run, compare like with like, and refuse to time a wrong result."""

import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import compiled, decoder, emulation, extractor, scaling, session, steps
from benchmarks.__main__ import GROUPS, machine, quantity, show
from benchmarks.measure import PAPER, QUICK, Row, alternate, peak_megabytes, seconds

ROOT = Path(__file__).resolve().parents[2]
TINY = replace(QUICK, rounds=20_000, ell=200, ldpc_rounds=20_000, cryptomite_rounds=2000, scaling=(20_000,), runs=1)


def sound(rows):
    rows = list(rows)
    assert rows
    for row in rows:
        assert row.ours > 0 and row.reference and (row.theirs is None or row.theirs > 0)
    return {row.what: row for row in rows}


def test_our_decoder_and_ldpc_find_the_same_string():
    pytest.importorskip("ldpc")
    task = decoder.task_of(20_000)
    np.testing.assert_array_equal(decoder.ldpc_decoding(task)(), task.alice)
    np.testing.assert_array_equal(task.ours(), task.alice)


def test_decoder_rows_with_and_without_ldpc(monkeypatch):
    rows = sound(decoder.rows(TINY))
    assert {"decoding", "decoding, small code", "two threads, paper's rule", "two threads, tight rule"} <= rows.keys()
    monkeypatch.setattr(decoder, "find_spec", lambda name: None)
    (row,) = decoder.against_ldpc(TINY)
    assert row.theirs is None and row.ratio is None and "pip install ldpc" in row.note


def test_a_wrong_string_is_not_timed():
    task = decoder.task_of(20_000)
    with pytest.raises(RuntimeError, match="its time means nothing"):
        task.checked(1 - task.alice)
    with pytest.raises(RuntimeError, match="different keys"):
        extractor.check_equal([np.zeros(3), np.zeros(3), np.ones(3)])


def test_extractor_rows():
    rows = sound(extractor.rows(TINY))
    assert {row.unit for name, row in rows.items() if "peak memory" in name} == {"MB"}
    assert {"trevisan, peak memory", "toeplitz, peak memory", "toeplitz, n = 1000000"} <= rows.keys()
    if importlib.util.find_spec("cryptomite") is None:
        for name in ("trevisan", "toeplitz"):
            assert rows[name].ratio is None and "never needed" in rows[name].note


def test_steps_rows():
    rows = sound(steps.rows(TINY))
    assert {"VHASH tag", "syndrome", "S and Q", "diqkd --help", "key length of Proposition 2"} <= rows.keys()


def test_scaling_rows_start_at_one():
    assert [row.ratio for row in scaling.rows(TINY)] == [1.0, 1.0]


def test_session_rows():
    rows = sound(session.rows(TINY))
    whole = rows["session"]
    assert whole.theirs > whole.ours
    assert all(row.theirs == whole.ours > row.ours for name, row in rows.items() if name != "session")
    assert {"session, bob: error correction", "session, alice: privacy amplification"} <= rows.keys()


def test_emulation_rows(monkeypatch):
    times = {None: emulation.Run(2.0, 1.5), emulation.LOCK_STEP: emulation.Run(4.0, 3.0)}
    monkeypatch.setattr(emulation, "session", lambda rounds, run_ahead: times[run_ahead])
    monkeypatch.setattr(emulation, "round_alone", lambda node, rounds, drivers: {"c": 1.0, "python": 3.0}[drivers])
    rows = sound(emulation.rows(TINY))
    assert [row.ratio for row in rows.values()] == [2.0, 2.0, 3.0, 3.0]


def test_a_round_alone_takes_cpu_time():
    assert 0 < emulation.round_alone("alice", 20, "c") < 1


def test_paper_scale_is_the_session_of_the_paper():
    parameters = session.parameters_of(PAPER)
    assert (parameters.rounds, parameters.syndrome_bits, parameters.ell) == (1_500_000, 296_517, 95_884)
    assert (PAPER.rounds, PAPER.ell) == (parameters.rounds, parameters.ell)


def test_medians_of_alternating_runs():
    order = []
    ours, theirs = alternate(3, lambda: order.append("a"), lambda: order.append("b"))
    assert order == ["a", "b"] * 4
    assert 0 <= ours < 1 and 0 <= theirs < 1 and seconds(lambda: None) < 1


def fill(megabytes):
    return lambda: np.ones(megabytes * 10**6, np.uint8).sum()


def test_peak_memory_is_that_of_the_action():
    assert peak_megabytes(fill, 100) == pytest.approx(100, abs=10)


def test_ratio_and_quantities():
    assert Row("x", 2.0, "y", 8.0).ratio == 4.0 and Row("x", 2.0, "y", None).ratio is None
    assert [quantity(value, "s") for value in (2.5, 0.0123, 4.5e-6)] == ["2.5 s", "12.3 ms", "4.5 us"]
    assert quantity(31.25, "MB") == "31.2 MB"


def test_one_group_from_the_command_line(tmp_path, capsys):
    path = tmp_path / "rows.json"
    command = [sys.executable, "-m", "benchmarks", "scaling", "--quick", "--json", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = json.loads(path.read_text())
    assert report["quick"] and {row["group"] for row in report["rows"]} == {"scaling"}
    assert report["machine"]["cores"] >= 1 and report["machine"].keys() == machine().keys()
    assert "peak memory, n = 50000" in done.stdout
    show({**report, "rows": [{"group": "g", **Row("w", 1.0, "peer", None, note="not installed: x").as_dict()}]})
    assert "not installed" in capsys.readouterr().out
    wrong = subprocess.run([sys.executable, "-m", "benchmarks", "nope"], cwd=ROOT, capture_output=True, text=True)
    assert wrong.returncode == 2 and all(group in wrong.stderr for group in GROUPS)


@pytest.mark.slow
def test_key_delivery_rows():
    from benchmarks import key_delivery

    rows = sound(key_delivery.rows(TINY))
    assert {"enc_keys, mean", "dec_keys, 99th percentile"} <= rows.keys()


def test_rounds_of_compiled_kernels_are_compared_with_the_same_interpreted():
    rows = sound(compiled.rows(TINY))
    for name, row in rows.items():
        assert (row.theirs is None) == ("interpreted" in name)
        assert row.theirs is not None or "ARTIQ is not installed" in row.note
