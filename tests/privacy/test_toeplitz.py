"""Modified Toeplitz hashing: known answers, the dense product, properties, rounding at its worst, and bad input."""

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slow_extractor import shake_bits
from slow_toeplitz import by_decimal, dense_product, matrix

from postprocess.errors import InvalidInput
from postprocess.privacy import ToeplitzExtractor
from postprocess.privacy.toeplitz import convolution

CASES = json.loads((Path(__file__).parent / "toeplitz_vectors.json").read_text())["cases"]
SHORT = [case for case in CASES if "key" in case]
named = pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])


def strings(case):
    n = case["n"]
    return shake_bits(case["name"] + "/source", n), shake_bits(case["name"] + "/seed", n - 1)


def assert_key_of(case, key):
    packed = np.packbits(np.array(key, np.uint8), bitorder="little").tobytes()
    assert len(key) == case["ell"] and hashlib.sha256(packed).hexdigest() == case["sha256"]
    assert "".join(map(str, key)) == case.get("key", "".join(map(str, key)))


@named
def test_known_answers(case):
    key = ToeplitzExtractor(case["n"], case["ell"]).extract(*strings(case))
    assert (key.dtype, key.shape) == (np.uint8, (case["ell"],))
    assert_key_of(case, key)


@pytest.mark.parametrize("case", SHORT, ids=lambda case: case["name"])
def test_the_dense_product_gives_the_known_answers(case):
    assert_key_of(case, dense_product(*strings(case), case["ell"]))


@named
def test_exact_integers_give_the_known_answers(case):
    assert_key_of(case, by_decimal(*strings(case), case["ell"]))


@pytest.mark.parametrize(
    "case", [case for case in CASES if case["n"] >= 2 * case["ell"]], ids=lambda case: case["name"]
)
def test_cryptomite_gives_the_known_answers(case):
    """Its Toeplitz matrix has the same diagonals, in another order: from the main one down, then the upper ones."""
    peer = pytest.importorskip("cryptomite.toeplitz", reason="cross-check: cryptomite is not installed")
    (source, seed), ell = strings(case), case["ell"]
    k = case["n"] - ell
    product = peer.Toeplitz(k, ell).extract(source[ell:].tolist(), np.roll(seed, 1 - k).tolist())
    assert_key_of(case, source[:ell] ^ np.array(product, np.uint8))


def test_a_matrix_written_out():
    """n = 6, ell = 2: the conventions of the docstring on paper, with letters for the seed's bits."""
    assert matrix("12345", 6, 2) == [[1, 0, 4, 3, 2, 1], [0, 1, 5, 4, 3, 2]]


@st.composite
def lengths(draw):
    n = draw(st.integers(2, 400))
    return n, draw(st.integers(1, n - 1))


@st.composite
def bits(draw, count):
    """Random, constant or nearly so."""
    label = draw(st.integers(0, 2**32))
    kind = draw(st.sampled_from(["random", "zeros", "ones", "one bit"]))
    if kind == "random":
        return shake_bits(f"toeplitz/{label}", count)
    result = np.full(count, kind == "ones", np.uint8)
    if kind == "one bit":
        result[label % count] = 1
    return result


@given(st.data())
def test_equal_to_the_dense_product(data):
    n, ell = data.draw(lengths())
    source, seed = data.draw(bits(n)), data.draw(bits(n - 1))
    assert ToeplitzExtractor(n, ell).extract(source, seed).tolist() == dense_product(source, seed, ell)


@given(st.data())
def test_linear_in_the_source(data):
    n, ell = data.draw(lengths())
    extractor, seed = ToeplitzExtractor(n, ell), data.draw(bits(n - 1))
    a, b = data.draw(bits(n)), data.draw(bits(n))
    np.testing.assert_array_equal(
        extractor.extract(a ^ b, seed), extractor.extract(a, seed) ^ extractor.extract(b, seed)
    )


@given(st.data())
def test_affine_in_the_seed(data):
    """Linear but for the identity, which the zero seed leaves alone."""
    n, ell = data.draw(lengths())
    extractor, source = ToeplitzExtractor(n, ell), data.draw(bits(n))
    a, b = data.draw(bits(n - 1)), data.draw(bits(n - 1))
    assert np.array_equal(extractor.extract(source, np.zeros(n - 1, np.uint8)), source[:ell])
    both = extractor.extract(source, a) ^ extractor.extract(source, b) ^ source[:ell]
    np.testing.assert_array_equal(extractor.extract(source, a ^ b), both)


@given(st.data())
def test_identity_and_constant_diagonals(data):
    """The matrix, read from the outputs for unit vectors: [I | T] with T[i + 1, j + 1] = T[i, j]."""
    n = data.draw(st.integers(2, 60))
    ell = data.draw(st.integers(1, n - 1))
    extractor, seed = ToeplitzExtractor(n, ell), data.draw(bits(n - 1))
    columns = np.array([extractor.extract(unit, seed) for unit in np.eye(n, dtype=np.uint8)]).T
    np.testing.assert_array_equal(columns[:, :ell], np.eye(ell))
    toeplitz = columns[:, ell:]
    np.testing.assert_array_equal(toeplitz[1:, 1:], toeplitz[:-1, :-1])
    np.testing.assert_array_equal(np.concatenate([toeplitz[0, ::-1], toeplitz[1:, 0]]), seed)


