"""Processes that outlive the command which started them; known again by process id and time of birth."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

POLL_S = 0.05


@dataclass(frozen=True)
class Background:
    """One such process.

    Attributes:
        name: for the operator.
        pid, born: process id and its time of birth in clock ticks since boot; together they never come again.
        log: file with what it prints.
    """

    name: str
    pid: int
    born: int
    log: str

    @classmethod
    def start(
        cls, name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path
    ) -> Background:
        """Start it in a session of its own; its output is appended to `log`, 0600."""
        with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as output:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return cls(name, process.pid, _birth(process.pid) or 0, str(log))

    def is_alive(self) -> bool:
        """Whether this very process still runs."""
        with contextlib.suppress(OSError):  # reap it if it is a child of this process
            os.waitpid(self.pid, os.WNOHANG)
        return _birth(self.pid) == self.born

    def last_line(self) -> str:
        """What it printed last."""
        lines = Path(self.log).read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it printed nothing"

    def end(self, patience_s: float) -> None:
        """Ask it to end in order, then make it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self.is_alive():
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
            deadline = time.monotonic() + patience_s
            while self.is_alive() and time.monotonic() < deadline:
                time.sleep(POLL_S)


def _birth(pid: int) -> int | None:
    """Time of birth of a living process, field 22 of /proc/PID/stat; None for none, or one that only waits to be
    reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])
