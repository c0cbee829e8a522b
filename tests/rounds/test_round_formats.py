"""Record words and settings, against the layout written down bit by bit."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postprocess.errors import InvalidInput
from postprocess.plans.paper import PAPER_PRIORS
from postprocess.plans.session_parameters import SessionParameters
from postprocess.randomness import SeededSource
from postprocess.rounds.private_settings import draw_settings, read_settings, settings_to_file, settings_words
from postprocess.rounds.round_records import Flag, RoundRecords


def session(**changes):
    values = {"session_id": "t", "apparatus": "emulated", "rounds": 1000, "gamma": Fraction(13, 256), "score": 2.64}
    values |= {"qber": 0.018, "eps_snd": 1e-10, "omega_thr": 0.8, "syndrome_bits": 300, "ell": 50, "eps_pa": 1e-10}
    values |= {"code_seed": 1, "priors": PAPER_PRIORS}
    return SessionParameters(**(values | changes), insecure_because=("a test",))


one_round = st.tuples(
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**31 - 1),
    st.integers(0, 15),
    st.integers(0, 1),
    st.integers(0, 3),
    st.integers(0, 1),
    st.integers(0, 15),
    st.integers(0, 40_000),
)


@given(st.lists(one_round, min_size=1, max_size=5))
def test_record_words(rounds):
    """Pack as the kernel would, one round at a time, and read back; and the other way round."""
    words = []
    for time_mu, attempts, pattern, outcome, setting, kind, flags, counts in rounds:
        last = pattern | outcome << 4 | setting << 5 | kind << 7 | flags << 8 | min(counts, 32767) << 16
        words.append([time_mu & 0xFFFFFFFF, time_mu >> 32, attempts, last])
    words = np.array(words, dtype=np.uint32).view(np.int32)
    records = RoundRecords.from_words(words)
    np.testing.assert_array_equal(RoundRecords.from_words(words.reshape(-1)).patterns, records.patterns)
    fields = ("timestamps_mu", "attempts", "patterns", "outcomes", "settings", "types", "flags", "counts")
    for index, name in enumerate(fields):
        expected = [min(r[index], 32767) if name == "counts" else r[index] for r in rounds]
        np.testing.assert_array_equal(getattr(records, name), expected)
    np.testing.assert_array_equal(records.to_words(), words)


def test_flags_stand_where_the_kernel_puts_them():
    assert [flag.value for flag in Flag] == [1, 2, 4, 8, 16]
    assert RoundRecords.from_words([0, 0, 0, 1 << 11]).flags[0] == Flag.LOST
    assert RoundRecords.from_words([0, 0, 0, 1 << 12]).flags[0] == Flag.BARRIER
    assert RoundRecords.from_words([0, 0, 0, 1 << 13]).barrier[0] == 1


def test_records_do_not_show_what_is_private():
    text = repr(RoundRecords.from_words(np.full((2, 4), 0x7FF1, np.int32)))
    for name in ("outcomes", "settings", "counts"):
        assert name not in text


def test_bob_draws_nine_bits_a_round():
    """Against the paper's rule, round by round."""
    parameters = session(rounds=3000)
    bits = SeededSource(5, "bob").bits(9 * 3000)
    expected = []
    for index in range(3000):
        nine = bits[9 * index : 9 * index + 9]
        value = int("".join(map(str, nine[:8])), 2)
        expected.append(int(nine[8]) if value < 13 else 2)
    np.testing.assert_array_equal(draw_settings("bob", parameters, SeededSource(5, "bob")), expected)


def test_frequencies_of_settings():
    """n = 400 000: gamma, Y and X within four standard errors."""
    parameters = session(rounds=400_000)
    y = draw_settings("bob", parameters, SeededSource(1, "bob"))
    gamma, tests = 13 / 256, np.count_nonzero(y != 2)
    assert abs(tests - 400_000 * gamma) < 4 * np.sqrt(400_000 * gamma * (1 - gamma))
    assert abs(np.count_nonzero(y == 1) - tests / 2) < 2 * np.sqrt(tests)
    x = draw_settings("alice", parameters, SeededSource(1, "alice"))
    assert set(np.unique(x)) == {0, 1}
    assert abs(int(x.sum()) - 200_000) < 2 * np.sqrt(400_000)


@pytest.mark.parametrize("node", ["alice", "bob"])
def test_settings_file(node, tmp_path):
    parameters, path = session(rounds=1003), tmp_path / "settings.bin"
    settings = draw_settings(node, parameters, SeededSource(1, node))
    content = settings_to_file(node, parameters, settings)
    path.write_bytes(content)
    name, read = read_settings(path, parameters)
    assert name == node
    np.testing.assert_array_equal(read, settings)
    assert content[16 + 48] == int("".join(f"{value:02b}" for value in settings[:4]), 2)
    with pytest.raises(InvalidInput, match="other parameters"):
        read_settings(path, session(rounds=1003, qber=0.02))
    for damaged in (
        content[:-1],
        content[:20],
        b"",
        content + b"x",
        content[:99] + bytes([content[99] ^ 4]) + content[100:],
    ):
        path.write_bytes(damaged)
        with pytest.raises(InvalidInput, match="damaged"):
            read_settings(path, parameters)


@given(st.lists(st.integers(0, 2), max_size=50), st.integers(0, 20))
def test_settings_words(settings, spare):
    """The kernel's own expression finds every setting; the rest is 0; the length is fixed by the block."""
    block = max(len(settings) + spare, 1)
    words = settings_words(np.array(settings, dtype=np.uint8), block)
    assert words.dtype == np.int32
    assert len(words) == -(-block // 16)
    for j in range(block):
        assert (int(words[j // 16]) >> 2 * (j % 16)) & 3 == (settings[j] if j < len(settings) else 0)
