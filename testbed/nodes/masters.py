"""ARTIQ's programs for one emulated node: its master in a folder of its own, and the controller manager beside it."""

from __future__ import annotations

import importlib.util
import os
import shlex
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postprocess.errors import DiqkdError
from postprocess.storage.private_files import private_folder
from postprocess.storage.whole_files import write_whole
from testbed.nodes.detached import DetachedProcess
from testbed.physics import laboratory
from testbed.standin.real_artiq import CONTROLLERS, search_path

HOST = "127.0.0.1"
# ARTIQ's own ports, moved by 10 000 for Alice and 20 000 for Bob: recognised at a glance, both on one machine.
USUAL = {"notify": 3250, "control": 3251, "logging": 1066, "broadcast": 1067, "ctlmgr": 3249,
         "diqkd_keystore": 3284, "diqkd_qrng": 3285}  # fmt: skip
OFFSET = {"alice": 10_000, "bob": 20_000}
MASTER_PORTS = ("notify", "control", "logging", "broadcast")
PATIENCE_S = 60.0
END_PATIENCE_S = 20.0

DEVICE_DB = '''\
"""{node}'s device table in the laboratory at {folder}; written by `diqkd lab up`."""

import runpy

device_db = runpy.run_path({table!r})["device_db"]
for name, port in {ports!r}.items():
    device_db[name] |= {{"host": {host!r}, "port": port}}
'''


