"""What the dashboard shows of each calibration: a title, and arguments with default, range, unit, group and tooltip."""

import pytest
from artiq.language.environment import HasEnvironment
from calibrating import ROOT

FILES = sorted(path.name for path in (ROOT / "repository").glob("calibrate_*.py") if "herald" not in path.name)
FILES += ["ramsey.py", "check_random_source.py", "measure_leakage.py"]
SCANNED = ("calibrate_apd_gates.py", "calibrate_deshelving.py", "calibrate_frequency.py", "calibrate_pi_time.py")
SCANNED += ("calibrate_shuttle.py", "ramsey.py")
PURE_NUMBERS = {"shots", "samples", "windows", "long_windows", "amplitude"}
PURE_NUMBERS |= {"readouts", "coupling_loss", "detector_efficiency", "level", "tolerated"}


@pytest.mark.parametrize("node", ["alice", "bob"])
@pytest.mark.parametrize("file", FILES)
def test_arguments(calibrate, monkeypatch, node, file):
    described = {}
    keep = HasEnvironment.setattr_argument

    def note(self, name, processor, group=None, tooltip=None):
        described[name] = (processor.describe(), group, tooltip)
        keep(self, name, processor, group, tooltip)

    monkeypatch.setattr(HasEnvironment, "setattr_argument", note)
    made = calibrate(node, file)
    title = type(made.experiment).__doc__.splitlines()[0]
    assert 10 < len(title) < 80 and not title.endswith(".")
    assert described
    for name, (description, group, tooltip) in described.items():
        assert "default" in description and group and tooltip, name
        if description["ty"] == "NumberValue":
            assert description["min"] <= description["default"] <= description["max"], name
            assert description["unit"] or name in PURE_NUMBERS, name
        if description["ty"] == "Scannable":
            scans = description["default"]
            assert {scan["ty"] for scan in scans} == {"RangeScan", "CenterScan"} and description["unit"], name
            assert all(scan["randomize"] for scan in scans), name
            assert description["global_min"] <= scans[0]["start"] < scans[0]["stop"] <= description["global_max"], name
    assert sum(described[name][0]["ty"] == "Scannable" for name in described) == (file in SCANNED)
    assert ("write" in described) == (file in ("calibrate_apd_gates.py", "calibrate_frequency.py", "ramsey.py",
                                               "calibrate_pi_time.py", "calibrate_readout.py"))  # fmt: skip
    assert ("take_turns" in described) == (
        file in ("calibrate_apd_gates.py", "calibrate_shuttle.py", "measure_leakage.py")
    )


def test_scanning_the_repository_is_cheap():
    """Building needs no scipy: a master builds every experiment of the repository in a process of its own."""
    import subprocess
    import sys

    code = "import sys; from testbed import standin; standin.install(); import procedures.node_calibration, "
    code += "procedures.laser_turn, procedures.qubit_transitions; print('scipy' in sys.modules, 'zmq' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert printed.split() == ["False", "False"]
