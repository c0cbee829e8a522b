"""Both nodes of the emulated laboratory: starts a process for each, watches them, and says how they ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from contract.nodes import NODES
from postprocess.errors import ExitStatus
from testbed.standin import pyon

if TYPE_CHECKING:
    from testbed.nodes.demonstration import Demonstration

POLL_S = 0.1
PATIENCE_S = 10.0  # for an orderly end after an interruption
KILL_PATIENCE_S = 5.0
PREFIX = "diqkd."

OnStatus = Callable[[str, dict[str, Any]], None]
OnLine = Callable[[str], None]
OnPrint = Callable[[str, str], None]


def run(
    demo: Demonstration, checkout: Path, on_status: OnStatus | None = None, on_line: OnLine | None = None
) -> dict[str, int]:
    """Run the key-generation experiment on both nodes of a demonstration; returns the exit status of each."""
    return run_experiment(
        checkout / "repository" / "generate_key.py",
        "GenerateKey",
        demo.arguments,
        homes=demo.homes,
        laboratory=demo.laboratory,
        device_db=checkout / "device_db.py",
        on_status=on_status,
        on_line=on_line,
    )


def run_experiment(
    experiment: Path,
    class_name: str | None,
    arguments: Mapping[str, Any] | Mapping[str, Mapping[str, Any]],
    *,
    homes: Path,
    laboratory: Path,
    device_db: Path,
    on_status: OnStatus | None = None,
    on_line: OnLine | None = None,
    verbose: bool = False,
    apparatus: str = "emulated",
) -> dict[str, int]:
    """Run one experiment on both nodes and wait until both processes have ended.

    Args:
        experiment: file with the experiment; class_name: its class.
        arguments: by name; or {"alice": ..., "bob": ...} where they differ.
        homes: DIQKD_HOME, with a folder per node.
        laboratory: folder made by testbed.physics.laboratory.create.
        device_db: device table.
        on_status: called as on_status(node, status) whenever a node's status changed: its broadcast datasets without
            the prefix "diqkd.", and `lifecycle` (build, prepare, run, analyze, finished).
        on_line: called with each line a node writes to stderr; without it the lines go there.
        verbose: nodes log what is normal, too.
        apparatus: emulated, or compiled, which needs ARTIQ.

    Returns:
        node -> exit status, see postprocess.errors.ExitStatus; negative: ended by that signal.

    Raises:
        KeyboardInterrupt: after both nodes have ended in order.
    """
    pair = NodePair(laboratory, on_line, apparatus=apparatus)
    for node in NODES:
        own = arguments.get(node, arguments)
        pair.start(node, experiment, class_name, own, homes, device_db, verbose)
    return pair.watch(on_status)


class NodePair:
    """The processes of both nodes.

    Args:
        laboratory: folder made by testbed.physics.laboratory.create.
        on_line: called with each line that a node writes to stderr; without it the lines go there.
        on_print: called with (node, line) for each line on a node's stdout; without it the lines go there.
        status_folder: where the nodes show how far they are; by default the laboratory, which then has one pair alone.
        apparatus: emulated or compiled.
    """

    def __init__(
        self,
        laboratory: Path,
        on_line: OnLine | None = None,
        on_print: OnPrint | None = None,
        status_folder: Path | None = None,
        apparatus: str = "emulated",
    ):
        self.apparatus = apparatus
        self.laboratory = laboratory
        self._shown = status_folder or laboratory
        self.on_line = on_line
        self.on_print = on_print
        self._readers: list[threading.Thread] = []
        self.processes: dict[str, subprocess.Popen] = {}
        self._seen: dict[str, str] = {}
        self._told: set[str] = set()

    def status_file(self, node: str) -> Path:
        return self._shown / f"status-{node}.json"

    def start(
        self,
        node: str,
        experiment: Path,
        class_name: str | None,
        arguments: Mapping[str, Any],
        homes: Path,
        device_db: Path,
        verbose: bool = False,
    ) -> subprocess.Popen:
        """Start one node."""
        self.status_file(node).unlink(missing_ok=True)
        # -P: a file random.py in the user's folder is not Python's random.
        command = [sys.executable, "-P", "-m", "testbed.nodes.node_process", "--node", node, "--home", str(homes)]
        command += ["--end-with-starter"]
        command += [
            "--apparatus",
            self.apparatus,
            "--laboratory",
            str(self.laboratory),
            "--experiment",
            str(experiment),
        ]
        command += ["--device-db", str(device_db), "--status", str(self.status_file(node))]
        command += ["--class", class_name] if class_name else []
        command += ["--verbose"] if verbose else []
        for name, value in arguments.items():
            command += ["-o", f"{name}={pyon.encode(value)}"]
        environment = node_environment()
        stderr = subprocess.PIPE if self.on_line else None
        stdout = subprocess.PIPE if self.on_print else None
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,  # never written to: its end tells the node that this process is gone
            stdout=stdout,
            stderr=stderr,
            text=True,
            process_group=0,  # Ctrl-C reaches this process alone, which ends both nodes in order
        )
        self.processes[node] = process
        if self.on_line and process.stderr:
            self._follow(process.stderr, self.on_line)
        if self.on_print and process.stdout:
            self._follow(process.stdout, partial(self.on_print, node))
        return process

    def _follow(self, lines: IO[str], tell: OnLine) -> None:
        def read() -> None:
            for line in lines:
                tell(line.rstrip("\n"))

        self._readers.append(threading.Thread(target=read, daemon=True))
        self._readers[-1].start()

    def watch(self, on_status: OnStatus | None = None) -> dict[str, int]:
        """Wait for both, passing on what they show."""
        try:
            while self.step(on_status):
                time.sleep(POLL_S)
        except BaseException:
            self.stop()
            raise
        return {node: process.returncode for node, process in self.processes.items()}

    def step(self, on_status: OnStatus | None = None) -> bool:
        """Pass on what the nodes show, and to one that its peer has failed; whether a node still runs."""
        runs = [node for node, process in self.processes.items() if process.poll() is None]
        if runs:
            self._tell_of_ends()
        else:
            for reader in self._readers:
                reader.join()
        self._look(on_status)
        return bool(runs)

    def _tell_of_ends(self) -> None:
        """A node whose peer failed need not wait for it until its patience ends."""
        if any(process.poll() for process in self.processes.values()):
            for node, process in self.processes.items():
                if process.returncode is None and node not in self._told and self._listens(node):
                    process.send_signal(signal.SIGUSR2)
                    self._told.add(node)

    def _listens(self, node: str) -> bool:
        """Whether a node handles signals by now: it does before it prepares its experiment."""
        try:
            return bool(json.loads(self.status_file(node).read_text()).get("lifecycle", "build") != "build")
        except (OSError, ValueError):
            return False

    def _look(self, on_status: OnStatus | None) -> None:
        if on_status is None:
            return
        for node in self.processes:
            try:
                text = self.status_file(node).read_text()
            except OSError:
                continue
            if text != self._seen.get(node):
                self._seen[node] = text
                status = {key.removeprefix(PREFIX): value for key, value in json.loads(text).items()}
                on_status(node, status)

    def stop(self) -> None:
        """Ask both to end, then make them; a second interruption makes them at once."""
        try:
            for number, patience_s in ((signal.SIGTERM, PATIENCE_S), (signal.SIGKILL, KILL_PATIENCE_S)):
                self._signal(number)
                deadline = time.monotonic() + patience_s
                for process in self.processes.values():
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(max(0.0, deadline - time.monotonic()))
        except BaseException:
            self._signal(signal.SIGKILL)
            raise

    def _signal(self, number: int) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(number)


def node_environment() -> dict[str, str]:
    """Environment in which a child process finds this very copy of the packages, and no file of the current folder."""
    root = str(Path(__file__).resolve().parents[2])
    given = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([root, *(str(Path(entry).absolute()) for entry in given)]),
        "PYTHONSAFEPATH": "1",
    }


def cause(statuses: Mapping[str, int]) -> int:
    """The exit status of a pair: of the node that failed, rather than of the one that lost it as its peer."""
    failed = [status for status in statuses.values() if status not in (ExitStatus.DONE, ExitStatus.PEER_LOST)]
    return max(failed or statuses.values(), key=abs)
