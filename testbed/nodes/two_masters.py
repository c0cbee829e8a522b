"""The emulated laboratory under ARTIQ's own masters: Alice's and Bob's, with controller managers, on one machine.

    DIR/homes/, DIR/laboratory/       both nodes' homes and what nature does, as in `diqkd demo`
    DIR/masters/<node>/               where that node's master was started: device_db.py, results/, logs
    DIR/lab.json                      ports, and the processes that run

Ledgers, link keys and settings are those of `testbed.nodes.demonstration`; only who runs the experiments differs.
"""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from contract.nodes import NODES
from postprocess.errors import DiqkdError, InvalidInput
from postprocess.plans.presets import paper
from postprocess.plans.session_parameters import SessionParameters
from postprocess.randomness.choice import SEEDED
from postprocess.storage.private_files import private_folder, write_private
from testbed.nodes import masters
from testbed.nodes.demonstration import DESCRIPTION_FILE, Demonstration
from testbed.nodes.detached import DetachedProcess
from testbed.nodes.masters import NodeMasters
from testbed.physics.emulated_link import PUBLISHED, EmulatedLink
from testbed.physics.faults import Fault
from testbed.physics.instability import STABLE, Instability
from testbed.standin.real_artiq import CONTROLLERS, require_artiq

STATE_FILE = "lab.json"
REHEARSALS = "this ledger also serves rehearsals"
POLL_S = 0.5
DATASETS = ("rounds.session", "rounds.status", "rounds.done", "rounds.total", "key.session", "key.status")


