"""Syndrome length by the paper's rule, and Bob's log-likelihood ratios against the definition, round by round."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postprocess.errors import InvalidInput
from postprocess.estimation.priors import (
    Priors,
    TwoKeyPriors,
    log_likelihood_ratios,
    priors_from_score,
    with_second_key,
    with_zeroed_rounds,
)
from postprocess.estimation.score_and_qber import qber
from postprocess.reconciliation import make_code
from postprocess.reconciliation.syndrome_length import (
    conditional_entropy,
    paper_syndrome_length,
    tight_syndrome_length,
)
from postprocess.support.entropy import binary_entropy

# Nadlinger 2022, table S4, Alice's outcome first: printed transposed, only so are the marginals no-signalling
TABLE_S4 = {
    (0, 0): [[0.415, 0.0961], [0.0688, 0.42]],
    (0, 1): [[0.439, 0.0735], [0.0805, 0.4068]],
    (0, 2): [[0.5017, 0.011], [0.00339, 0.4839]],
    (1, 0): [[0.3928, 0.0851], [0.0916, 0.431]],
    (1, 1): [[0.082, 0.397], [0.437, 0.0841]],
}
# Table S6 in the same reading
TABLE_S6 = Priors(test=((0.411, 0.0842), (0.0813, 0.4237)), key=((0.5017, 0.011), (0.0034, 0.4839)))


def test_paper_syndrome_length():
    assert paper_syndrome_length(1_500_000, 13 / 256, 2.64, 0.018) == 296_517
    assert paper_syndrome_length(1_500_000, Fraction(13, 256), 2.64, 0.018) == 296_517


def test_entropy_edges():
    assert binary_entropy(0.0) == binary_entropy(1.0) == 0.0
    assert binary_entropy(0.5) == 1.0
    assert binary_entropy(1e-12) == pytest.approx(1e-12 * (math.log2(1e12) + math.log2(math.e)), rel=1e-9)


def test_test_prior_is_the_mean_of_table_s4_with_bob_flipped_where_both_settings_are_one():
    flipped = dict(TABLE_S4)
    flipped[1, 1] = [row[::-1] for row in TABLE_S4[1, 1]]
    mean = np.mean([flipped[x, y] for x in (0, 1) for y in (0, 1)], axis=0)
    assert np.abs(mean - TABLE_S6.test).max() < 5e-4
    assert np.abs(np.array(TABLE_S4[0, 2]) - TABLE_S6.key).max() < 5e-5


TWO_KEYS = TwoKeyPriors(TABLE_S6.test, TABLE_S6.key, key2=((0.48, 0.03), (0.02, 0.47)))


@pytest.mark.parametrize(("priors", "keys"), [(TABLE_S6, 1), (TWO_KEYS, 2)], ids=["one basis", "two bases"])
@given(data=st.data())
def test_ratios_are_bayes_rule_round_by_round(priors, keys, data):
    """In key rounds Bob's outcome is never flipped: his setting 3 agrees with A_1."""
    bit = st.integers(0, 1)
    rounds = data.draw(st.lists(st.tuples(bit, bit, st.integers(0, 1 + keys)), min_size=1, max_size=40))
    b, x, y = (np.array(column, np.uint8) for column in zip(*rounds, strict=True))
    expected, marginal = [], []
    for bob, setting_x, setting_y in rounds:
        table = {2: priors.key, 3: getattr(priors, "key2", None)}.get(setting_y, priors.test)
        marginal.append(math.log(sum(table[0]) / sum(table[1])))
        column = 1 - bob if setting_x == setting_y == 1 else bob
        expected.append(math.log(table[0][column]) - math.log(table[1][column]))
    ratios = log_likelihood_ratios(b, x, y, priors)
    assert ratios.dtype == np.float64
    np.testing.assert_allclose(ratios, expected, rtol=1e-12)
    none, every = np.zeros(len(b), bool), np.ones(len(b), bool)
    np.testing.assert_allclose(with_zeroed_rounds(ratios, y, priors, none, every), marginal, rtol=1e-12, atol=1e-15)


def test_a_second_key_basis_decodes_with_its_own_priors():
    """At 6 % against 1.8 % one table for both bases would be wrong; the syndrome is the tight one."""
    n, gamma, errors = 100_000, 13 / 256, {0: 0.17, 1: 0.17, 2: 0.018, 3: 0.06}
    rng = np.random.default_rng(5)
    y = rng.choice(4, n, p=[gamma / 2, gamma / 2, (1 - gamma) / 2, (1 - gamma) / 2]).astype(np.uint8)
    x = np.where(y < 2, rng.integers(0, 2, n), y == 3).astype(np.uint8)
    alice = rng.integers(0, 2, n, dtype=np.uint8)
    bob = alice ^ (rng.random(n) < np.choose(y, list(errors.values()))) ^ ((x == 1) & (y == 1))
    code = make_code(n, tight_syndrome_length(n, gamma, 2.64, 0.018, qber2=0.06), 1)
    priors = with_second_key(priors_from_score(2.64, 0.018), 0.06)
    found = code.decode(log_likelihood_ratios(bob, x, y, priors), code.syndrome(alice))
    assert found.converged and np.array_equal(found.bits, alice)
    assert [qber(x, y, alice, bob, basis=basis).value for basis in (0, 1)] == pytest.approx([0.018, 0.06], abs=5e-3)


def test_the_syndrome_is_the_mean_of_both_bases():
    both = [conditional_entropy(0.1, 2.64, q)[0] for q in (0.018, 0.05)]
    assert conditional_entropy(0.1, 2.64, 0.018, 0.05)[0] == pytest.approx(sum(both) / 2)
    assert conditional_entropy(0.1, 2.64, 0.018, 0.018) == pytest.approx(conditional_entropy(0.1, 2.64, 0.018))


def test_symmetric_priors_have_the_expected_score_and_qber():
    priors = priors_from_score(2.64, 0.018)
    equal = priors.test[0][0] + priors.test[1][1]
    assert 8 * equal - 4 == pytest.approx(2.64)
    assert priors.key[0][1] + priors.key[1][0] == pytest.approx(0.018)


@pytest.mark.parametrize(
    ("b", "x", "y"), [([2], [0], [2]), ([0], [2], [2]), ([0], [0], [3]), ([0, 1], [0], [2]), ([[0]], [[0]], [[2]])]
)
def test_values_that_are_no_rounds_are_refused(b, x, y):
    with pytest.raises(InvalidInput):
        log_likelihood_ratios(np.array(b, np.uint8), np.array(x, np.uint8), np.array(y, np.uint8), TABLE_S6)


@pytest.mark.parametrize("table", [((0.5, 0.0), (0.0, 0.5)), ((0.5, 0.2), (0.2, 0.5)), ((-0.1, 0.6), (0.1, 0.4))])
def test_priors_must_be_positive_distributions(table):
    with pytest.raises(InvalidInput, match="prior 'key'"):
        Priors(test=TABLE_S6.test, key=table)


def test_impossible_expectations_are_refused():
    with pytest.raises(InvalidInput):
        priors_from_score(4.0, 0.01)
    with pytest.raises(InvalidInput):
        priors_from_score(2.64, 0.0)
    with pytest.raises(InvalidInput):
        paper_syndrome_length(1000, 1.5, 2.64, 0.01)
    with pytest.raises(InvalidInput):
        paper_syndrome_length(1000, 0.1, 2.64, -0.01)
