"""One seed, both emulations: ions are loaded by the same pulses, and drift is the same."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import compiled_kit

from node.reloading import Reloading
from testbed.physics import truth
from testbed.physics.instability import Instability

pytestmark = compiled_kit.needs_artiq
BLOCK = 64


@pytest.fixture
def nodes(tmp_path, monkeypatch):
    """nodes(name, **nature): the node on the Python emulation, then as compiled."""

    def made(name, **nature):
        for apparatus in ("emulated", "compiled"):
            node = compiled_kit.WatchedNode(name, tmp_path / apparatus, monkeypatch, apparatus, **nature)
            yield node
            node.rig.worker.close()

    return made


def test_equal_loading(nodes, monkeypatch):
    """Both tries use the same random numbers, and leave as much light."""
    monkeypatch.setattr(truth, "CAPTURE_PER_PULSE", 0.3)
    found = []
    for node in nodes("bob"):
        parts = node.rig.node
        reloading = Reloading(parts, parts.station, parts.defaults)
        trap = node.rig.physics.trap
        trap.lose(1)
        tries = [(round(reloading.load(pulses) / reloading.gates / 36), trap.number) for pulses in (1, 8)]
        found.append((tries, trap.pulses))
    assert found[0] == found[1] == ([(0, 0), (1, 1)], 9)


def test_equal_drift(nodes, monkeypatch):
    monkeypatch.setattr(truth, "DRIFT_STEP", 100)
    choices = np.random.default_rng(3).integers(0, 2, 640).astype(np.uint8)
    found = []
    for node in nodes("alice", instability=Instability(drift=1000.0)):
        code, host = node.measure(*(choices[i : i + BLOCK] for i in range(0, len(choices), BLOCK)))
        found.append(
            (code, [kept[3].outcomes.tolist() for kept in host.kept], [kept[3].counts.tolist() for kept in host.kept])
        )
        assert abs(node.rig.physics.round.ion._offset_hz) > 500
    assert found[0] == found[1] and found[0][0] == 0
