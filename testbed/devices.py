"""The emulated apparatus as a device table: the hardware's own table with every driver's module replaced.

    artiq.coredevice.X  -> testbed.drivers.X
    entangler.driver    -> testbed.drivers.entangler

plus one entry, "laboratory", for the physics behind the drivers. Names, arguments and wiring stay as they are, so no
experiment can tell the difference by its devices.
"""

from __future__ import annotations

import copy
from typing import Any

from postprocess.errors import InvalidInput
from testbed import standin

URUKUL_PROTOCOL = 8  # of the CPLD in testbed.boards.urukul; release-8 knows no other
MODULES = {"entangler.driver": "testbed.drivers.entangler"}
CORE_DEVICE = "artiq.coredevice."


def emulate(table: dict[str, Any], node: str) -> dict[str, Any]:
    """The device table of a node, with emulated drivers.

    Args:
        table: device table for hardware; it is not changed.
        node: "alice" or "bob".
    """
    standin.install()
    emulated = {name: _emulate_entry(entry) for name, entry in copy.deepcopy(table).items()}
    emulated["laboratory"] = {
        "type": "local", "module": "testbed.physics.node_physics", "class": "NodePhysics", "arguments": {"node": node},
    }  # fmt: skip
    return emulated


HOST_CORE = "testbed.compiled.host_core", "HostCore"
COUNTED_CORE = "testbed.counted.counted_core", "CountedCore"


def run_compiled(table: dict[str, Any], node: str, core: tuple[str, str] = HOST_CORE) -> dict[str, Any]:
    """The device table of a node with ARTIQ's own drivers, whose core device is this machine (docs/emulation.md).

    Args:
        table: device table for hardware; it is not changed.
        node: "alice" or "bob".
        core: module and class of the core device.

    Raises:
        InvalidInput: ARTIQ is not installed.
    """
    if standin.install():
        raise InvalidInput(
            "DIQKD_APPARATUS=compiled runs what ARTIQ's compiler makes, and ARTIQ is not installed here; enter "
            "`nix develop`, or say emulated"
        )
    import artiq

    compiled = copy.deepcopy(table)
    for entry in compiled.values():
        if isinstance(entry, dict) and "kind" in entry.get("arguments", {}):
            entry["arguments"]["kind"] = "emulated"
        elif isinstance(entry, dict) and entry.get("class") == "CPLD" and not artiq.__version__.startswith("8"):
            entry["arguments"]["proto_rev"] = URUKUL_PROTOCOL
    entry = compiled["core"]
    entry["module"], entry["class"] = core
    entry["arguments"]["node"] = node
    compiled["core_log"] = {"type": "dummy"}
    return compiled


def _emulate_entry(entry: Any) -> Any:
    if not isinstance(entry, dict):
        return entry
    module = entry.get("module", "")
    if module.startswith(CORE_DEVICE):
        entry["module"] = "testbed.drivers." + module.removeprefix(CORE_DEVICE)
    elif module in MODULES:
        entry["module"] = MODULES[module]
    elif entry.get("type") == "controller" and "corelog" in entry.get("command", ""):
        return {"type": "dummy"}
    if "kind" in entry.get("arguments", {}):
        entry["arguments"]["kind"] = "emulated"
    return entry
