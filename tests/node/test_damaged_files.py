"""Whatever stands where a node's file should be: one line that names it, never another exception (case L3)."""

import json
import shutil

import numpy as np
import pytest

from node.node_errors import CalibrationError
from node_bob.settings import DEFAULTS as BOB
from postprocess.errors import InvalidInput
from postprocess.link.keys import make_link_keys, read_link_keys, write_peer
from postprocess.plans.measurement_plan import MeasurementPlan
from postprocess.randomness import SeededSource
from postprocess.rounds import RoundStore
from postprocess.session.bob import read_private_record
from procedures.calibration_file import calibrated

CONTENTS = {
    "empty": b"",
    "zeros": b"\0" * 4096,
    "random": np.random.default_rng(1).bytes(5000),
    "invalid UTF-8": b'{"a": "\xff\xfe\xc3("}',
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "a list": b"[]",
    "null": b"null",
    "wrong types": json.dumps(
        {"session_id": 5, "purpose": [], "gamma": {}, "public_key": 7, "readout.threshold": {"value": "x"}}
    ).encode(),
    "huge numbers": b'{"readout.gate": {"value": 1' + b"0" * 400 + b'}, "rounds": 1e999, "purpose": 1e999}',
    "huge": b" " * (3 << 20),
}
NO_FILE, FOLDER = "no file", "a folder"


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "bob"
    folder.mkdir(mode=0o700)
    make_link_keys(folder)
    write_peer(folder, "a" * 40, {"rounds": "tcp://host:5710", "session": "tcp://host:5711"})
    store = RoundStore.create(
        folder / "sessions" / "s", MeasurementPlan("s", "emulated", 1000), "bob", SeededSource(1, "s")
    )
    store.close()
    (folder / "sessions" / "s" / "private.json").write_text("{}")
    (folder / "calibration.json").write_text("{}")
    return folder


READERS = {
    "link/public_key": read_link_keys,
    "link/secret_key": read_link_keys,
    "link/peer.json": read_link_keys,
    "sessions/s/parameters.json": lambda home: RoundStore.open(home / "sessions/s").close(),
    "sessions/s/settings.bin": lambda home: RoundStore.open(home / "sessions/s").close(),
    "sessions/s/marks.log": lambda home: RoundStore.open(home / "sessions/s").close(),
    "sessions/s/records.log": lambda home: RoundStore.open(home / "sessions/s").close(),
    "calibration.json": lambda home: calibrated(BOB, home / "calibration.json"),
}


@pytest.mark.parametrize("what", [*CONTENTS, NO_FILE, FOLDER])
@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_one_line(home, name, what):
    path = home / name
    path.unlink()
    if what == FOLDER:
        path.mkdir()
    elif what != NO_FILE:
        path.write_bytes(CONTENTS[what])
    try:
        READERS[name](home)
    except (InvalidInput, CalibrationError) as problem:
        text = str(problem)
        assert str(home) in text and text.isprintable() and ";" in text and len(text) < 1000
    else:
        is_torn_tail = (
            what in CONTENTS and name.endswith(".log") and len(CONTENTS.get(what, b"")) < 16_000
        )  # shorter than a frame
        assert is_torn_tail or (name, what) == ("calibration.json", NO_FILE)


def test_the_files_are_all_that_a_home_has(home):
    found = {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}
    assert found - set(READERS) == {"sessions/s/lock", "sessions/s/private.json"}
    shutil.rmtree(home / "sessions")
    with pytest.raises(InvalidInput, match="only Bob has a private record"):
        read_private_record(home, "s")


@pytest.mark.parametrize(
    ("name", "value"),
    [("readout.threshold", -7), ("readout.threshold", 40_000), ("readout.gate", -1e-6),
     ("qubit.mapping.frequency", -2e8),
     ("qubit.analysis.pi_time", -6e-6), ("cooling_beam.amplitude", 1.5), ("cooling.ion_counts", -1),
     ("shuttle.connected", [99, 0, 0, 0]), ("qubit.pattern_phase", [1e300, 0, 0, 0]), ("qubit_attenuation", 99),
     ("attempts.windows", 0), ("probe.tries", 0)],
)  # fmt: skip
def test_calibrated_values_out_of_range_are_refused(tmp_path, name, value):
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps({name: {"value": value}}))
    with pytest.raises(CalibrationError, match=r"correct or delete this entry") as caught:
        calibrated(BOB, path)
    assert name in str(caught.value)
