"""Figures: their data are the known ones, their files can be read back, and each says what is computed and measured."""

import csv
import math
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.image import imread

from postprocess.errors import DiqkdError, InvalidInput
from postprocess.figures import (
    FIGURES,
    Entry,
    Settings,
    Table,
    canvas,
    fewest_rounds,
    find,
    gap,
    make,
    soundness,
    success,
    visibility,
)
from postprocess.figures.trial_samples import GAMMA, QBER, SCORE, open_trials
from postprocess.reconciliation.syndrome_length import conditional_entropy, paper_syndrome_length
from postprocess.security import curves

COARSE = Settings(points=2, samples=4, rounds=20_000, workers=1)


def quiet(share, text):
    assert 0 <= share <= 1


@pytest.fixture(scope="module")
def trials_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("trials")


@pytest.fixture(scope="module")
def files(tmp_path_factory, trials_folder):
    folder = tmp_path_factory.mktemp("figures")
    settings = Settings(points=3, samples=4, rounds=20_000, workers=1, trials=trials_folder)
    return {entry.name: make(entry, folder, settings, 50, quiet) for entry in FIGURES}


def read(path):
    note, *lines = path.read_text().splitlines()
    return note, list(csv.DictReader(lines))


@pytest.mark.parametrize("entry", FIGURES, ids=lambda entry: entry.name)
def test_every_figure_becomes_a_picture_and_tables(entry, files):
    picture, *tables = files[entry.name]
    image = imread(picture)
    assert image.shape[0] > 200 and image.shape[1] > 300 and image[..., :3].std() > 0.05
    assert entry.number in picture.name and tables
    for path in tables:
        note, rows = read(path)
        assert note.startswith("# ") and "omputed" in note
        assert ("measured here" in note) == entry.measured == ("no apparatus" in note)
        assert len(rows) >= 1 and len({len(row) for row in rows}) == 1


@pytest.mark.parametrize("entry", FIGURES, ids=lambda entry: entry.name)
def test_figures_are_labelled_with_their_source(entry, files, trials_folder):
    tables = entry.module().tables(replace(COARSE, trials=trials_folder), quiet)
    figure = entry.module().draw(tables)
    words = " ".join(text.get_text() for text in figure.texts)
    assert (f"figure {entry.number}" in words) is entry.in_paper
    assert next(iter(tables.values())).note.split()[0] in words
    for axes in figure.axes:
        assert axes.get_xlabel() and axes.get_ylabel()
        assert axes.get_legend() is not None
        names = [text.get_text() for text in axes.get_legend().get_texts()]
        assert len(names) == len(set(names)) >= 2, "a figure compares: two curves in each panel's legend, or more"


def test_figure_4_holds_the_session_of_the_paper(files):
    _, rows = read(files["key-rate"][1])
    rate = {int(row["rounds"]): row for row in rows}[1_500_000]["rate_S2.64_Q0.018_bits_per_round"]
    assert 1_500_000 * float(rate) == pytest.approx(95_884, abs=3)


def test_depolarising_key_begins_near_260_000_rounds():
    table = fewest_rounds.tables(Settings(points=4), quiet)[""]
    ends = {n: table[fewest_rounds._name(n)][-1] for n in fewest_rounds.ROUNDS}
    assert 0 < ends[3e5] < ends[5e5] < ends[1e6]
    assert math.isnan(curves.tolerated_qbers([2 * math.sqrt(2)], 2.5e5)[0])


@pytest.mark.slow
def test_white_noise_limit_is_at_the_known_error_rate():
    # without finite-size costs the protocol tolerates Q = 7.1 % of white noise (Acin et al. 2007)
    rates = visibility.tables(Settings(points=13), quiet)[""]
    positive = rates["visibility"][rates[visibility._name(math.inf)] > 0]
    assert 7.15 - 0.625 < 50 * (1 - positive[0]) < 7.15
    assert rates[visibility._name(3e5)][-1] > 0 == rates[visibility._name(3e5)][-3]


def test_soundness_panels():
    tables = soundness.tables(Settings(points=6), quiet)
    for rounds in soundness.ROUNDS:
        assert (np.diff(tables["a"][soundness._rate(rounds)]) >= 0).all()
    gammas = tables["b"][soundness._gamma(2.64, 0.018)]
    assert math.isnan(gammas[0]) and (np.diff(gammas[np.isfinite(gammas)]) < 0).all()


