"""Experiments that a running experiment asks its scheduler for and gives way to: reloading an ion, calibrating."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from artiq.language.core import TerminationRequested

OVER = ("run_done", "analyzing", "deleting")  # what was asked for has left the apparatus
POLL_S = 0.2  # as often as ARTIQ's scheduler may be asked


@dataclass(frozen=True)
class Wanted:
    """One experiment of the same repository: name of its file without .py, and its arguments."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def class_name(self) -> str:
        """Of the experiment in that file."""
        return "".join(part.capitalize() for part in self.name.split("_"))


class Submissions:
    """Submits from the same revision of the repository, to the same pipeline, one priority above its own.

    Args:
        scheduler: ARTIQ's scheduler device.
        patience_s: longest wait for what was submitted to begin and end, wall-clock time.
    """

    def __init__(self, scheduler, patience_s: float):
        self.scheduler = scheduler
        self.patience_s = patience_s

    def run_first(self, wanted: Sequence[Wanted]) -> bool:
        """Give way until all of these have run; the core device must be closed. Whether they did in time.

        Nothing runs without a master, as under artiq_run, nor of what was submitted as text, without a file.
        What is on the schedule already, an operator's for instance, is waited for and not submitted again.

        Raises:
            TerminationRequested: this experiment is to end; what it has submitted is taken back.
        """
        if "file" not in (self.scheduler.expid or {}):
            return False
        rids = [self._on_schedule(each) for each in wanted]
        own = [self._submit(each) for each, rid in zip(wanted, rids, strict=True) if rid is None]
        awaited = {rid for rid in rids if rid is not None} | set(own)
        deadline = time.monotonic() + self.patience_s
        try:
            while awaited := self._ahead(awaited):
                if self.scheduler.check_pause():
                    self.scheduler.pause()
                elif time.monotonic() > deadline:
                    self._take_back(own)
                    return False
                else:
                    time.sleep(POLL_S)  # a master prepares it first
        except TerminationRequested:
            self._take_back(own)
            raise
        return True

    def _take_back(self, own: Sequence[int]) -> None:
        for rid in self._ahead(set(own)):
            self.scheduler.delete(rid)

    def _submit(self, wanted: Wanted) -> int:
        own = self.scheduler.expid
        file = str(PurePath(own["file"]).with_name(f"{wanted.name}.py"))
        expid = {**own, "file": file, "class_name": wanted.class_name, "arguments": dict(wanted.arguments)}
        return self.scheduler.submit(self.scheduler.pipeline_name, expid, self.scheduler.priority + 1, None, False)

    def _on_schedule(self, wanted: Wanted) -> int | None:
        """The run that will do it in any case: one of this experiment and these arguments that does not wait for us."""
        for rid, run in self.scheduler.get_status().items():
            ahead = run["pipeline"] != self.scheduler.pipeline_name or run["priority"] > self.scheduler.priority
            expid = run["expid"]
            given = expid.get("arguments", {})
            same = PurePath(expid.get("file", "")).stem == wanted.name and wanted.arguments.items() <= given.items()
            soon = run["due_date"] is None and run["status"] not in OVER
            if rid != self.scheduler.rid and same and ahead and soon:
                return rid
        return None

    def _ahead(self, rids: set[int]) -> set[int]:
        schedule = self.scheduler.get_status()
        return {rid for rid in rids if rid in schedule and schedule[rid]["status"] not in OVER}
