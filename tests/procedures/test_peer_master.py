"""Asking the peer's master: only over loopback, only from the repository, once, and not back."""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import pytest

from procedures.peer_master import PeerNotAsked, ask_peer

ARGUMENTS = {"session": "s1", "rounds": 1000, "ask_peer": "127.0.0.1:13251"}


def run_of(**changes):
    expid = {
        "file": "generate_key.py",
        "class_name": "GenerateKey",
        "repo_rev": "abc",
        "arguments": ARGUMENTS,
        **changes,
    }
    return SimpleNamespace(expid=expid, pipeline_name="main", priority=3)


@pytest.fixture
def master(monkeypatch):
    """A master of the peer, its schedule and what is submitted to it."""
    master = SimpleNamespace(schedule={}, submitted=[], addresses=[], closed=0)

    class Client:
        def __init__(self, host, port, target, timeout):
            assert target == "schedule"
            if port == 1:
                raise ConnectionRefusedError(111, "Connection refused")
            master.addresses.append((host, port))

        def get_status(self):
            return master.schedule

        def submit(self, *arguments):
            master.submitted.append(arguments)
            return 17

        def close_rpc(self):
            master.closed += 1

    package, module = ModuleType("sipyco"), ModuleType("sipyco.pc_rpc")
    module.Client = Client
    package.__spec__ = ModuleSpec("sipyco", None)
    monkeypatch.setitem(sys.modules, "sipyco", package)
    monkeypatch.setitem(sys.modules, "sipyco.pc_rpc", module)
    return master


def test_the_same_experiment_is_submitted_from_the_peers_checkout(master):
    assert ask_peer(run_of(), "127.0.0.1:13251") == 17
    ((pipeline, expid, priority, due_date, flush),) = master.submitted
    assert (pipeline, priority, due_date, flush) == ("main", 3, None, False)
    assert expid["repo_rev"] is None
    assert expid["arguments"] == {"session": "s1", "rounds": 1000}
    assert (expid["file"], expid["class_name"]) == ("generate_key.py", "GenerateKey")
    assert master.closed == 1


@pytest.mark.parametrize(("status", "asks"), [("pending", 0), ("running", 0), ("analyzing", 0), ("deleting", 1)])
def test_a_session_that_is_there_is_not_submitted_again(master, status, asks):
    master.schedule = {4: {"expid": {"arguments": {"session": "s1"}}, "status": status}}
    ask_peer(run_of(), "localhost:13251")
    assert len(master.submitted) == asks


def test_other_sessions_do_not_matter(master):
    master.schedule = {
        4: {"expid": {"arguments": {"session": "s2"}}, "status": "running"},
        5: {"expid": {}, "status": ""},
    }
    assert ask_peer(run_of(), "[::1]:13251") == 17
    assert master.addresses == [("::1", 13251)]


@pytest.mark.parametrize("address", ["192.168.1.70:3251", "0.0.0.0:3251", "[::]:3251"])
def test_never_over_a_network(master, address):
    with pytest.raises(PeerNotAsked, match="forward it through ssh"):
        ask_peer(run_of(), address)
    assert not master.addresses


@pytest.mark.parametrize("address", ["alice:3251", "127.0.0.1", "127.0.0.1:x", ":3251"])
def test_other_words_are_one_line(master, address):
    with pytest.raises(PeerNotAsked, match="write HOST:PORT"):
        ask_peer(run_of(), address)


def test_nobody_there_is_one_line(master):
    with pytest.raises(PeerNotAsked, match="nobody answers"):
        ask_peer(run_of(), "127.0.0.1:1")


def test_a_file_outside_the_repository_cannot_be_asked_for(master):
    run = run_of()
    del run.expid["repo_rev"]
    with pytest.raises(PeerNotAsked, match="not from the repository"):
        ask_peer(run, "127.0.0.1:13251")


def test_without_sipyco_it_is_one_line(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(PeerNotAsked, match="no masters without ARTIQ"):
        ask_peer(run_of(), "127.0.0.1:13251")
