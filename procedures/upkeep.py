"""What a session does for itself: reload a lost ion, and calibrate again when it is time or when a check says so.

Everything that is measured here has shots of its own; a session's outcomes are never looked at. What becomes public is
that a node paused and what for: never a result, and always the same calibrations whatever a check has shown.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from node.node_errors import NodeNotReady
from postprocess.calibration.running_order import CalibrationStep
from procedures import calibration_log
from procedures.herald_watch import HeraldWatch
from procedures.submissions import Submissions, Wanted

RELOADS = 3  # per lost ion
FAILURES = 3  # in a row, of one calibration or of checks
RELOAD = Wanted("reload_ion")
OTHERS = "another experiment"
RECALIBRATION = "recalibration"
TOO_OLD = "calibrations too old"


@dataclass(frozen=True)
class UpkeepPlan:
    """What the operator wants to be done without him.

    Attributes:
        reload: submit ReloadIon when the ion is lost.
        recalibrate_rounds: calibrate again after every so many rounds, 0 never; recalibrate_s: after so many seconds.
        check_rounds: measure test shots after every so many rounds, 0 never.
        steps: the calibrations, in their order.
    """

    reload: bool = True
    recalibrate_rounds: int = 0
    recalibrate_s: float = 0.0
    check_rounds: int = 0
    steps: tuple[CalibrationStep, ...] = ()

    @property
    def recalibrates(self) -> bool:
        """Whether calibrations are measured again at all."""
        return bool(self.recalibrate_rounds or self.recalibrate_s or self.check_rounds)


class Upkeep:
    """Decides when, and has it done by the scheduler.

    Args:
        scheduler: ARTIQ's scheduler device.
        folder: the node's home, with its log of calibrations.
        patience_s: longest wait for one thing submitted.
        clock: of `recalibrate_s`.
    """

    def __init__(
        self,
        scheduler,
        plan: UpkeepPlan,
        folder: Path,
        patience_s: float,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.scheduler, self.plan, self.folder, self.clock = scheduler, plan, folder, clock
        self.submissions = Submissions(scheduler, patience_s)
        self.watch = HeraldWatch()
        self._position, self._since_s = 0, clock()
        self._due = self._check_due = ""
        self._bad_checks = 0
        self._failures: dict[str, int] = {}

    def begin_at(self, rounds_done: int, pattern_counts: Sequence[int]) -> None:
        """So many rounds were over when this part began; both nodes count from multiples, resumed or not."""
        self._position = rounds_done
        self.watch.begin(pattern_counts)

    def ask(self, why: str) -> None:
        """Calibrate at the next pause, for a public reason."""
        self._due = self._due or why

    def block_done(self, rounds_done: int, herald_rate_hz: float, pattern_counts: Sequence[int]) -> None:
        """A block more is stored; rate and patterns are public."""
        plan, before, self._position = self.plan, self._position, rounds_done
        if _passed(before, rounds_done, plan.recalibrate_rounds):
            self.ask(RECALIBRATION)
        if plan.recalibrate_s and self.clock() - self._since_s >= plan.recalibrate_s:
            self.ask(RECALIBRATION)
        if _passed(before, rounds_done, plan.check_rounds):
            self._check_due = "check of the node"
        if plan.check_rounds and (why := self.watch.look(herald_rate_hz, pattern_counts)):
            self.ask(f"{RECALIBRATION}: {why}")

    def pause_for(self) -> str:
        """Why this node wants a pause now, in public words; empty if it does not."""
        return self._due or self._check_due or (OTHERS if self.scheduler.check_pause() else "")

    def in_pause(self, show: Callable[[str], None], node_is_good: Callable[[], bool], why: str = "") -> None:
        """Do what is due; the core device is closed, or opened by `node_is_good` (the check, asked only when due).

        `why` both nodes pause: while one is calibrated after a time, the other is, too, if half of its time has passed.

        Raises:
            NodeNotReady: the same calibration failed again and again.
        """
        if RECALIBRATION in why and self.clock() - self._since_s >= self.plan.recalibrate_s / 2 > 0:
            self.ask(RECALIBRATION)
        if self._check_due and not self._due:
            show("paused: checking the node")
            self._check_due = ""
            self._judge(node_is_good())
        if self._due:
            show(f"paused: calibrating ({self._due})")
            failed = self._recalibrate()
            if failed and self._due == TOO_OLD:
                raise NodeNotReady(f"{', '.join(failed)}: {TOO_OLD}, and no result; {self._remedy}")
            self._due = self._check_due = ""
            self._since_s = self.clock()
            self.watch.forget()

    def _judge(self, good: bool) -> None:
        """Of a check: calibrate again if it failed, unless that has not helped."""
        self._bad_checks = 0 if good else self._bad_checks + 1
        if self._bad_checks >= FAILURES:
            raise NodeNotReady(f"the node failed {FAILURES} checks in a row, in spite of calibrating; {self._remedy}")
        if not good:
            self.ask(RECALIBRATION)

    @property
    def _remedy(self) -> str:
        log = self.folder / calibration_log.FILE
        return f"{log} says why; calibrate by hand, then start the session again to resume"

    def _recalibrate(self) -> list[str]:
        """All calibrations, one after the other, as each rests on those before it; those without a result."""
        before = calibration_log.times(self.folder)
        asked = {} if self.plan.reload else {"reload": False}
        for step in self.plan.steps:
            self.submissions.run_first([Wanted(step.experiment, step.arguments(alone=True) | asked)])
        after = calibration_log.times(self.folder)
        failed = [step.key for step in self.plan.steps if after.get(step.key) == before.get(step.key)]
        self._failures = {key: self._failures.get(key, 0) + 1 for key in failed}
        if hopeless := [key for key, times in self._failures.items() if times >= FAILURES]:
            raise NodeNotReady(f"{', '.join(hopeless)}: no result, {FAILURES} times in a row; {self._remedy}")
        return failed

    def reload(self) -> bool:
        """Have the ion reloaded; whether that was done. Whether there is one is for the caller to look."""
        return self.submissions.run_first([RELOAD])


def _passed(before: int, now: int, every: int) -> bool:
    """Whether a multiple of `every` lies between."""
    return bool(every) and now // every > before // every
