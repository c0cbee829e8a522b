"""kill -9 of either node or both, in the middle of the rounds and of post-processing; then the same command again.

A block whose node was killed is zeroed, and its tests count as lost: these sessions allow that in short blocks.
"""

import signal

import pytest

from postprocess.rounds import RoundStore
from testbed.nodes import two_nodes
from tests.demo.emulated_sessions import EXPERIMENT, ROOT, run, small_session, start, status, wait_until


def assert_resumes(demo):
    report, statuses = run(demo)
    assert report["accepted"] and report["keys_equal"], (report, statuses)
    assert report["ledgers_consistent"] and report["balance"]["consumed"] == 256


VICTIMS = [pytest.param(("alice",), marks=pytest.mark.slow), ("bob",), ("alice", "bob")]


@pytest.mark.parametrize("victims", VICTIMS, ids=" and ".join)
def test_killed_in_the_middle_of_the_rounds(tmp_path, victims):
    demo = small_session(tmp_path / "run", rounds=6000, block_rounds=50)
    pair = start(demo)
    wait_until(lambda: status(demo, "bob").get("diqkd.rounds.done", 0) >= 1500)
    for node in victims:
        pair.processes[node].kill()
    statuses = pair.watch()
    assert all(statuses[node] == -signal.SIGKILL for node in victims)
    assert all(status == 4 for node, status in statuses.items() if node not in victims)
    assert_resumes(demo)


@pytest.mark.parametrize("victim", ["alice", pytest.param("bob", marks=pytest.mark.slow)])
def test_killed_in_the_middle_of_post_processing(tmp_path, victim):
    demo = small_session(tmp_path / "run", rounds=6000, block_rounds=300)
    pair = start(demo)
    wait_until(lambda: status(demo, victim).get("lifecycle") == "analyze")
    pair.processes[victim].kill()
    pair.watch()
    assert_resumes(demo)


def test_killed_inside_a_block_without_an_allowance(tmp_path):
    """The session ends, on both nodes, with a sentence that names what would have borne it."""
    demo = small_session(tmp_path / "run", rounds=12_000, block_rounds=6000, allowance=0)
    folder = demo.homes / "alice" / "sessions" / demo.parameters.session_id
    pair = start(demo)
    wait_until(lambda: RoundStore.exists(folder) and RoundStore.open(folder, read_only=True).burned_blocks == 2)
    pair.processes["alice"].kill()  # what a status shows is a block's end, where a kill may cost nothing
    pair.watch()
    report, statuses = run(demo)
    assert report["abort_reason"] == "zeroed rounds" and set(statuses.values()) == {3}
    assert report["balance"]["generated"] == 0


def test_a_node_that_dies_at_its_start_is_not_waited_for(tmp_path):
    """Case H4: Alice's patience is an hour."""
    demo = small_session(tmp_path / "run", peer_timeout=3600.0)
    (demo.homes / "bob" / "keystore.sqlite").unlink()
    statuses = start(demo).watch()
    assert statuses["bob"] not in (0, 4) and statuses["alice"] == 4


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_node_that_waits_for_its_peer_ends_when_asked(tmp_path, number):
    """Case H4: its patience is an hour."""
    demo = small_session(tmp_path / "run", peer_timeout=3600.0)
    pair = two_nodes.NodePair(demo.laboratory)
    pair.start("alice", EXPERIMENT, "GenerateKey", demo.arguments, demo.homes, ROOT / "device_db.py")
    wait_until(lambda: status(demo, "alice").get("lifecycle") == "run")
    pair.processes["alice"].send_signal(number)
    assert pair.processes["alice"].wait(timeout=60) == 130
