"""Turns with the pulsed laser: in memory, and between two emulated nodes."""

import json
import socket
import threading
import time
from pathlib import Path

import pytest

from postprocess.acquisition import pulsed_laser as turns
from postprocess.acquisition.pulsed_laser import turn
from postprocess.errors import PeerLost
from postprocess.link import memory_pair

ROOT = Path(__file__).resolve().parents[2]


class Two:
    """Both nodes' turns, in threads; `log` tells what happened when."""

    def __init__(self, pair):
        self.links = dict(zip(("alice", "bob"), pair, strict=True))
        self.log, self.problems, self.threads = [], {}, []

    def start(self, node, problem=None, timeout_s=60.0, lasts_s=0.05):
        def take():
            link = self.links[node]
            try:
                with turn(link, node, timeout_s):
                    self.log.append(f"{node} begins")
                    time.sleep(lasts_s)
                    self.log.append(f"{node} ends")
                    if problem:
                        raise problem
            except Exception as raised:
                self.problems[node] = raised
            finally:
                link.close()

        self.threads.append(threading.Thread(target=take, daemon=True))
        self.threads[-1].start()

    def join(self):
        for thread in self.threads:
            thread.join(20)
            assert not thread.is_alive(), "a node hangs"
        return self.log


@pytest.mark.parametrize("first", ["alice", "bob"])
def test_bob_goes_first_whoever_came_first(first):
    two = Two(memory_pair())
    two.start(first)
    time.sleep(0.05)
    two.start("bob" if first == "alice" else "alice")
    assert two.join() == ["bob begins", "bob ends", "alice begins", "alice ends"]
    assert two.problems == {}


def test_alice_goes_on_when_bobs_measurement_failed():
    two = Two(memory_pair())
    two.start("bob", ValueError("no light"))
    two.start("alice")
    assert two.join()[-2:] == ["alice begins", "alice ends"]
    assert str(two.problems["bob"]) == "no light"


@pytest.mark.parametrize(("alone", "missing"), [("bob", "alice"), ("alice", "bob")])
def test_a_node_that_stays_alone_says_what_to_do(alone, missing, monkeypatch):
    monkeypatch.setattr(turns, "LONGEST_TURN_S", 0.3)
    two = Two(memory_pair())
    two.start(alone, timeout_s=0.2)
    assert two.join() == []
    assert isinstance(two.problems[alone], PeerLost) and missing in str(two.problems[alone])
    if alone == "bob":
        expected = "alice did not come within 0 s: submit the same calibration there, or say that alice is idle with"
        assert expected in str(two.problems[alone])


def test_a_bob_who_dies_in_his_turn_does_not_hand_it_on():
    alice, bob = memory_pair()
    two = Two((alice, bob))
    two.start("alice")
    assert bob.receive(turns.HERE, 5.0)
    bob.close()
    assert two.join() == []
    assert "bob went away in his turn" in str(two.problems["alice"])


def test_bob_submitted_anew_finds_an_alice_who_waits(monkeypatch):
    monkeypatch.setattr(turns, "LOOK_EVERY_S", 0.05)
    alice, bob = memory_pair()
    two = Two((alice, bob))
    two.start("alice")
    assert bob.receive(turns.HERE, 5.0)  # his first run, which is killed here
    two.start("bob")
    assert two.join() == ["bob begins", "bob ends", "alice begins", "alice ends"]


def endpoint():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{one.getsockname()[1]}"


@pytest.fixture
def laboratory(tmp_path):
    """Two homes with link keys, and a laboratory around them."""
    from postprocess.link.keys import make_link_keys, write_peer
    from testbed.physics import laboratory

    homes, endpoints = tmp_path / "homes", {"rounds": endpoint(), "session": endpoint()}
    public = {node: make_link_keys(homes / node) for node in ("alice", "bob")}
    write_peer(homes / "alice", public["bob"], endpoints)
    write_peer(homes / "bob", public["alice"], endpoints)
    laboratory.create(tmp_path / "laboratory", seed=3)
    return tmp_path


def test_two_nodes_calibrate_one_after_the_other(laboratory):
    from testbed.nodes.two_nodes import run_experiment

    waited = {"alice": [], "bob": []}
    results = {}

    def note(node, status):
        waited[node].append(status.get("calibration.status", ""))
        results[node] = status.get("calibration.scan.result")

    codes = run_experiment(
        ROOT / "repository" / "calibrate_apd_gates.py",
        "CalibrateApdGates",
        {"windows": 100},
        homes=laboratory / "homes",
        laboratory=laboratory / "laboratory",
        device_db=ROOT / "device_db.py",
        on_status=note,
    )
    assert codes == {"alice": 0, "bob": 0}
    for node in codes:
        written = json.loads((laboratory / "homes" / node / "calibration.json").read_text())
        assert written["attempts.gate"]["by"] == "CalibrateApdGates"
        assert "photons arrive" in results[node]
    begun = {node: (laboratory / "homes" / node / "calibration.json").stat().st_mtime for node in codes}
    assert begun["bob"] < begun["alice"]
