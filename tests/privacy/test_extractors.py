"""Both extractors behind one interface: what they say of themselves, and what they refuse."""

import numpy as np
import pytest

from postprocess.errors import InvalidInput
from postprocess.privacy import EXTRACTORS, ToeplitzExtractor, TrevisanExtractor, extractor_named

N, ELL, EPS_PA = 2000, 40, 1e-9
every = pytest.mark.parametrize("name", EXTRACTORS)


def test_names():
    assert list(EXTRACTORS) == ["trevisan", "toeplitz"]  # the paper's first
    assert extractor_named("trevisan") is TrevisanExtractor and extractor_named("toeplitz") is ToeplitzExtractor
    with pytest.raises(InvalidInput, match="'abacus': choose one of trevisan, toeplitz"):
        extractor_named("abacus")


def test_seeds():
    trevisan, toeplitz = (extractor_named(name).for_key(N, ELL, EPS_PA) for name in EXTRACTORS)
    assert not trevisan.seed_is_public and trevisan.seed_bits == TrevisanExtractor(N, ELL, EPS_PA / ELL).seed_bits
    assert toeplitz.seed_is_public and toeplitz.seed_bits == N - 1


@every
@pytest.mark.parametrize("dtype", [bool, np.int64, np.uint8])
def test_integer_types(name, dtype):
    extractor = extractor_named(name).for_key(N, ELL, EPS_PA)
    random = np.random.default_rng(3)
    source, seed = random.integers(0, 2, N, np.uint8), random.integers(0, 2, extractor.seed_bits, np.uint8)
    key = extractor.extract(source.astype(dtype), seed.astype(dtype))
    assert (key.dtype, key.shape, extractor.n, extractor.ell) == (np.uint8, (ELL,), N, ELL)
    assert np.array_equal(key, extractor.extract(source, seed))


@every
def test_bad_strings(name):
    extractor = extractor_named(name).for_key(N, ELL, EPS_PA)
    source, seed = np.zeros(N, np.uint8), np.zeros(extractor.seed_bits, np.uint8)
    for wrong in (source[1:], np.append(source, source[:1]), source.reshape(2, -1), source[:0]):
        with pytest.raises(InvalidInput, match=rf"^{name} extractor: the source has shape .*, it must be \({N},\)$"):
            extractor.extract(wrong, seed)
    for wrong in (source + 2, source.astype(float), source - np.int8(1), np.full(N, "0"), np.full(N, None)):
        with pytest.raises(InvalidInput, match=f"^{name} extractor: the source must hold bits, integers 0 and 1$"):
            extractor.extract(wrong, seed)
    with pytest.raises(InvalidInput, match=f"^{name} extractor: the seed must hold bits"):
        extractor.extract(source, seed + 2)


@every
@pytest.mark.parametrize("other", [*EXTRACTORS, "longer", "shorter"])
def test_a_seed_of_another_extractor_or_length(name, other):
    extractor = extractor_named(name).for_key(N, ELL, EPS_PA)
    if other in EXTRACTORS:
        count = extractor_named(other).for_key(N, ELL, EPS_PA).seed_bits
    else:
        count = extractor.seed_bits + (1 if other == "longer" else -1)
    seed = np.zeros(count, np.uint8)
    if other == name:
        assert not extractor.extract(np.zeros(N, np.uint8), seed).any()
        return
    with pytest.raises(InvalidInput, match=rf"^{name} extractor: the seed has shape \({count},\), it must be"):
        extractor.extract(np.zeros(N, np.uint8), seed)


@every
@pytest.mark.parametrize("ell", [-1, 0, N + 1])
def test_impossible_lengths(name, ell):
    with pytest.raises(InvalidInput, match=f"^{name} extractor: ell = {ell} "):
        extractor_named(name).for_key(N, ell, EPS_PA)


@every
@pytest.mark.parametrize("eps_pa", [0.0, -1e-9, float("nan"), 1e9])
def test_impossible_errors(name, eps_pa):
    with pytest.raises(InvalidInput, match=f"^{name} extractor: eps"):
        extractor_named(name).for_key(N, ELL, eps_pa)


def test_a_toeplitz_key_as_long_as_the_source():
    with pytest.raises(InvalidInput, match=f"ell = {N} must lie between 1 and {N - 1}"):
        ToeplitzExtractor(N, N)
