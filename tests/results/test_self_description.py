"""Files that describe themselves, and copies that hold what is listed as public and nothing else."""

import ast
from pathlib import Path

import h5py
import numpy as np
import pytest

from postprocess.errors import DiqkdError, InvalidInput
from postprocess.results.dataset_catalogue import ENTRIES, entry_of
from postprocess.results.self_description import copy_public, describe, described, description_text, read_public

ROOT = Path(__file__).resolve().parents[2]
HEAD = {"experiment": "X", "title": "An x", "node": "alice", "apparatus": "kasli", "revision": "abc"}
PRIVATE = (
    "outcomes",
    "settings",
    "key_data",
    "measured_score",
    "diqkd.secret",
    "diqkd.key.data",
    "diqkd.rounds.outcomes",
)


@pytest.fixture
def written(tmp_path):
    """As a real master writes it: values, and `unit` of those that have one."""
    path = tmp_path / "000000007-X.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("datasets")
        group["diqkd.rounds.herald_rate_hz"] = [1.0, 2.0]
        group["diqkd.calibration.scan.x"] = [1.0]
        group["diqkd.characterisation.counts"] = np.zeros((4, 2, 3, 2, 2), np.int64)
        arguments = {"rounds": {"value": 5, "default": 7, "about": "Rounds"}}
        units = {"diqkd.rounds.herald_rate_hz": "Hz", "diqkd.calibration.scan.x": "us"}
        group["diqkd.description"] = description_text(HEAD, arguments, units)
        for name in PRIVATE:
            group[name] = np.ones(3)
        file.create_group("archive")["outcomes"] = np.ones(3)
        file["rid"], file["expid"] = 7, '{"file": "/home/somebody/x.py"}'
    return path


def test_a_masters_file_is_described_by_what_it_holds(written):
    with h5py.File(written, "r+") as file:
        describe(file)
        assert file.attrs["apparatus"] == "kasli" and '"default": 7' in file.attrs["arguments"]
        counts = file["datasets/diqkd.characterisation.counts"]
        assert [axis.label for axis in counts.dims] == ["pattern", "X", "Y", "A", "B"]
        assert "0011, 0101, 1010, 1100" in counts.attrs["description"]
        assert file["datasets/diqkd.rounds.herald_rate_hz"].attrs["unit"] == "Hz"
        assert file["datasets/diqkd.calibration.scan.x"].attrs["unit"] == "us", "that of the scan's own axis"


def test_a_copy_has_what_is_listed_and_nothing_else(written, tmp_path):
    copy_public(written, tmp_path / "copy.h5")
    with h5py.File(tmp_path / "copy.h5") as file:
        assert set(file) == {"datasets", "rid"}
        assert set(file["datasets"]) <= set(ENTRIES) and len(file["datasets"]) == 4
        assert described(file)["arguments"]["rounds"] == {"value": 5, "default": 7, "about": "Rounds"}
    content = (tmp_path / "copy.h5").read_bytes()
    assert b"somebody" not in content and not any(name.encode() in content for name in PRIVATE)


def test_no_entry_names_a_private_thing():
    """Settings, outcomes, strings, key bits, and S and Q outside of characterisations."""
    words = {"outcome", "outcomes", "settings", "strings", "secret", "seed", "pad", "raw", "syndrome", "verdict"}
    for name in ENTRIES:
        assert not words & set(name.split("."))
        assert not name.endswith((".x_bits", ".score", ".qber")) or name.startswith("diqkd.characterisation.")


@pytest.mark.parametrize("damage", [b"", b"not HDF5", b"\x89HDF\r\n\x1a\n"])
def test_a_damaged_file_has_no_values_and_is_not_copied(tmp_path, damage):
    path = tmp_path / "x.h5"
    path.write_bytes(damage)
    assert read_public(path) == {}
    with pytest.raises(InvalidInput, match="name a results file"):
        copy_public(path, tmp_path / "copy.h5")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"datasets": 1, "arguments": {}}', "\x00"])
def test_a_damaged_description_is_none(tmp_path, text):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_group("datasets")["diqkd.rounds.done"] = 5
        if text != "\x00":
            file["datasets"]["diqkd.description"] = text
        describe(file)
        assert described(file) == {} and file["datasets/diqkd.rounds.done"].attrs["description"]


def test_what_is_not_listed_cannot_be_published():
    with pytest.raises(DiqkdError, match=r"diqkd\.key\.data: not among the public ones"):
        entry_of("diqkd.key.data")


def test_experiments_write_datasets_through_the_catalogue_alone():
    """Whatever an experiment sets by itself would be neither described nor listed."""
    for room in ("repository", "procedures", "node", "node_alice", "node_bob"):
        for path in (ROOT / room).rglob("*.py"):
            for part in ast.walk(ast.parse(path.read_text())):
                if isinstance(part, ast.Attribute) and part.attr == "set_dataset":
                    assert path.name == "described_datasets.py", path
