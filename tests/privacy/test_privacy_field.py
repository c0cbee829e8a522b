"""The field polynomials: irreducible, and the first of their kind."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postprocess.errors import InvalidInput
from postprocess.privacy.trevisan import field

VECTORS = json.loads((Path(__file__).parent.parent / "data" / "trevisan_vectors.json").read_text())
# Number of monic irreducible polynomials over GF(2) of degree 1, 2, ... (OEIS A001037).
IRREDUCIBLE_COUNTS = [2, 1, 2, 3, 6, 9, 18, 30, 56, 99, 186]


def times(a: int, b: int) -> int:
    return 0 if not b else (a if b & 1 else 0) ^ times(a << 1, b >> 1)


@pytest.mark.parametrize(("degree", "count"), list(enumerate(IRREDUCIBLE_COUNTS, start=1)))
def test_count_of_irreducible_polynomials(degree, count):
    assert sum(field.is_irreducible(p) for p in range(1 << degree, 2 << degree)) == count


@given(st.integers(2, 1 << 60), st.integers(2, 1 << 60))
def test_products_are_reducible(a, b):
    assert not field.is_irreducible(times(a, b))


@given(st.integers(0, 1 << 200), st.integers(1, 1 << 100))
def test_remainder_leaves_a_multiple(a, b):
    rest = field.remainder(a, b)
    assert rest.bit_length() < b.bit_length()
    assert field.remainder(a ^ rest, b) == 0


@given(st.integers(0, 1 << 200))
def test_square_is_a_product(a):
    assert field.square(a) == times(a, a)


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_published_polynomials(case):
    assert [case["l"], *field.middle_exponents(case["l"]), 0] == case["polynomial_exponents"]


@pytest.mark.parametrize("degree", range(2, field.MAX_DEGREE + 1))
def test_two_foldings_suffice(degree):
    middle = field.middle_exponents(degree)
    assert max(middle) <= degree / 2
    assert list(middle) == sorted(middle, reverse=True)


@pytest.mark.parametrize("degree", [-1, 0, 1, 192])
def test_degree_out_of_range(degree):
    with pytest.raises(InvalidInput, match="GF"):
        field.middle_exponents(degree)
