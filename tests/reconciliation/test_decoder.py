"""The fast decoder against a slow one, against pyldpc, and against what must hold for any decoder."""

import math

import numpy as np
import pyldpc
import pytest
from decoding_reference import flooding_decoder, noisy_string, parity_matrix
from hypothesis import given, settings
from hypothesis import strategies as st

from postprocess.errors import InvalidInput
from postprocess.estimation.priors import log_likelihood_ratios, priors_from_score
from postprocess.reconciliation import make_code
from postprocess.reconciliation.decoding_schedule import Limits, _Decoder
from postprocess.reconciliation.sweep_kernels import exp_of_negative, log_of_positive, ratio_of, stored_message, sweep
from postprocess.reconciliation.syndrome_length import paper_syndrome_length


def rounds_of_the_experiment(n, gamma, score, qber, seed):
    """Alice's bits and Bob's ratios for fresh rounds with symmetric noise."""
    rng = np.random.default_rng(seed)
    alice = rng.integers(0, 2, n, dtype=np.uint8)
    is_test = rng.random(n) < gamma
    x = np.where(is_test, rng.integers(0, 2, n), 0).astype(np.uint8)
    y = np.where(is_test, rng.integers(0, 2, n), 2).astype(np.uint8)
    wrong = rng.random(n) < np.where(is_test, (4 - score) / 8, qber)
    bob = alice ^ wrong ^ (x & (y == 1))
    return alice, log_likelihood_ratios(bob, x, y, priors_from_score(score, qber))


def test_polynomials():
    x = -np.linspace(0, 16, 2001).astype(np.float32)
    assert max(abs(float(exp_of_negative(v)) / math.exp(v) - 1) for v in x) < 2e-5
    assert exp_of_negative(np.float32(0)) == 1
    ratios = np.geomspace(1e-8, 1e8, 2001).astype(np.float32)
    assert max(abs(float(log_of_positive(v)) - math.log(v)) for v in ratios) < 1e-4
    assert log_of_positive(np.float32(1)) == 0


def test_stored_messages_are_the_nearest_steps():
    ratios = np.linspace(-15.999, 15.999, 4001).astype(np.float32)
    back = np.array([ratio_of(stored_message(r)) for r in ratios])
    assert np.abs(back - ratios).max() <= 2.0**-12
    assert ratio_of(stored_message(np.float32(0))) == 0


@pytest.mark.parametrize("degree", [1, 2, 40])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_surest_messages_keep_their_sign(degree, sign):
    """The most certain ratios there are, on one check: what it says to a bit must fit the 16 bits of a message."""
    lift = 64
    posterior = np.full(degree * lift, 1e30, np.float32)
    posterior[:lift] *= np.float32(sign)
    messages = np.zeros(degree * lift, np.int16)
    syndrome = np.full(lift, sign < 0, np.uint8)
    segments = np.array([[0, degree, lift, 0, 0]])
    edges = np.stack([np.arange(degree) * lift, np.zeros(degree, np.int64)], axis=1)
    unsatisfied = np.zeros(1, np.int64)
    sweep(posterior, messages, syndrome, segments, edges, np.array([0, 1]), lift, 0, 0, 1, unsatisfied)
    ratios = messages.reshape(degree, lift) * 2.0**-11
    assert (ratios[0] * sign > 10).all() and (ratios[1:] > 10).all() and unsatisfied[0] == 0


@pytest.mark.parametrize(
    ("n", "m", "error", "family", "seed"),
    [(20_000, 10_000, 0.04, "sc-ldpc", 1), *((1200, 600, 0.05, "regular", seed) for seed in range(3))],
)
def test_same_decisions_as_textbook_flooding(n, m, error, family, seed):
    code = make_code(n, m, seed, family=family)
    alice, llr = noisy_string(n, error, seed)
    syndrome = code.syndrome(alice)
    bits, _, met = flooding_decoder(code.edge_list(), llr, syndrome, 60)
    result = code.decode(llr, syndrome)
    assert met and result.converged
    np.testing.assert_array_equal(result.bits, bits)
    np.testing.assert_array_equal(result.bits, alice)


def test_first_sweep_of_one_check_is_the_check_rule():
    """One check, no iteration: the posterior is the ratio plus 2 atanh of the others' product."""
    code = make_code(20_000, 9000, 1)
    assert code.graph.coupled
    ones = code.edge_list()
    bits_of_check = ones[ones[:, 0] == 0, 1]
    llr = np.zeros(code.n)
    rng = np.random.default_rng(1)
    llr[bits_of_check] = rng.normal(0, 2, bits_of_check.size)
    syndrome = np.zeros(code.m, np.uint8)
    syndrome[0] = 1
    _, posterior, _ = flooding_decoder(ones[ones[:, 0] == 0], llr, syndrome, 2)
    decoder = _Decoder(code, llr, syndrome, Limits())
    decoder.sweep(0, 0)
    np.testing.assert_allclose(decoder.posterior[code.place[bits_of_check]], posterior[bits_of_check], atol=2e-3)


