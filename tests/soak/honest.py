"""Kind 'honest': sessions from synthetic strings, without any adversary, abort no more often than planned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.stats import binom
from session_nodes import draw_rounds

from tests.soak.small_sessions import Template, small_session

UNLIKELY = 1e-6
DECODING_FAILS = 1e-3  # with a syndrome twice as long as the entropy


class Honest:
    """One case is a batch of sessions, of which about two in a hundred lose too many tests by chance.

    Rounds are drawn from the priors of the parameters, so that the number of lost test rounds is binomial: the chance
    that it exceeds the limit is known for each session.
    """

    name, target, tries_per_case = "honest", 2_000, 20

    def __init__(self, scratch: Path) -> None:
        self._scratch, self._template = scratch / "honest", Template(scratch)
        self.sessions, self.aborted, self.expected = 0, 0, 0.0

    def case(self, number: int) -> list[str]:
        """Faults of a batch, and aborts so far against what was planned."""
        found = []
        for place in range(self.tries_per_case):
            found += self._one(self.tries_per_case * number + place)
        rate = self.expected / self.sessions
        if binom.sf(self.aborted - 1, self.sessions, rate) < UNLIKELY:
            found.append(f"{self.aborted} of {self.sessions} sessions aborted, {self.expected:.1f} were planned")
        return found

    def _one(self, seed: int) -> list[str]:
        parameters = replace(small_session("s1"), omega_thr=0.80, syndrome_bits=850)
        pair = self._template.copy(self._scratch)
        rounds = draw_rounds(parameters, seed=seed)
        pair.parameters, pair.rounds = parameters, rounds
        test = int(rounds["alice"].test.sum())
        lose = _loss_probability(parameters)
        self.sessions += 1
        self.expected += float(binom.sf(np.floor(parameters.bell_limit), test, lose)) + DECODING_FAILS
        results = pair.run()
        accepted = [getattr(result, "accepted", None) for result in results.values()]
        self.aborted += accepted == [False, False]
        ended = accepted in ([True, True], [False, False])
        return pair.violations(results) + ([] if ended else [f"session {seed} ended with {results}"])


def _loss_probability(parameters) -> float:
    """Chance of a test round to be lost, from the priors (rows Alice's outcome, columns Bob's flipped by x y)."""
    table = np.asarray(parameters.priors.test, float).reshape(4)
    return float((table[1] + table[2]) / table.sum())
