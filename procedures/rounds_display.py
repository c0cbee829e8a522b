"""The public datasets of a measurement's rounds, for results file and dashboard.

A measurement may have several parts, each with rounds of its own on disk. All numbers are those of the whole, whatever
an interrupted run has measured already: the file of the last run is complete.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from contract.patterns import PATTERNS

if TYPE_CHECKING:
    from postprocess.acquisition import AcquisitionProgress
    from postprocess.plans.measurement_plan import RoundsPlan


class RoundsDisplay:
    """Writes them.

    Args:
        experiment: procedures.described_datasets.DescribedDatasets.
        plans: of all parts, in the order in which they are measured.
        name: of the whole.
    """

    def __init__(self, experiment, plans: Sequence[RoundsPlan], name: str):
        self.experiment, self.plans, self.name = experiment, plans, name
        self.total = sum(plan.rounds for plan in plans)
        self.status = ""
        self._done = self._lost = self._rates = 0
        self._patterns = [0] * len(PATTERNS)

    def begin(self, status: str) -> None:
        """What is known before the first round."""
        from postprocess.support.revision import source_revision

        first = self.plans[0]
        self._keep("node", self.experiment.node_name)
        self._keep("plans", json.dumps([json.loads(plan.to_json()) for plan in self.plans]))
        self._keep("revision", source_revision())
        self._show_plan(first)
        for name, value in (
            ("session", self.name),
            ("apparatus", first.apparatus),
            ("insecure_because", "; ".join(first.insecure_because)),
            ("total", self.total),
            ("done", 0),
            ("lost", 0),
            ("remaining_s", float("nan")),
            ("herald_rate_hz", []),
            ("pattern_counts", [0] * len(PATTERNS)),
        ):
            self._show(name, value)
        self.say(status)

    def say(self, status: str) -> None:
        """One public line on what is going on."""
        self.status = status
        self._show("status", status)

    @property
    def complete(self) -> bool:
        """Whether all parts are."""
        return self._done == self.total

    @property
    def done_before(self) -> int:
        """Rounds of the parts that are complete."""
        return self._done

    def begin_part(self, plan: RoundsPlan, progress: AcquisitionProgress, rates_hz: Sequence[float]) -> None:
        """A part's rounds are open: what earlier runs have stored of them."""
        self._show_plan(plan)
        self._rates = 0
        for rate in rates_hz:
            self._append_rate(rate)
        self.show(progress)

    def block_done(self, progress: AcquisitionProgress) -> None:
        """Position, herald rate and balance of the herald patterns."""
        if self.status != "measuring":
            self.say("measuring")
        self.show(progress)

    def show(self, progress: AcquisitionProgress) -> None:
        """The numbers of the whole, with this part's as they are now."""
        done, left = self._done + progress.rounds_done, progress.rounds - progress.rounds_done
        remaining = 0.0 if done == self.total else float("nan")
        if progress.remaining_s is not None and left:
            remaining = progress.remaining_s / left * (self.total - done)
        self._show("done", done)
        self._show("lost", self._lost + progress.rounds_lost)
        self._show("remaining_s", remaining)
        if progress.rates_known > self._rates:
            self._append_rate(progress.herald_rate_hz)
        self._show("pattern_counts", self._with_earlier_parts(progress))

    def end_part(self, progress: AcquisitionProgress) -> None:
        """The part is complete; what follows is added to it."""
        self.show(progress)
        self._patterns = self._with_earlier_parts(progress)
        self._done += progress.rounds_done
        self._lost += progress.rounds_lost

    def _with_earlier_parts(self, progress: AcquisitionProgress) -> list[int]:
        now = [progress.pattern_counts[pattern] for pattern in PATTERNS]
        return [earlier + count for earlier, count in zip(self._patterns, now, strict=True)]

    def _append_rate(self, rate: float) -> None:
        self._rates += 1
        self.experiment.append_to_dataset("diqkd.rounds.herald_rate_hz", rate)

    def _show_plan(self, plan: RoundsPlan) -> None:
        self._keep("plan", plan.to_json())
        self._keep("plan_digest", plan.digest().hex())

    def _show(self, name: str, value) -> None:
        self.experiment.publish("rounds." + name, value)

    def _keep(self, name: str, value) -> None:
        self.experiment.publish("rounds." + name, value, broadcast=False)
