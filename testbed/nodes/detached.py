"""Processes that outlive the command which started them, known again by process id and time of creation."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class DetachedProcess:
    """One such process.

    Attributes:
        name: for the operator.
        pid, created: process id and time of creation, s since the epoch; together they never come again.
        log: file with what it prints.
    """

    name: str
    pid: int
    created: float
    log: str

    @classmethod
    def start(
        cls, name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path
    ) -> DetachedProcess:
        """Start it in a session of its own; its output is appended to `log`, 0600."""
        with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as output:
            process = psutil.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return cls(name, process.pid, process.create_time(), str(log))

    def is_alive(self) -> bool:
        """Whether this very process still runs."""
        return self._process() is not None

    def last_line(self) -> str:
        """What it printed last."""
        lines = Path(self.log).read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it printed nothing"

    def end(self, patience_s: float) -> None:
        """Ask it to end in order, then make it."""
        process = self._process()
        if process is None:
            return
        process.terminate()
        if psutil.wait_procs([process], timeout=patience_s)[1]:
            process.kill()
            psutil.wait_procs([process], timeout=patience_s)

    def _process(self) -> psutil.Process | None:
        try:
            process = psutil.Process(self.pid)
            with process.oneshot():
                alive = process.create_time() == self.created and process.status() not in (
                    psutil.STATUS_ZOMBIE,
                    psutil.STATUS_DEAD,
                )
        except psutil.NoSuchProcess:
            return None
        return process if alive else None
