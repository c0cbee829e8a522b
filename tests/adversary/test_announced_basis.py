"""Two announced key bases: why T, r and Y are bits of their own, and why r is announced in tests as in key rounds.

Devices that know too much, with strings as post-processing sees them; docs/proofs/two_bases.md, section 2.
"""

import math

import numpy as np
import pytest

from postprocess.estimation.priors import with_second_key
from postprocess.estimation.score_and_qber import chsh_score, qber
from postprocess.plans.paper import PAPER_PRIORS
from postprocess.randomness import SeededSource
from postprocess.rounds.private_settings import draw_settings
from tests.session.session_nodes import rehearsal

N = 20_000
PARAMETERS = rehearsal(rounds=N, bases=2, qber2=0.05, priors=with_second_key(PAPER_PRIORS, 0.05))


@pytest.fixture
def bob():
    """Bob's settings as this software draws them."""
    return draw_settings("bob", PARAMETERS, SeededSource(1, "settings"))


def alice(y, announced):
    """X: her own bit in tests, the announced basis in key rounds."""
    own = np.random.default_rng(2).integers(0, 2, N, dtype=np.uint8)
    return np.where(y < 2, own, announced).astype(np.uint8)


def figures(x, y, a, b):
    return chsh_score(x, y, a, b).value, qber(x, y, a, b).value, qber(x, y, a, b, basis=1).value


def test_one_bit_for_both_purposes_would_give_the_key_away_with_a_perfect_score():
    """s is Y in tests and r in key rounds; whoever hears it early answers a = X s, and Bob's device 0 (or r)."""
    random = np.random.default_rng(3)
    s, test = random.integers(0, 2, N, dtype=np.uint8), random.integers(0, 2, N, dtype=np.uint8)
    y = np.where(test, s, 2 + s).astype(np.uint8)
    x = alice(y, s)
    a, b = x & s, np.where(y < 2, 0, y - 2).astype(np.uint8)
    assert figures(x, y, a, b) == (4.0, 0.0, 0.0)
    assert np.array_equal(a[test == 0], s[test == 0]), "the announcement is the key"


def test_bits_of_their_own_leave_that_device_the_local_bound(bob):
    """The same devices where r says nothing about Y: r is what they hear in every round, also in tests."""
    r = np.where(bob < 2, np.random.default_rng(4).integers(0, 2, N), bob - 2).astype(np.uint8)
    x = alice(bob, r)
    a, b = x & r, np.where(bob < 2, 0, bob - 2).astype(np.uint8)
    score, *rates = figures(x, bob, a, b)
    assert score == pytest.approx(2.0, abs=0.1) and rates == [0.0, 0.0]


def test_whoever_reads_t_from_a_late_announcement_knows_the_key_at_full_violation(bob):
    """Were r waited for in key rounds alone, its delay would tell T: honest in tests, and 0 in every key round."""
    random = np.random.default_rng(5)
    x, test = alice(bob, bob & 1), bob < 2
    a = np.where(test, random.integers(0, 2, N), 0).astype(np.uint8)
    lost = random.random(N) > (2 + math.sqrt(2)) / 4
    b = np.where(test, a ^ (x & bob) ^ lost, 0).astype(np.uint8)
    score, *rates = figures(x, bob, a, b)
    assert score == pytest.approx(2 * math.sqrt(2), abs=0.1) and rates == [0.0, 0.0]
    assert not a[~test].any(), "the key is known"