def test_success_rises_with_the_syndrome(files):
    _, rows = read(files["success"][1])
    for family in success.FAMILIES:
        chosen = [row for row in rows if row["family"] == family]
        lengths = [int(row["syndrome_bits"]) for row in chosen]
        assert lengths == sorted(lengths, reverse=True)
        assert float(chosen[0]["success"]) == 1.0 and float(chosen[-1]["success"]) == 0.0
        for row in chosen:
            assert float(row["success_low"]) <= float(row["success"]) <= float(row["success_high"])
            assert int(row["samples"]) == 4 and float(row["overhead"]) == int(row["syndrome_bits"]) / 20_000


def test_gap_lies_between_what_is_possible_and_the_rule_of_the_paper(files):
    _, rows = read(files["gap"][1])
    (row,) = rows
    ideal = 20_000 * conditional_entropy(GAMMA, SCORE, QBER)[0]
    assert ideal < int(row["syndrome_bits"]) < paper_syndrome_length(20_000, GAMMA, SCORE, QBER)
    assert float(row["gap"]) == pytest.approx((int(row["syndrome_bits"]) - ideal) / 20_000)


def test_shortest_syndrome_is_where_success_ends(trials_folder):
    settings = Settings(samples=10, workers=1, trials=trials_folder)
    with open_trials(settings) as trials:
        shortest = gap.shortest_syndrome(trials, 20_000, 10, quiet)
        assert trials.counts(20_000, shortest, 10).failures <= 1
        assert trials.counts(20_000, round(0.9 * shortest), 10).failures > 1


def test_counted_trials_are_used_again(trials_folder, files):
    kept = {path: path.read_bytes() for path in trials_folder.glob("*.json")}
    assert kept
    again = success.tables(Settings(points=5, samples=4, rounds=20_000, workers=1, trials=trials_folder), quiet)
    _, rows = read(files["success"][1])
    assert [int(row["successes"]) for row in rows] == again["measured"]["successes"].tolist()
    assert {path: path.read_bytes() for path in kept} == kept


def test_a_damaged_file_of_counts_is_one_line(tmp_path):
    with open_trials(Settings(workers=1, trials=tmp_path)) as trials:
        trials.counts(20_000, 8000, 1)
        (kept,) = tmp_path.glob("*.json")
        kept.write_text("{}")
        with pytest.raises(InvalidInput, match="name another file or remove this one"):
            trials.counts(20_000, 8000, 1)


def test_names_and_numbers_find_a_figure():
    assert find("4") is find("key-rate") and find("s15A") is find("visibility")
    with pytest.raises(InvalidInput, match=r"S17.*there are key-rate"):
        find("S17")


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DiqkdError, match="name another folder"):
        make(find("4"), tmp_path / "file", COARSE)


def test_tables_have_equal_columns_and_empty_cells_for_missing_values(tmp_path):
    with pytest.raises(ValueError, match="equally long"):
        Table("", {"a": np.zeros(2), "b": np.zeros(3)})
    Table("some note", {"a": np.array([1, 2]), "b": np.array([math.nan, 0.5])}).write_csv(tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "# some note\na,b\n1,\n2,0.5\n"


@pytest.mark.parametrize(
    ("rates", "log", "start"),
    [
        ([0.0, 0.0, 0.5, 2.0], False, 3 - 1 / 3),
        ([math.nan, 0.0, 0.5, 2.0], True, math.exp(math.log(3) - math.log(4 / 3) / 3)),
        ([0.0, 0.0, 3.0, 4.0], False, 2.0),  # not before a point that is known to have no key
        ([-1.0, 0.0, 3.0, 2.0], False, 2.0),
    ],
)
def test_curves_meet_the_axis(rates, log, start):
    x, y = canvas.down_to_zero(np.array([1.0, 2.0, 3.0, 4.0]), np.array(rates), log)
    assert x.tolist() == [pytest.approx(start), 3.0, 4.0]
    assert y.tolist() == [0.0, *rates[2:]]


def test_curves_without_a_start_stay_as_they_are():
    x = np.array([1.0, 2.0])
    for rates, kept in (([0.1, 0.2], [0.1, 0.2]), ([0.0, 0.2], [0.2]), ([0.0, math.nan], [])):
        assert canvas.down_to_zero(x, np.array(rates))[1].tolist() == kept


def test_powers_of_ten_in_legends():
    assert canvas.power_of_ten(1e6) == "$10^{6}$"
    assert canvas.power_of_ten(1.5e6) == r"$1.5\times10^{6}$"
    assert canvas.power_of_ten(3e5) == r"$3\times10^{5}$"


def test_a_figure_that_the_paper_does_not_have_needs_no_number():
    entry = Entry("threshold", "", "the Bell threshold")
    assert entry.stem == "figure_threshold" and not entry.in_paper
    assert not find("key-yield").in_paper and find("S15a").in_paper
    with pytest.raises(InvalidInput, match="is unknown"):
        find("")
