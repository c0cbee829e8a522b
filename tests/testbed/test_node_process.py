"""A node as a process: results file, status, exit status, signals; both nodes watched; kill -9 and again."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from pair_kit import EXPERIMENT, ROOT, collect, start_one, start_pair

from postprocess.errors import ExitStatus
from testbed.nodes.two_nodes import NodePair
from testbed.physics import laboratory

CONTRACT = Path(__file__).parent / "experiments" / "contract.py"


def node(home, *arguments, experiment=EXPERIMENT, wait=True, status=None):
    command = [sys.executable, "-m", "testbed.nodes.node_process", "--node", "bob", "--home", str(home)]
    command += ["--experiment", str(experiment), *arguments]
    command += ["--status", str(status)] if status else []
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if wait:
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err
    return process


def wait_for(condition, what, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def shown(path, key):
    try:
        return json.loads(path.read_text()).get(key)
    except (OSError, ValueError):
        return None


def test_results_file_and_status(tmp_path):
    status = tmp_path / "status.json"
    code, _, err = node(tmp_path, "-o", "rounds=30", status=status)
    assert (code, err) == (ExitStatus.DONE, "")
    (result,) = (tmp_path / "bob" / "results").glob("*/*/000000000-MeasureRounds.h5")
    day, hour = result.parts[-3:-1]
    assert time.strptime(f"{day} {hour}", "%Y-%m-%d %H")
    with h5py.File(result) as file:
        assert set(file) == {"archive", "artiq_version", "datasets", "expid", "rid", "run_time", "start_time"}
        assert file["datasets/rounds_done"][()] == 30
        assert file["datasets/code"][()] == 0
        assert b"MeasureRounds" in file["expid"][()] or b"measure_rounds" in file["expid"][()]
    assert shown(status, "lifecycle") == "finished"
    assert shown(status, "rounds_done") == 30
    assert node(tmp_path, "-o", "rounds=5")[0] == ExitStatus.DONE
    assert len(list((tmp_path / "bob" / "results").glob("*/*/000000001-*.h5"))) == 1


def test_drivers_that_there_are_not_are_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("DIQKD_DRIVERS", "pyhton")
    assert node(tmp_path) == (ExitStatus.BAD_INPUT, "", "bob: DIQKD_DRIVERS is 'pyhton': must be c or python\n")


def test_failures_have_an_exit_status_and_a_reason(tmp_path):
    code, _, err = node(tmp_path, "-o", "nonsense=1")
    assert code == ExitStatus.CRASHED
    assert "nonsense" in err
    code, _, err = node(tmp_path, "--class", "FailingRun", experiment=CONTRACT)
    assert code == ExitStatus.CRASHED
    assert "on purpose" in err
    assert len(list((tmp_path / "bob" / "results").glob("*/*/*-FailingRun.h5"))) == 1
    code, _, err = node(tmp_path, "-o", "novalue")
    assert code == 2
    assert "NAME=VALUE" in err


def test_a_laboratory_that_is_none_is_named(tmp_path):
    code, _, err = node(tmp_path, "--laboratory", str(tmp_path / "nowhere"), "-o", "rounds=5")
    assert code == ExitStatus.CRASHED
    assert "no emulated laboratory" in err


@pytest.mark.parametrize("number", (signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)))
def test_asked_to_end_it_ends_in_order(tmp_path, number):
    status = tmp_path / "status.json"
    process = node(tmp_path, "-o", "rounds=1000000", "-o", "block_rounds=100", wait=False, status=status)
    wait_for(lambda: (shown(status, "rounds_done") or 0) >= 200, "no rounds")
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == ExitStatus.DONE  # this experiment leaves its block loop and returns
    records = np.load(tmp_path / "bob" / "records.npy")
    assert 200 <= len(records) < 1_000_000
    assert len(records) % 100 == 0


def test_both_nodes_are_stopped_together(tmp_path):
    pair, _ = start_pair(tmp_path, rounds=1_000_000)
    wait_for(lambda: (shown(pair.status_file("bob"), "rounds_done") or 0) > 0, "no rounds")
    pair.stop()
    assert all(process.poll() is not None for process in pair.processes.values())


@pytest.mark.parametrize("victim", ("alice", "bob"))
def test_kill_nine_then_again(tmp_path, victim):
    """The survivor goes without heralds and leaves; both started again find common heralds, none used twice."""
    pair, homes = start_pair(tmp_path, rounds=1_000_000, block_rounds=100)
    other = "alice" if victim == "bob" else "bob"
    wait_for(lambda: (shown(pair.status_file(other), "rounds_done") or 0) >= 300, "no rounds")
    os.kill(pair.processes[victim].pid, signal.SIGKILL)
    wait_for(lambda: pair.processes[other].poll() is not None, f"{other} does not leave")
    before = np.load(homes / other / "records.npy")
    again = NodePair(pair.laboratory)
    for name in ("alice", "bob"):
        start_one(again, name, homes, rounds=200, block_rounds=100)
    statuses = again.watch()
    after = collect(tmp_path, statuses)
    assert after.codes == {"alice": 0, "bob": 0}
    assert len(after.alice.raw) == len(after.bob.raw) == 200
    assert (after.alice.pattern == after.bob.pattern).all()
    stream = laboratory.open_laboratory(pair.laboratory).heralds()
    used = len(before)
    patterns = [stream[k][1] for k in range(1, used + 300)]
    assert list(before[:, 3] & 15) == patterns[:used]
    starts = [k for k in range(used, used + 4) if patterns[k : k + 200] == list(after.bob.pattern)]
    assert starts  # right after the rounds before, but for what was under way


def test_watching_both_nodes(tmp_path):
    seen = []
    pair, _ = start_pair(tmp_path, rounds=400, block_rounds=100)
    statuses = pair.watch(lambda name, status: seen.append((name, status.get("rounds_done"), status["lifecycle"])))
    assert statuses == {"alice": 0, "bob": 0}
    assert {("alice", 400, "finished"), ("bob", 400, "finished")} <= set(seen)
