"""Fixtures for session tests; the nodes themselves are in session_nodes."""

import os
import tempfile
from pathlib import Path

import pytest
from session_nodes import TwoNodes, draw_rounds, rehearsal


@pytest.fixture(scope="session", autouse=True)
def _kernels_are_compiled(tmp_path_factory):
    """A session without haste first: compiling takes a loaded machine longer than some tests have their nodes wait."""
    parameters = rehearsal()
    two = TwoNodes(tmp_path_factory.mktemp("first"), parameters, draw_rounds(parameters), timeout_s=300.0).provision()
    assert all(result.accepted for result in two.run().values())
    two.close()


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
