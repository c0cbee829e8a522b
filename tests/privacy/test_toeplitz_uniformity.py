"""Toeplitz keys on small instances, every seed gone through: distance from uniform against the leftover-hash bound."""

import numpy as np
import pytest
from exact_distance import bits_of, flat, mean_distance, toeplitz_table
from hypothesis import given
from hypothesis import strategies as st

SMALL = [(4, 1), (4, 2), (4, 3)]
LARGER = [(7, 1), (7, 3), (7, 5)]
ALPHAS = np.array([1.001, 1.1, 1.3, 1.6, 1.9, 2.0])


def renyi_bound(alpha, ell, entropy):
    """Half of 2^(2/alpha - 1) 2^((alpha - 1)/alpha (ell - H)), for the Renyi entropy H of order alpha."""
    return 2 ** (2 / alpha - 2 + (alpha - 1) / alpha * (ell - entropy))


def leftover_hash_bound(ell, size):
    """For a flat source on `size` strings."""
    return np.sqrt(2**ell / size) / 2


@pytest.mark.parametrize(("n", "ell"), SMALL)
def test_every_flat_source(n, ell):
    """All 65 535 sets of sources."""
    members = bits_of(np.arange(1, 2**2**n), 2**n)
    sizes = members.sum(axis=1)
    distances = mean_distance(toeplitz_table(n, ell), ell, flat(members))
    assert (distances <= leftover_hash_bound(ell, sizes) + 1e-12).all()
    for alpha in ALPHAS:
        assert (distances <= renyi_bound(alpha, ell, np.log2(sizes)) + 1e-12).all()
    assert distances[-1] < 1e-12 < distances[0] and (distances > 0.5 * leftover_hash_bound(ell, sizes)).any()


@pytest.mark.parametrize(("n", "ell"), [*LARGER, pytest.param(9, 5, marks=pytest.mark.slow)])
def test_structured_and_random_flat_sources(n, ell):
    """Equal tails, equal heads, even weight, low weight, cosets of random subspaces, random sets of every size."""
    numbers, random = np.arange(2**n), np.random.default_rng(7)
    strings = bits_of(numbers, n)
    sets = [strings[:, ell:].sum(axis=1) == 0, strings[:, :ell].sum(axis=1) == 0, strings.sum(axis=1) % 2 == 0]
    sets += [strings.sum(axis=1) <= weight for weight in range(n)]
    sets += [(strings @ random.integers(0, 2, (n, checks)) % 2 == 0).all(axis=1) for checks in (1, 2, n // 2) * 20]
    sets += [random.permutation(2**n) < size for size in (1, 2, 3, 5, 9, 17, 33, 65, 100) for _ in range(10)]
    members = np.array(sets)
    distances = mean_distance(toeplitz_table(n, ell), ell, flat(members))
    assert (distances <= leftover_hash_bound(ell, members.sum(axis=1)) + 1e-12).all()
    assert distances.max() >= 0.5 and distances.min() < 0.1


@given(st.data())
def test_adversary_with_a_classical_variable(data):
    """Joint distributions of source and variable, subnormalised or not, any order alpha, with their exact entropy."""
    n, ell = data.draw(st.sampled_from(SMALL))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    joint = random.random((data.draw(st.integers(1, 4)), 2**n)) ** data.draw(st.sampled_from([1, 4, 20, 80]))
    joint *= data.draw(st.sampled_from([1.0, 0.3, 1e-3])) / joint.sum()
    alpha = data.draw(st.floats(1.01, 2.0))
    entropy = -alpha / (alpha - 1) * np.log2(((joint**alpha).sum(axis=1) ** (1 / alpha)).sum())
    distance = mean_distance(toeplitz_table(n, ell), ell, joint).sum()
    assert distance <= renyi_bound(alpha, ell, entropy) + 1e-12


@pytest.mark.parametrize(("n", "ell"), [*SMALL, *LARGER])
def test_collisions(n, ell):
    """Over all seeds the sum of two keys takes each value equally often, and never 0 where the tails are equal."""
    table = toeplitz_table(n, ell)
    differences = np.arange(1, 2**n)
    sums = table[:, differences] ^ table[:, :1]
    for place, difference in enumerate(differences):
        if difference >> ell:
            counts = np.bincount(sums[:, place], minlength=2**ell)
            assert (counts == len(table) >> ell).all()
        else:
            assert (sums[:, place] == difference).all()


@pytest.mark.parametrize(("n", "ell"), [*SMALL, *LARGER])
def test_seed_sensitivity(n, ell):
    """Flipping a seed bit changes the key of all sources but a fraction 2^-d, d the length of its diagonal."""
    table, k = toeplitz_table(n, ell), n - ell
    seeds = np.arange(len(table))
    for place in range(n - 1):
        diagonal = min(place + 1, n - 1 - place, k, ell)
        same = (table == table[seeds ^ 1 << place]).mean(axis=1)
        assert (same == 2.0**-diagonal).all()


@pytest.mark.parametrize(("n", "ell", "cut"), [(7, 5, 1), (7, 5, 2)])
def test_a_key_cut_short_breaks_the_bound(n, ell, cut):
    """A source with all its entropy in the bits that the cut rows ignore: constant key, far above the bound. The matrix
    built for the short key keeps it."""
    strings = bits_of(np.arange(2**n), n)
    members = (strings[:, :cut].sum(axis=1) == 0) & (strings[:, ell:].sum(axis=1) == 0)
    bound = leftover_hash_bound(cut, members.sum())
    cut_keys = toeplitz_table(n, ell) % 2**cut
    assert mean_distance(cut_keys, cut, flat(members)) == pytest.approx(1 - 2.0**-cut) and bound < 1 - 2.0**-cut
    assert mean_distance(toeplitz_table(n, cut), cut, flat(members)) <= bound
