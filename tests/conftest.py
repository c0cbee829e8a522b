"""All tests see an `artiq`: the real one where it is installed, else the stand-in. Each begins in the checkout."""

import os
import tempfile
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
_STATE = tempfile.TemporaryDirectory(prefix="diqkd-tests-state-")  # for fixtures of modules; tests have their own
os.environ["XDG_STATE_HOME"] = _STATE.name


@pytest.fixture(autouse=True)
def _own_records_of_use(tmp_path_factory):
    """Files of random bytes are often the same from test to test, which the user's record of use would notice."""
    with pytest.MonkeyPatch.context() as patch:  # not the test's own, which it may undo
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True)
def _in_the_checkout():
    """Workers change into their results folder, which is gone after the test."""
    os.chdir(ROOT)
    yield
    os.chdir(ROOT)
