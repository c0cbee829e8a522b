"""The last lines of `diqkd run` and `diqkd demo`."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from diqkd.demo_display import Display
from diqkd.results_arguments import KeptResults
from diqkd.run_display import RunDisplay
from postprocess.keystore.balance import Balance
from postprocess.results.results_folder import RunFound
from tests.keystore.ledger_cases import small

LINK = {"diqkd.rounds.total": 10, "diqkd.rounds.done": 10}


def results_in(folder, *, stays):
    args = SimpleNamespace(no_results=False, results_folder=folder / "results", keep=folder if stays else None)
    return KeptResults(args, folder, "x")


def concluded(capsys, folder, found, statuses, stays=False):
    display = RunDisplay("A title", tuple(statuses))
    display.conclude(statuses, found, results_in(folder, stays=stays))
    return capsys.readouterr()


@pytest.mark.parametrize("apparatus", ["emulated", "kasli", ""])
def test_only_what_was_measured_is_the_emulations(tmp_path, capsys, apparatus):
    """Usability case 21."""
    files = {"alice": Path("alice.h5")}
    printed = concluded(capsys, tmp_path, RunFound(files, {"alice": LINK}, "fine", apparatus), {"alice": 0})
    assert ("the emulation's" in printed.out) == (apparatus == "emulated")
    assert "Fine\n" in printed.out


def test_nothing_printed_and_nothing_measured_still_says_how_it_ended(tmp_path, capsys):
    printed = concluded(capsys, tmp_path, RunFound({}, {}, "done", ""), {"alice": 0})
    assert "Done; there are no results, nothing was measured" in printed.out and "Results" not in printed.out


@pytest.mark.parametrize("stays", [True, False])
@pytest.mark.parametrize("status", [4, 130, 2])
def test_a_failed_run_names_no_results_and_says_whether_it_resumes(tmp_path, capsys, stays, status):
    """Usability cases 7 and 20."""
    printed = concluded(capsys, tmp_path, RunFound({}, {}, "", ""), {"alice": status}, stays)
    assert f"alice: ended with status {status}" in printed.err and "Results" not in printed.out
    assert ("the same command resumes" in printed.err) == (stays and status != 2)
    assert ("nothing resumes" in printed.err) == (not stays and status != 2)


@pytest.mark.parametrize("reason", ["peer lost", None])
@pytest.mark.parametrize("stays", [True, False])
def test_a_demo_that_broke_off_resumes_only_where_it_is_kept(tmp_path, capsys, reason, stays):
    """Usability case 7."""
    balance = Balance(1000, 0, 0, 0, 500, 244, 0, 0, "emulated").as_dict()
    report = {"measured_score": None, "accepted": False, "abort_reason": reason, "balance": balance}
    report |= {"seconds": {"total": 1.0}, "insecure_because": []}
    display = Display(SimpleNamespace(parameters=small(), folder=tmp_path), quiet=False)
    display.conclude(report, tmp_path if stays else None, results_in(tmp_path, stays=stays))
    printed = " ".join(capsys.readouterr().out.split())
    assert ("the same command resumes" in printed) == stays
    assert ("nothing resumes" in printed) != stays


@pytest.mark.parametrize("width", [60, 80])
def test_findings_are_wrapped_between_words_in_a_terminal_and_whole_elsewhere(tmp_path, capsys, monkeypatch, width):
    """Case 23: the terminal broke them inside words."""
    monkeypatch.setenv("COLUMNS", str(width))
    found = "threshold 6 (likelihoods equal at 6.22 +- 0.08), dark 0.10, bright 36.7 counts; wrote readout.threshold: 6"
    table = "  X = 0, Y = 0       0.3721   0.1395"
    for is_terminal in (True, False):
        display = RunDisplay("A title", ("alice",))
        display.console = Console(highlight=False, force_terminal=is_terminal, color_system=None)
        capsys.readouterr()
        for line in (found, table):
            display.collect("alice", line)
        display.conclude({"alice": 0}, RunFound({}, {}, "done", ""), results_in(tmp_path, stays=True))
        lines = capsys.readouterr().out.splitlines()
        assert table in lines and (found in lines) != is_terminal
        assert max(map(len, lines)) <= width or not is_terminal
        assert found.split() == " ".join(lines).split(" X = ")[0].split()[1:]
