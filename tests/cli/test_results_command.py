"""`diqkd results`: what earlier runs have left."""

import json

import h5py
import pytest
from command_runs import diqkd

from postprocess.results.self_description import description_text

HEAD = {"experiment": "X", "title": "An x", "node": "alice", "apparatus": "kasli", "revision": "abc"}


@pytest.fixture
def masters_file(tmp_path):
    path = tmp_path / "my results.h5"
    with h5py.File(path, "w") as file:
        datasets = file.create_group("datasets")
        datasets["diqkd.calibration.scan.result"] = "pi time 6.00 +- 0.01 us\x1b[2J"
        datasets["diqkd.calibration.apparatus"] = "kasli"
        datasets["diqkd.description"] = description_text(HEAD, {}, {})
        file["start_time"] = 1.8e9
    return path


def test_taken_listed_and_named(tmp_path, monkeypatch, masters_file):
    monkeypatch.chdir(tmp_path)
    assert "No results in results" in diqkd("results").out
    taken = diqkd("results", "--take", masters_file, "--results-folder", tmp_path / "of mine")
    assert taken.status == 0 and taken.out.startswith("Results: '") and taken.out.endswith("/alice.h5'\n")
    listed = diqkd("results", "--results-folder", tmp_path / "of mine")
    assert "X  (kasli)" in listed.out and "pi time 6.00 +- 0.01 us" in listed.out and "\x1b" not in listed.out
    (entry,) = json.loads(diqkd("results", "--json", "--results-folder", tmp_path / "of mine").out)
    assert entry["apparatus"] == "kasli" and entry["folder"].startswith(str(tmp_path / "of mine"))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("results", "--results-folder", "nowhere"), "no such folder"),
        (("results", "--take", "nothing.h5"), "nothing.h5: no such file; name one"),
        (("results", "--take", "file"), "file: not a results file of a master; name one"),
        (("run", "check_random_source", "--results-folder", "file/x"), "or say --no-results"),
        (("demo", "--rounds", "3000", "--gamma", "1/2", "--results-folder", "file/x"), "or say --no-results"),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path, monkeypatch, words, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    end = diqkd(*words)
    assert end.status == 2 and end.err.count("\n") == 1 and says in end.err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_help_says_when_the_same_command_resumes():
    """Usability case 7: without --keep the laboratory of `demo` and `run` is gone with the command."""
    told = diqkd("--help").out
    assert "the same command resumes" in told and "`demo` and `run` resume only with --keep" in told
