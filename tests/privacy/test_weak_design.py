"""The block weak design: parameters, index sets and the overlap its proof needs."""

import hashlib
import json
import math
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slow_extractor import seed_positions

from postprocess.errors import InvalidInput
from postprocess.privacy import TrevisanExtractor
from postprocess.privacy.trevisan.weak_design import WeakDesign, block_rows, field_degree, prime_from

VECTORS = json.loads((Path(__file__).parent.parent / "data" / "trevisan_vectors.json").read_text())
PAPER = VECTORS["index_sets"]


def test_paper_parameters():
    extractor = TrevisanExtractor(1_500_000, 95_884, 1.3e-13 / 95_884)
    assert (extractor.t, extractor.degree, extractor.t_plus) == (284, 142, 293)
    assert list(extractor.block_sizes) == PAPER["block_sizes"]
    assert (extractor.blocks, extractor.seed_bits) == (14, 1_201_886)


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_known_parameters(case):
    design = WeakDesign.for_extractor(case["n"], case["ell"], case["eps1"])
    assert (design.t, design.t_plus, design.blocks) == (case["t"], case["t_plus"], case["blocks"])
    assert (list(design.block_sizes), design.seed_bits) == (case["block_sizes"], case["seed_bits"])


def test_all_index_sets_of_the_paper():
    extractor = TrevisanExtractor(1_500_000, PAPER["ell"], 1.3e-13 / PAPER["ell"])
    digest = hashlib.sha256()
    for block, size in enumerate(extractor.block_sizes):
        for first in range(0, size, 8192):
            digest.update(extractor.index_sets(block, range(first, min(first + 8192, size))).astype("<u4").tobytes())
    assert digest.hexdigest() == PAPER["sha256_u32le_all_indices"]


@given(st.integers(1, 20), st.integers(0, 5), st.integers(0, 10_000))
def test_index_sets_by_the_definition(degree, block, row):
    extractor = TrevisanExtractor(1000, 500, 2.0 ** (-degree - 1))
    expected = seed_positions(block, row, extractor.t, extractor.t_plus)
    assert extractor.index_sets(block, range(row, row + 1))[0].tolist() == expected


@pytest.mark.parametrize(("n", "ell", "eps1"), [(200, 64, 2**-6), (1000, 300, 0.25), (900, 700, 0.5), (60, 9, 0.1)])
def test_overlap_is_one(n, ell, eps1):
    """No row shares more with all earlier rows than r = 1 allows: sum_j<i 2^|S_i and S_j| <= ell."""
    extractor = TrevisanExtractor(n, ell, eps1)
    incidence = np.zeros((ell, extractor.seed_bits), dtype=np.float32)
    row = 0
    for block, size in enumerate(extractor.block_sizes):
        for positions in extractor.index_sets(block, range(size)):
            incidence[row, positions] = 1
            row += 1
    assert (incidence.sum(axis=1) == extractor.t).all()
    for i in range(1, ell):
        assert np.exp2((incidence[:i] @ incidence[i]).astype(float)).sum() <= ell


@given(st.integers(1, 10**8), st.floats(1e-40, 0.9))
def test_field_degree_is_the_exact_ceiling(n, eps1):
    degree = field_degree(n, eps1)
    assert Fraction(2) ** degree >= 4 * n / Fraction(eps1) ** 2 > Fraction(2) ** (degree - 1)
    assert abs(degree - math.ceil(math.log2(n) + 2 * math.log2(2 / eps1))) <= 1


def test_field_degree_at_exact_powers():
    assert field_degree(1024, 2.0**-20) == 10 + 42
    assert field_degree(1025, 2.0**-20) == 10 + 42 + 1


def test_the_edge_between_t_282_and_284():
    assert TrevisanExtractor(1_500_000, 95_884, 1.40e-13 / 95_884).t == 284
    assert TrevisanExtractor(1_500_000, 95_884, 1.42e-13 / 95_884).t == 282


@given(st.integers(1, 10**7), st.integers(4, 400))
def test_block_sizes_add_up_and_fall(ell, t):
    sizes = block_rows(ell, prime_from(t))
    assert sum(sizes) == ell and len(sizes) >= 2 and min(sizes) >= 0
    assert all(later <= earlier + 1 for earlier, later in pairwise(sizes[:-1]))  # each share is rounded up


@pytest.mark.parametrize(("lower", "prime"), [(0, 2), (4, 5), (284, 293), (282, 283), (7, 7)])
def test_prime_from(lower, prime):
    assert prime_from(lower) == prime


@pytest.mark.parametrize(
    ("n", "ell", "eps1", "named"),
    [(10, 0, 0.1, "ell"), (10, 11, 0.1, "ell"), (10, 5, 0.0, "eps1"), (10, 5, 1.0, "eps1"), (10, 5, math.nan, "eps1")],
)
def test_impossible_sizes(n, ell, eps1, named):
    with pytest.raises(InvalidInput, match=named):
        TrevisanExtractor(n, ell, eps1)


def test_error_too_small_for_the_kernels():
    with pytest.raises(InvalidInput, match="larger eps1"):
        TrevisanExtractor(10**6, 1000, 1e-30)
