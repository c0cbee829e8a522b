"""Extraction: known answers, the slow reference, properties and bad input, on every path this processor has."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_extractor import extract, shake_bits

from postprocess.errors import InvalidInput
from postprocess.privacy import TrevisanExtractor
from postprocess.privacy.trevisan import paths
from postprocess.privacy.trevisan.field import middle_exponents

CASES = json.loads((Path(__file__).parent.parent / "data" / "trevisan_vectors.json").read_text())["cases"]
PATHS = list(paths.available())
EDGES = (8, 63, 64, 65, 71, 72, 127, 128, 129, 142, 146, 182, 190, 191)


def reference(extractor, source, seed):
    exponents = (extractor.degree, *middle_exponents(extractor.degree), 0)
    return extract(source, seed, exponents, extractor.t_plus, extractor.block_sizes)


def of_degree(degree: int, n: int, ell: int) -> TrevisanExtractor:
    extractor = TrevisanExtractor(n, ell, 2 * (n / 2**degree) ** 0.5 * (1 + 1e-12))
    assert extractor.degree == degree
    return extractor


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_known_answers(case, path):
    extractor = TrevisanExtractor(case["n"], case["ell"], case["eps1"])
    source = shake_bits(case["name"] + "/source", case["n"])
    seed = shake_bits(case["name"] + "/seed", case["seed_bits"])
    output = extractor.extract(source, seed, path=path)
    assert (output.dtype, output.shape) == (np.uint8, (case["ell"],))
    assert "".join(map(str, output)) == case["output"]


@pytest.mark.parametrize("case", CASES[:3], ids=lambda case: case["name"])
def test_reference_gives_the_known_answers(case):
    extractor = TrevisanExtractor(case["n"], case["ell"], case["eps1"])
    source = shake_bits(case["name"] + "/source", case["n"])
    seed = shake_bits(case["name"] + "/seed", case["seed_bits"])
    assert "".join(map(str, reference(extractor, source, seed))) == case["output"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("degree", EDGES)
def test_fields_at_word_boundaries(degree, path):
    extractor = of_degree(degree, n=40 if degree == 8 else 1237, ell=12)
    source, seed = shake_bits(f"{degree}/source", extractor.n), shake_bits(f"{degree}/seed", extractor.seed_bits)
    assert np.array_equal(extractor.extract(source, seed, path=path), reference(extractor, source, seed))


@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=25)
@given(data=st.data())
def test_odd_sizes_against_the_reference(path, data):
    degree = data.draw(st.integers(12, 191), label="degree")
    n = data.draw(st.integers(1, min(2000, 2 ** (degree - 4))), label="n")
    extractor = of_degree(degree, n, data.draw(st.integers(1, min(n, 30)), label="ell"))
    label = data.draw(st.integers(0, 2**32), label="label")
    source, seed = shake_bits(f"{label}/source", n), shake_bits(f"{label}/seed", extractor.seed_bits)
    assert np.array_equal(extractor.extract(source, seed, path=path), reference(extractor, source, seed))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("fill", [0, 1])
def test_constant_strings(path, fill):
    extractor = of_degree(142, 5000, 40)
    source = np.full(extractor.n, fill, dtype=np.uint8)
    seed = np.full(extractor.seed_bits, fill, dtype=np.uint8)
    assert np.array_equal(extractor.extract(source, seed, path=path), reference(extractor, source, seed))


@pytest.mark.parametrize("path", PATHS)
def test_linear_in_the_source(path):
    extractor = of_degree(135, 70_001, 400)
    seed = shake_bits("linear/seed", extractor.seed_bits)
    a, b = shake_bits("a", extractor.n), shake_bits("b", extractor.n)
    both = extractor.extract(a ^ b, seed, path=path)
    assert np.array_equal(both, extractor.extract(a, seed, path=path) ^ extractor.extract(b, seed, path=path))
    assert 120 < both.sum() < 280


def test_paths_agree_at_length_and_threads_do_not_matter():
    extractor = of_degree(142, 300_000, 3000)
    source, seed = shake_bits("long/source", extractor.n), shake_bits("long/seed", extractor.seed_bits)
    expected = extractor.extract(source, seed, path="portable", threads=1)
    for path in PATHS:
        for threads in (1, 3):
            assert np.array_equal(extractor.extract(source, seed, path=path, threads=threads), expected)


def test_every_source_bit_counts():
    """Flipping any single bit of a short source changes the output: no tail is dropped."""
    extractor = of_degree(60, 131, 64)
    source, seed = shake_bits("flip/source", 131), shake_bits("flip/seed", extractor.seed_bits)
    expected = extractor.extract(source, seed)
    for place in range(131):
        source[place] ^= 1
        assert not np.array_equal(extractor.extract(source, seed), expected)
        source[place] ^= 1


@pytest.mark.parametrize("dtype", [bool, np.int64, np.uint8])
def test_other_integer_types_are_taken(dtype):
    extractor = of_degree(60, 131, 64)
    source, seed = shake_bits("types/source", 131), shake_bits("types/seed", extractor.seed_bits)
    assert np.array_equal(extractor.extract(source.astype(dtype), seed.astype(dtype)), extractor.extract(source, seed))


def test_bad_input_is_refused():
    extractor = of_degree(60, 131, 64)
    source, seed = np.zeros(131, np.uint8), np.zeros(extractor.seed_bits, np.uint8)
    with pytest.raises(InvalidInput, match=r"source has shape \(130,\)"):
        extractor.extract(source[1:], seed)
    with pytest.raises(InvalidInput, match="seed has shape"):
        extractor.extract(source, seed.reshape(1, -1))
    with pytest.raises(InvalidInput, match="source must hold bits"):
        extractor.extract(source + 2, seed)
    with pytest.raises(InvalidInput, match="seed must hold bits"):
        extractor.extract(source, seed.astype(float))
    with pytest.raises(InvalidInput, match="portable"):
        extractor.extract(source, seed, path="abacus")
