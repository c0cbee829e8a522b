"""Drift: a function of seed and herald alone, slow enough for recalibration, too fast for a session without."""

from dataclasses import replace

import numpy as np
import pytest
from testbed_kit import node_experiment, run_blocks

from contract.nodes import NODES
from postprocess.characterisation.prediction import best_analysis_phase
from testbed.physics import truth
from testbed.physics.drift import DAY_S, Drift, Wandering
from testbed.physics.emulated_link import PUBLISHED
from testbed.physics.instability import Instability
from testbed.physics.ion import Ion
from testbed.physics.laboratory import Laboratory, create, open_laboratory
from testbed.physics.round_state import RoundState

SESSION, RECALIBRATED = 1_500_000, 100_000  # heralds
BELL_THRESHOLD = 2.604  # of the preset paper
ROUNDS = 240


def drifts(seed, speed=1.0):
    return {node: Drift(seed, node, PUBLISHED.herald_s, speed) for node in NODES}


def test_the_same_for_a_seed_in_whatever_order_it_is_asked():
    late, early = drifts(3), drifts(3)
    steps = [9000, 5, 0, 4096, 4095]
    for node in NODES:
        first = {step: early[node].at(step) for step in sorted(steps)}
        assert {step: late[node].at(step) for step in steps} == first
    assert drifts(4)["bob"].at(7) != early["bob"].at(7)
    assert early["alice"].at(7).herald_phase == early["bob"].at(7).herald_phase
    assert early["alice"].at(7).frequency_hz != early["bob"].at(7).frequency_hz


def test_begins_where_the_defaults_are_right():
    assert all(drift.at(0) == (0.0, 1.0, 1.0, 0.0) for drift in drifts(3).values())


def test_a_random_walk_grows_with_the_root_of_time_and_powers_do_not():
    walks = [Wandering(seed, "walk", 10.0, 2.0) for seed in range(200)]
    powers = [Wandering(seed, "power", 600.0, 0.1, truth.POWER_TIME_S) for seed in range(200)]
    for step in (40, 4000):
        assert np.std([walk[step] for walk in walks]) == pytest.approx(2 * np.sqrt(10 * step), rel=0.2)
        expected = 0.1 * np.sqrt(-np.expm1(-2 * 600 * step / truth.POWER_TIME_S))
        assert np.std([power[step] for power in powers]) == pytest.approx(expected, rel=0.2)


def test_the_herald_phase_needs_days():
    """A session leaves it where it was measured, six days do not."""
    step = truth.DRIFT_STEP * PUBLISHED.herald_s
    phases = [Drift(seed, "bob", PUBLISHED.herald_s, 1.0) for seed in range(12)]
    session, days = SESSION // truth.DRIFT_STEP, int(6 * DAY_S / step)
    assert np.std([each.at(session).herald_phase for each in phases]) < 0.12
    assert np.std([each.at(days).herald_phase for each in phases]) > 0.2


def test_the_herald_phase_is_what_bob_calibrates():
    """Another phase of the state, another best phase of his analysis, and nothing else."""
    published = PUBLISHED.states()
    state = RoundState("alice", Ion(truth.NODE_TRUTHS["alice"]), published)
    state.drift(0.3)
    for pattern, turned in state._states.items():
        apart = best_analysis_phase(turned) - best_analysis_phase(published[pattern])
        assert abs((apart + np.pi) % (2 * np.pi) - np.pi) == pytest.approx(0.3, abs=1e-6)
        assert np.allclose(np.abs(turned), np.abs(published[pattern]))


def test_a_laboratory_keeps_its_instability(tmp_path):
    made = create(tmp_path, seed=1, instability=Instability(2.0, 600.0))
    assert open_laboratory(tmp_path).instability == made.instability == Instability(2.0, 600.0)
    assert Laboratory(1).drift_of("bob") is None


