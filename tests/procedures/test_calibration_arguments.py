"""What the dashboard shows of each calibration: a title, and arguments with default, range, unit, group and tooltip."""

import re

import pytest
from artiq.language.environment import HasEnvironment
from calibrating import ROOT

SOURCES = {path.name: path.read_text() for path in sorted((ROOT / "repository").glob("*.py"))}
FILES = [name for name, source in SOURCES.items() if "(Calibration, EnvExperiment)" in source]
FILES += ["check_random_source.py"]
PURE_NUMBERS = {"shots", "samples", "windows", "long_windows", "amplitude", "tries", "pulses"}
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
            assert description["unit"] or name in PURE_NUMBERS, f"{name}: a unit, or a place in PURE_NUMBERS"
        if description["ty"] == "Scannable":
            scans = description["default"]
            assert {scan["ty"] for scan in scans} == {"RangeScan", "CenterScan"} and description["unit"], name
            assert all(scan["randomize"] for scan in scans), name
            assert description["global_min"] <= scans[0]["start"] < scans[0]["stop"] <= description["global_max"], name
    scanned = any(described[name][0]["ty"] == "Scannable" for name in described)
    assert scanned == ("scan_argument(" in SOURCES[file])
    purpose = " ".join(type(made.experiment).__doc__.split())
    assert ("write" in described) == (re.search(r"\bWrites (?!nothing)", purpose) is not None), "what does it write?"
    uses_laser = any(call in SOURCES[file] for call in ("build_counter()", "laser_turn("))
    assert ("take_turns" in described) == uses_laser, "the pulsed laser is shared"


def test_scanning_the_repository_is_cheap():
    """Building needs no scipy: a master builds every experiment of the repository in a process of its own."""
    import subprocess
    import sys

    code = "import sys; from testbed import standin; standin.install(); import procedures.node_calibration, "
    code += "procedures.laser_turn, procedures.qubit_transitions; print('scipy' in sys.modules, 'zmq' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert printed.split() == ["False", "False"]
