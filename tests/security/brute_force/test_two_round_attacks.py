"""Theorem 1 and Lemma 5 of docs/proofs/renyi.md for two rounds, exactly: memory, talking devices, an adaptive Eve."""

import numpy as np
import pytest
from proof_formulas import best_f, power, sandwiched, trace_power, weight
from two_round_strategies import (
    E,
    best_strategy,
    disturbed,
    histories,
    input_probabilities,
    lost_rounds,
    q_one,
    q_two,
    random_strategy,
    round_weights,
)

GAMMA = 13 / 256
SETTINGS = ((1.0, 3.0, GAMMA), (2**-4, 16.0, GAMMA), (2**-11, 194.0, GAMMA), (0.3, 2.0, 0.5))  # delta, phi, gamma
ROUNDING = 1e-11


def product(weights):
    return weights[..., None, None, None] * weights


def slacks(strategy, delta, phi, gamma):
    """Bits that two rounds have more than the bound says, and those of round 2 alone (N_2 <= N_1 F*)."""
    played, weights, alpha = histories(strategy), round_weights(1 + delta, phi), 1 + delta
    top = np.log2(best_f(alpha, gamma, phi))
    n1, n2 = np.log2(q_one(played, weights, alpha, gamma)), np.log2(q_two(played, product(weights), alpha, gamma))
    return (2 * top - n2) / delta, (n1 + top - n2) / delta


def strategies(seed, count):
    """Half random, half near the best one-round attack in both rounds."""
    rng = np.random.default_rng(seed)
    for j in range(count):
        if j % 2:
            yield random_strategy(rng)
        else:
            yield best_strategy(rng, rng.uniform(0.5, 0.95), 10 ** rng.uniform(-4, -0.5))


def assert_two_rounds_hold(seed, count):
    for setting in SETTINGS:
        both, second = np.min([slacks(s, *setting) for s in strategies(seed, count)], axis=0)
        print(f"delta {setting[0]:.5f}, gamma {setting[2]:.3f}: two rounds {both:.3e}, round 2 alone {second:.3e} bit")
        assert min(both, second) > -ROUNDING / setting[0]


def test_two_rounds():
    assert_two_rounds_hold(1, 8)


@pytest.mark.slow
def test_many_two_round_strategies():
    """docs/proofs/renyi.md, section 5."""
    assert_two_rounds_hold(20261126, 1000)


@pytest.mark.slow
@pytest.mark.parametrize(("setting", "most"), list(zip(SETTINGS, (0.03, 0.05, 0.032, 0.5), strict=True)))
def test_climbing_towards_the_bound(setting, most):
    """The best attack, improved by random steps: it stays below the bound, and not far below where tests are rare."""
    rng = np.random.default_rng(7)
    best = min((best_strategy(rng, e, 0.0) for e in np.linspace(0, 1, 21)), key=lambda s: slacks(s, *setting)[0])
    smallest, size = slacks(best, *setting)[0], 0.1
    before = smallest
    for _ in range(600):
        tried = disturbed(rng, best, size)
        found = slacks(tried, *setting)[0]
        if found < smallest:
            best, smallest, size = tried, found, size * 1.5
        else:
            size = max(size * 0.97, 1e-4)
    print(f"delta {setting[0]:.5f}, gamma {setting[2]:.3f}: {before:.3e} bit before, {smallest:.3e} after 600 steps")
    assert -ROUNDING / setting[0] < smallest < most


