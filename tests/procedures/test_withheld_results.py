"""While a key session is under way the result of a calibration is in the node's home and nowhere else."""

import json

import h5py
import pytest
from calibrating import SCAN, scan

from node.node_errors import CalibrationError
from postprocess.calibration.curve_fit import FitFailed
from procedures.described_datasets import WHILE_UNDER_WAY

SHOWN = {"diqkd.description", *(f"diqkd.{name}" for name in WHILE_UNDER_WAY)}


@pytest.fixture
def under_way(monkeypatch):
    monkeypatch.setattr("postprocess.session.under_way.sessions_under_way", lambda home: ["s1"])


def log(made):
    return json.loads((made.home / "calibrations.json").read_text())


def assert_nothing_shown(made, caplog):
    assert set(made.worker.datasets.data) <= SHOWN
    with h5py.File(made.worker.file) as file:
        assert set(file["datasets"]) <= SHOWN
    assert made.dataset("diqkd.calibration.status") == "done"
    status = json.loads((made.home / "status.json").read_text())
    assert {f"diqkd.{name}" for name in status["datasets"]} <= SHOWN
    name = made.experiment.log_name()
    assert [record.getMessage() for record in caplog.records if record.name == "diqkd.results"] == [
        f"{name}: session s1 is under way, results stay in its home",
        f"{name}: done",
    ]


@pytest.mark.parametrize(
    ("file", "arguments"),
    [
        ("calibrate_readout.py", {"shots": 200}),
        ("calibrate_pi_time.py", {"line": "shelving", "duration": scan(0.0, 20e-6, 21), "shots": 50}),
        ("calibrate_apd_gates.py", {"take_turns": False}),
    ],
)
def test_nothing_is_published_and_the_home_has_it(calibrate, under_way, caplog, file, arguments):
    with caplog.at_level("INFO"):
        made = calibrate("bob", file, **arguments).run()
    result = log(made)[made.experiment.log_name()]["result"]
    assert len(made.written) == 1
    assert_nothing_shown(made, caplog)
    said = "\n".join(record.getMessage() for record in caplog.records)
    assert result not in said
    for entry in made.written.values():
        assert str(entry["value"]) not in said.replace("s1 is under way", "")


def test_a_fit_that_fails_looks_the_same_from_outside(calibrate, under_way, caplog):
    wrong = {"qubit.mapping.frequency": 201.5e6}
    made = calibrate("alice", "calibrate_frequency.py", wrong=wrong, detuning=scan(-25e3, 25e3, 11), shots=20).run()
    assert "line frequency" in log(made)["calibrate_frequency mapping failed"]["result"]
    assert made.settings.qubit.mapping.frequency == 201.5e6
    assert_nothing_shown(made, caplog)


def test_a_value_that_no_setting_may_have_looks_the_same_from_outside(calibrate, under_way, caplog, monkeypatch):
    made = calibrate("bob", "calibrate_readout.py", shots=200)

    def write(*_):
        raise CalibrationError("readout.threshold: 99 does not fit")

    monkeypatch.setattr("procedures.calibrated_datasets.write", write)
    made.run()
    assert "99 does not fit" in log(made)["calibrate_readout failed"]["result"] and "calibrate_readout" not in log(made)
    assert_nothing_shown(made, caplog)


def test_a_session_that_begins_while_it_is_paused_counts(calibrate, monkeypatch):
    """The session has the higher priority, and stops in the middle of its rounds."""
    begun = []
    monkeypatch.setattr("postprocess.session.under_way.sessions_under_way", lambda home: begun)
    made = calibrate("bob", "calibrate_readout.py", shots=200)
    scheduler, asked = made.experiment.scheduler, []
    monkeypatch.setattr(scheduler, "check_pause", lambda: asked.append("") or len(asked) == 1)
    monkeypatch.setattr(scheduler, "pause", lambda: begun.append("s1"))
    made.run()
    assert made.dataset("diqkd.calibration.status") == "done" and "readout.threshold" in made.written
    assert made.result == "" and log(made)["calibrate_readout"]["result"].startswith("threshold")
    assert not [name for name in made.worker.datasets.data if name.startswith("diqkd.calibrated")]


def test_without_a_session_it_is_shown(calibrate):
    made = calibrate("bob", "calibrate_readout.py", shots=200).run()
    assert made.dataset(SCAN + "result").startswith("threshold")
    wrong = {"qubit.mapping.frequency": 201.5e6}
    made = calibrate("alice", "calibrate_frequency.py", wrong=wrong, detuning=scan(-25e3, 25e3, 11), shots=20)
    made.worker.prepare()
    with pytest.raises(FitFailed):
        made.worker.run()
