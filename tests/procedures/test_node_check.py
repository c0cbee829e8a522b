"""The check between blocks sees what drifts, on the emulated apparatus, and keeps what it saw to itself."""

import json

import pytest

from procedures.node_check import NodeCheck


@pytest.fixture
def check(calibrate):
    """check(node, **wrong settings) gives the check, the kernel session that it needs, and the home."""

    def make(node="bob", **wrong):
        wrong = {name.replace("__", "."): value for name, value in wrong.items()}
        made = calibrate(node, "calibrate_readout.py", wrong=wrong)
        made.worker.prepare()
        made.experiment.begin("Test", "x", "y")
        return NodeCheck(made.experiment), made.experiment.kernel_session, made

    return make


@pytest.mark.parametrize("node", ["alice", "bob"])
def test_a_node_as_it_should_be_is_good_and_nothing_is_published(check, node, capsys):
    found, session, made = check(node)
    before = dict(made.worker.datasets.data)
    assert all(found.is_good(session) for _ in range(3))
    assert made.worker.datasets.data == before and capsys.readouterr().out == ""
    told = json.loads((made.home / "calibrations.json").read_text())["check in a session"]["result"]
    assert "mapping pi 1.00" in told and "analysis fringe 0." in told and "counts of a bright ion" in told


@pytest.mark.parametrize(
    "wrong",
    [
        {"qubit__mapping__frequency": 200.001e6},
        {"qubit__analysis__frequency": 214e6 - 900.0},
        {"qubit__shelving__frequency": 225.2e6 + 80e3},
        {"qubit__mapping__pi_time": 3.5e-6},
        {"readout__threshold": 45},
    ],
)
def test_what_is_off_is_seen(check, wrong):
    found, session, _ = check(**wrong)
    assert not found.is_good(session)


def test_an_ion_that_grows_dim_is_seen(check):
    found, session, _ = check()
    assert found.is_good(session)
    found.light *= 1.6
    assert not found.is_good(session)
