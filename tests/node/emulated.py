"""A node of its own on the emulated core device, for tests of its kernels: blocks from a list, events in a log."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from postprocess.rounds.private_settings import settings_words
from postprocess.rounds.round_records import RoundRecords
from testbed.nodes.worker import Worker
from testbed.physics import laboratory

ROOT = Path(__file__).resolve().parents[2]
EXPERIMENT = '''
from artiq.experiment import *


class Alone(EnvExperiment):
    """A node and nothing else"""

    def build(self):
        from procedures.node_experiment import node_class

        self.node = node_class("{node}")(self)
'''


class Host:
    """The host's side of the block loop: hands out blocks and keeps what comes back."""

    def __init__(self, *blocks, block_rounds=64):
        self.blocks = [np.asarray(block, np.uint8) for block in blocks]
        self.block_rounds = block_rounds
        self.sequence = 0
        self.kept = []
        self.calls = []

    def next_block(self):
        self.calls.append("next")
        settings = self.blocks.pop(0) if self.blocks else np.empty(0, np.uint8)
        self.sequence += 1
        head = np.array([self.sequence, 1000 * self.sequence, len(settings), 0], np.int32)
        return np.concatenate((head, settings_words(settings, self.block_rounds)))

    def keep_block(self, sequence, first_round, count, words):
        self.calls.append("keep")
        self.kept.append(
            (sequence, first_round, count, RoundRecords.from_words(np.array(words[: 4 * count], np.int32)))
        )

    @property
    def records(self):
        """The records of the last block that came back."""
        return self.kept[-1][3]


@dataclass
class Rig:
    """One node under test."""

    worker: Worker
    node: object
    core: object
    physics: object

    def measure(self, *blocks, log=False):
        """Measure blocks of settings; returns (leave code, host)."""
        host = Host(*blocks)
        self.node.blocks.allocate(host.block_rounds)
        self.node.blocks.host = host
        self.log = self.core.start_log() if log else None
        return self.node.blocks.measure(), host


def rig(name, tmp_path, monkeypatch, faults=(), seed=7, apparatus="emulated", **nature):
    """A node with an ideal partner in a laboratory of its own; `apparatus`: emulated or compiled."""
    monkeypatch.setenv("DIQKD_NODE", name)
    monkeypatch.setenv("DIQKD_APPARATUS", apparatus)
    monkeypatch.chdir(tmp_path)
    laboratory.use(laboratory.Laboratory(seed, tuple(faults), **nature))
    experiment = tmp_path / "alone.py"
    experiment.write_text(EXPERIMENT.replace("{node}", name))
    worker = Worker(tmp_path, ROOT / "device_db.py")
    worker.build(experiment, "Alone", {})
    core = worker.devices.get("core")
    return Rig(worker, worker.experiment.node, core, core.physics)
