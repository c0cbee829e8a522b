"""Small emulated nodes for tests: device managers over a table, experiments without a worker."""

import importlib

from artiq.experiment import EnvExperiment
from artiq.language.environment import ProcessArgumentManager
from artiq.master.worker_db import DatasetManager, DeviceManager

from procedures.node_experiment import node_class
from testbed.devices import emulate
from testbed.physics import laboratory


class Table:
    """A device table as managers want it."""

    def __init__(self, table):
        self.table = table

    def get_device_db(self):
        return self.table

    def get(self, key, resolve_alias=False):
        entry = self.table[key]
        while resolve_alias and isinstance(entry, str):
            entry = self.table[entry]
        return entry


class NoDatasets:
    """A dataset database without any."""

    def update(self, mod):
        pass

    def get(self, key):
        raise KeyError(key)

    get_metadata = get


def manager(table, **virtual):
    return DeviceManager(Table(table), virtual_devices=virtual)


def core_table(**devices):
    """A table with an emulated core and what else is given as name=(module, class, arguments)."""
    table = {"core": entry("core", "Core", host=None, ref_period=1e-9)}
    return table | {name: entry(module, class_, **arguments) for name, (module, class_, arguments) in devices.items()}


def entry(module, class_, **arguments):
    path = module if "." in module else f"testbed.drivers.{module}"
    return {"type": "local", "module": path, "class": class_, "arguments": arguments}


def node_experiment(node, seed=1, faults=(), experiment=None, emulated=None):
    """The node's parts, built on an emulated core device of its own (ideal partner).

    Returns:
        (experiment, device manager); the experiment has `.node` unless another class is given.
    """
    chosen = emulated or laboratory.Laboratory(seed, tuple(faults))
    laboratory.use(chosen)
    try:
        table = emulate(importlib.import_module(f"node_{node}.devices").DEVICES, node)
        devices = manager(table)
        parts = (devices, DatasetManager(NoDatasets()), ProcessArgumentManager({}), {})
        built = (experiment or one_node(node))(parts)
        devices.get("laboratory")
    finally:
        laboratory.use(None)
    return built, devices


def one_node(node):
    parts = node_class(node)

    class OneNode(EnvExperiment):
        def build(self):
            self.setattr_device("core")
            self.node = parts(self)

    return OneNode


class Blocks:
    """A host for the block loop: hands out settings, keeps records."""

    def __init__(self, settings, block_rounds=1000):
        self.left = list(settings)
        self.block_rounds = block_rounds
        self.words = []
        self.sequence = 0

    def next_block(self):
        block, self.left = self.left[: self.block_rounds], self.left[self.block_rounds :]
        if not block:
            return []
        packed = [0] * -(-self.block_rounds // 16)
        for j, setting in enumerate(block):
            packed[j // 16] |= int(setting) << 2 * (j % 16)
        packed = [word - (1 << 32) if word >> 31 else word for word in packed]
        self.sequence += 1
        return [self.sequence, 0, len(block), 0, *packed]

    def keep_block(self, sequence, first_round, count, words):
        self.words += [int(word) for word in words[: 4 * count]]

    @property
    def records(self):
        """(pattern, outcome, setting, T, flags, counts, attempts) of each round."""
        found = []
        for i in range(0, len(self.words), 4):
            w = self.words[i + 3]
            found.append((w & 15, w >> 4 & 1, w >> 5 & 3, w >> 7 & 1, w >> 8 & 15, w >> 16, self.words[i + 2]))
        return found


def run_blocks(built, settings, block_rounds=1000):
    """Measure rounds with these settings; returns (leave code, Blocks)."""
    host = Blocks(settings, block_rounds)
    built.node.blocks.host = host
    return built.node.blocks.measure(), host
