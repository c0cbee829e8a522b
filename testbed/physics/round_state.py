"""The herald's two-qubit state as one node meets it: from the herald to this node's readout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from contract.nodes import ALICE
from postprocess.characterisation.state_tomography import Matrix
from testbed.physics.ion import Ion, Step
from testbed.physics.partner import Outcome, effect_matrix


class RoundState:
    """One round at a time.

    Attributes:
        herald, pattern, herald_mu: number in the public stream, herald pattern, time on this node's time line.
        open: whether the herald's qubit waits for its readout.
        heralds_seen: rounds begun.
        states: two-qubit state per herald pattern.
        cached: most results kept, by programme and outcome.
    """

    def __init__(self, node: str, ion: Ion, states: Mapping[int, Matrix]) -> None:
        self._alice, self.ion = node == ALICE, ion
        self._states = self._undrifted = states
        self.cached = 20_000
        self.herald, self.pattern, self.herald_mu = 0, 0, 0
        self.open, self._genuine, self.heralds_seen = False, True, 0
        self._joint: dict[Any, float] = {}
        self._outcomes: dict[Any, Outcome] = {}

    def drift(self, phase: float) -> None:
        """From now on heralds leave their coherence with another phase, and the ion responds differently."""
        turn = np.kron(np.eye(2), np.diag([1, np.exp(1j * phase)]))
        self._states = {pattern: turn @ state @ turn.conj().T for pattern, state in self._undrifted.items()}
        self._joint.clear()
        self._outcomes.clear()

    def begin(self, herald: int, pattern: int, time: int, genuine: bool) -> None:
        """A herald: the ion's qubit is now half of the pattern's state, or, not `genuine`, of noise."""
        self.herald, self.pattern, self.herald_mu = herald, pattern, time
        self.open, self._genuine = True, genuine
        self.heralds_seen += 1

    def probability(self, programme: tuple[Step, ...], theirs: Outcome) -> float:
        """Probability of bright, given what the partner found."""
        key = (programme, theirs[:4], self.pattern, self._genuine)
        found = self._joint.get(key)
        if found is None:
            state = self._states[self.pattern] if self._genuine else np.eye(4) / 4
            mine, other = self.ion.herald_effect(programme), effect_matrix(theirs)
            order = (mine, other) if self._alice else (other, mine)
            blank = (np.eye(2), other) if self._alice else (other, np.eye(2))
            found = float((np.trace(state @ np.kron(*order)) / np.trace(state @ np.kron(*blank))).real)
            _keep(self._joint, key, found, self.cached)
        return found

    def outcome(self, programme: tuple[Step, ...], bright: bool, leaked: float) -> Outcome:
        """What the partner has to know of this node's measurement."""
        key = (programme, bright, leaked)
        found = self._outcomes.get(key)
        if found is None:
            effect = self.ion.herald_effect(programme)
            if not bright:
                effect = np.eye(2) - effect
            off = complex(effect[0, 1])
            levels = float(effect[0, 0].real), float(effect[1, 1].real)
            found = Outcome(*levels, off.real, off.imag, float(bright), leaked if bright else 0.0)
            _keep(self._outcomes, key, found, self.cached)
        return found


def _keep(cache: dict[Any, Any], key: Any, value: Any, most: int) -> None:
    if len(cache) >= most:
        cache.clear()
    if most:
        cache[key] = value
