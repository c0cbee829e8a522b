"""`diqkd figure`: names, files, and one line for what cannot be drawn."""

from pathlib import Path

import pytest
from command_runs import diqkd


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_list_names_every_figure():
    done = diqkd("figure", "list")
    assert done.status == 0
    for number in ("4", "S13", "S14", "S15a", "S15b", "S16"):
        assert f" {number} " in done.out


def test_files_are_written_and_named():
    done = diqkd("figure", "4", "key-rate", "--out", "drawn", "--points", "4", "--dpi", "60")
    assert done.status == 0, done.err
    files = [Path(line) for line in done.out.split()]
    assert [file.name for file in files] == [
        "figure_4_key_rate.png",
        "figure_4_key_rate.csv",
        "figure_4_key_rate_rules.csv",
    ]
    assert all(file.stat().st_size > 300 and file.parent == Path("drawn") for file in files)


def test_measured_figures_continue():
    options = ("--rounds", "20000", "--samples", "2", "--points", "4", "--dpi", "60")
    first = diqkd("figure", "gap", *options)
    assert first.status == 0, first.err
    kept = {path: path.read_bytes() for path in Path("figures/trials").iterdir()}
    table = Path("figures/figure_S14_gap_measured.csv").read_text()
    assert kept and diqkd("figure", "S14", *options).status == 0
    assert {path: path.read_bytes() for path in Path("figures/trials").iterdir()} == kept
    assert Path("figures/figure_S14_gap_measured.csv").read_text() == table


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("S17",), "figure 'S17' is unknown"),
        (("4", "--dpi", "5"), "from 30 to 1200"),
        (("4", "--out", "occupied"), "occupied: figure cannot be written"),
        (("gap", "--rounds", "500", "--samples", "2"), "rounds = 500: the figures on reconciliation begin at 20000"),
        (("4", "--points", "1"), "at least 2"),
        ((), "required: NAME"),
    ],
)
def test_bad_input_is_one_line(words, message):
    Path("occupied").write_text("")
    done = diqkd("figure", *words)
    assert done.status == 2 and message in done.err and "Traceback" not in done.err
