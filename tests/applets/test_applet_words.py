"""Times and numbers as an operator reads them."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postprocess.shaping.worded_numbers import duration, estimated_end, spaced

NOON = datetime(2026, 11, 25, 12, 0)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (200, "3 min 20 s"),
        (600, "10 min"),
        (3599, "1 h 00 min"),
        (4 * 3600 + 301, "4 h 05 min"),
        (86_399, "1 d 0 h"),
        (51 * 3600, "2 d 3 h"),
        (-3, "0 s"),
    ],
)
def test_durations_are_as_exact_as_one_cares(seconds, words):
    assert duration(seconds) == words


@given(st.floats(0, 1e7))
def test_a_duration_says_what_it_was_to_a_sixtieth_or_half_a_unit(seconds):
    scale = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
    parts = duration(seconds).split(" ")
    units = [scale[unit] for unit in parts[1::2]]
    said = sum(int(number) * unit for number, unit in zip(parts[::2], units, strict=True))
    assert abs(said - seconds) <= 0.5 * units[-1] + 0.5


def test_numbers_are_spaced_without_breaking():
    assert spaced(1_500_000) == "1\u00a0500\u00a0000"
    assert spaced(999) == "999"


@pytest.mark.parametrize(
    ("remaining_s", "known_since", "words"),
    [
        (None, NOON, "end not known yet"),
        (1e300, NOON, "end not known yet"),
        (1500.0, None, "about 25 min left when last told"),
        (1500.0, NOON, "about 25 min left, until 12:25"),
        (1500.0, NOON - timedelta(minutes=5), "about 20 min left, until 12:20"),
        (60.0, NOON - timedelta(minutes=5), "should have ended at 11:56"),
        (43_200.0, NOON, "about 12 h 00 min left, until Thu 26 Nov 00:00"),
    ],
)
def test_the_end_is_told_as_a_time_of_day_only_if_one_knows_since_when(remaining_s, known_since, words):
    assert estimated_end(remaining_s, known_since, NOON) == words
