"""A session that submits its own calibrations to its master: where they run, what they show, where the session goes on.

The masters' own scheduler prepares a run before it lets it go first; the stand-in does both at once.
"""

import importlib.util
import json
import sys
from pathlib import Path

import h5py
import pytest

from postprocess.rounds.pause_log import pause_causes
from procedures.described_datasets import WHILE_UNDER_WAY
from testbed import standin

sys.path.insert(0, str(Path(__file__).parent))
import lab_kit

ROOT = Path(__file__).resolve().parents[2]
IS_REAL = not standin.active() and importlib.util.find_spec("artiq_comtools") is not None

pytestmark = pytest.mark.skipif(not IS_REAL, reason=lab_kit.REASON)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with lab_kit.laboratory(tmp_path_factory.mktemp("lab") / "lab", ROOT) as lab:
        yield lab


def test_a_session_calibrates_again_by_itself(lab):
    chosen = lab_kit.arguments("kept-up", peer_timeout=120.0)
    chosen |= {"recalibrate_rounds": 4000, "recalibrate": "readout"}
    rids = lab.submit(chosen, "main", 0)
    seen = set()

    def over():
        for node in lab_kit.NODES:
            for rid, run in lab.node(node).schedule().items():
                seen.add((node, rid - rids[node], run["expid"]["file"], run["priority"], run["status"]))
        return not any(rids[node] in lab.node(node).schedule() for node in lab_kit.NODES)

    lab_kit.wait_for(over, 300.0)
    report = lab.report("kept-up")
    assert report["accepted"] and report["keys_equal"], [lab_kit.log(lab, node) for node in lab_kit.NODES]
    for node in lab_kit.NODES:
        (pause,) = pause_causes(lab.folder / "homes" / node / "sessions" / "kept-up")
        assert (pause.after_round, pause.cause) == (4000, "alice: recalibration, bob: recalibration")
        files = {(rid, file, priority) for of, rid, file, priority, _ in seen if of == node}
        assert files == {(0, "generate_key.py", 0), (1, "calibrate_readout.py", 1)}
        entry = json.loads((lab.folder / "homes" / node / "calibration.json").read_text())["readout.threshold"]
        assert entry["by"] == "CalibrateReadout"
        with h5py.File(lab_kit.results(lab, node, rids[node] + 1)) as file:
            assert set(file["datasets"]) <= {"diqkd.description", *(f"diqkd.{name}" for name in WHILE_UNDER_WAY)}
        told = lab_kit.log(lab, node)
        assert "calibrate_readout: done" in told and "threshold" not in told
        shown = lab_kit.published(lab.node(node))
        assert "diqkd.calibration.status" in shown
        assert not any(f"diqkd.calibration.{name}" in shown for name in ("scan.result", "histogram", "fit"))