@settings(max_examples=15)
@given(st.integers(1000, 30_000), st.floats(0.2, 0.9), st.integers(0, 2**32))
def test_perfect_knowledge_returns_alice(n, fraction, seed):
    code = make_code(n, int(n * fraction), seed % 5)
    alice = np.random.default_rng(seed).integers(0, 2, n, dtype=np.uint8)
    result = code.decode(20.0 * (1.0 - 2.0 * alice), code.syndrome(alice))
    assert result.converged
    np.testing.assert_array_equal(result.bits, alice)


@pytest.mark.parametrize("family", ["sc-ldpc", "regular"])
def test_unrelated_syndrome_never_converges(family):
    code = make_code(20_000, 9000, 2, family=family)
    _, llr = noisy_string(code.n, 0.05, 5)
    result = code.decode(llr, np.random.default_rng(6).integers(0, 2, code.m, dtype=np.uint8))
    assert not result.converged
    assert not np.array_equal(
        code.syndrome(result.bits), np.random.default_rng(6).integers(0, 2, code.m, dtype=np.uint8)
    )


@settings(max_examples=10)
@given(st.integers(0, 2**32))
def test_converged_means_exactly_this_syndrome(seed):
    code = make_code(20_000, 7000, 2)
    alice, llr = noisy_string(code.n, 0.075, seed)
    syndrome = code.syndrome(alice)
    result = code.decode(llr, syndrome)
    assert result.converged == np.array_equal(code.syndrome(result.bits), syndrome)


def test_one_wrong_syndrome_bit_is_noticed():
    code = make_code(100_000, 30_000, 2)
    alice, llr = noisy_string(code.n, 0.018, 5)
    syndrome = code.syndrome(alice)
    assert code.decode(llr, syndrome).converged
    syndrome[12_345] ^= 1
    result = code.decode(llr, syndrome)
    assert not (result.converged and np.array_equal(result.bits, alice))


def test_paper_point_decodes_and_does_not_depend_on_threads():
    n = 1_500_000
    code = make_code(n, paper_syndrome_length(n, 13 / 256, 2.64, 0.018), 1)
    alice, llr = rounds_of_the_experiment(n, 13 / 256, 2.64, 0.018, 9)
    syndrome = code.syndrome(alice)
    results = [code.decode(llr, syndrome, Limits(threads=threads)) for threads in (1, 2)]
    for result in results:
        assert result.converged
        np.testing.assert_array_equal(result.bits, alice)
    assert results[0].iterations == results[1].iterations


def test_zeros_of_lost_rounds_and_slightly_wrong_priors_still_decode():
    """Universality: statistics a little off the expectation cost nothing but sweeps."""
    n = 300_000
    code = make_code(n, paper_syndrome_length(n, 13 / 256, 2.64, 0.018), 1)
    rng = np.random.default_rng(3)
    alice, llr = rounds_of_the_experiment(n, 13 / 256, 2.60, 0.019, 10)
    lost = rng.choice(n, 100, replace=False)
    alice[lost] = 0
    llr[lost] = rng.choice([-4.0, 4.0], 100)
    result = code.decode(llr, code.syndrome(alice))
    assert result.converged
    np.testing.assert_array_equal(result.bits, alice)


def test_same_codewords_as_pyldpc():
    """pyldpc has no syndrome input: cross-check on the zero syndrome over an additive Gaussian channel."""
    code = make_code(600, 300, 4, family="regular")
    matrix = parity_matrix(code).astype(np.int64)
    snr = 3.0
    variance = 10 ** (-snr / 10)
    agreed = 0
    for seed in range(5):
        y = 1.0 + np.sqrt(variance) * np.random.default_rng(seed).normal(size=code.n)
        theirs = pyldpc.decode(matrix, y, snr, maxiter=100)
        ours = code.decode(2 * y / variance, np.zeros(code.m, np.uint8))
        met = not (matrix @ theirs % 2).any()
        assert ours.converged == met
        if met:
            np.testing.assert_array_equal(ours.bits, theirs)
            agreed += 1
    assert agreed >= 3


def test_decoder_refuses_what_it_cannot_use():
    code = make_code(1500, 700, 1)
    llr, syndrome = np.ones(1500), np.zeros(700, np.uint8)
    for wrong_llr in (llr[:-1], np.full(1500, np.nan), np.full(1500, np.inf)):
        with pytest.raises(InvalidInput):
            code.decode(wrong_llr, syndrome)
    for wrong_syndrome in (syndrome[:-1], np.full(700, 2, np.uint8)):
        with pytest.raises(InvalidInput):
            code.decode(llr, wrong_syndrome)
