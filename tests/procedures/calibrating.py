"""One calibration on the emulated apparatus, for tests: a home with wrong values, the experiment, what it left."""

import json
from dataclasses import dataclass
from pathlib import Path

from postprocess.calibration.running_order import random_range
from procedures.calibration_file import calibrated
from testbed.nodes.worker import Worker
from testbed.physics import laboratory

ROOT = Path(__file__).resolve().parents[2]
SCAN, HISTOGRAM, FIT = "diqkd.calibration.scan.", "diqkd.calibration.histogram.", "diqkd.calibration.fit."


def scan(start, stop, points, seed=5):
    """A scan argument as a client submits it."""
    return random_range(start, stop, points) | {"seed": seed}


@dataclass
class Calibrating:
    """A built experiment of repository/."""

    worker: Worker
    home: Path

    @property
    def experiment(self):
        return self.worker.experiment

    @property
    def core(self):
        return self.worker.devices.get("core")

    def run(self):
        for stage in ("prepare", "run", "analyze"):
            getattr(self.worker, stage)()
        return self

    def dataset(self, name):
        return self.worker.datasets.get(name)

    @property
    def result(self):
        return self.dataset(SCAN + "result")

    @property
    def settings(self):
        """What the calibration file now makes of the defaults."""
        return calibrated(self.experiment.node.defaults, self.home / "calibration.json")

    @property
    def written(self):
        path = self.home / "calibration.json"
        return json.loads(path.read_text()) if path.exists() else {}


def calibrating(
    tmp_path, monkeypatch, node, file, wrong=None, faults=(), seed=5, emulated=None, apparatus="emulated", **arguments
):
    """Build `repository/<file>` on a node of its own whose calibration file holds `wrong` values.

    `emulated`: the laboratory, if it is not a usual one with this seed and these faults.
    """
    monkeypatch.setattr("procedures.scans.scan_argument.SEED", seed)  # or the order, and the noise, are other each time
    monkeypatch.setenv("DIQKD_NODE", node)
    monkeypatch.setenv("DIQKD_APPARATUS", apparatus)
    monkeypatch.setenv("DIQKD_HOME", str(tmp_path / "homes"))
    home = tmp_path / "homes" / node
    home.mkdir(parents=True, exist_ok=True)
    if wrong:
        entries = {
            name: {"value": value, "measured": "2026-01-01T00:00:00+00:00", "by": "a mistake"}
            for name, value in wrong.items()
        }
        (home / "calibration.json").write_text(json.dumps(entries))
    laboratory.use(emulated or laboratory.Laboratory(seed, tuple(faults)))
    worker = Worker(tmp_path, ROOT / "device_db.py")
    worker.build(ROOT / "repository" / file, None, arguments)
    return Calibrating(worker, home)
