"""One ion: what light does to its four levels, and how bright it then is.

Levels in the order S1/2(-1/2), S1/2(+1/2), D5/2(-3/2), D5/2(+3/2). The Heisenberg picture serves: from the projector on
S1/2 backwards through all pulses to the effect operator of 'bright' on the state before them. Phases are those of the
frame that rotates with each transition since the herald, and a DDS phase phi is the phi of
Rxy(theta, phi) = exp(-i theta/2 (cos phi X + sin phi Y)) with the S level as |0>.

The herald's two-qubit state (published tomography) is written on S1/2(-1/2) = |0> and S1/2(+1/2) = |1>, the latter with
the phase i that an ideal mapping pulse of phase 0 takes away. Effects of local imperfections and of readout are in that
state already, so pulses are unitary here.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from testbed.physics import truth
from testbed.physics.truth import ANALYSIS, MAPPING, SHELVING, NodeTruth

Operator = NDArray[np.complex128]

S_MINUS, S_PLUS, D_LOW, D_HIGH = range(4)
LEVELS = {MAPPING: (S_PLUS, D_LOW), ANALYSIS: (S_MINUS, D_LOW), SHELVING: (S_PLUS, D_HIGH)}
BRIGHT = np.diag([1.0, 1.0, 0.0, 0.0]).astype(complex)
HERALD_PHASE = np.diag([1.0, 1j])
TURN = 2 * math.pi / 2**32


class Pulse(NamedTuple):
    """674 nm light from `start` for `duration` (ns, since the herald): DDS word, phase at its start, amplitude."""

    start: int
    duration: int
    ftw: int
    phase: int
    amplitude: float


class Light(NamedTuple):
    """422/1092/1033 nm light that ends coherence: kind is 'cool', 'pump' or 'deshelve'."""

    start: int
    duration: int
    kind: str


Step = Pulse | Light


class Ion:
    """Responds to programmes of pulses; effects are cached by programme."""

    CACHE = 50_000

    def __init__(self, node_truth: NodeTruth, phase_error: float = 0.0):
        self.truth = node_truth
        self.phase_error = phase_error
        self._offset_hz, self._strength = 0.0, 1.0
        self._effects: dict[tuple[Step, ...], Operator] = {}

    def drift(self, offset_hz: float, strength: float) -> None:
        """From now on all 674 nm resonances lie so much higher, and all pulses have so many times the amplitude."""
        self._offset_hz, self._strength = offset_hz, strength
        self._effects.clear()

    def effect(self, programme: tuple[Step, ...]) -> Operator:
        """Effect operator (4, 4) of 'found in S1/2' after the programme, on the state at time zero."""
        found = self._effects.get(programme)
        if found is None:
            found = self._compute(programme)
            if len(self._effects) >= self.CACHE:
                self._effects.clear()
            self._effects[programme] = found
        return found

    def herald_effect(self, programme: tuple[Step, ...]) -> Operator:
        """The same on the qubit that the herald leaves, (2, 2), order |0>, |1> of the tomography."""
        return HERALD_PHASE.conj() @ self.effect(programme)[:2, :2] @ HERALD_PHASE

    def _compute(self, programme: tuple[Step, ...]) -> Operator:
        effect = BRIGHT
        for i in range(len(programme) - 1, -1, -1):
            step = programme[i]
            if isinstance(step, Pulse):
                unitary = self.unitary(step)
                effect = unitary.conj().T @ effect @ unitary
            else:
                effect = self._incoherent(step, effect)
            before = programme[i - 1].start + programme[i - 1].duration if i else 0
            effect = effect * self._coherence(max(0, step.start - before))
        return effect

    def unitary(self, pulse: Pulse) -> Operator:
        """Exact evolution under a square pulse, detuning included, in the rotating frame."""
        matrix = np.eye(4, dtype=complex)
        frequency = pulse.ftw / 2**32 * 1e9
        line = min(truth.RESONANCES, key=lambda name: abs(truth.RESONANCES[name] - frequency))
        resonance = truth.RESONANCES[line] + self._offset_hz
        detuning = frequency - resonance
        if pulse.amplitude == 0 or abs(detuning) > truth.CAPTURE_RANGE_HZ:
            return matrix
        lower, upper = LEVELS[line]
        rabi = math.pi / truth.PI_TIMES_NS[line] * pulse.amplitude * self._strength
        delta = 2 * math.pi * detuning * 1e-9
        phase = pulse.phase * TURN - 2 * math.pi * ((resonance * 1e-9 * pulse.start) % 1.0)
        if line == ANALYSIS:
            phase += self.phase_error
        general = math.hypot(rabi, delta)
        c, s = math.cos(general * pulse.duration / 2), math.sin(general * pulse.duration / 2)
        along, across = delta / general * s, rabi / general * s
        turn = np.exp(0.5j * delta * pulse.duration)
        matrix[lower, lower] = (c + 1j * along) / turn
        matrix[upper, upper] = (c - 1j * along) * turn
        matrix[upper, lower] = -1j * across * np.exp(1j * phase) * turn
        matrix[lower, upper] = -1j * across * np.exp(-1j * phase) / turn
        return matrix

    def _coherence(self, gap: int) -> NDArray[np.float64]:
        """Factors on the coherences after free evolution for `gap` ns (Gaussian: slow field and laser noise)."""
        t = gap * 1e-9
        optical = math.exp(-((t / self.truth.optical_coherence_s) ** 2))
        mapping = math.exp(-((t / self.truth.mapping_coherence_s) ** 2))
        zeeman = math.exp(-((t / self.truth.mapping_coherence_s) ** 2))
        factors = np.full((4, 4), mapping)
        np.fill_diagonal(factors, 1.0)
        factors[S_MINUS, S_PLUS] = factors[S_PLUS, S_MINUS] = zeeman
        factors[S_MINUS, D_LOW] = factors[D_LOW, S_MINUS] = optical
        return factors

    def _incoherent(self, light: Light, effect: Operator) -> Operator:
        """Dual of the channel that the light is; S1/2 population goes on being bright, D5/2 dark."""
        after = np.zeros((4, 4), dtype=complex)
        levels = effect.diagonal().real
        mixed = (levels[S_MINUS] + levels[S_PLUS]) / 2
        t = light.duration * 1e-9
        if light.kind == "pump":
            keep = math.exp(-t / truth.OPTICAL_PUMPING_S)
            after[S_MINUS, S_MINUS] = keep * levels[S_MINUS] + (1 - keep) * levels[S_PLUS]
            after[S_PLUS, S_PLUS] = levels[S_PLUS]
            after[D_LOW, D_LOW], after[D_HIGH, D_HIGH] = levels[D_LOW], levels[D_HIGH]
        elif light.kind == "deshelve":
            keep = math.exp(-t / self.truth.deshelving_s)
            after[:2, :2] = effect[:2, :2]
            after[D_LOW, D_LOW] = keep * levels[D_LOW] + (1 - keep) * mixed
            after[D_HIGH, D_HIGH] = keep * levels[D_HIGH] + (1 - keep) * mixed
        else:
            after[S_MINUS, S_MINUS] = after[S_PLUS, S_PLUS] = mixed
            after[D_LOW, D_LOW], after[D_HIGH, D_HIGH] = levels[D_LOW], levels[D_HIGH]
        return after
