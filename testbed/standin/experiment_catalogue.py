"""What experiments a repository holds, with titles and arguments, as a dashboard would list them."""

from __future__ import annotations

import inspect
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postprocess.errors import InvalidInput
from testbed import standin

TURNS = "take_turns"


@dataclass(frozen=True)
class Argument:
    """One argument: its description is what ARTIQ's processors tell a dashboard (ty, default, unit, min, max, ...)."""

    name: str
    group: str
    tooltip: str
    description: dict[str, Any]


@dataclass(frozen=True)
class Listed:
    """One experiment: file, class, first line and rest of its docstring, arguments in their order, whether it measures
    with the peer."""

    file: Path
    class_name: str
    title: str
    about: str
    arguments: tuple[Argument, ...]
    with_peer: bool = False

    @property
    def takes_turns(self) -> bool:
        """Whether it may wait for the peer's turn with the pulsed laser."""
        return any(argument.name == TURNS for argument in self.arguments)

    def needs_peer(self, options: dict[str, Any]) -> bool:
        """Whether a node alone would wait in vain, with these arguments."""
        return self.with_peer or (self.takes_turns and options.get(TURNS, True))


class _NoDevices:
    """Devices while a repository is scanned: None, whatever is asked for."""

    def __init__(self, table: dict[str, Any]):
        self._table = table

    def get_device_db(self):
        return self._table

    def get(self, name):
        return None

    def get_desc(self, name):
        return {}


def scan(checkout: Path, node: str = "alice") -> list[Listed]:
    """All experiments of a checkout's repository, as `node` has them; builds each with devices that are None."""
    os.environ |= {"DIQKD_NODE": node, "DIQKD_APPARATUS": "emulated"}
    standin.install()
    from artiq.master.databases import DeviceDB

    devices = _NoDevices(DeviceDB(str(checkout / "device_db.py")).get_device_db())
    return [listed for file in sorted((checkout / "repository").glob("*.py")) for listed in _of_file(file, devices)]


def find(checkout: Path, name: str) -> Path:
    """File of an experiment, by its name with or without .py; InvalidInput names those there are."""
    folder = checkout / "repository"
    path = folder / f"{name.removesuffix('.py')}.py"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.py")))
        raise InvalidInput(f"experiment '{name}': there is none in {folder}; there are {known}")
    return path


def _of_file(file: Path, devices: _NoDevices) -> list[Listed]:
    from artiq.language.environment import TraceArgumentManager, is_public_experiment
    from artiq.tools import file_import

    module = file_import(str(file), prefix="scanned_")
    found = []
    for name, experiment in inspect.getmembers(module, is_public_experiment):
        if experiment.__module__ != module.__name__:
            continue
        trace = TraceArgumentManager()
        experiment((devices, None, trace, {}))
        title, _, about = (inspect.getdoc(experiment) or name).partition("\n")
        arguments = tuple(
            Argument(key, group or "", tooltip or "", processor.describe())
            for key, (processor, group, tooltip) in trace.requested_args.items()
        )
        with_peer = getattr(experiment, "needs_peer", False)
        found.append(Listed(file, name, title, about.strip(), arguments, with_peer))
    return found
