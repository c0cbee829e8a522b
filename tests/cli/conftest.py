"""Two provisioned nodes for the commands that need them."""

from pathlib import Path

import pytest
from command_runs import provision


@pytest.fixture(scope="module")
def homes(tmp_path_factory) -> Path:
    """Homes of two provisioned nodes."""
    folder = tmp_path_factory.mktemp("laboratory")
    provision(folder / "homes", folder, sessions=20)  # more than the tests of a file open, in whatever order
    return folder / "homes"
