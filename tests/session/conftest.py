"""Fixtures for session tests; the nodes themselves are in session_nodes."""

import os
import tempfile
from pathlib import Path

import pytest
from session_nodes import TwoNodes, draw_rounds, rehearsal


@pytest.fixture
def folder(tmp_path):
    """In memory where the system offers it: here processes die, disks do not, and hundreds of ledgers are opened."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else tmp_path) as name:
        yield Path(name)


@pytest.fixture
def nodes(folder):
    """Two provisioned nodes with the rounds of one rehearsal."""
    parameters = rehearsal()
    two = TwoNodes(folder, parameters, draw_rounds(parameters)).provision()
    yield two
    two.close()
