"""Nodes under test end with their test."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def make_rig(tmp_path, monkeypatch):
    """make_rig(node, faults=()) gives a node of its own on the emulated core device."""
    import emulated

    from testbed.physics import laboratory

    made = []

    def make(name, faults=()):
        made.append(emulated.rig(name, tmp_path, monkeypatch, faults))
        return made[-1]

    yield make
    for each in made:
        each.worker.close()
    laboratory.use(None)
