"""`diqkd figure`: names, files, and one line for what cannot be drawn."""

import io
import math
from pathlib import Path

import numpy as np
import pytest
from command_runs import diqkd

from diqkd.plain_progress import PlainProgress
from postprocess.figures import fewest_rounds, gap, success
from postprocess.figures.canvas import new_figure
from postprocess.figures.table import Settings, Table


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


def test_off_a_terminal_a_line_comes_every_ten_seconds():
    """Case 1."""
    now, out = [0.0], io.StringIO()
    progress = PlainProgress("figure S15b", out, lambda: now[0])
    for second in range(0, 41, 2):
        now[0] = second
        progress(second / 100, f"step {second}")
    lines = out.getvalue().splitlines()
    assert len(lines) == 4
    assert lines[1] == "figure S15b: 20 % done after 20 s, ends in about 80 s (step 20)"


def test_a_figure_reports_off_a_terminal(monkeypatch):
    """Case 1."""
    monkeypatch.setattr("diqkd.plain_progress.EVERY_S", 0.0)
    done = diqkd("figure", "S15a", "--points", "4", "--dpi", "60")
    assert done.status == 0 and "figure visibility: " in done.err and "ends in about" in done.err


def drawn(module, tables):
    (axes,) = module.draw(tables).axes
    return axes


def test_the_legend_lists_only_what_is_drawn(tmp_path):
    """Case 27: at n = 100 000 the fitted rule has no line."""
    row = {"family": np.array(["sc-ldpc"]), "syndrome_bits": np.array([25_000]), "overhead": np.array([0.25])}
    row |= {"success": np.array([0.9]), "success_low": np.array([0.8]), "success_high": np.array([1.0])}
    lines = {f"overhead_{name}": np.array([0.2, 0.3]) for name in ("ideal", "tsbsrsl", "afrv")}
    for fitted, listed in ((math.nan, False), (0.22, True)):
        computed = {"success": np.array([0.1, 0.9]), **lines, "overhead_fitted": np.full(2, fitted)}
        axes = drawn(success, {"measured": Table("note", row), "computed": Table("note", computed)})
        words = [text.get_text() for text in axes.get_legend().get_texts()]
        assert ("fitted rule of the coupled code" in words) is listed


def test_measured_gaps_have_error_bars(tmp_path):
    """Case 27."""
    tables = gap.tables(Settings(points=3, samples=2, rounds=20_000, workers=1), lambda share, text: None)
    measured = tables["measured"]
    assert 0 <= measured["gap_low"][0] < measured["gap"][0] < measured["gap_high"][0]
    assert [bars.has_yerr for bars in drawn(gap, tables).containers] == [True]


def test_labels_of_the_fewest_rounds_keep_off_the_lines():
    """Case 27: the sign of infinity floated, and 3e5 sat on the dashed line."""
    scores = np.linspace(2.2, 2 * math.sqrt(2), 60)
    columns = {"score": scores}
    for rounds, first in zip(fewest_rounds.ROUNDS, np.linspace(2.79, 2.0, len(fewest_rounds.ROUNDS)), strict=True):
        columns[fewest_rounds._name(rounds)] = np.where(scores > first, 0.18 * (scores - first), np.nan)
    axes = drawn(fewest_rounds, {"": Table("note", columns)})
    figure = axes.figure
    figure.canvas.draw()
    words = [text for text in axes.texts if text.get_text() != "no key"]
    assert any("infty" in text.get_text() and "n" in text.get_text() for text in words)
    assert all(text.get_bbox_patch() is not None for text in words)
    dashed = axes.transData.transform(np.column_stack([scores, fewest_rounds._white_noise(scores)]))
    fine = np.linspace(dashed[0, 0], dashed[-1, 0], 2000)
    path = np.column_stack([fine, np.interp(fine, *dashed.T)])
    for text in words:
        box = text.get_window_extent()
        assert not any(box.contains(*point) for point in path), text.get_text()


def test_captions_are_drawn_in_symbols():
    """Case 27."""
    figure, _ = new_figure("title", "figure 4", "largest ell with gamma at eps_snd = 1e-10 and S = 2 sqrt(2) V")
    caption = figure.texts[-1].get_text()
    assert "ℓ" in caption or "$\\ell$" in caption
    assert "γ" in caption and "2 √2 V" in caption and "gamma" not in caption and "eps_snd" not in caption