@dataclass
class TwoMasters:
    """One laboratory folder; `open` finds out what runs in it.

    Attributes:
        folder: the laboratory.
        ports: node -> name -> port; empty before the first `up`.
        processes: node -> master and controller manager.
        compiled: whether kernels run as ARTIQ compiles them, since the last `up`.
        copy_of: the folder of which this one is a copy that was never started; empty otherwise.
    """

    folder: Path
    ports: dict[str, dict[str, int]] = field(default_factory=dict)
    processes: dict[str, list[DetachedProcess]] = field(default_factory=dict)
    compiled: bool = False
    copy_of: str = ""

    @classmethod
    def open(cls, folder: Path) -> TwoMasters:
        """What stands in a folder, which may be new.

        Raises:
            InvalidInput: lab.json is damaged.
        """
        lab, path = cls(folder.absolute()), folder / STATE_FILE
        if path.exists():
            try:
                state = json.loads(path.read_text())
                if state.get("inode", folder.stat().st_ino) != folder.stat().st_ino:
                    lab.copy_of = str(state["folder"])  # its processes and ports are the original's
                    return lab
                lab.ports, lab.compiled = state["ports"], state.get("compiled", False)
                lab.processes = {
                    node: [DetachedProcess(**entry) for entry in entries]
                    for node, entries in state["processes"].items()
                }
            except (OSError, ValueError, KeyError, TypeError) as problem:
                raise InvalidInput(f"{path}: damaged ({problem}); end the processes by hand and delete it") from None
        return lab

    @property
    def is_set_up(self) -> bool:
        """Whether both homes are provisioned."""
        return (self.folder / DESCRIPTION_FILE).exists()

    def set_up(
        self,
        *,
        sessions: int,
        rehearsals: bool,
        seed: int | None,
        link: EmulatedLink = PUBLISHED,
        faults: Sequence[Fault] = (),
        instability: Instability = STABLE,
    ) -> None:
        """Provision both homes and build the laboratory, once.

        Args:
            sessions: K0 has pads for so many; each accepted session leaves pads for another.
            rehearsals: the ledgers also take sessions too short for the proof, and no key in them counts as secure.
            seed: makes everything repeat, which is insecure.
            link, faults, instability: of the laboratory.
        """
        because = () if seed is None else (SEEDED,)
        parameters = paper("provisioning", "emulated", insecure_because=because)
        distrust = (REHEARSALS,) if rehearsals else ()
        demo = Demonstration(self.folder, parameters, {}, seed, sessions=sessions, distrust=distrust, link=link)
        demo.faults, demo.instability = tuple(fault.as_dict() for fault in faults), instability
        demo.set_up()

    def node(self, name: str) -> NodeMasters:
        """Master and controllers of one node, as last started.

        Raises:
            InvalidInput: nothing was ever started here.
        """
        if name not in self.ports:
            here = f"a copy of {self.copy_of}, never started" if self.copy_of else "no laboratory here"
            raise InvalidInput(f"{self.folder}: {here}; start one with `{self.command('up')}`")
        return NodeMasters(name, self.folder, self.ports[name], "compiled" if self.compiled else "emulated")

    def command(self, action: str) -> str:
        """The command line of `diqkd lab` for this folder."""
        return f"diqkd lab {action} --home {shlex.quote(str(self.folder))}"

    def running(self) -> list[DetachedProcess]:
        """Processes of this laboratory that are alive."""
        return [process for entries in self.processes.values() for process in entries if process.is_alive()]

    def up(self, checkout: Path, compiled: bool = False) -> None:
        """Start both masters and controller managers; returns when they answer.

        Args:
            checkout: folder with repository/ and device_db.py.
            compiled: kernels run as ARTIQ compiles them, on its own drivers, instead of on emulated ones.

        Raises:
            InvalidInput: ARTIQ is missing, or something of the laboratory runs already.
        """
        require_artiq()
        if self.running():
            if len(self.running()) == sum(map(len, self.processes.values())) >= 2 * len(NODES):
                names = ", ".join(process.name for process in self.running())
                raise InvalidInput(f"{self.folder}: {names} running already; `{self.command('down')}` ends them")
            self.down()  # what a dead master left
        demonstration_at(self.folder).connect()
        self.processes, self.compiled = {}, compiled
        try:
            for node in NODES:
                self.ports[node] = masters.choose_ports(node, self.ports.get(node))
                programs = self.node(node)
                programs.set_up(checkout)
                self.processes[node] = programs.start()
                self._save()
        except BaseException:
            self.down()
            raise

    def start_beside(self, node: str, name: str, command: Sequence[str], ready: str) -> None:
        """Start another program of a node, which ends with its master; returns when its log has the word `ready`.

        Raises:
            DiqkdError: it ended, or does not get ready.
        """
        programs = self.node(node)
        log = programs.working_folder / f"{name}.log"
        log.unlink(missing_ok=True)
        process = DetachedProcess.start(
            f"{node}'s {name}", command, programs.working_folder, programs.environment(), log
        )
        self.processes[node].append(process)
        self._save()
        deadline = time.monotonic() + masters.PATIENCE_S
        while ready not in log.read_text(errors="replace"):
            if not process.is_alive() or time.monotonic() > deadline:
                state = "does not get ready" if process.is_alive() else "ended at once"
                raise DiqkdError(f"{process.name} {state}: {process.last_line()} (see {log})")
            time.sleep(0.1)

    def down(self) -> None:
        """End everything in order; experiments that run are ended as a master's end does, their sessions resume."""
        for node, entries in self.processes.items():
            masters.stop(entries)
            if entries and node in self.ports:
                self.node(node).end_controllers()
        self.processes = {}
        if self.folder.is_dir():
            self._save()

    def _save(self) -> None:
        processes = {node: [asdict(entry) for entry in entries] for node, entries in self.processes.items()}
        content = {"ports": self.ports, "processes": processes}
        content |= {"compiled": self.compiled, "folder": str(self.folder), "inode": self.folder.stat().st_ino}
        write_private(self.folder / STATE_FILE, json.dumps(content, indent=1).encode())

    def status(self) -> dict[str, Any]:
        """Per node: processes, schedule, public progress, controllers, balance; nothing private."""
        return {node: self._node_status(node) for node in self.ports}

    def _node_status(self, name: str) -> dict[str, Any]:
        node = self.node(name)
        processes = {entry.name: entry.is_alive() for entry in self.processes.get(name, [])}
        known = {"processes": processes, "ports": self.ports[name]}
        if not processes.get(f"{name}'s master"):
            return known | {"schedule": {}, "progress": {}, "controllers": {}, "balance": None}
        progress = {key: node.dataset(f"diqkd.{key}") for key in DATASETS}
        controllers = {target: _answers(node, target) for target in CONTROLLERS}
        balance = None
        if controllers["diqkd_keystore"]:
            with node.remote("diqkd_keystore", "diqkd_keystore") as ledger:
                balance = ledger.balance()
        return known | {
            "schedule": {str(rid): _entry(run) for rid, run in node.schedule().items()},
            "progress": {key: value for key, value in progress.items() if value is not None},
            "controllers": controllers,
            "balance": balance,
        }

    def submit(self, arguments: dict[str, Any], pipeline: str, priority: int) -> dict[str, int]:
        """Submit the key generation to both masters; returns node -> RID."""
        return {node: self.node(node).submit(arguments, pipeline, priority) for node in NODES}

    def wait(self, rids: dict[str, int]) -> None:
        """Return when both runs have left their masters' schedules.

        Raises:
            DiqkdError: a master is gone.
        """
        for node, rid in rids.items():
            while rid in self.node(node).schedule():
                time.sleep(POLL_S)

    def report(self, session_id: str) -> dict[str, Any]:
        """How a session ended, as `diqkd demo` reports it.

        Raises:
            InvalidInput: no such session in Alice's ledger.
        """
        from postprocess.keystore import Keystore

        demo = demonstration_at(self.folder)
        with Keystore.open(demo.homes / "alice" / "keystore.sqlite") as ledger:
            if session_id not in [record.session_id for record in ledger.sessions()]:
                logs = " and ".join(str(self.folder / "masters" / node / "master.log") for node in NODES)
                raise InvalidInput(f"session '{session_id}': never began on Alice's node; {logs} say why")
            parameters = ledger.session(session_id).parameters
        return replace(demo, parameters=parameters).report({})


def demonstration_at(folder: Path) -> Demonstration:
    """The demonstration that was set up in a folder."""
    try:
        description = json.loads((folder / DESCRIPTION_FILE).read_text())
    except OSError:
        raise InvalidInput(
            f"{folder}: nothing set up here; say `diqkd lab up --home {shlex.quote(str(folder))}`"
        ) from None
    parameters = SessionParameters.from_json(json.dumps(description["parameters"]))
    return Demonstration(private_folder(folder), parameters, {}, description["seed"])


def _answers(node: NodeMasters, target: str) -> bool:
    try:
        with node.remote(target, target) as controller:
            return bool(controller.ping())
    except DiqkdError:
        return False


def _entry(run: dict[str, Any]) -> dict[str, Any]:
    expid = run["expid"]
    return {
        "status": run["status"],
        "pipeline": run["pipeline"],
        "priority": run["priority"],
        "class": expid.get("class_name") or Path(expid.get("file", "")).stem,
        "session": expid.get("arguments", {}).get("session"),
    }
