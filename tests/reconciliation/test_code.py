"""The code as a public object: exact sizes, no short cycles, linearity, and the same matrix for ever."""

import hashlib
import subprocess
import sys

import numpy as np
import pyldpc
import pytest
from decoding_reference import parity_matrix
from hypothesis import given, settings
from hypothesis import strategies as st

from postprocess.errors import InvalidInput
from postprocess.reconciliation import make_code
from postprocess.reconciliation.lifting import draw_shifts
from postprocess.reconciliation.protograph import candidates, coupled_edges, regular_edges, regular_graph
from postprocess.reconciliation.public_stream import PublicStream

KNOWN = {
    (20_000, 9000, 7, "sc-ldpc"): "ddab8ad89de0c8469d93cdaca8a48861e1a4cd327f4c6202ae26b551e536fc49",
    (3000, 1000, 7, "regular"): "b15c7437d2b9bd0df8d4338e0f74101b93da6660e1a53213f00becd27138fd76",
}


def test_paper_sizes_exactly():
    code = make_code(1_500_000, 296_517, 1)
    assert (code.n, code.m) == (1_500_000, 296_517)
    assert code.syndrome(np.ones(code.n, np.uint8)).shape == (code.m,)
    assert np.unique(code.place).size == code.n


@settings(max_examples=15)
@given(st.integers(1000, 40_000), st.floats(0.2, 0.98), st.integers(0, 2**64), st.sampled_from(["sc-ldpc", "regular"]))
def test_any_size_is_met_exactly(n, fraction, seed, family):
    m = int(n * fraction)
    code = make_code(n, m, seed, family=family)
    assert (code.n, code.m) == (n, m)
    ones = code.edge_list()
    assert len(np.unique(ones, axis=0)) == len(ones)
    assert (np.bincount(ones[:, 1], minlength=n) == code.graph.degree).all()
    assert ones[:, 0].max() < m


@pytest.mark.parametrize(("n", "m", "coupled"), [(20_000, 9000, True), (3000, 900, False)])
def test_lifted_graph_has_no_four_cycles(n, m, coupled):
    stream = PublicStream("test", n, m)
    graph = candidates(n, m, 6)[0] if coupled else regular_graph(n, m)
    assert graph.coupled == coupled
    checks, variables = coupled_edges(graph, stream) if coupled else regular_edges(graph)
    shifts = draw_shifts(checks, variables, graph.lift, stream)
    seen = set()
    lifted_checks = {}
    for check, variable, shift in zip(checks.tolist(), variables.tolist(), shifts.tolist(), strict=True):
        for lane in range(graph.lift):
            bit = variable * graph.lift + (lane + shift) % graph.lift
            lifted_checks.setdefault((check, lane), []).append(bit)
    assert len(lifted_checks) == graph.lifted_checks
    for bits in lifted_checks.values():
        bits.sort()
        for k, one in enumerate(bits):
            for other in bits[k + 1 :]:
                assert (one, other) not in seen
                seen.add((one, other))


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.sampled_from([(20_000, 9000, "sc-ldpc"), (1500, 600, "regular")]))
def test_syndrome_is_linear_and_is_h_times_the_bits(seed, size):
    n, m, family = size
    code = make_code(n, m, 3, family=family)
    assert code.graph.coupled == (family == "sc-ldpc")
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 2, (2, code.n), dtype=np.uint8)
    np.testing.assert_array_equal(code.syndrome(a ^ b), code.syndrome(a) ^ code.syndrome(b))
    ones = code.edge_list()
    sums = np.bincount(ones[:, 0], weights=a[ones[:, 1]], minlength=code.m)
    np.testing.assert_array_equal(code.syndrome(a), sums.astype(np.int64) % 2)
    assert not code.syndrome(np.zeros(code.n, np.uint8)).any()


@pytest.mark.parametrize("arguments", KNOWN)
def test_known_edge_lists(arguments):
    """A change here breaks every stored syndrome: it needs a new label in `randomness`."""
    n, m, seed, family = arguments
    ones = make_code(n, m, seed, family=family).edge_list().astype("<u4")
    assert hashlib.sha256(ones.tobytes()).hexdigest() == KNOWN[arguments]


def test_fingerprint_names_the_matrix():
    code, again = make_code(20_000, 9000, 7), make_code.__wrapped__(20_000, 9000, 7)
    assert code is not again and code.fingerprint == again.fingerprint
    others = [make_code(20_000, 9000, 8), make_code(20_000, 9001, 7), make_code(20_001, 9000, 7)]
    assert len({other.fingerprint for other in [code, *others]}) == 4
    again.__dict__.pop("fingerprint")
    again.place = np.roll(code.place, 1)
    assert again.fingerprint != code.fingerprint


def test_seeds_give_different_codes():
    assert not np.array_equal(make_code(20_000, 9000, 7).edge_list(), make_code(20_000, 9000, 8).edge_list())


def test_bits_are_shuffled():
    place = make_code(20_000, 10_000, 1).place.astype(float)
    assert abs(np.corrcoef(place, np.arange(place.size))[0, 1]) < 0.03


def test_checks_share_edges_evenly_and_halves_stand_where_a_wave_can_spare_them():
    graph = candidates(1_500_000, 296_517, 6)[0]
    checks, variables = coupled_edges(graph, PublicStream("test"))
    assert (np.bincount(variables) == graph.degree).all()
    degrees = np.split(np.bincount(checks), np.cumsum(graph.rows)[:-1])
    assert all(np.ptp(position) <= 1 for position in degrees)
    middle = graph.check_positions // 2
    halved = [p for p, rows in enumerate(graph.rows) if rows < graph.checks]
    assert halved == [0, middle - 1, middle, middle + 1, graph.check_positions - 1]


def test_regular_family_has_the_weights_of_pyldpc():
    theirs = np.asarray(pyldpc.parity_check_matrix(1200, 3, 6, seed=1))
    ours = parity_matrix(make_code(1200, 600, 1, family="regular"))
    assert ours.shape == theirs.shape
    for axis in (0, 1):
        np.testing.assert_array_equal(ours.sum(axis=axis), theirs.sum(axis=axis))


@pytest.mark.parametrize(
    ("n", "m", "family"),
    [(1000, 0, "sc-ldpc"), (1000, 1000, "sc-ldpc"), (100, 50, "sc-ldpc"), (1000, 20, "sc-ldpc"), (1000, 500, "turbo")],
)
def test_sizes_without_a_code_are_refused_in_one_line(n, m, family):
    with pytest.raises(InvalidInput) as refusal:
        make_code(n, m, 1, family=family)
    assert "\n" not in str(refusal.value)


def test_syndrome_refuses_what_are_not_its_bits():
    code = make_code(1500, 600, 3)
    for bits in (np.zeros(1499, np.uint8), np.full(1500, 2, np.uint8), np.zeros((1, 1500), np.uint8)):
        with pytest.raises(InvalidInput):
            code.syndrome(bits)


def test_importing_the_package_loads_nothing_heavy():
    probe = "import sys, postprocess.reconciliation; print('numpy' in sys.modules, 'numba' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout
        == "False False\n"
    )