@given(st.data())
def test_a_key_cut_short_is_not_the_shorter_key(data):
    """The first rows of a longer matrix ignore the source bits of the identity's other rows; a matrix built for the
    shorter key does not."""
    n = data.draw(st.integers(3, 300))
    ell = data.draw(st.integers(2, n - 1))
    cut = data.draw(st.integers(1, ell - 1))
    seed = shake_bits(f"cut/{data.draw(st.integers(0, 2**32))}", n - 1)
    source = np.zeros(n, np.uint8)
    source[cut:ell] = 1
    assert not ToeplitzExtractor(n, ell).extract(source, seed)[:cut].any()
    single = np.zeros(n, np.uint8)
    single[cut] = 1  # column 0 of the shorter key's T
    assert np.array_equal(ToeplitzExtractor(n, cut).extract(single, seed), seed[-cut:])


def test_every_bit_of_source_and_seed_counts():
    n, ell = 131, 60
    extractor = ToeplitzExtractor(n, ell)
    source, seed = shake_bits("flip/source", n), shake_bits("flip/seed", n - 1)
    source[ell], source[-1] = 1, 1  # the first and the last diagonal reach the key through these alone
    key = extractor.extract(source, seed)
    for string in (source, seed):
        for place in range(len(string)):
            string[place] ^= 1
            assert not np.array_equal(extractor.extract(source, seed), key), place
            string[place] ^= 1


# Strings that give the largest counts, the largest partial sums or the slowest decay in the transform.
PATTERNS = {
    "ones": lambda n: np.ones(n, np.uint8),
    "every other": lambda n: np.arange(n, dtype=np.uint32) % 2,
    "halves": lambda n: np.arange(n) < n // 2,
    "nearly ones": lambda n: shake_bits("dense", n) | shake_bits("denser", n) | shake_bits("densest", n),
}


@pytest.mark.parametrize("n", [100_003, pytest.param(1_500_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("of_seed", PATTERNS)
@pytest.mark.parametrize("of_source", PATTERNS)
def test_worst_cases_against_exact_integers(n, of_source, of_seed):
    ell = n // 7
    source, seed = (PATTERNS[name](length).astype(np.uint8) for name, length in ((of_source, n), (of_seed, n - 1)))
    key = ToeplitzExtractor(n, ell).extract(source, seed)
    np.testing.assert_array_equal(key, by_decimal(source, seed, ell))


@pytest.mark.parametrize("n", [1_500_000, pytest.param(30_000_000, marks=pytest.mark.slow)])
def test_all_ones(n):
    """Every count is n - ell, the most there can be, and known without arithmetic."""
    for ell in (1, n // 3, n // 3 + 1):
        key = ToeplitzExtractor(n, ell).extract(np.ones(n, np.uint8), np.ones(n - 1, np.uint8))
        assert (key == 1 ^ (n - ell) % 2).all()


def test_ones_in_a_frame_are_counted_exactly():
    """All ones but the ends of the seed: the counts rise and fall by one and pass every parity near the maximum."""
    n, ell = 1_500_000, 467_290
    k, edge = n - ell, 1000
    seed = np.ones(n - 1, np.uint8)
    seed[:edge] = seed[-edge:] = 0
    missing = np.maximum(edge - np.arange(ell), 0) + np.maximum(edge - np.arange(ell)[::-1], 0)
    key = ToeplitzExtractor(n, ell).extract(np.ones(n, np.uint8), seed)
    np.testing.assert_array_equal(key, 1 ^ (k - missing) % 2)


def test_rounding_errors_stay_below_their_bound():
    """The error itself, against exact counts, at lengths of every radix; the bound leaves a wide margin at 1e8 bits."""
    from scipy.fft import irfft, next_fast_len, rfft

    for long, short in ((2**17, 2**16), (3**10, 3**9), (5**7, 40_000), (120_000, 59_999)):
        a, b = shake_bits("long", long).astype(float), np.ones(short)
        size = next_fast_len(long, real=True)
        counts = irfft(rfft(a, size) * rfft(b, size), size)[short - 1 : long]
        ones = np.concatenate([[0], np.cumsum(a)])
        assert np.abs(counts - (ones[short:] - ones[:-short])).max() < convolution.rounding_error_bound(long, short)
    assert convolution.rounding_error_bound(1_500_000, 1_033_000) < 2e-7
    assert convolution.rounding_error_bound(10**8, 69 * 10**6) < 2e-5


def test_strings_too_long_for_exact_rounding_are_refused():
    endless = np.broadcast_to(np.uint8(0), 10**12)
    with pytest.raises(InvalidInput, match="too long for exact rounding"):
        convolution.parity_of_convolution(endless, endless)


def test_a_count_that_is_no_integer_ends_the_extraction(monkeypatch):
    exact = convolution.irfft

    def disturbed(*arguments, **options):
        counts = exact(*arguments, **options)
        counts[len(counts) // 2] += 0.2
        return counts

    monkeypatch.setattr(convolution, "irfft", disturbed)
    with pytest.raises(ArithmeticError, match="not an integer"):
        ToeplitzExtractor(1000, 900).extract(np.ones(1000, np.uint8), np.ones(999, np.uint8))
    monkeypatch.setattr(convolution, "irfft", lambda *arguments, **options: exact(*arguments, **options) * math.nan)
    with pytest.raises(ArithmeticError, match="not an integer"):
        ToeplitzExtractor(1000, 900).extract(np.ones(1000, np.uint8), np.ones(999, np.uint8))


def test_inputs_are_left_alone():
    source, seed = shake_bits("kept/source", 1000), shake_bits("kept/seed", 999)
    before = source.copy(), seed.copy()
    ToeplitzExtractor(1000, 300).extract(source, seed)
    assert np.array_equal(source, before[0]) and np.array_equal(seed, before[1])