def test_the_tilted_state_of_theorem_1():
    """Tr (s V(X) s)^alpha = c Q(V(omega) || 1 (x) omega_E) for the state omega of the devices' move."""
    alpha, strategy = 1.3, random_strategy(np.random.default_rng(3))
    played, weights = histories(strategy), round_weights(alpha, 3.0)
    s = power(played.eve_two, (1 - alpha) / (2 * alpha))
    tilted = np.einsum("ief,iabfPQ->iabePQ", s, played.joint) * np.sqrt(weights)[..., None, None, None]
    z = np.einsum("iabePQ,iabfRS->iaePQfRS", tilted, tilted.conj())
    y = np.einsum("iaePQfPQ->iaef", z)
    p = input_probabilities(GAMMA)
    c = p @ trace_power(y, alpha).sum(axis=1)
    root = power(y, (alpha - 1) / 2)
    omega = np.einsum("iaEe,iaePQfRS,iafF->iaEPQFRS", root, z, root, optimize=True) / c
    marginal = np.einsum("iaePQfPQ->iaef", omega)
    assert p @ np.einsum("iaee->ia", marginal).sum(axis=1) == pytest.approx(1, abs=1e-12)
    assert marginal == pytest.approx(power(y, alpha) / c, abs=1e-10)
    settings = [(0, 2), (0, 0), (0, 1), (1, 0), (1, 1)]
    total = 0.0
    for i1 in range(5):
        for a1 in (0, 1):
            for i2, (x2, y2) in enumerate(settings):
                blocks = np.zeros((2, E, E), dtype=complex)
                for a2 in (0, 1):
                    for b1 in (0, 1):  # effects follow b1, so the memory has to be split by it again
                        part = tilted[i1, a1, b1]
                        state = np.einsum("ef,fPQ->ePQ", root[i1, a1], part) / np.sqrt(c)
                        for b2 in (0, 1):
                            effect_a = strategy.second_a[i1, a1, b1, x2, a2]
                            effect_b = strategy.second_b[i1, a1, b1, y2, b2]
                            got = np.einsum("RP,SQ,ePQ,fRS->ef", effect_a, effect_b, state, state.conj(), optimize=True)
                            blocks[a2] += round_weights(alpha, 3.0)[i2, a2, b2] * got
                total += p[i1] * p[i2] * sandwiched(blocks, marginal[i1, a1], alpha)
    assert c * total == pytest.approx(q_two(played, product(weights), alpha, GAMMA), rel=1e-9)
    eve_moved = np.einsum("iabePQ,iabfPQ->iaef", played.joint * np.sqrt(weights)[..., None, None, None],
                          played.joint.conj() * np.sqrt(weights)[..., None, None, None])  # fmt: skip
    assert c == pytest.approx(p @ sandwiched(eve_moved, played.eve_two, alpha), rel=1e-10)
    assert c <= q_one(played, weights, alpha, GAMMA) * (1 + 1e-12), "Eve's move: data processing"


@pytest.mark.parametrize("seed", range(6))
def test_events_and_messages(seed):
    """Lemma 5: sub-events of {at most k lost}, then a message of mu bits that depends on everything."""
    rng = np.random.default_rng(seed)
    strategy = random_strategy(rng) if seed % 2 else best_strategy(rng, rng.uniform(0.5, 0.9), 0.05)
    played = histories(strategy)
    for delta, phi, gamma in SETTINGS:
        alpha, v = 1 + delta, weight(1 + delta, phi)
        whole = q_two(played, product(round_weights(alpha, phi)), alpha, gamma)
        lost = lost_rounds()[..., None, None, None] + lost_rounds()
        for k in (0, 1, 2):
            omega = (lost <= k).astype(float)
            for event in (omega, omega * rng.integers(0, 2, size=omega.shape)):
                value = q_two(played, event, alpha, gamma)
                assert value <= v ** (-k * alpha) * whole * (1 + 1e-10)
                bits = rng.integers(1, 4)
                message = rng.integers(0, 2**bits, size=omega.shape)
                told = sum(
                    2.0 ** (bits * delta) * q_two(played, event * (message == sent), alpha, gamma)
                    for sent in range(2**bits)
                )
                assert told <= 2.0 ** (bits * delta) * value * (1 + 1e-10)


def test_zeroed_rounds_cost_their_bits():
    """A string with one outcome set to 0 has at most one bit less: Q grows by at most 2^delta."""
    played = histories(best_strategy(np.random.default_rng(9), 0.7, 0.05))
    for delta, phi, gamma in SETTINGS:
        alpha = 1 + delta
        weighted = played.two * product(round_weights(alpha, phi))[..., None, None]
        blocks = weighted.sum(axis=(2, 5)).swapaxes(1, 2)
        p = input_probabilities(gamma)
        whole = p @ sandwiched(blocks.reshape(5, 5, 4, E, E), played.eve_two[:, None], alpha) @ p
        for axis in (2, 3):
            value = p @ sandwiched(blocks.sum(axis=axis), played.eve_two[:, None], alpha) @ p
            assert value <= 2**delta * whole * (1 + 1e-10)
