"""The scheduler of a node on its own: what an experiment submits runs in its pauses, in the same process.

As under a master, only what has a higher priority comes first. Nothing runs at the same time as something else, so
pipelines are names alone; and what has no higher priority than the node's own experiment never runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from artiq.language.core import TerminationRequested, host_only
from artiq.language.types import TBool


@dataclass
class ScheduledRun:
    """One entry of the schedule."""

    rid: int
    pipeline: str
    expid: dict[str, Any]
    priority: int
    status: str = "pending"


@dataclass
class LocalSchedule:
    """All runs of one node process, and what an operator asks of it.

    Attributes:
        next_rid: gives a run number that no other run has.
        execute: takes the scheduler of a run through build, prepare, run and analyze; must not raise what fails in it.
    """

    next_rid: Callable[[], int]
    execute: Callable[[LocalScheduler], None]
    runs: dict[int, ScheduledRun] = field(default_factory=dict)
    pause_asked: bool = False
    end_asked: bool = False

    def add(self, pipeline: str, expid: dict[str, Any], priority: int) -> ScheduledRun:
        """One run more."""
        run = ScheduledRun(self.next_rid(), pipeline, expid, priority)
        self.runs[run.rid] = run
        return run

    def before(self, run: ScheduledRun) -> ScheduledRun | None:
        """What goes first when `run` gives way: highest priority, then lowest number; None for nothing."""
        waiting = [each for each in self.runs.values() if each.status == "pending" and each.priority > run.priority]
        return min(waiting, key=lambda each: (-each.priority, each.rid), default=None)


class LocalScheduler:
    """What ARTIQ calls the scheduler device, for one run.

    Requests may come from a signal handler; a kernel sees them by `check_pause`, the host gives way in `pause`.
    """

    def __init__(self, schedule: LocalSchedule, run: ScheduledRun):
        self._schedule, self._run = schedule, run
        run.status = "running"
        self.rid, self.pipeline_name, self.expid, self.priority = run.rid, run.pipeline, run.expid, run.priority
        self.pauses = 0

    def ask_pause(self) -> None:
        """Somebody wants the hardware for a moment."""
        self._schedule.pause_asked = True

    def ask_end(self) -> None:
        """The operator wants the experiment to end in order."""
        self._schedule.end_asked = True

    @host_only
    def pause(self):
        self._schedule.pause_asked = False
        self.pauses += 1
        self._end_if_asked()
        while (following := self._schedule.before(self._run)) is not None:
            self._run.status = "paused"
            try:
                self._schedule.execute(LocalScheduler(self._schedule, following))
            finally:
                del self._schedule.runs[following.rid]
                self._run.status = "running"
            self._end_if_asked()

    def _end_if_asked(self) -> None:
        if self._schedule.end_asked:
            raise TerminationRequested

    def check_pause(self, rid=None) -> TBool:
        schedule = self._schedule
        return schedule.pause_asked or schedule.end_asked or schedule.before(self._run) is not None

    def check_termination(self, rid=None) -> TBool:
        return self._schedule.end_asked

    def get_status(self):
        return {run.rid: {"pipeline": run.pipeline, "expid": run.expid, "priority": run.priority, "due_date": None,
                          "flush": False, "status": run.status} for run in self._schedule.runs.values()}  # fmt: skip

    def submit(self, pipeline_name=None, expid=None, priority=None, due_date=None, flush=False):
        own = self._run
        return self._schedule.add(
            own.pipeline if pipeline_name is None else pipeline_name,
            own.expid if expid is None else expid,
            own.priority if priority is None else priority,
        ).rid

    def delete(self, rid):
        """As `request_termination`; a run that waits is taken off the schedule."""
        run = self._schedule.runs.get(rid)
        if run is not None and run.status == "pending":
            del self._schedule.runs[rid]
        else:
            self.ask_end()

    def request_termination(self, rid):
        self.delete(rid)
