"""Settings against their law, when drawn and when read again: exact tails, and sources that the law finds (case C3)."""

import math
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.round_settings import KEY_SETTING
from postprocess.errors import InvalidInput
from postprocess.plans.measurement_plan import BASES, MeasurementPlan
from postprocess.randomness import SeededSource
from postprocess.rounds.private_settings import draw_settings, read_settings, settings_to_file
from postprocess.rounds.settings_law import bell_settings_follow_law, follow_law, tail

TAILS = Fraction(1, 10**12)
FOUR_AND_TWO = (("z", "x", "y", "w"), ("z", "x"))


def plan(rounds, gamma=Fraction(1, 2)):
    return MeasurementPlan("m", "emulated", rounds, gamma=gamma)


def settings_with(ones, rounds):
    settings = np.zeros(rounds, np.uint8)
    settings[:ones] = 1
    return settings


@given(st.integers(40, 3000))
def test_limit_of_x_is_that_of_exact_arithmetic(rounds):
    """The fewest ones that pass: two tails of 1e-12 together."""
    ways, least = 0, 0
    while Fraction(2 * (ways + math.comb(rounds, least)), 2**rounds) < TAILS:
        ways, least = ways + math.comb(rounds, least), least + 1
    for ones, passes in ((least - 1, False), (least, True), (rounds - least, True), (rounds - least + 1, False)):
        if 0 <= ones <= rounds:
            assert follow_law("alice", plan(rounds), settings_with(ones, rounds)) is passes


class Stuck:
    """A source that gives one bit, or every bit with some probability."""

    insecure, description = False, "a generator"

    def __init__(self, probability):
        self.probability, self.random = probability, np.random.default_rng(1)

    def bits(self, count):
        return (self.random.random(count) < self.probability).astype(np.uint8)


@pytest.mark.parametrize("node", ["alice", "bob"])
@pytest.mark.parametrize("scheme", ["bell", BASES])
@pytest.mark.parametrize("probability", [0.0, 1.0, 0.4, 0.6])
def test_settings_of_a_bad_source_are_not_stored(node, scheme, probability):
    parameters = MeasurementPlan("m", "kasli", 5000, scheme, bases=FOUR_AND_TWO if scheme == BASES else ())
    with pytest.raises(InvalidInput, match=r"a generator: not random, .* too far off their law"):
        draw_settings(node, parameters, Stuck(probability))


@pytest.mark.parametrize("node", ["alice", "bob"])
def test_settings_off_their_law_are_not_read_either(node, tmp_path):
    """Written by an earlier version, which did not look."""
    path = tmp_path / "settings.bin"
    path.write_bytes(settings_to_file(node, plan(1000), np.zeros(1000, np.uint8)))
    with pytest.raises(InvalidInput, match=r"settings\.bin: its settings are too far off their law"):
        read_settings(path, plan(1000))


@given(st.integers(1, 5000), st.integers(1, 255), st.sampled_from(["alice", "bob"]), st.integers(0, 1 << 40))
def test_good_settings_are_never_refused(rounds, gamma, node, seed):
    parameters = plan(rounds, Fraction(gamma, 256))
    assert len(draw_settings(node, parameters, SeededSource(seed, node))) == rounds


@given(st.integers(0, 5000), st.integers(0, 1 << 40))
def test_good_test_rounds_follow_their_law(rounds, seed):
    x, y = SeededSource(seed, "x").bits(rounds), SeededSource(seed, "y").bits(rounds)
    assert bell_settings_follow_law(x, y)


def test_the_law_is_that_of_test_rounds_alone():
    """X is 0 in every key round, which says nothing."""
    bits = SeededSource(1, "x").bits(3000)
    x, y = bits[:1500], bits[1500:]
    keys = np.full(20_000, KEY_SETTING, np.uint8)
    assert bell_settings_follow_law(np.append(x, 0 * keys), np.append(y, keys))
    assert not bell_settings_follow_law(np.append(0 * x, 0 * keys), np.append(y, keys))
    assert not bell_settings_follow_law(np.append(y, 0 * keys), np.append(y, keys)), "pairs count"


def test_a_value_that_no_law_knows():
    assert not follow_law("bob", plan(3), np.array([0, 1, 3], np.uint8))


@given(st.integers(0, 3000), st.floats(-12, 12), st.sampled_from((1 / 4, 1 / 2, 13 / 512, 243 / 256)))
def test_tails_are_the_binomial_ones(n, sigmas, p):
    from scipy.stats import binom

    count = min(max(round(n * p + sigmas * math.sqrt(n * p * (1 - p))), 0), n)
    exact = binom.cdf(count, n, p) if count < n * p else binom.sf(count - 1, n, p)
    assert tail(count, n, p) == pytest.approx(exact, rel=1e-9, abs=1e-40)


def test_post_processing_does_not_wait_for_scipy():
    """Its statistics take longer to import than a session's rounds to decode."""
    program = (
        "import sys, numpy as np\n"
        "import postprocess.session.post_processing\n"
        "from postprocess.rounds.settings_law import bell_settings_follow_law\n"
        "assert bell_settings_follow_law(np.arange(400, dtype=np.uint8) % 2, np.arange(400, dtype=np.uint8) // 2 % 2)\n"
        "print([name for name in sys.modules if name.startswith('scipy.stats')])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
