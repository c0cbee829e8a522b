"""The published apparatus, averaged over herald patterns."""

import numpy as np

from postprocess.characterisation.prediction import SETTINGS, outcome_probabilities


def average_probabilities(states, phases, weights):
    """P(A, B | X, Y) averaged over herald patterns; pattern -> state, analysis phase in rad and (unnormalised)
    frequency."""
    total = sum(weights[pattern] for pattern in states)
    return {
        (x, y): sum(
            (weights[k] / total * outcome_probabilities(state, x, y, phases[k]) for k, state in states.items()),
            np.zeros((2, 2)),
        )
        for x, y in SETTINGS
    }
