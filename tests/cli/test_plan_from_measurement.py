"""`diqkd plan --from`: planning with what a characterisation has measured, pessimistically."""

import json
import math

import h5py
import numpy as np
import pytest

from diqkd.main import main


def shown(capsys, *arguments):
    assert main(["plan", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def planned(capsys, *arguments):
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def result_file(path, **changes):
    """A results file in ARTIQ's layout: 40 000 tests and key rounds each."""
    counts = np.zeros((4, 2, 3, 2, 2), np.int64)
    counts[0, 0, 2] = [[19_600, 400], [400, 19_600]]
    counts[0, :, :2] = 2_500
    values = {
        "characterisation.total_score": 2.66,
        "characterisation.total_score_error": 0.01,
        "characterisation.total_qber": 0.02,
        "characterisation.total_qber_error": 0.0007,
        "characterisation.counts": counts,
        "characterisation.apparatus": "kasli",
        "rounds.herald_rate_hz": [50.0, 50.0, 0.0, 100.0, 100.0],
    } | changes
    with h5py.File(path, "w") as file:
        for name, value in values.items():
            if value is not None:
                file[f"datasets/diqkd.{name}"] = value
    return str(path)


def test_a_characterisation_is_planned_with_pessimistically(capsys, tmp_path):
    file = result_file(tmp_path / "result.h5")
    plan = planned(capsys, "plan", "--from", file)
    assert plan["score"] == pytest.approx(2.66 - 1.645 * 0.01, abs=1e-4)
    assert plan["qber"] == pytest.approx(0.02 + 1.645 * 0.0007, abs=1e-4) and plan["qber"] > 0.021
    assert 50 < plan["hours"]["herald_rate_hz"] < 2 / (1 / 50 + 1 / 100)
    assert plan["measured"] == {
        "source": "result.h5", "apparatus": "kasli", "quantile": 0.95, "score": [2.66, 0.01], "qber": [0.02, 0.0007],
        "herald_rate_hz": [pytest.approx(200 / 3), pytest.approx(12.83, abs=0.01)],
    }  # fmt: skip
    bolder = planned(capsys, "plan", "--from", file, "--quantile", "0.6", "--qber", "0.018")
    assert bolder["score"] > plan["score"] and bolder["qber"] == 0.018
    out = " ".join(shown(capsys, "--from", file).split())
    assert "measured 2.66 +- 0.01" in out and "95 % confidence" in out and "kasli apparatus" in out


def test_the_second_key_basis_is_taken_from_the_counts(capsys, tmp_path):
    counts = np.zeros((4, 2, 4, 2, 2), np.int64)
    counts[0, 0, 2], counts[0, 1, 3] = [[19_600, 400], [400, 19_600]], [[1_930, 70], [60, 1_940]]
    counts[0, :, :2] = 2_500
    file = result_file(tmp_path / "result.h5", **{"characterisation.counts": counts})
    plan = planned(capsys, "plan", "--from", file, "--preset", "longest")
    assert plan["qber2"] == pytest.approx(0.0325 + 1.645 * 0.0028, abs=6e-4)
    given = planned(capsys, "plan", "--from", file, "--preset", "longest", "--qber2", "0.04")
    assert given["qber2"] == 0.04
    one = planned(capsys, "plan", "--from", file)
    assert one["qber2"] is None


def test_no_error_among_few_rounds_is_no_perfect_link(capsys, tmp_path):
    counts = np.zeros((4, 2, 3, 2, 2), np.int64)
    counts[0, 0, 2, 0, 0] = 150
    file = result_file(tmp_path / "r.h5", **{
        "characterisation.counts": counts, "characterisation.total_qber": 0.0,
        "characterisation.total_qber_error": 0.0, "rounds.herald_rate_hz": None,
    })  # fmt: skip
    plan = planned(capsys, "plan", "--from", file)
    assert plan["qber"] == pytest.approx(1 - 0.05 ** (1 / 150)) and plan["hours"] is None


@pytest.mark.parametrize(
    ("file", "says"),
    [
        (lambda folder: str(folder / "none.h5"), "no such file"),
        (lambda folder: str(folder), "cannot be read as HDF5"),
        (lambda folder: result_file(folder / "a.h5", **{"characterisation.total_score": None}), "no finished charac"),
        (lambda folder: result_file(folder / "b.h5", **{"characterisation.total_score": np.nan}), "too few rounds"),
    ],
)
def test_files_that_are_no_characterisation_are_one_line(capsys, tmp_path, file, says):
    assert main(["plan", "--from", file(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1


def test_a_rate_is_never_planned_without_an_error(capsys, tmp_path):
    """A characterisation of one block said +- 0: at least the scatter of as many random arrivals is there."""
    file = result_file(tmp_path / "link.h5", **{"rounds.herald_rate_hz": [50.0]})
    rate, error = planned(capsys, "plan", "--from", file)["measured"]["herald_rate_hz"]
    assert (rate, error) == (50.0, pytest.approx(50 / math.sqrt(80_000)))
    file = result_file(tmp_path / "no-counts.h5", **{"rounds.herald_rate_hz": [50.0], "characterisation.counts": None})
    assert planned(capsys, "plan", "--from", file)["measured"]["herald_rate_hz"] is None
