"""Sessions with two announced key bases on synthetic rounds: equal keys, what G_B covers, what X must be."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from session_nodes import TwoNodes, rehearsal

from postprocess.errors import AbortReason, InvalidInput
from postprocess.estimation.priors import with_second_key
from postprocess.plans.paper import PAPER_PRIORS
from postprocess.randomness import SeededSource
from postprocess.reconciliation.syndrome_length import paper_syndrome_length
from postprocess.rounds import RawRounds
from postprocess.rounds.private_settings import draw_settings
from postprocess.rounds.settings_law import follow_law
from postprocess.session import read_private_record
from postprocess.session.revelation import Revelation
from postprocess.session.tag_inputs import pack

N, QBER2 = 20_000, 0.05


def parameters(**changes):
    m = int(1.1 * paper_syndrome_length(N, Fraction(1, 2), 2.64, 0.018, QBER2))
    priors = with_second_key(PAPER_PRIORS, QBER2)
    return rehearsal(rounds=N, syndrome_bits=m, bases=2, qber2=QBER2, priors=priors, **changes)


def draw_rounds(p, seed=1):
    """Raw strings as two nodes would hold them: X = r in key rounds, Y = 2 + r, outcomes from the priors."""
    random = np.random.default_rng(seed)
    y = draw_settings("bob", p, SeededSource(seed, "settings"))
    test = (y < 2).astype(np.uint8)
    x = np.where(test, random.integers(0, 2, N), y - 2).astype(np.uint8)
    joint = np.empty(N, np.int64)
    for place, table in enumerate(p.priors.tables):
        here = test == 1 if place == 0 else y == place + 1
        joint[here] = random.choice(4, int(here.sum()), p=np.ravel(table) / np.sum(table))
    b = (joint % 2).astype(np.uint8) ^ (x & y & test)
    return {"alice": RawRounds(x, test, (joint // 2).astype(np.uint8)), "bob": RawRounds(y, test.copy(), b)}


@pytest.fixture
def two(tmp_path):
    for node in ("alice", "bob"):
        (tmp_path / node).mkdir(mode=0o700)
    p = parameters()
    nodes = TwoNodes(tmp_path, p, draw_rounds(p)).provision()
    yield nodes
    nodes.close()


def test_both_nodes_end_with_one_key_and_bob_knows_both_error_rates(two):
    results = two.run()
    assert results["alice"].accepted and results["bob"].accepted
    assert two.keystores["alice"].key_records.same_key(two.keystores["bob"].key_records, "s1")
    record = read_private_record(two.folder / "bob", "s1")
    assert record["qber"] == pytest.approx(0.0145, abs=0.006) and record["qber2"] == pytest.approx(QBER2, abs=0.012)
    assert record["score"] == pytest.approx(2.64, abs=0.1)


def test_one_key_basis_that_alice_heard_otherwise_is_refused(two):
    """G_B covers r: before anything that depends on A leaves her."""
    alice = two.rounds["alice"]
    settings = alice.settings.copy()
    settings[np.flatnonzero(alice.test == 0)[17]] ^= 1
    two.rounds["alice"] = replace(alice, settings=settings)
    results = two.run()
    assert results["alice"].abort_reason is AbortReason.AUTHENTICATION
    assert not results["bob"].accepted


def test_x_must_be_the_announced_basis_in_key_rounds():
    rounds = draw_rounds(parameters())
    x, bob = rounds["alice"].revealed(2), rounds["bob"]
    said = Revelation(pack(x), b"", b"", b"", b"", b"")
    assert np.array_equal(said.settings(bob.test, bob.key_basis), x)
    for key in np.flatnonzero(bob.test == 0)[:3]:
        wrong = x.copy()
        wrong[key] ^= 1
        assert Revelation(pack(wrong), b"", b"", b"", b"", b"").settings(bob.test, bob.key_basis) is None


def test_what_was_announced_is_the_same_on_both_nodes():
    rounds = draw_rounds(parameters())
    assert np.array_equal(rounds["alice"].announced(2), rounds["bob"].announced(2))
    assert np.array_equal(rounds["bob"].announced(1), rounds["bob"].test)
    pairs = rounds["bob"].announced(2).reshape(-1, 2)
    assert {tuple(pair) for pair in pairs.tolist()} == {(0, 0), (1, 0), (0, 1)}  # key 0, key 1, test


def test_t_r_and_y_are_drawn_from_bits_of_their_own():
    class Bits:
        """Rounds of ten bits: T's number in the first eight, then Y, then r."""

        description = "a test"

        def bits(self, count):
            rows = [[number >> (7 - k) & 1 for k in range(8)] + [y, r] for number in (0, 255) for y, r in PAIRS]
            return np.resize(np.array(rows, np.uint8).reshape(-1), count)

    PAIRS = [(0, 0), (0, 1), (1, 0), (1, 1)]
    drawn = draw_settings("bob", parameters(), Bits())
    assert drawn[:8].tolist() == [0, 0, 1, 1, 2, 3, 2, 3]
    one = draw_settings("bob", rehearsal(rounds=N), SeededSource(1, "settings"))
    assert set(one.tolist()) == {0, 1, 2}
    assert follow_law("bob", parameters(), drawn) and not follow_law("bob", parameters(), one)
    assert not follow_law("bob", rehearsal(rounds=N), drawn)


def test_a_second_basis_needs_priors_of_its_own():
    with pytest.raises(InvalidInput, match="one for each key basis"):
        replace(parameters(), priors=PAPER_PRIORS)
