"""Ranges of arguments hold for whoever submits an experiment; ARTIQ's dashboard alone enforces them by itself."""

import math
from pathlib import Path

import pytest

from contract.nodes import NODES
from postprocess.errors import InvalidInput
from testbed.standin.experiment_catalogue import scan

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = [
    (listed.file.name, argument.name, argument.description)
    for listed in scan(ROOT)
    for argument in listed.arguments
    if argument.description["ty"] == "NumberValue"
]


def test_every_number_has_a_range():
    assert len(NUMBERS) > 40
    for file, name, description in NUMBERS:
        assert description["min"] < description["max"], f"{file}: {name}"


@pytest.mark.parametrize(
    ("file", "name", "description"), NUMBERS, ids=lambda value: value if type(value) is str else ""
)
def test_a_value_out_of_range_is_refused_before_anything_runs(calibrate, file, name, description):
    """Usability case 11: `-o rounds=5` gave 'S nan +- nan'."""
    whole = description["type"] == "int"
    wrong = [description["max"] * 2 + 1, description["min"] - 1] + ([] if whole else [math.nan])
    for value in wrong:
        with pytest.raises(InvalidInput, match=f"{name} = .*: must be .* to "):
            calibrate(NODES[1], file, **{name: value})


def test_the_ends_of_a_range_are_in_it(calibrate):
    for value in (10, 1000):
        assert calibrate("bob", "calibrate_pi_time.py", shots=value).experiment.shots == value