@dataclass(frozen=True)
class NodeMasters:
    """Master and controller manager of one node.

    Attributes:
        node: "alice" or "bob".
        folder: of the laboratory; the master works in masters/<node> below it.
        ports: name -> TCP port on the loopback interface, names as in USUAL.
        table: which emulation, "emulated" or "compiled" (docs/emulation.md).
    """

    node: str
    folder: Path
    ports: Mapping[str, int]
    table: str = "emulated"

    @property
    def working_folder(self) -> Path:
        """Where the master was started: device_db.py, results/, datasets and logs."""
        return self.folder / "masters" / self.node

    def set_up(self, checkout: Path) -> None:
        """Working folder with this node's device table and a link to the repository."""
        folder = private_folder(self.working_folder)
        ports = {name: self.ports[name] for name in CONTROLLERS}
        table = str(checkout / "device_db.py")
        text = DEVICE_DB.format(node=self.node.capitalize(), folder=self.folder, table=table, ports=ports, host=HOST)
        write_whole(folder / "device_db.py", text.encode())
        repository = folder / "repository"
        repository.unlink(missing_ok=True)
        repository.symlink_to(checkout / "repository")

    def environment(self) -> dict[str, str]:
        """What experiments and controllers of this node find in their environment."""
        root = str(Path(__file__).resolve().parents[2])
        return os.environ | {
            "DIQKD_NODE": self.node,
            "DIQKD_APPARATUS": self.table,
            "DIQKD_HOME": str(self.folder / "homes"),
            laboratory.VARIABLE: str(self.folder / "laboratory"),
            "PATH": search_path(),
            "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH")))),
            "PYTHONUNBUFFERED": "1",
        }

    def start(self) -> list[DetachedProcess]:
        """Start both; returns when the master answers.

        Raises:
            DiqkdError: one of them ended at once, or the master does not answer.
        """
        ports = {name: str(port) for name, port in self.ports.items()}
        local = ["--no-localhost-bind", "--bind", HOST]
        master = [sys.executable, "-m", "artiq.frontend.artiq_master", *local, "--name", f"{self.node} (emulated)"]
        for name in MASTER_PORTS:
            master += [f"--port-{name}", ports[name]]
        manager = [sys.executable, "-m", "artiq_comtools.artiq_ctlmgr", *local, "-s", HOST, "--retry-master", "1"]
        manager += ["--port-notify", ports["notify"], "--port-logging", ports["logging"]]
        manager += ["--port-control", ports["ctlmgr"]]
        processes = []
        try:
            for name, command in (("master", master), ("ctlmgr", manager)):
                log = self.working_folder / f"{name}.log"
                label = f"{self.node}'s {name}"
                processes.append(DetachedProcess.start(label, command, self.working_folder, self.environment(), log))
                self._await_port(processes[-1], self.ports["control" if name == "master" else "ctlmgr"])
        except BaseException:
            stop(processes)
            raise
        return processes

    def _await_port(self, process: DetachedProcess, port: int) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                socket.create_connection((HOST, port), 1.0).close()
                return
            except OSError:
                if not process.is_alive() or time.monotonic() > deadline:
                    state = "does not answer" if process.is_alive() else "ended at once"
                    raise DiqkdError(f"{process.name} {state}: {process.last_line()} (see {process.log})") from None
            time.sleep(0.1)

    @contextmanager
    def remote(self, port: str, target: str) -> Iterator[Any]:
        """sipyco's client of one of this node's servers.

        Raises:
            DiqkdError: nobody answers there, or sipyco is missing.
        """
        if importlib.util.find_spec("sipyco") is None:
            raise DiqkdError(
                f"sipyco is not installed for {sys.executable}; use the Python that started the laboratory"
            )
        from sipyco.pc_rpc import Client, IncompatibleServer

        try:
            client = Client(HOST, self.ports[port], target, timeout=5)
        except (OSError, IncompatibleServer) as problem:
            quoted = shlex.quote(str(self.folder))
            raise DiqkdError(
                f"{self.node}'s {target} does not answer at port {self.ports[port]} ({problem}); "
                f"say `diqkd lab down --home {quoted}`, then `diqkd lab up --home {quoted}`"
            ) from None
        try:
            yield client
        finally:
            client.close_rpc()

    def end_controllers(self) -> None:
        """End controllers of this node that outlived their manager."""
        home = str(self.folder / "homes" / self.node)
        for target in CONTROLLERS:
            with suppress(DiqkdError), self.remote(target, target) as controller:
                if controller.home() == home:
                    controller.terminate()

    def schedule(self) -> dict[int, dict[str, Any]]:
        """RID -> what the master's scheduler says of it."""
        with self.remote("control", "schedule") as schedule:
            return schedule.get_status()

    def dataset(self, name: str) -> Any:
        """A broadcast dataset; None if there is none."""
        with self.remote("control", "dataset_db") as datasets:
            try:
                return datasets.get(name)
            except Exception:  # the remote KeyError arrives under different names in sipyco's versions
                return None

    def submit(self, arguments: Mapping[str, Any], pipeline: str = "main", priority: int = 0) -> int:
        """Submit the key generation as artiq_client would; returns its RID."""
        expid = {
            "devarg_override": {},
            "log_level": 30,
            "class_name": "GenerateKey",
            "arguments": dict(arguments),
            "file": "generate_key.py",
            "repo_rev": None,
        }
        with self.remote("control", "schedule") as schedule:
            return schedule.submit(pipeline, expid, priority, None, False)

    def client_command(self, arguments: str) -> str:
        """An artiq_client command line for this master."""
        return f"artiq_client -s {HOST} --port {self.ports['control']} {arguments}"

    def dashboard_command(self) -> str:
        """The artiq_dashboard command line for this master."""
        ports = " ".join(f"--port-{name} {self.ports[name]}" for name in ("notify", "control", "broadcast"))
        database = self.working_folder / "dashboard.pyon"
        return f"artiq_dashboard -s {HOST} {ports} --db-file {shlex.quote(str(database))}"


def stop(processes: list[DetachedProcess]) -> None:
    """End processes, the youngest first."""
    for process in reversed(processes):
        process.end(END_PATIENCE_S)


def choose_ports(node: str, wanted: Mapping[str, int] | None = None) -> dict[str, int]:
    """Ports of a node: those wanted (default: USUAL, moved) where they are free, others otherwise."""
    wanted = wanted or {name: port + OFFSET[node] for name, port in USUAL.items()}
    listeners = []
    try:
        for port in wanted.values():
            try:
                listeners.append(socket.create_server((HOST, port)))
            except OSError:
                listeners.append(socket.create_server((HOST, 0)))
        return dict(zip(wanted, (listener.getsockname()[1] for listener in listeners), strict=True))
    finally:
        for listener in listeners:
            listener.close()
