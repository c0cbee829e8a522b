"""All tests see an `artiq`: the real one where it is installed, else the stand-in. Each begins in the checkout."""

import os
from pathlib import Path

import pytest

from testbed import standin

standin.install()
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _in_the_checkout():
    """Workers change into their results folder, which is gone after the test."""
    os.chdir(ROOT)
    yield
    os.chdir(ROOT)
