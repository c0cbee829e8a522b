"""Monte-Carlo behind the measured figures: whole reconciliations, counted, kept and continued when interrupted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from postprocess.estimation.priors import priors_from_score
from postprocess.figures.table import Settings
from postprocess.reconciliation.syndrome_length import tight_syndrome_length
from postprocess.reconciliation.trials import TrialCounts, TrialPlan, run_trials
from postprocess.support.worker_pool import Workers, local_workers

GAMMA, SCORE, QBER = 13 / 256, 2.6507, 0.0239
"""Link of figures S13 and S14."""


_FITTED_FOR = (2e5, 1e7)


def fitted_length(n: float, failure: float) -> float:
    """Syndrome of the figures' link by the rule fitted to our coupled codes; nan for n where it was not checked."""
    low, high = _FITTED_FOR
    return tight_syndrome_length(round(n), GAMMA, SCORE, QBER, failure) if low <= n <= high else math.nan


class Trials:
    """Counts successes at given sizes with fresh noise of the figures' link."""

    def __init__(self, workers: Workers, folder: Path | None) -> None:
        self.workers, self.folder = workers, folder

    def counts(self, n: int, syndrome_bits: int, samples: int, family: str = "sc-ldpc") -> TrialCounts:
        """Results of `samples` reconciliations of n bits with a syndrome of `syndrome_bits`."""
        priors = priors_from_score(SCORE, QBER)
        plan = TrialPlan(n, syndrome_bits, GAMMA, priors, priors, family=family)
        record = self._record(plan)
        executor, parallel = self.workers.executor, self.workers.parallel
        return run_trials(plan, samples, record=record, executor=executor, parallel=parallel)

    def fails_at_most(self, n: int, syndrome_bits: int, samples: int, allowed: int) -> bool:
        """Whether no more than `allowed` of the samples fail; stops early once more have."""
        steps = dict.fromkeys((min(allowed + 4, samples), samples))
        return all(self.counts(n, syndrome_bits, so_far).failures <= allowed for so_far in steps)

    def _record(self, plan: TrialPlan) -> Path | None:
        """One file per plan and code."""
        if self.folder is None:
            return None
        return self.folder / f"n{plan.n}_m{plan.syndrome_bits}_{plan.family}_{plan.short_name()}.json"


@contextmanager
def open_trials(settings: Settings) -> Iterator[Trials]:
    """Trials on this machine's cores, with counts kept where the settings say."""
    with local_workers(settings.workers) as workers:
        yield Trials(workers, settings.trials)
