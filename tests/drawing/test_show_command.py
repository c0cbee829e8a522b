"""`diqkd show`: what results files become, against numbers that were computed another way."""

import h5py
import numpy as np
import pytest
from result_files import PLAN, numbers, outcomes, read_table, write_results

from contract.round_settings import KEY_SETTING
from postprocess.characterisation.block_counts import averages_of_blocks, counts_of_blocks
from postprocess.characterisation.link import joint_counts
from postprocess.characterisation.recombination import JointRounds
from postprocess.drawing import link_over_time, link_tables, read_results
from postprocess.drawing.link_over_time import window_of
from postprocess.estimation.score_and_qber import moving_averages
from tests.cli.command_runs import diqkd

ROUNDS, BLOCK = 5000, 500
CHARACTERISATION = "diqkd.characterisation."


@pytest.fixture(scope="module")
def joint():
    x, y, a, b, patterns = outcomes(ROUNDS)
    return JointRounds(np.arange(ROUNDS), patterns, x, y, a, b, lost=0)


@pytest.fixture(scope="module")
def link(tmp_path_factory, joint):
    """A finished characterisation, as its experiment leaves it."""
    found = {
        CHARACTERISATION + "block_counts": counts_of_blocks(joint, BLOCK),
        CHARACTERISATION + "counts": joint_counts(joint),
        CHARACTERISATION + "apparatus": "emulated",
        "diqkd.rounds.plan": PLAN,
        "diqkd.rounds.node": "bob",
        "diqkd.rounds.done": ROUNDS,
        "diqkd.rounds.herald_rate_hz": np.full(ROUNDS // BLOCK, 50.0),
        "diqkd.rounds.pattern_counts": [1200, 1250, 1250, 1300],
        "diqkd.rounds.timeline_rounds": [1, 2500, 2501, 5000],
        "diqkd.rounds.timeline_s": [0.0, 50.0, 650.0, 700.0],
        "diqkd.rounds.pause_rounds": [2500],
        "diqkd.rounds.pause_causes": "alice: recalibration, bob: recalibration",
    }
    return write_results(tmp_path_factory.mktemp("results") / "link.h5", found)


def show(*words):
    done = diqkd("show", *words, "--dpi", "40")
    assert done.status == 0, done.err
    return done.out.split()


@pytest.fixture(scope="module")
def drawn(link):
    """The folder in which the characterisation was drawn."""
    files = show(link, "-o", link.parent / "out", "--window", "1500")
    assert set(files) == {str(file) for file in (link.parent / "out").iterdir()}
    return link.parent / "out"


def test_figure_3_is_the_moving_average_over_whole_blocks(drawn, joint):
    table = numbers(drawn / "link_figure_3.csv")
    assert (drawn / "link_figure_3.png").read_bytes().startswith(b"\x89PNG")
    expected = moving_averages(joint.x, joint.y, joint.a, joint.b, 1500)
    ends = np.arange(1500, ROUNDS + 1, BLOCK)
    assert np.array_equal(table["round"], ends)
    np.testing.assert_allclose(table["score"], expected.score[ends - 1500], atol=1e-12)
    np.testing.assert_allclose(table["qber"], expected.qber[ends - 1500], atol=1e-12)
    half = (table["score_high"] - table["score_low"]) / 2
    np.testing.assert_allclose(half, 1.959964 * expected.score_error[ends - 1500], rtol=1e-6)
    assert (table["qber_low"] < table["qber"]).all() and (table["qber"] < table["qber_high"]).all()


def test_a_window_longer_than_the_run_gives_one_point_of_all_rounds(joint):
    found = averages_of_blocks(counts_of_blocks(joint, BLOCK), BLOCK, 100_000)
    assert found.round.tolist() == [ROUNDS]
    errors = ((joint.a != joint.b) & (joint.y == KEY_SETTING)).sum() / (joint.y == KEY_SETTING).sum()
    assert found.qber[0] == pytest.approx(errors)


@pytest.mark.parametrize(
    ("own", "rounds", "expected"),
    [(10**5, 250_000, 10**5), (1000, 4000, 1000), (60_000, 60_000, 6000), (None, 60_000, 6000), (None, 10**7, 10**5)],
)
def test_the_window_is_the_experiments_or_a_tenth_of_a_short_run(own, rounds, expected):
    values = {} if own is None else {CHARACTERISATION + "window_rounds": own}
    assert window_of(values, rounds) == expected


def test_no_error_among_few_rounds_has_a_band():
    counts = np.zeros((1, 2, 3, 2, 2))
    counts[0, 0, KEY_SETTING] = [[60, 0], [0, 40]]
    found = averages_of_blocks(counts, 100, 100)
    assert found.qber[0] == 0 and found.qber_low[0] == pytest.approx(0, abs=1e-15)
    assert found.qber_high[0] == pytest.approx(1.959964**2 / (100 + 1.959964**2), rel=1e-6)  # Wilson's, without errors
    assert np.isnan(found.score[0])


def test_table_s4_has_multinomial_errors(drawn, joint):
    table = numbers(drawn / "link_table_S4.csv")
    assert len(table["x"]) == 20
    for x, y, a, b, count, share, error in zip(*(table[name] for name in table), strict=True):
        here = (joint.x == x) & (joint.y == y)
        found = (here & (joint.a == a) & (joint.b == b)).sum()
        assert count == found and share == pytest.approx(found / here.sum())
        assert error == pytest.approx(np.sqrt(found * (here.sum() - found) / here.sum() ** 3))


def test_score_and_qber_of_each_pattern(drawn, joint):
    from postprocess.estimation.score_and_qber import chsh_score

    table = read_table(drawn / "link_patterns.csv")
    assert table["pattern"].tolist() == ["0011", "0101", "1010", "1100", "all"]
    every = chsh_score(joint.x, joint.y, joint.a, joint.b)
    assert float(table["score"][-1]) == pytest.approx(every.value)
    assert float(table["score_standard_error"][-1]) == pytest.approx(every.standard_error)
    here = joint.patterns == 0b1010
    one = chsh_score(joint.x[here], joint.y[here], joint.a[here], joint.b[here])
    assert float(table["score"][2]) == pytest.approx(one.value)


def test_bars_of_both_panels_are_95_per_cent(tmp_path, joint):
    """S had standard errors beside 95 % intervals of Q."""
    found = {CHARACTERISATION + "counts": joint_counts(joint), CHARACTERISATION + "apparatus": "emulated"}
    drawing = link_tables.patterns(read_results(write_results(tmp_path / "link.h5", found)), None)
    left, _ = drawing.draw().axes
    (low, high) = left.collections[0].get_segments()[0][:, 1]
    assert (high - low) / 2 == pytest.approx(1.96 * drawing.tables[""]["score_standard_error"][0])


def test_heralds_and_the_steps_of_their_timeline(drawn):
    line = numbers(drawn / "link_timeline.csv")
    assert line["rounds"].tolist() == [1, 2500, 2501, 5000] and line["seconds"].tolist() == [0, 50, 650, 700]
    pauses = read_table(drawn / "link_timeline_pauses.csv")
    found = [pauses[name].tolist() for name in ("after_round", "start", "duration", "cause")]
    assert found == [["2500"], ["50.0"], ["600.0"], ["recalibration"]]
    assert numbers(drawn / "link_heralds_rate.csv")["rate_hz"].tolist() == [50.0] * 10
    balance = numbers(drawn / "link_heralds_patterns.csv")
    assert balance["percent"].tolist() == [24, 25, 25, 26] and balance["heralds"].sum() == ROUNDS


def test_an_older_file_without_times_has_a_timeline_from_its_rates(tmp_path):
    rates = [np.nan, 50.0, 25.0]
    found = {"diqkd.rounds.herald_rate_hz": rates, "diqkd.rounds.plan": PLAN, "diqkd.rounds.done": 900}
    show(write_results(tmp_path / "old.h5", found), "-o", tmp_path)
    line = numbers(tmp_path / "old_timeline.csv")
    assert line["rounds"].tolist() == [0, 500, 900] and line["seconds"].tolist() == [0, 10, 30]


def test_tomography(tmp_path):
    singlet = np.zeros((4, 4))
    singlet[1:3, 1:3] = [[0.5, -0.5], [-0.5, 0.5]]
    found = {
        "diqkd.tomography.states_real": np.array([singlet] * 4),
        "diqkd.tomography.states_imag": np.zeros((4, 4, 4)),
        "diqkd.tomography.fractions": [0.95, 0.96, 0.97, 0.98],
        "diqkd.tomography.fraction_errors": [0.001, 0.002, 0.003, 0.004],
    }
    show(write_results(tmp_path / "t.h5", found, "Tomography"), "-o", tmp_path)
    table = read_table(tmp_path / "t_figure_S3_fractions.csv")
    assert table["pattern"].tolist() == ["0011", "0101", "1010", "1100"]
    assert table["fraction"].astype(float).tolist() == [0.95, 0.96, 0.97, 0.98]
    assert table["standard_error"].astype(float).tolist() == [0.001, 0.002, 0.003, 0.004]
    states = read_table(tmp_path / "t_figure_S3_states.csv")
    corner = (states["pattern"] == "0101") & (states["row"] == "01") & (states["column"] == "10")
    assert states["real"][corner].astype(float).tolist() == [-0.5]


def test_a_scan_with_fit_and_residuals(tmp_path):
    scan = "diqkd.calibration.scan."
    found = {
        scan + "title": "Rabi flops of the mapping line (bob)",
        scan + "x_label": "Pulse length (us)",
        scan + "y_label": "Transfer probability",
        scan + "result": "pi time 5 us",
        scan + "x": [0.0, 1.0, 2.0],
        scan + "y": [0.1, 0.5, 0.8],
        scan + "y_low": [0.05, 0.4, 0.7],
        scan + "y_high": [0.2, 0.6, 0.9],
        scan + "fit_x": np.linspace(0, 2, 201),
        scan + "fit_y": np.linspace(0, 1, 201),
    }
    fit = "diqkd.calibration.fit."
    found |= {
        fit + "what": "Rabi flops",
        fit + "names": "pi_time, contrast",
        fit + "units": "s, ",
        fit + "values": [[5e-6, 0.98]],
        fit + "errors": [[1e-8, 0.01]],
        fit + "chi_square": [40.0],
        fit + "degrees": [38],
    }
    show(write_results(tmp_path / "s.h5", found, "CalibratePiTime"), "-o", tmp_path)
    fitted = read_table(tmp_path / "s_scan_parameters.csv")
    assert fitted["parameter"].tolist() == ["pi_time", "contrast"] and fitted["unit"].tolist() == ["s", ""]
    assert fitted["value"].astype(float).tolist() == [5e-6, 0.98] and fitted["chi_square"].tolist() == ["40.0"] * 2
    table = numbers(tmp_path / "s_scan.csv")
    np.testing.assert_allclose(table["fit"], [0.0, 0.5, 1.0])
    np.testing.assert_allclose(table["residual"], [0.1, 0.0, -0.2], atol=1e-12)
    np.testing.assert_allclose(table["pull"], [2.0, 0.0, -2.0], atol=1e-12)
    assert "pi time 5 us" in (tmp_path / "s_scan.csv").read_text().splitlines()[0]


def test_a_readout_histogram(tmp_path):
    name = "diqkd.calibration.histogram."
    found = {name + "dark": [90, 9, 1], name + "bright": [0, 0, 2, 48, 50], name + "threshold": 1}
    show(write_results(tmp_path / "r.h5", found, "CalibrateReadout"), "-o", tmp_path)
    table = numbers(tmp_path / "r_readout.csv")
    assert table["counts"].tolist() == [0, 1, 2, 3, 4]
    assert table["dark_shots"].tolist() == [90, 9, 1, 0, 0] and table["bright_shots"].tolist() == [0, 0, 2, 48, 50]
    assert "Dark read as bright: 1 of 100" in (tmp_path / "r_readout.csv").read_text()


def test_a_file_that_describes_itself_is_named_as_it_says(tmp_path):
    """Kept copies have no expid."""
    description = '{"experiment": "CalibratePiTime", "node": "alice", "arguments": {"x": 1}}'
    with h5py.File(tmp_path / "bob.h5", "w") as file:
        file["datasets/diqkd.description"] = description
    assert read_results(tmp_path / "bob.h5").origin == "CalibratePiTime, alice"
    described = write_results(tmp_path / "plain.h5", {"diqkd.rounds.node": "bob", "diqkd.description": "[{"})
    assert read_results(described).origin.startswith("CharacteriseLink, bob, ")


def test_a_folder_is_drawn_with_its_structure_and_what_is_no_results_file_is_named(tmp_path):
    folder = tmp_path / "results"
    for node in ("alice", "bob"):
        write_results(folder / node / "12-GenerateKey.h5", {"diqkd.rounds.herald_rate_hz": [50.0]}, "GenerateKey")
    (folder / "broken.h5").write_bytes(b"no HDF5")
    done = diqkd("show", folder, "-o", tmp_path / "out", "--dpi", "40")
    assert done.status == 0 and "broken.h5: cannot be read as HDF5" in done.err
    for node in ("alice", "bob"):
        assert (tmp_path / "out" / node / "12-GenerateKey_heralds.png").exists()


def test_datasets_of_another_kind_are_left_out(tmp_path):
    found = {
        CHARACTERISATION + "counts": np.zeros((4, 2), np.int64),
        CHARACTERISATION + "block_counts": np.full((3, 2, 3, 2, 2), np.nan),
        CHARACTERISATION + "score": "none",
        "diqkd.tomography.fractions": [b"a", b"b"],
        "diqkd.herald_phase.phase": [1.0, 2.0],
        "diqkd.rounds.plan": "[1, 2]",
        "diqkd.rounds.herald_rate_hz": h5py.Empty("f8"),
        "diqkd.calibration.scan.x": [[1.0]],
    }
    done = diqkd("show", write_results(tmp_path / "odd.h5", found), "-o", tmp_path / "out")
    assert done.status == 2 and "no datasets that diqkd's experiments draw" in done.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.h5", "missing.h5: no such file"),
        ("text.h5", "cannot be read as HDF5"),
        ("empty.h5", "no group 'datasets'"),
        ("folder", "no results file (.h5) in this folder"),
        ("nowhere", "for a session give --home"),
    ],
)
def test_one_line_for_what_is_no_result(name, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DIQKD_HOME", raising=False)
    (tmp_path / "text.h5").write_text("hello")
    h5py.File(tmp_path / "empty.h5", "w").close()
    (tmp_path / "folder").mkdir()
    done = diqkd("show", name)
    assert done.status == 2 and message in done.err and done.err.count("\n") == 1


def test_the_output_is_tried_before_the_work(link, tmp_path):
    (tmp_path / "occupied").write_text("")
    done = diqkd("show", link, "-o", tmp_path / "occupied")
    assert done.status == 2 and "occupied" in done.err and done.err.count("\n") == 1


@pytest.mark.parametrize(("step", "words"), [(100, "share most"), (600, "share some"), (1000, "before it.")])
def test_the_caption_says_how_much_neighbouring_windows_share(step, words):
    """Windows of one block were said to share most of their rounds."""
    note = f"the rounds before it{link_over_time._shared(np.arange(1000, 9000, step), 1000)}."
    assert words in note
