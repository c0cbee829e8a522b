"""The calibration file remembers: bounded, old files still read, and `diqkd calibrate --history` prints it."""

import json
import sys
from pathlib import Path

import pytest

from node_bob.settings import DEFAULTS
from postprocess.calibration.history import history
from postprocess.errors import InvalidInput
from postprocess.storage.bounded_files import MOST_BYTES
from procedures.calibration_file import MOST_HISTORY, calibrated, read, write

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))
from command_runs import diqkd

NAME = "readout.threshold"
OLD = {NAME: {"value": 7, "error": 0.1, "measured": "2026-05-04T12:00:00+00:00", "by": "ReadoutHistogram"}}
GOODNESS = {"reduced_chi_square": 1.25, "degrees": 30, "p_value": 0.16}


@pytest.fixture
def file(tmp_path):
    home = tmp_path / "homes" / "bob"
    home.mkdir(parents=True)
    return home / "calibration.json"


def test_a_file_of_an_earlier_version_reads_and_becomes_history(file):
    file.write_text(json.dumps(OLD))
    assert calibrated(DEFAULTS, file).readout.threshold == 7
    write(DEFAULTS, file, {NAME: 5}, "CalibrateReadout", {NAME: 0.08}, GOODNESS, rid=17, revision="abc")
    entry = read(file)[NAME]
    assert entry.pop("history") == [OLD[NAME]] and entry.pop("measured") > "2026"
    assert entry == {
        "value": 5, "error": 0.08, "by": "CalibrateReadout", "goodness": GOODNESS, "rid": 17, "revision": "abc"
    }  # fmt: skip
    assert calibrated(DEFAULTS, file).readout.threshold == 5


def test_history_is_bounded_and_the_file_with_it(file):
    names = {f"qubit.{line}.{name}": 6e-6 if name == "pi_time" else 200e6
             for line in ("mapping", "analysis", "shelving") for name in ("frequency", "pi_time")}  # fmt: skip
    values = names | {NAME: 5, "attempts.gate": [1.2e-8, 6.1e-8], "qubit.pattern_phase": [1.234567890123456] * 4}
    for threshold in range(MOST_HISTORY + 5):
        errors = {name: value for name, value in values.items() if name != NAME}
        entries = values | {NAME: threshold}
        write(DEFAULTS, file, entries, "CalibrateHeraldPhase", errors, GOODNESS, rid=10**6, revision="f" * 48)
    kept = read(file)[NAME]
    assert [entry["value"] for entry in kept["history"]] == list(range(MOST_HISTORY + 3, 3, -1))
    assert not any("history" in entry for entry in kept["history"])
    assert file.stat().st_size < MOST_BYTES


def test_a_history_made_by_hand_harms_nothing(file):
    file.write_text(json.dumps({NAME: {"value": 7, "history": "none"}}))
    assert calibrated(DEFAULTS, file).readout.threshold == 7
    with pytest.raises(InvalidInput, match=r"calibration.json: a history is no list; correct or delete it"):
        history(file.parent)
    write(DEFAULTS, file, {NAME: 6}, "CalibrateReadout")
    assert [each.value for each in history(file.parent)] == [6, 7]


def test_what_the_command_prints(file):
    file.write_text(json.dumps(OLD))
    write(DEFAULTS, file, {NAME: 5}, "CalibrateReadout", {NAME: 0.08}, GOODNESS, rid=17, revision="0123456789ab")
    write(DEFAULTS, file, {"attempts.gate": [8e-9, 64e-9]}, "CalibrateApdGates", {"attempts.gate": [1e-10, 2e-9]})
    words = ("calibrate", "--home", file.parents[1], "--node", "bob", "--history")
    told = " ".join(diqkd(*words).out.split())
    assert "Bob's calibrated values" in told and "(8e-09, 6.4e-08) +- (1e-10, 2e-09); 20" in told
    assert "readout.threshold 5 +- 0.08; chi-square 1.25 per degree of freedom, p 0.16; 20" in told
    assert "by CalibrateReadout, RID 17; revision 01234567 7 +- 0.1; 2026-05-04T12:00:00+00:00 by Reado" in told
    assert "attempts.gate" not in diqkd(*words, NAME).out
    refused = diqkd(*words, "readout.gate")
    assert refused.status == 2 and "there are attempts.gate, readout.threshold" in refused.err
    assert "none" in diqkd("calibrate", "--home", file.parents[1], "--node", "alice", "--history").out
