"""How much time a node's CPU leaves in a round: the least slack of any output between herald and reconnection."""

from __future__ import annotations

import bisect
import importlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from artiq.master.worker_db import DeviceManager

from contract.nodes import BOB
from postprocess.rounds.private_settings import settings_words
from postprocess.rounds.round_records import RoundRecords
from testbed.counted.costs import instructions_per_call
from testbed.counted.counted_core import CountedOutput
from testbed.devices import COUNTED_CORE, run_compiled
from testbed.drivers.cpu_time import CYCLES_PER_INSTRUCTION
from testbed.physics import laboratory

SEED = 7


@dataclass(frozen=True)
class Place:
    """Where the CPU was nearest to being late: slack and time after the herald in ns, name of the device."""

    slack: int
    after_herald: int
    device: str


@dataclass(frozen=True)
class Slack:
    """One node at one speed of its CPU, with or without a barrier.

    Attributes:
        code: why the kernel left (contract.codes). rounds: measured. instructions: per round, the attempts before its
        herald included. places: least slack by time after the herald and device, the worst first.
    """

    node: str
    cycles: float
    barrier: bool
    code: int
    rounds: int
    instructions: int
    places: tuple[Place, ...]

    @property
    def least(self) -> Place:
        """The output that was nearest to being late."""
        return self.places[0]


class _Table:
    """A device database of one table."""

    def __init__(self, table: dict[str, Any]) -> None:
        self.table = table

    def get_device_db(self) -> dict[str, Any]:
        return self.table

    def get(self, name: str, resolve_alias: bool = False) -> Any:
        return self.table[name]

    def get_satellite_cpu_target(self, destination: int) -> str:
        return "rv32g"


class _OneBlock:
    """The host's side of one block of rounds with settings drawn from a seed."""

    def __init__(self, node: str, rounds: int, barrier: bool, key_bases: int) -> None:
        values = 2 + key_bases if node == BOB else 4 if barrier else 2
        self._left = np.random.default_rng(SEED).integers(0, values, rounds).astype(np.uint8)
        self._rounds = rounds
        self.heralds: list[int] = []

    def next_block(self) -> np.ndarray:
        settings, self._left = self._left, self._left[:0]
        head = np.array([1, 0, len(settings), 0], np.int32)
        return np.concatenate((head, settings_words(settings, self._rounds)))

    def keep_block(self, sequence: int, first_round: int, count: int, words: Any) -> None:
        records = RoundRecords.from_words(np.array(words[: 4 * count], np.int32))
        self.heralds = [int(time) for time in records.timestamps_mu]


def least_slack(node: str, cycles: float, rounds: int, barrier: bool = False, key_bases: int = 1) -> Slack:
    """Measure so many rounds with an ideal partner.

    Args:
        node: "alice" or "bob".
        cycles: of the CPU per instruction, on average.
        barrier: whether Bob waits for Alice's isolation.
        key_bases: that Bob announces, 1 or 2.
    """
    code, heralds, assembled, table = _measured(node, cycles, rounds, barrier, key_bases)
    connection = assembled.core.comm
    end = int(assembled.settings.schedule.reconnect * 1e9) + 1000
    places = _places(connection.outputs, heralds, end, _names(table))
    measured = max(1, len(heralds))
    return Slack(node, cycles, barrier, code, measured, connection.instructions // measured, places)


def counted_costs(node: str, rounds: int) -> dict[str, float]:
    """Instructions by kind of call, see `instructions_per_call`, in so many rounds of a node without a barrier."""
    _, _, assembled, table = _measured(node, CYCLES_PER_INSTRUCTION, rounds, False, 1)
    return instructions_per_call(assembled.core.comm.calls, table)


def _measured(node: str, cycles: float, rounds: int, barrier: bool, key_bases: int) -> tuple[int, list[int], Any, Any]:
    """(leave code, times of heralds, the node, its device table) after a block of rounds."""
    table = run_compiled(importlib.import_module(f"node_{node}.devices").DEVICES, node, COUNTED_CORE)
    laboratory.use(laboratory.Laboratory(SEED, ()))
    devices = DeviceManager(_Table(table))
    try:
        node_class = getattr(importlib.import_module(f"node_{node}.node"), f"{node.capitalize()}Node")
        assembled = node_class((devices, None, None, {}))
        assembled.configure(replace(assembled.settings, key_bases=key_bases))
        assembled.core.comm.cycles_per_instruction = cycles
        assembled.blocks.allocate(rounds)
        host = assembled.blocks.host = _OneBlock(node, rounds, barrier, key_bases)
        if barrier:
            assembled.configure(importlib.import_module("node.settings").with_barrier(assembled.settings))
        return assembled.blocks.measure(), host.heralds, assembled, table
    finally:
        devices.close_devices()
        laboratory.use(None)


def _names(table: dict[str, Any]) -> dict[int, str]:
    entries = ((name, entry.get("arguments", {})) for name, entry in table.items() if isinstance(entry, dict))
    return {arguments["channel"]: name for name, arguments in entries if "channel" in arguments}


def _places(outputs: list[CountedOutput], heralds: list[int], end: int, names: dict[int, str]) -> tuple[Place, ...]:
    least: dict[tuple[int, str], int] = {}
    for output in outputs:
        number = bisect.bisect_right(heralds, output.time) - 1
        if number >= 0 and output.time - heralds[number] <= end:
            key = output.time - heralds[number], names.get(output.target >> 8, f"channel {output.target >> 8}")
            least[key] = min(output.slack, least.get(key, output.slack))
    return tuple(sorted((Place(slack, *key) for key, slack in least.items()), key=lambda place: place.slack))
