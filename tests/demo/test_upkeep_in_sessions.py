"""A session that calibrates both nodes again in its pauses: the same key, its pauses with causes, nothing shown."""

import json
from datetime import UTC, datetime, timedelta

import h5py
import pytest

from postprocess.errors import ExitStatus
from postprocess.rounds.pause_log import PauseCause, pause_causes
from procedures.described_datasets import WHILE_UNDER_WAY
from testbed.nodes import two_nodes
from tests.demo.emulated_sessions import ROOT, run, small_session

UPKEEP = {"recalibrate": "readout", "recalibrate_rounds": 1500, "max_age": 36_000.0}


def measured(demo, node, hours, name="readout.threshold", value=9):
    """A calibration file whose one entry is so old."""
    when = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()
    path = demo.homes / node / "calibration.json"
    path.write_text(json.dumps({name: {"value": value, "measured": when, "by": "somebody"}}))
    return path


@pytest.fixture(scope="module")
def kept_up(tmp_path_factory):
    """A session with recalibrations, begun with a stale one at Alice's; (demo, report, statuses shown, lines)."""
    demo = small_session(tmp_path_factory.mktemp("upkeep") / "run", rounds=3000)
    demo.arguments |= UPKEEP
    measured(demo, "alice", 20.0)
    shown, lines = [], []
    statuses = two_nodes.run(demo, ROOT, lambda node, status: shown.append((node, status)), lines.append)
    assert set(statuses.values()) == {ExitStatus.DONE}, lines
    return demo, demo.report(statuses), shown, lines


def test_it_ends_with_its_key(kept_up):
    _, report, _, lines = kept_up
    assert report["accepted"] and report["keys_equal"]
    assert report["measured_score"] == pytest.approx(2.65, abs=0.25)
    assert lines == []


def test_both_nodes_know_where_and_why_it_paused(kept_up):
    demo, _, _, _ = kept_up
    for node in two_nodes.NODES:
        assert pause_causes(demo.homes / node / "sessions" / "rehearsal") == (
            PauseCause(0, "alice: calibrations too old"),
            PauseCause(1500, "alice: recalibration, bob: recalibration"),
        )
        (written,) = (demo.homes / node / "results").rglob("*-GenerateKey.h5")
        with h5py.File(written) as file:
            assert list(file["datasets"]["diqkd.rounds.pause_rounds"][()]) == [0, 1500]
            told = file["datasets"]["diqkd.rounds.pause_causes"][()].decode()
            assert told.splitlines()[1] == "alice: recalibration, bob: recalibration"


def test_both_nodes_have_new_values_and_alice_twice(kept_up):
    demo, _, _, _ = kept_up
    for node, times in (("alice", 2), ("bob", 1)):
        entry = json.loads((demo.homes / node / "calibration.json").read_text())["readout.threshold"]
        assert entry["by"] == "CalibrateReadout" and 4 <= entry["value"] <= 8
        assert len(list((demo.homes / node / "results").rglob("*-CalibrateReadout.h5"))) == times


def test_no_result_of_a_calibration_left_its_home(kept_up):
    demo, _, shown, _ = kept_up
    allowed = {"diqkd.description", *(f"diqkd.{name}" for name in WHILE_UNDER_WAY)}
    for node in two_nodes.NODES:
        for path in (demo.homes / node / "results").rglob("*-CalibrateReadout.h5"):
            with h5py.File(path) as file:
                assert set(file["datasets"]) <= allowed
    keys = {key for _, status in shown for key in status if key.startswith("calibration.")}
    assert keys <= set(WHILE_UNDER_WAY)
    assert any("paused" in status.get("rounds.status", "") for _, status in shown)


def test_a_session_refuses_stale_calibrations_by_name_unless_it_measures_them(tmp_path):
    demo = small_session(tmp_path / "run", peer_timeout=60.0)
    demo.arguments |= UPKEEP | {"recalibrate_rounds": 0}
    for node in two_nodes.NODES:
        measured(demo, node, 20.0)
    lines = []
    statuses = two_nodes.run(demo, ROOT, on_line=lines.append)
    assert set(statuses.values()) == {ExitStatus.BAD_INPUT}
    for node in two_nodes.NODES:
        assert f"{node}: calibrations older than 10 h: readout.threshold (20 h)" in " ".join(lines)
    for node in two_nodes.NODES:
        measured(demo, node, 9.0, value=6)
    assert run(demo)[0]["accepted"]
