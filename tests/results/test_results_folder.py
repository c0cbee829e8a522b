"""One folder per run, with the files of that run and no other."""

import json
from types import SimpleNamespace

import h5py
import pytest

from diqkd.results_arguments import KeptResults
from postprocess.errors import InvalidInput
from postprocess.results.results_folder import RunResults, kept_runs, take_results
from postprocess.results.self_description import description_text

HEAD = {"experiment": "X", "title": "An x", "node": "alice", "apparatus": "emulated", "revision": "abc"}


def write(homes, node, rid, done=10):
    """A results file as a master leaves it."""
    folder = homes / node / "results" / "2026-11-26" / "14"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{rid:09}-X.h5"
    with h5py.File(path, "w") as file:
        datasets = file.create_group("datasets")
        datasets["diqkd.rounds.total"], datasets["diqkd.rounds.done"] = 10, done
        datasets["diqkd.rounds.apparatus"] = "emulated"
        about = HEAD | {"node": node}
        datasets["diqkd.description"] = description_text(about, {"name": {"value": "link-1"}}, {})
        file["start_time"] = 1.8e9
    return path


@pytest.fixture
def homes(tmp_path):
    write(tmp_path / "homes", "alice", 3, done=1)  # of an earlier run
    return tmp_path / "homes"


def arguments(tmp_path, **changes):
    return SimpleNamespace(**({"no_results": False, "results_folder": tmp_path / "results", "keep": None} | changes))


def test_the_runs_own_files_are_kept_with_a_report(homes, tmp_path):
    run = RunResults(homes, "characterise_link")
    for node in ("alice", "bob"):
        write(homes, node, 4)
        write(homes, node, 5, done=2)  # that it submitted itself
    found = run.found({"alice": 0, "bob": 0})
    kept = run.keep(tmp_path / "results", found, {"session": {"n": 10}})
    assert set(kept) == {"alice", "bob"} and found.apparatus == "emulated"
    ((folder, report),) = kept_runs(tmp_path / "results")
    assert folder.name.endswith("-characterise_link") and folder == kept["alice"].parent
    assert report["outcome"] == "10 of 10 rounds" and report["measurement"] == "link-1"
    assert report["files"] == ["alice.h5", "bob.h5"] and report["session"] == {"n": 10}
    assert {path.name for path in folder.iterdir()} == {"alice.h5", "bob.h5", "report.json"}
    assert str(tmp_path) not in json.dumps(report)


def test_two_runs_of_one_second_have_a_folder_each(homes, tmp_path):
    run = RunResults(homes, "x")
    write(homes, "bob", 4)
    found = run.found({"bob": 0})
    folders = {run.keep(tmp_path / "results", found)["bob"].parent for _ in range(3)}
    assert len(folders) == 3 and len(kept_runs(tmp_path / "results")) == 3


def test_a_run_without_results_leaves_no_folder(homes, tmp_path):
    run = RunResults(homes, "show_applets")
    assert run.keep(tmp_path / "results", run.found({"alice": 0})) == {}
    assert kept_runs(tmp_path / "results") == []


def test_the_very_files_are_named(homes, tmp_path):
    """Usability case 20: quoted where a shell needs it, those of the laboratory where nothing is copied."""
    for number, (changes, place) in enumerate(
        [
            ({"results_folder": tmp_path / "my results"}, "'/alice.h5"),
            ({"no_results": True, "keep": tmp_path}, str(homes / "alice" / "results")),
            ({"no_results": True}, "not kept"),
        ]
    ):
        results = KeptResults(arguments(tmp_path, **changes), tmp_path, "x")
        written = write(homes, "alice", 5 + number)
        results.keep({"alice": 0})
        assert "NODE" not in results.where()
        if "'" in place:
            assert results.where() == f"Results: '{results.place}/alice.h5'"
        else:
            assert place in results.where() and (results.place is None)
            assert (str(written) in results.where()) == ("keep" in changes)


@pytest.mark.parametrize("stays", [True, False])
def test_only_a_kept_laboratory_resumes(homes, tmp_path, stays, capsys):
    """Usability case 7, and what an interrupted run has measured is kept."""
    results = KeptResults(arguments(tmp_path, keep=tmp_path if stays else None), tmp_path, "x")
    write(homes, "alice", 9, done=4)
    results.interrupted(("alice", "bob"))
    told = capsys.readouterr().err
    assert ("the same command resumes" in told) == stays
    assert ("nothing resumes" in told and "--keep DIR" in told) != stays
    ((folder, report),) = kept_runs(tmp_path / "results")
    assert report["outcome"].startswith("alice: interrupted, 4 of 10 rounds") and str(folder) in told


def test_a_disk_that_refuses_costs_no_result_on_the_terminal(homes, tmp_path, capsys):
    (tmp_path / "results").write_text("a file")
    results = KeptResults(arguments(tmp_path), tmp_path, "x")
    write(homes, "alice", 9)
    found = results.keep({"alice": 0})
    assert found.outcome == "10 of 10 rounds" and results.where() == "Results: not kept"
    assert capsys.readouterr().err.startswith("diqkd: results not kept: ")


def test_a_calibration_that_ends_with_its_laboratory_is_told(homes, tmp_path):
    """Usability case 6."""
    assert not KeptResults(arguments(tmp_path), tmp_path, "x").loses_calibrations
    (homes / "alice" / "calibration.json").write_text("{}")
    assert KeptResults(arguments(tmp_path), tmp_path, "x").loses_calibrations
    assert not KeptResults(arguments(tmp_path, keep=tmp_path), tmp_path, "x").loses_calibrations


def test_a_damaged_report_is_listed_as_such(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "report.json").write_text("{")
    ((_, report),) = kept_runs(tmp_path)
    assert "not JSON" in report["outcome"]


def test_a_masters_files_are_taken_in(tmp_path):
    files = [write(tmp_path / "homes", node, 8) for node in ("bob", "alice")]
    kept = take_results(tmp_path / "results", files)
    ((folder, report),) = kept_runs(tmp_path / "results")
    assert folder.name.endswith("-X") and set(kept.values()) == {folder / "bob.h5", folder / "alice.h5"}
    assert report["outcome"] == "10 of 10 rounds" and report["started"].startswith("2027-01-15T")
    (tmp_path / "text").write_text("no HDF5")
    for wrong in ([files[0], files[0]], [tmp_path / "text"], [tmp_path / "none"]):
        with pytest.raises(InvalidInput, match="name one"):
            take_results(tmp_path / "results", wrong)
    assert len(kept_runs(tmp_path / "results")) == 1