@pytest.mark.parametrize("wrong", [{"drift": -1.0}, {"drift": 1e4}, {"ion_lifetime_s": 0.0}])
def test_what_no_laboratory_does_is_refused(wrong):
    with pytest.raises(ValueError, match=r"(drift|ion lifetime): from"):
        Instability(**wrong)


def programmes(node, deviation=None):
    """(setting, pattern) -> what the ion goes through, calibrated for no drift or for a deviation."""
    built, devices = node_experiment(node, seed=5)
    physics = devices.get("laboratory")
    physics.partner.lines = 1 if node == "alice" else 2  # Alice hears of test rounds alone
    if deviation is not None:
        built.node.configure(recalibrated(built.node.defaults, deviation))
    seen = []
    measure, programme = physics._measure_round, physics.beams.programme
    physics.beams.programme = lambda *given: seen.append(programme(*given)) or seen[-1]
    found = {}

    def measured(*given):
        bright = measure(*given)
        found[int(settings[physics.round.heralds_seen - 1]), physics.round.pattern] = seen[-1]
        return bright

    physics._measure_round = measured
    settings = np.random.default_rng(4).integers(0, 3 if node == "bob" else 2, ROUNDS)
    built.node.blocks.allocate(ROUNDS)
    run_blocks(built, settings, ROUNDS)
    return found


def recalibrated(settings, deviation):
    """Settings with the frequencies and pi times that are right now."""
    lines = {
        name: replace(
            getattr(settings.qubit, name),
            frequency=truth.RESONANCES[name] + deviation.frequency_hz,
            pi_time=truth.PI_TIMES_NS[name] * 1e-9 / deviation.qubit_amplitude,
        )
        for name in truth.RESONANCES
    }
    return replace(settings, qubit=replace(settings.qubit, **lines))


def score_and_qber(pulses, deviations):
    """Mean S and Q over the published states."""
    ions = {node: Ion(truth.NODE_TRUTHS[node]) for node in NODES}
    for node, deviation in deviations.items():
        ions[node].drift(deviation.frequency_hz, deviation.qubit_amplitude)
    phase = np.kron(np.eye(2), np.diag([1, np.exp(1j * deviations["bob"].herald_phase)]))
    scores, qbers = [], []
    for pattern, published in PUBLISHED.states().items():
        state = phase @ published @ phase.conj().T

        def correlation(x, y, state=state, pattern=pattern):
            alice = ions["alice"].herald_effect(pulses["alice"][x, pattern])
            bob = ions["bob"].herald_effect(pulses["bob"][y, pattern])
            equal = np.kron(alice, bob) + np.kron(np.eye(2) - alice, np.eye(2) - bob)
            return 1 - 2 * np.trace(state @ equal).real

        each = [correlation(x, y) for x in (0, 1) for y in (0, 1)]
        scores.append(max(abs(sum(each) - 2 * one) for one in each))
        qbers.append((1 - abs(correlation(0, 2))) / 2)
    return np.mean(scores), np.mean(qbers)


def test_recalibration_keeps_a_session_that_fails_without():
    """Frequencies and pi times every 100 000 rounds, the herald phase never."""
    usual = {node: programmes(node) for node in NODES}
    moving = drifts(11)

    def at(herald):
        return {node: drift.at(drift.step_of(herald)) for node, drift in moving.items()}

    still, qber = score_and_qber(usual, at(0))
    assert still == pytest.approx(2.677, abs=0.005)
    without = np.mean([score_and_qber(usual, at(herald))[0] for herald in range(0, SESSION, RECALIBRATED)])
    assert without < BELL_THRESHOLD - 0.05
    for herald in (500_000, SESSION - RECALIBRATED):
        now = at(herald)
        fresh = {node: programmes(node, now[node]) for node in NODES}
        kept, kept_qber = score_and_qber(fresh, at(herald + RECALIBRATED // 2))
        assert kept > still - 0.02 and kept_qber < qber + 0.002
