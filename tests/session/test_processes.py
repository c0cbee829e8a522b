"""Two processes, TCP, CURVE and SIGKILL: the same command again ends the session with equal keys."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from session_nodes import ROLES, TwoNodes, rehearsal

from postprocess.keystore import Keystore
from postprocess.link.keys import make_link_keys, write_peer

HERE = Path(__file__).parent


def free_endpoints():
    sockets = [socket.socket() for _ in range(2)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return {name: f"tcp://127.0.0.1:{port}" for name, port in zip(("rounds", "session"), ports, strict=True)}


@pytest.fixture
def homes(tmp_path):
    """Two provisioned homes that know each other's link keys."""
    TwoNodes(tmp_path, rehearsal("s1", rounds=5000, ell=400), {}).provision()
    endpoints = free_endpoints()
    public = {node: make_link_keys(tmp_path / node) for node in ROLES}
    for node, peer in (("alice", "bob"), ("bob", "alice")):
        write_peer(tmp_path / node, public[peer], endpoints)
    return tmp_path


def start(homes, node, dies_after="nothing"):
    command = [sys.executable, str(HERE / "one_node.py"), str(homes / node), node, "s1", dies_after]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(HERE), str(HERE.parents[1])))}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return json.loads(output)


def assert_equal_keys(homes):
    with Keystore.open(homes / "alice/keystore.sqlite") as alice, Keystore.open(homes / "bob/keystore.sqlite") as bob:
        assert alice.key_records.same_key(bob.key_records, "s1")
        assert alice.balance() == bob.balance() and alice.balance().consumed == 256


@pytest.mark.parametrize(
    "deaths",
    [
        {"alice": "keep received G_B"},
        {"bob": "decide F"},
        {"alice": "keep sent revelation", "bob": "keep received revelation"},
        {"alice": "accept"},
    ],
    ids=str,
)
def test_killed_at_a_given_write(homes, deaths):
    processes = {node: start(homes, node, deaths.get(node, "nothing")) for node in ROLES}
    for node in deaths:
        processes[node].communicate(timeout=60)
        assert processes[node].returncode == -signal.SIGKILL
        processes[node] = start(homes, node)
    assert all(finish(process)["accepted"] for process in processes.values())
    assert_equal_keys(homes)


def test_killed_at_any_moment(homes):
    for delay, node in ((0.9, "alice"), (1.2, "bob")):
        processes = {name: start(homes, name) for name in ROLES}
        time.sleep(delay)
        for process in (processes[node], *processes.values()):
            process.kill()
        for process in processes.values():
            process.communicate(timeout=60)
    processes = {name: start(homes, name) for name in ROLES}
    assert all(finish(process)["accepted"] for process in processes.values())
    assert_equal_keys(homes)
