"""Every experiment of the repository, small, with kernels as ARTIQ compiles them: on one node, or on two."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "procedures"))
import compiled_kit
from calibrating import calibrating, scan

from testbed.physics import laboratory

ROOT = Path(__file__).resolve().parents[2]
ALONE = {"take_turns": False}
CALIBRATIONS = {
    "calibrate_apd_gates": ALONE | {"windows": 50},
    "calibrate_deshelving": {"duration": scan(0.0, 30e-6, 15)},
    "calibrate_frequency": {"detuning": scan(-200e3, 200e3, 21), "shots": 50},
    "calibrate_pi_time": {"duration": scan(0.0, 20e-6, 21), "shots": 50},
    "calibrate_readout": {"shots": 300},
    "calibrate_shuttle": ALONE | {"windows": 400, "long_windows": 400},
    "measure_leakage": ALONE | {"windows": 1000, "readouts": 50},
    "ramsey": {"wait": scan(10e-6, 8.01e-3, 21), "shots": 50},
    "reload_ion": {"replace": True},
}
SESSION = {
    "session": "s",
    "preset": "custom",
    "rounds": 3000,
    "gamma_256": 128,
    "block_rounds": 500,
    "min_response": 0.0,
}
OF_TWO_NODES = {
    "calibrate_herald_phase": {"pair_rounds": 100},
    "characterise_link": {"rounds": 400, "window": 200, "block_rounds": 100},
    "generate_key": SESSION,
    "tomography": {"pair_rounds": 20, "resamplings": 10},
}
PATIENT = {"peer_timeout": 300.0}  # a loaded machine compiles for long
WITHOUT_KERNELS = {"check_random_source", "show_applets"}


def test_every_experiment_is_here():
    there = {path.stem for path in (ROOT / "repository").glob("*.py")}
    here = CALIBRATIONS.keys() | OF_TWO_NODES.keys() | WITHOUT_KERNELS
    assert there == here, f"tests/compiled/test_experiments.py: {', '.join(sorted(there ^ here))}, with a short run"


@compiled_kit.needs_artiq
@pytest.mark.parametrize("name", CALIBRATIONS)
def test_an_experiment_of_one_node(name, tmp_path, monkeypatch):
    compiled_kit.tools_on_path(monkeypatch)
    node = "alice" if len(name) % 2 else "bob"
    made = calibrating(tmp_path, monkeypatch, node, f"{name}.py", apparatus="compiled", **CALIBRATIONS[name])
    try:
        assert made.run().result
    finally:
        made.worker.close()
        laboratory.use(None)


SLOW = {"tomography": pytest.mark.slow}  # compiles the kernel for each of 25 pairs of bases


@compiled_kit.needs_artiq
@pytest.mark.parametrize("name", [pytest.param(name, marks=SLOW.get(name, ())) for name in OF_TWO_NODES])
def test_an_experiment_of_two_nodes(name, tmp_path, monkeypatch):
    from testbed.nodes.two_masters import TwoMasters
    from testbed.nodes.two_nodes import run_experiment

    compiled_kit.tools_on_path(monkeypatch)
    monkeypatch.delenv("DIQKD_NODE", raising=False)
    TwoMasters.open(tmp_path / "lab").set_up(sessions=1, rehearsals=True, seed=1)
    places = {"homes": tmp_path / "lab" / "homes", "laboratory": tmp_path / "lab" / "laboratory"}
    said = []
    ended = run_experiment(
        ROOT / "repository" / f"{name}.py", None, OF_TWO_NODES[name] | PATIENT, device_db=ROOT / "device_db.py",
        on_line=said.append, apparatus="compiled", **places,
    )  # fmt: skip
    assert set(ended.values()) == {0}, said
