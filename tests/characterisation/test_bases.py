"""Bases, legs, counts and herald phases: pulses against projectors, phases against the published tomography."""

import math

import numpy as np
import pytest
from joint_cases import PATTERNS, joint

from node.basis_settings import PHASES, with_bases
from node_alice.settings import DEFAULTS as ALICE
from node_bob.settings import BOB_QUBIT
from postprocess.characterisation.bases import (
    ALL_PAIRS,
    EQUATORIAL_PAIRS,
    basis_counts,
    herald_phase,
    leg_plans,
)
from postprocess.characterisation.prediction import rxy
from postprocess.characterisation.state_tomography import (
    BASES,
    projectors,
    published_states,
    read_counts,
    simulate_counts,
)
from postprocess.characterisation.states import report, states_of
from postprocess.errors import InvalidInput


@pytest.mark.parametrize("name", BASES)
def test_the_pulse_of_a_basis_measures_it(name):
    """Bright after Rxy(pi/2, phi) is the +1 outcome of the basis."""
    pulse = rxy(math.pi / 2, PHASES[name]) if name in PHASES else np.eye(2)
    effect = pulse.conj().T @ np.diag([1, 0]) @ pulse
    plus = projectors(name, "Z")[0] + projectors(name, "Z")[1]  # + of the first basis, whatever the second
    assert np.kron(effect, np.eye(2)) == pytest.approx(plus)


def test_settings_of_a_leg():
    settings = with_bases(ALICE, ("X", "Z"))
    qubit = settings.qubit
    assert qubit.amplitude == (1.0, 0.0, 0.0, 0.0) and qubit.angle == math.pi / 2
    assert [qubit.turns(0, k) for k in range(4)] == pytest.approx([0.75] * 4)
    assert settings.schedule == ALICE.schedule and settings.readout == ALICE.readout
    for wrong in ((), ("W",), ("X",) * 5):
        with pytest.raises(ValueError, match="one to four"):
            with_bases(ALICE, wrong)


def test_legs_hold_every_pair_once_with_its_share_of_rounds():
    plans = leg_plans("t", "emulated", 100, 50, ALL_PAIRS)
    pairs = [(a, b) for plan in plans for a in set(plan.bases[0]) for b in set(plan.bases[1])]
    assert sorted(pairs) == sorted((a, b) for a in BASES for b in BASES)
    assert [plan.rounds for plan in plans] == [800, 800, 400, 200, 200, 100]
    assert [plan.session_id for plan in plans] == [f"t.{k}" for k in range(1, 7)]


def counted(states, pair_rounds, legs, seed=1):
    """basis_counts of rounds drawn from two-qubit states, settings random, bits as the nodes write them."""
    random = np.random.default_rng(seed)
    measured = []
    for plan in leg_plans("t", "emulated", pair_rounds, 1000, legs):
        n = plan.rounds
        x, y, k = random.integers(0, 4, n), random.integers(0, 2, n), random.integers(0, 4, n)
        signs = np.empty(n, int)
        for place in range(n):
            operators = projectors(plan.bases[0][x[place]], plan.bases[1][y[place]])
            p = np.einsum("kij,ji->k", operators, states[int(PATTERNS[k[place]])]).real.clip(0)
            signs[place] = random.choice(4, p=p / p.sum())
        measured.append((plan, joint(x, y, signs >> 1, 1 - (signs & 1), PATTERNS[k])))
    return basis_counts(measured)


def test_counts_keep_the_signs():
    """One round: both bright (Alice's bit 0, Bob's 1) is '++'."""
    (plan,) = leg_plans("t", "emulated", 1, 1000, EQUATORIAL_PAIRS)
    found = basis_counts([(plan, joint([1], [0], [0], [1], np.array([5], np.uint8)))])
    assert found[5]["Y", "X"].tolist() == [1, 0, 0, 0] and sum(row.sum() for row in found[5].values()) == 1
    found = basis_counts([(plan, joint([3], [1], [0], [0], np.array([12], np.uint8)))])
    assert found[12]["-Y", "Y"].tolist() == [0, 1, 0, 0]


def test_phases_of_the_published_counts_are_bobs_defaults():
    for pattern, phase in zip((3, 5, 10, 12), BOB_QUBIT.pattern_phase, strict=True):
        found = herald_phase(read_counts()[pattern])
        assert abs(found.phase - phase) < 3 * found.standard_error and 0.9 < found.contrast < 1


def test_phase_errors_are_honest():
    """Pulls of many simulated calibrations scatter by one."""
    random = np.random.default_rng(3)
    state, counts = published_states()[5], read_counts()[5]
    few = {bases: row // 20 for bases, row in counts.items()}
    found = [herald_phase(simulate_counts(state, few, random)) for _ in range(200)]
    exact = herald_phase(simulate_counts(state, {bases: 10_000 * row for bases, row in counts.items()}, random)).phase
    pulls = np.array([(each.phase - exact) / each.standard_error for each in found])
    assert abs(pulls.mean()) < 0.25 and 0.8 < pulls.std() < 1.2


def test_without_correlation_nothing_is_calibrated():
    flat = {(a, b): np.full(4, 50) for a in ("X", "Y") for b in ("X", "Y")}
    with pytest.raises(InvalidInput, match="nothing to calibrate on"):
        herald_phase(flat)
    with pytest.raises(InvalidInput, match="no rounds in the bases X and X"):
        herald_phase({("Y", "Y"): np.full(4, 50)})


def test_states_and_phases_from_drawn_rounds():
    counts = counted(published_states(), 300, ALL_PAIRS)
    states = states_of(counts, 10)
    for state, phase in zip(states, BOB_QUBIT.pattern_phase, strict=True):
        assert state.fraction == pytest.approx(0.96, abs=0.04) and 0.002 < state.standard_error < 0.03
        assert math.remainder(state.analysis_phase - phase, 2 * math.pi) == pytest.approx(0, abs=0.25)
    assert len(report(states).splitlines()) == 5
