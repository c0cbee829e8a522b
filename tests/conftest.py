"""All tests see an `artiq`: the real one where it is installed, else the stand-in. Each begins in the checkout."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from testbed import standin

standin.install()
settings.register_profile(
    "ci",  # the same examples everywhere, however busy the machine is
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
settings.register_profile("long", settings.get_profile("ci"), derandomize=False, max_examples=2000)
settings.load_profile(os.environ.get("DIQKD_HYPOTHESIS", "ci"))
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _in_the_checkout():
    """Workers change into their results folder, which is gone after the test."""
    os.chdir(ROOT)
    yield
    os.chdir(ROOT)
