"""Calibrations and a characterisation under real masters on the emulated apparatus, and under artiq_run."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from postprocess.calibration.running_order import random_range
from testbed import standin
from testbed.standin import pyon

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "results"))
import described_files
import lab_kit

ROOT = Path(__file__).resolve().parents[2]
IS_REAL = not standin.active() and importlib.util.find_spec("artiq_comtools") is not None
RESULT = "diqkd.calibration.scan.result"

pytestmark = pytest.mark.skipif(not IS_REAL, reason="ARTIQ is not installed here: no calibration ran under its masters")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with lab_kit.laboratory(tmp_path_factory.mktemp("lab") / "lab", ROOT) as lab:
        yield lab


def submit(lab, node, file, **arguments):
    expid = {"devarg_override": {}, "log_level": 30, "class_name": None, "repo_rev": None}
    expid |= {"file": file, "arguments": arguments}
    with lab.node(node).remote("control", "schedule") as schedule:
        return schedule.submit("main", expid, 0, None, False)


def calibrations(lab, node):
    return json.loads((lab.folder / "homes" / node / "calibration.json").read_text())


def test_the_next_calibration_begins_with_what_the_last_one_wrote(lab):
    import h5py

    rids = [submit(lab, "alice", "calibrate_readout.py", shots=500) for _ in range(2)]
    lines = []
    for rid in rids:
        lab_kit.wait(lab, {"alice": rid})
        with h5py.File(lab_kit.results(lab, "alice", rid)) as file:
            lines.append(file["datasets"][RESULT][()].decode())
    # Case L10. Nothing seeds the shots: what must hold is that the second run begins where the first one ended.
    first, second = (re.search(r"wrote readout.threshold: (\d+) -> (\d+)", line).groups() for line in lines)
    assert second[0] == first[1]
    written = calibrations(lab, "alice")["readout.threshold"]
    assert written["by"] == "CalibrateReadout" and str(written["value"]) == second[1]
    histogram = lab.node("alice").dataset("diqkd.calibration.histogram.bright")
    assert np.sum(histogram) == 500


def test_scan_and_fit_reach_clients_and_the_results_file(lab, tmp_path):
    """And the file describes itself (usability case 14), as far as a master can, and in its copy in full."""
    import h5py

    from postprocess.results.results_folder import kept_runs, take_results

    rid = submit(lab, "bob", "calibrate_pi_time.py", line="analysis", duration=random_range(0.0, 20e-6, 21))
    lab_kit.wait(lab, {"bob": rid})
    bob = lab.node("bob")
    assert bob.dataset("diqkd.calibration.scan.title") == "Rabi flops of the analysis line (bob)"
    assert "wrote qubit.analysis.pi_time: 6e-06 -> " in bob.dataset(RESULT)
    entry = calibrations(lab, "bob")["qubit.analysis.pi_time"]
    assert entry["rid"] == rid and entry["goodness"]["p_value"] > 1e-5
    assert bob.dataset("diqkd.calibrated.qubit.analysis.pi_time") == entry["value"]
    lab_kit.wait_for(lambda: f"diqkd.results:{bob.dataset(RESULT)}" in lab_kit.log(lab, "bob"))  # at level WARNING
    with h5py.File(lab_kit.results(lab, "bob", rid)) as file:
        for name in ("x", "y", "y_low", "y_high"):
            kept = file["datasets"][f"diqkd.calibration.scan.{name}"][()]
            assert kept == pytest.approx(np.array(bob.dataset(f"diqkd.calibration.scan.{name}")))
            assert len(kept) == 21
        assert file["datasets"]["diqkd.calibration.scan.x"].attrs["unit"] == "us"
        about = json.loads(file["datasets"]["diqkd.description"][()])
        assert about["arguments"]["shots"]["value"] == 100 and about["apparatus"] == "emulated"
    copied = take_results(tmp_path, [lab_kit.results(lab, "bob", rid)])
    described_files.assert_described(copied["bob"])
    assert kept_runs(tmp_path)[0][1]["outcome"].startswith("pi time of the analysis line")


def test_both_masters_take_turns_with_the_pulsed_laser(lab):
    rids = {node: submit(lab, node, "calibrate_apd_gates.py", windows=100) for node in ("alice", "bob")}
    lab_kit.wait(lab, rids)
    for node in rids:
        assert calibrations(lab, node)["attempts.gate"]["by"] == "CalibrateApdGates"
        assert "photons arrive" in lab.node(node).dataset(RESULT)


def test_a_node_whose_peer_stays_away_says_what_to_do(lab):
    rid = submit(lab, "bob", "calibrate_shuttle.py", peer_timeout=2.0)
    lab_kit.wait(lab, {"bob": rid})
    assert "alice did not come within 2 s: submit the same calibration there, or say" in lab_kit.log(lab, "bob")


def test_artiq_run(lab):
    command = [sys.executable, "-m", "artiq.frontend.artiq_run", "--device-db", str(ROOT / "device_db.py")]
    command += ["--dataset-db", str(lab.folder / "run.mdb"), str(ROOT / "repository" / "calibrate_frequency.py")]
    command += ["line='shelving'", f"detuning={pyon.encode(random_range(-200e3, 200e3, 31))}"]
    environment = os.environ | {"DIQKD_NODE": "bob", "DIQKD_APPARATUS": "emulated", "PYTHONPATH": str(ROOT)}
    environment["DIQKD_HOME"] = str(lab.folder / "homes")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=lab.folder)
    assert done.returncode == 0, done.stderr
    assert abs(calibrations(lab, "bob")["qubit.shelving.frequency"]["value"] - 225.2e6) < 10e3


def test_a_characterisation_shows_the_same_on_both_nodes(lab):
    """Submitted on both masters; what a subscriber sees of S is equal, and a subscriber may see it: it makes no key."""
    arguments = {"name": "under-masters", "rounds": 3000, "window": 1000, "block_rounds": 500}
    lab_kit.wait(lab, {node: submit(lab, node, "characterise_link.py", **arguments) for node in lab_kit.NODES})
    alice, bob = (lab.node(node) for node in lab_kit.NODES)
    for name in ("total_score", "score", "qber", "counts"):
        found = [node.dataset(f"diqkd.characterisation.{name}") for node in (alice, bob)]
        assert np.array_equal(*found), name
    score, error = (alice.dataset(f"diqkd.characterisation.total_score{end}") for end in ("", "_error"))
    assert abs(score - 2.68) < 6 * error
    assert alice.dataset("diqkd.characterisation.apparatus") == "emulated"
    assert alice.dataset("diqkd.rounds.status") == "rounds complete"
