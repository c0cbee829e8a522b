"""The laboratory of masters, without the masters: processes that are known again, ports, folders, one-line errors."""

import ast
import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from postprocess.errors import DiqkdError, InvalidInput
from postprocess.keystore import Keystore
from testbed.nodes.detached import DetachedProcess
from testbed.nodes.masters import OFFSET, USUAL, NodeMasters, choose_ports
from testbed.nodes.two_masters import TwoMasters, demonstration_at

ROOT = Path(__file__).resolve().parents[2]
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)
ORDERLY = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit("bye"))
print("up", flush=True)
time.sleep(60)
"""


def start(folder, code):
    return DetachedProcess.start("it", [sys.executable, "-u", "-c", code], folder, os.environ, folder / "it.log")


def await_line(process, line):
    deadline = time.monotonic() + 20
    while process.last_line() != line:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_process_ends_in_order_when_asked(tmp_path):
    process = start(tmp_path, ORDERLY)
    await_line(process, "up")
    assert process.is_alive()
    process.end(10.0)
    assert not process.is_alive()
    assert process.last_line() == "bye"
    assert (tmp_path / "it.log").stat().st_mode & 0o777 == 0o600


def test_a_deaf_process_is_made_to(tmp_path):
    process = start(tmp_path, STUBBORN)
    await_line(process, "deaf")
    process.end(0.3)
    assert not process.is_alive()


def test_another_process_with_the_same_number_is_left_alone(tmp_path):
    process = start(tmp_path, ORDERLY)
    impostor = DetachedProcess("it", process.pid, process.created + 1, process.log)
    assert not impostor.is_alive()
    impostor.end(0.1)
    assert process.is_alive()
    process.end(10.0)


def test_a_process_is_known_again_after_it_was_written_down(tmp_path):
    process = start(tmp_path, ORDERLY)
    entry = {"name": "it", "pid": process.pid, "created": process.created, "log": process.log}
    (tmp_path / "lab.json").write_text(json.dumps({"ports": {}, "processes": {"alice": [entry]}}))
    lab = TwoMasters.open(tmp_path)
    assert lab.running() == [process]
    lab.down()
    assert TwoMasters.open(tmp_path).running() == []
    assert not process.is_alive()


def test_a_program_beside_the_masters_is_known_and_ended_with_them(tmp_path):
    lab = TwoMasters(tmp_path, ports={"alice": {"control": 1}}, processes={"alice": []})
    lab.node("alice").working_folder.mkdir(parents=True)
    lab.start_beside("alice", "server", [sys.executable, "-u", "-c", ORDERLY], "up")
    (process,) = TwoMasters.open(tmp_path).running()
    assert process.name == "alice's server"
    with pytest.raises(DiqkdError, match=r"alice's broken ended at once: oops"):
        lab.start_beside("alice", "broken", [sys.executable, "-c", "print('oops')"], "up")
    process.end(10.0)


@pytest.mark.parametrize("node", ["alice", "bob"])
def test_ports_in_use_are_avoided(node):
    wanted = choose_ports(node)
    with socket.create_server(("127.0.0.1", wanted["control"])):
        chosen = choose_ports(node, wanted)
    assert set(chosen) == set(USUAL)
    assert chosen["control"] != wanted["control"]
    assert len(set(chosen.values())) == len(chosen)


def test_usual_ports_of_both_nodes_do_not_meet():
    ports = [port + offset for port in USUAL.values() for offset in OFFSET.values()]
    assert len(set(ports)) == len(ports)
    assert max(ports) < 32_768  # below the range from which the system gives ports to others


def test_set_up_provisions_both_homes_for_rehearsals(tmp_path):
    lab = TwoMasters.open(tmp_path / "lab")
    lab.set_up(sessions=3, rehearsals=True, seed=None)
    assert lab.is_set_up
    demo = demonstration_at(lab.folder)
    balances = []
    for node in ("alice", "bob"):
        with Keystore.open(demo.homes / node / "keystore.sqlite") as ledger:
            assert ledger.insecure_because == ("this ledger also serves rehearsals",)
            balances.append(ledger.balance())
    assert balances[0] == balances[1]
    assert balances[0].initial == 1_203_422 + 2 * 256
    with pytest.raises(InvalidInput, match=r"never began on Alice's node; .*bob/master\.log say why"):
        lab.report("s1")
    before = (demo.homes / "alice" / "link" / "public_key").read_text()
    demo.connect()
    assert (demo.homes / "alice" / "link" / "public_key").read_text() == before


def test_the_working_folder_has_the_nodes_own_device_table(tmp_path, monkeypatch):
    node = NodeMasters("bob", tmp_path, choose_ports("bob"))
    node.set_up(ROOT)
    environment = node.environment()
    assert (environment["DIQKD_NODE"], environment["DIQKD_APPARATUS"]) == ("bob", "emulated")
    code = "import runpy; print(runpy.run_path('device_db.py')['device_db'])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=node.working_folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    table = ast.literal_eval(done.stdout)
    for name in ("diqkd_keystore", "diqkd_qrng"):
        assert (table[name]["host"], table[name]["port"]) == ("127.0.0.1", node.ports[name])
    assert table["apparatus"]["arguments"] == {"node": "bob", "kind": "emulated"}
    assert (node.working_folder / "repository" / "generate_key.py").is_file()


def test_a_damaged_state_is_one_line(tmp_path):
    (tmp_path / "lab.json").write_text("{}")
    with pytest.raises(InvalidInput, match=r"lab\.json: damaged"):
        TwoMasters.open(tmp_path)


def command(*words):
    return subprocess.run([sys.executable, "-m", "diqkd", "lab", *words], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.skipif(importlib.util.find_spec("artiq_comtools") is not None, reason="ARTIQ is installed here")
def test_without_artiq_up_says_so_and_leaves_nothing(tmp_path):
    done = command("up", "--home", str(tmp_path / "lab"))
    assert done.returncode == 2
    assert done.stderr.startswith("diqkd: ARTIQ is not installed for ")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "lab").exists()


@pytest.mark.parametrize("words", [["status"], ["submit", "--session", "s1"]])
def test_where_nothing_was_started_it_is_one_line(tmp_path, words):
    done = command(words[0], "--home", str(tmp_path / "nowhere"), *words[1:])
    assert done.returncode == 2
    assert "no laboratory here; start one with `diqkd lab up" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_down_where_nothing_runs_is_no_error(tmp_path):
    done = command("down", "--home", str(tmp_path / "nowhere"))
    assert (done.returncode, done.stdout) == (0, "Nothing was running\n")
    assert not (tmp_path / "nowhere").exists()
