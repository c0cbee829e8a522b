"""Where the time of a session went."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postprocess.reports.campaign_page import joined
from postprocess.reports.downtime import NO_CAUSE, RESTART, Downtime, downtime_of, sum_of
from postprocess.rounds.herald_times import HeraldTimes, Pause
from postprocess.rounds.pause_log import PauseCause


def times(pauses, seconds=100.0):
    return HeraldTimes(np.array([1, 1000]), np.array([0.0, seconds]), tuple(pauses), np.empty(0))


def test_pauses_have_the_causes_that_the_nodes_noted():
    found = downtime_of(
        times(
            [Pause(10, 1.0, 5.0), Pause(20, 9.0, 7.0), Pause(30, 20.0, 2.0), Pause(40, 30.0, None), Pause(50, 40, 3)]
        ),
        [
            PauseCause(10, "alice: ion lost, bob: no herald"),
            PauseCause(20, "alice: recalibration, bob: recalibration"),
            PauseCause(50, "bob: recalibration: herald rate 20 % low"),
            PauseCause(60, "alice: laser unlocked"),
        ],
    )
    assert found.seconds == {"ion lost": 5.0, "recalibration": 10.0, NO_CAUSE: 2.0, RESTART: 0.0}
    assert found.pauses == {"ion lost": 1, "recalibration": 2, NO_CAUSE: 1, RESTART: 1}
    assert found.measuring_s == 83.0


pauses = st.lists(st.tuples(st.integers(0, 50), st.floats(0, 1e4) | st.none()), max_size=20)
causes = st.lists(st.tuples(st.integers(0, 50), st.sampled_from(["alice: ion lost", "bob: a, alice: b", ""])))


@given(pauses, causes)
def test_no_second_is_lost_or_counted_twice(found, noted):
    lost = downtime_of(
        times((Pause(place, 0.0, seconds) for place, seconds in found), 1e6), [PauseCause(*each) for each in noted]
    )
    known = sum(seconds for _, seconds in found if seconds is not None)
    assert sum(lost.seconds.values()) == pytest.approx(known)
    assert lost.measuring_s + known == pytest.approx(1e6)
    assert sum(lost.pauses.values()) == len(found)
    twice = sum_of([lost, lost])
    assert twice.measuring_s == 2 * lost.measuring_s and twice.pauses == {k: 2 * v for k, v in lost.pauses.items()}


def test_nothing_added_up_is_nothing():
    assert sum_of([]) == Downtime(0.0, {}, {})


def test_sessions_follow_each_other_on_one_time_line():
    seconds, rounds = joined([times([]), HeraldTimes(*(np.empty(0),) * 2, (), np.empty(0)), times([], 50.0)])
    assert seconds.tolist() == [0, 100, 100, 150] and rounds.tolist() == [1, 1000, 1001, 2000]
