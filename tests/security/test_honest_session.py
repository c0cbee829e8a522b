"""How likely an honest session passes: against sums over the number of tests, and against counted reconciliations."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
from scipy.stats import binom

from postprocess.reconciliation.syndrome_length import decoding_failure, tight_syndrome_length
from postprocess.security.honest_session import bell_check_passes, honest_session
from postprocess.security.rules import Problem

COUNTED = sorted((Path(__file__).resolve().parents[2] / "docs" / "reconciliation").glob("tight-*.json"))
SMALL = Problem(2_000, Fraction(64, 256), 0.8, 500, 1e-10, allowance=40)


def lost_tests_within(rounds, zeroed, limit, gamma, losing):
    """The slow way: over the number of zeroed tests, of other tests, and of losses among them."""
    total = 0.0
    for spoilt in range(zeroed + 1):
        for tests in range(rounds - zeroed + 1):
            chance = binom.pmf(spoilt, zeroed, gamma) * binom.pmf(tests, rounds - zeroed, gamma)
            if chance > 1e-15:
                total += chance * binom.cdf(limit - spoilt, tests, losing)
    return total


@pytest.mark.parametrize("zeroed", [0, 12])
def test_the_bell_check_against_a_sum_over_the_tests(zeroed):
    slow = lost_tests_within(2_000, zeroed, SMALL.bell_limit, 0.25, (4 - 2.6) / 8)
    assert 0.1 < slow < 0.95
    assert bell_check_passes(SMALL, 2.6, zeroed) == pytest.approx(slow, rel=1e-9)


def test_zeroed_rounds_cost_honest_sessions():
    honest = honest_session(SMALL, 2.6, 0.02)
    assert honest.bell_check_all_zeroed < honest.bell_check
    assert honest.passes == honest.bell_check * honest.decoding


def test_the_model_of_decoding_inverts_the_tight_rule():
    for failure in (0.2, 1e-2, 1e-3):
        m = tight_syndrome_length(1_500_000, 13 / 256, 2.64, 0.018, failure)
        assert decoding_failure(1_500_000, 13 / 256, 2.64, 0.018, m) == pytest.approx(failure, rel=2e-3)
    assert decoding_failure(1_500_000, 13 / 256, 2.64, 0.018, 100) == 1.0
    assert decoding_failure(1_500_000, 13 / 256, 4.0, 0.0, 100) == 0.0


@pytest.mark.parametrize("path", COUNTED, ids=lambda path: path.stem)
def test_counted_reconciliations_do_not_contradict_the_model(path):
    found = json.loads(path.read_text())
    plan = found["plan"]
    qber = 2 * plan["statistics"]["key"][0][1]
    score = 4 - 8 * 2 * plan["statistics"]["test"][0][1]
    failure = decoding_failure(plan["n"], plan["gamma"], score, qber, plan["syndrome_bits"])
    assert failure == pytest.approx(1e-3, rel=0.05)
    assert found["interval"][0] < failure * 1.05 and found["failures"] <= binom.ppf(0.99, found["samples"], failure)
