"""What an observer sees does not depend on Bob's verdict: messages and statuses, sizes, times, public ledgers, ends.

Cases H1 and M4: nothing public depends on the verdict, the decoder's work or a crash before the fixed time; and why
Bob does not accept shows in nothing to the very end.
"""

import pytest
from observer import NO_DECODING, NO_VIOLATION, NODES, OUTCOMES, RESPONSE_S, SOUND, Observed, Points
from session_faults import install

REFUSED = (NO_DECODING, NO_VIOLATION)


@pytest.fixture
def points(monkeypatch):
    return install(monkeypatch, Points())


@pytest.fixture
def observed(folder, points):
    return Observed(folder, points)


def assert_nothing_shows(observed, outcomes=OUTCOMES, **disturbance):
    """The same for every verdict until F leaves; the same to the end whatever Bob's reason to refuse is."""
    seen = {outcome: observed.run(outcome, **disturbance) for outcome in outcomes}
    accepted = {outcome: [result.accepted for result in each.results.values()] for outcome, each in seen.items()}
    assert accepted == {outcome: [outcome == SOUND] * 2 for outcome in outcomes}, disturbance
    until_f = [each.to_the_decision() for each in seen.values()]
    assert until_f == until_f[:1] * len(outcomes), disturbance
    assert seen[NO_DECODING].events == seen[NO_VIOLATION].events, disturbance
    return seen[NO_DECODING]


def messages(seen):
    return [event for event in seen.events if event[0] == "message"]


@pytest.mark.parametrize("extra_s", [0.0, 4.5])
def test_nothing_shows_in_a_quiet_session(observed, extra_s):
    """Also when decoding takes longer than the response time, but not twice as long."""
    seen = assert_nothing_shows(observed, extra_s=extra_s)
    ((time, size),) = [(event[1], event[4]) for event in messages(seen) if event[3] == "F"]
    assert (time, size) == (RESPONSE_S if not extra_s else 2 * RESPONSE_S, 9)


def test_a_decision_that_comes_too_late_is_no(observed):
    seen = {outcome: observed.run(outcome, extra_s=11.0) for outcome in OUTCOMES}
    assert not any(result.accepted for each in seen.values() for result in each.results.values())


def test_nothing_shows_when_a_message_is_late(observed):
    """Any one of them: by more than the response time, or by less than the time after which a node asks."""
    kinds = [event[3] for event in messages(observed.run(NO_DECODING))]
    for number, kind in enumerate(kinds):
        for late_s in (20.0,) if kind == "status" else (1.0, 20.0):
            outcomes = OUTCOMES if number <= kinds.index("F") else REFUSED
            assert_nothing_shows(observed, outcomes, late=(number, late_s))


@pytest.mark.parametrize("node", NODES)
def test_nothing_shows_when_a_node_is_killed_between_two_steps(observed, points, node):
    """After any durable write, send or receive that comes at one time whatever Bob has found; then it starts again."""
    met = []
    for outcome in REFUSED:
        observed.run(outcome)
        met.append([place for place in points.met if place[0] == node and place[1][0].startswith("after")])
    common = [place[1] for place in met[0] if place in met[1]]
    told = common.index(("after send of F", 0) if node == "bob" else ("after receive of F", 0))
    assert min(told, len(common) - told) > 5
    for number, place in enumerate(common):
        assert_nothing_shows(observed, OUTCOMES if number <= told else REFUSED, killed=(node, place))


def test_nothing_shows_when_bob_is_killed_at_any_time(observed):
    """His private steps take times of their own, so the same moment finds him at different work."""
    for half_seconds in range(1, 11):
        assert_nothing_shows(observed, killed=("bob", half_seconds / 2))


def test_the_observer_sees_what_shows(folder, points):
    """Without a response time F leaves when the work is done, and its time tells which."""
    observed = Observed(folder, points, response_s=0.0)
    seen = [observed.run(outcome).to_the_decision() for outcome in OUTCOMES]
    assert seen[0] != seen[1] != seen[2] != seen[0]


def test_holding_back_the_end_of_alices_message_tells_nothing(observed):
    """Bob waits for the whole of it whatever he has: nothing of him leaves in between (case H1)."""
    kinds = [event[3] for event in messages(observed.run(NO_DECODING))]
    seen = assert_nothing_shows(observed, late=(kinds.index("revelation"), 300.0))
    assert not any(event[1] < RESPONSE_S for event in messages(seen) if event[3] == "F")
