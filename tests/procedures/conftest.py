"""Experiments under test end with their test."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def calibrate(tmp_path, monkeypatch):
    """calibrate(node, file, wrong=None, faults=(), **arguments) builds one calibration; see calibrating.py."""
    from calibrating import calibrating

    from testbed.physics import laboratory
    from tests.results.described_files import assert_described

    made = []

    def make(node, file, **choice):
        made.append(calibrating(tmp_path, monkeypatch, node, file, **choice))
        return made[-1]

    yield make
    for each in made:
        each.worker.close()
        if each.worker.file.exists():
            assert_described(each.worker.file)
    laboratory.use(None)
