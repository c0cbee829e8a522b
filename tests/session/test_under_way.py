"""When a node may tell the peer outcomes of the devices that make a key (message order, before the first step)."""

from types import SimpleNamespace

import pytest

from postprocess.errors import InvalidInput
from postprocess.session import under_way
from postprocess.session.under_way import await_leave_to_tell_outcomes
from postprocess.storage.node_home import NodeHome


@pytest.fixture
def stored(nodes, monkeypatch):
    """Both nodes' session open with its rounds measured: `stored.complete` says whether all are."""
    kept = SimpleNamespace(burned_blocks=1, complete=True, close=lambda: None)
    fake = SimpleNamespace(exists=lambda folder: True, open=lambda folder, read_only: kept)
    monkeypatch.setattr(under_way, "RoundStore", fake)
    nodes.timeout_s = 0.5
    kept.nodes = nodes
    return kept


def home(stored, node):
    return NodeHome(node, stored.nodes.folder)


def waits(stored, node):
    """How often it looked again before it refused."""
    looked = []
    with pytest.raises(InvalidInput, match="session s1 has all its rounds and no message") as refused:
        await_leave_to_tell_outcomes(home(stored, node), 2.0, looked.append)
    assert "`diqkd keys abandon --session s1`" in str(refused.value)
    return len(looked)


def test_rounds_that_are_to_come_are_not_waited_for(stored):
    stored.complete = False
    stored.nodes.run(only=("alice",))
    with pytest.raises(InvalidInput, match="s1 is in the middle of its rounds"):
        await_leave_to_tell_outcomes(home(stored, "alice"), 60.0, sleep=None)


def test_complete_rounds_wait_for_the_first_message_and_no_longer(stored):
    """Bob's is G_B, which goes out at once; Alice's needs it, so that she still waits where it got lost."""
    stored.nodes.run(lambda node, kind, payload: None if kind == "G_B" else payload)
    assert waits(stored, "alice") == 4
    await_leave_to_tell_outcomes(home(stored, "bob"), 0.0, sleep=None)
    stored.nodes.run()
    await_leave_to_tell_outcomes(home(stored, "alice"), 0.0, sleep=None)


def test_without_a_ledger_or_a_session_nothing_hinders(stored, tmp_path):
    await_leave_to_tell_outcomes(home(stored, "alice"), 0.0, sleep=None)
    (tmp_path / "alice").mkdir()
    await_leave_to_tell_outcomes(NodeHome("alice", tmp_path), 0.0, sleep=None)
