"""Adversaries on the round-type cable and inside Bob's device, on the emulated laboratory: no key comes of them."""

import pytest

from tests.demo.emulated_sessions import run, small_session


@pytest.mark.parametrize("allowance", [0, pytest.param(8, marks=pytest.mark.slow)])
def test_swallowed_key_rounds_and_a_device_that_answers_zero(tmp_path, allowance):
    """Case C1: A = B = 0 in all key rounds, test rounds honest. The session stops in the rounds, on both nodes."""
    faults = ({"kind": "round type swallowed", "round": 20}, {"kind": "device answers 0 to setting 2", "round": 20})
    demo = small_session(tmp_path, rounds=2000, block_rounds=100, faults=faults, allowance=allowance)
    report, statuses = run(demo)
    assert report["abort_reason"] == "zeroed rounds" and not report["accepted"]
    assert report["balance"]["generated"] == 0
    assert set(statuses.values()) == {3}


@pytest.mark.slow
@pytest.mark.parametrize("line", [0, 1, 2])
def test_any_line_swallowed_with_two_key_bases(tmp_path, line):
    """Case C1 for each line: whatever Bob's device answers in the rounds that Alice does not hear of."""
    faults = (
        {"kind": "round type swallowed", "round": 20, "value": line},
        {"kind": "device answers 0 to setting 2", "round": 20},
    )
    demo = small_session(tmp_path, rounds=2000, block_rounds=100, faults=faults, allowance=8, bases=2)
    report, statuses = run(demo)
    assert report["abort_reason"] == "zeroed rounds" and not report["accepted"]
    assert report["balance"]["generated"] == 0
    assert set(statuses.values()) == {3}
