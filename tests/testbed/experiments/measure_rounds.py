"""Rounds without a session: settings from a seed, records to a file; for tests of the emulated laboratory."""

import os
import time
from pathlib import Path

import numpy as np
from artiq.experiment import BooleanValue, EnvExperiment, NumberValue


class MeasureRounds(EnvExperiment):
    """Measure rounds with the partner"""

    def build(self):
        from procedures.node_experiment import node_class

        self.setattr_device("core")
        self.setattr_device("scheduler")
        self.setattr_argument("rounds", NumberValue(1000, precision=0, scale=1, step=1, type="int"))
        self.setattr_argument("block_rounds", NumberValue(250, precision=0, scale=1, step=1, type="int"))
        self.setattr_argument("windows", NumberValue(2500, precision=0, scale=1, step=1, type="int"))
        self.setattr_argument("barrier", BooleanValue(False))
        self.setattr_argument("key_bases", NumberValue(1, precision=0, scale=1, step=1, type="int"))
        self.name = self.get_device_db()["apparatus"]["arguments"]["node"]
        self.node = node_class(self.name)(self)

    def prepare(self):
        draw = np.random.default_rng(7 if self.name == "alice" else 8)
        if self.name == "alice":
            self.settings = draw.integers(0, 4 if self.barrier else 2, self.rounds)
        else:
            law = (0.3, 0.3, 0.4) if self.key_bases == 1 else (0.25, 0.25, 0.25, 0.25)
            self.settings = draw.choice(len(law), self.rounds, p=law)
        self.place = 0
        self.records = []
        self.set_dataset("rounds_done", 0, broadcast=True)

    def run(self):
        from node.settings import with_barrier, with_two_bases

        if self.barrier:
            self.node.configure(with_barrier(self.node.settings))
        if self.key_bases == 2:
            self.node.configure(with_two_bases(self.node.settings))
        self.node.station.heralding.windows = self.windows
        self.node.blocks.allocate(self.block_rounds)
        self.node.blocks.host = self
        self.wait_for_partner()
        code = self.node.blocks.measure()
        path = Path(os.environ["DIQKD_HOME"]) / self.name
        np.save(path / "records.npy", np.array(self.records, np.int64).reshape(-1, 4))
        (path / "code").write_text(str(code))
        self.set_dataset("code", code)

    def wait_for_partner(self):
        """What a session's first meeting does: no kernel starts before the other process is there."""
        homes = Path(os.environ["DIQKD_HOME"])
        (homes / self.name / "ready").touch()
        deadline = time.monotonic() + 10
        while not all((homes / node / "ready").exists() for node in ("alice", "bob")) and time.monotonic() < deadline:
            time.sleep(0.01)

    def next_block(self):
        count = min(self.block_rounds, self.rounds - self.place)
        if count == 0 or self.scheduler.check_pause():
            return []
        packed = [0] * -(-self.block_rounds // 16)
        for j in range(count):
            packed[j // 16] |= int(self.settings[self.place + j]) << 2 * (j % 16)
        first, self.place = self.place, self.place + count
        packed = [word - (1 << 32) if word >> 31 else word for word in packed]
        return [first // self.block_rounds, first, count, 0, *packed]

    def keep_block(self, sequence, first_round, count, words):
        self.records += [int(word) for word in words[: 4 * count]]
        self.set_dataset("rounds_done", len(self.records) // 4, broadcast=True)
