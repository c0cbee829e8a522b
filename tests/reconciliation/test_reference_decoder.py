"""pyldpc as the independent reference decoder of small codes (case 28)."""

import numpy as np
import pytest
from decoding_reference import noisy_string, parity_matrix

from postprocess.errors import InvalidInput
from postprocess.estimation.priors import log_likelihood_ratios, priors_from_score
from postprocess.reconciliation import make_code
from postprocess.reconciliation.reference_decoder import (
    MOST_ROUNDS,
    decode_by,
    decode_with_pyldpc,
    particular_solution,
    require_size,
)
from postprocess.reconciliation.trials import TrialPlan, draw_rounds, run_batch

PRIORS = priors_from_score(2.64, 0.018)


@pytest.mark.parametrize(("n", "m", "family"), [(1000, 500, "regular"), (1500, 700, "sc-ldpc"), (1003, 611, "sc-ldpc")])
def test_a_particular_solution_has_the_syndrome(n, m, family):
    code = make_code(n, m, 3, family=family)
    alice, _ = noisy_string(n, 0.1, 1)
    found = particular_solution(parity_matrix(code), code.syndrome(alice))
    np.testing.assert_array_equal(code.syndrome(found), code.syndrome(alice))
    assert found.shape == (n,) and set(np.unique(found)) <= {0, 1}


def test_elimination_is_right_where_rows_depend():
    """Against all strings of a small matrix without full rank."""
    random = np.random.default_rng(2)
    matrix = random.integers(0, 2, (5, 9), dtype=np.uint8)
    matrix = np.vstack([matrix, matrix[0] ^ matrix[1]])
    reachable = {tuple(matrix @ (number >> np.arange(9) & 1) % 2) for number in range(512)}
    for number in range(64):
        syndrome = (number >> np.arange(6) & 1).astype(np.uint8)
        if tuple(syndrome) in reachable:
            np.testing.assert_array_equal(matrix @ particular_solution(matrix, syndrome) % 2, syndrome)
        else:
            with pytest.raises(InvalidInput, match="no string has this syndrome"):
                particular_solution(matrix, syndrome)


@pytest.mark.parametrize(("m", "sample"), [(700, 0), (700, 1), (520, 2)])
def test_both_decoders_find_the_same_string(m, sample):
    plan = TrialPlan(1500, m, 13 / 256, PRIORS, PRIORS, code_seed=5)
    alice, bob, x, y = draw_rounds(plan, sample)
    code, llr = plan.code(), log_likelihood_ratios(bob, x, y, PRIORS)
    syndrome = code.syndrome(alice)
    ours, theirs = (decode_by(name, code, llr, syndrome) for name in ("own", "pyldpc"))
    assert ours.converged and theirs.converged
    np.testing.assert_array_equal(theirs.bits, alice)
    np.testing.assert_array_equal(ours.bits, theirs.bits)


def test_what_it_cannot_decode_is_said(monkeypatch):
    monkeypatch.setattr("postprocess.reconciliation.reference_decoder.ITERATIONS", 5)
    code = make_code(1000, 200, 1)
    alice, llr = noisy_string(1000, 0.2, 4)
    result = decode_with_pyldpc(code, llr, code.syndrome(alice))
    assert not result.converged and result.iterations == 5


@pytest.mark.parametrize(("decoder", "n"), [("pyldpc", MOST_ROUNDS + 1), ("nobody", 1000)])
def test_other_sizes_and_names_are_refused(decoder, n):
    with pytest.raises(InvalidInput, match="decoder"):
        require_size(decoder, n)


def test_trials_name_their_decoder():
    own, reference = (TrialPlan(1500, 700, 0.1, PRIORS, PRIORS, decoder=name) for name in ("own", "pyldpc"))
    assert own.digest() != reference.digest()
    assert run_batch(reference, 0, 2).failures == run_batch(own, 0, 2).failures == 0
