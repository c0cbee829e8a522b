"""Two KMEs as processes of their own: many clients, kill -9, and what the command line says."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests
from etsi_qkd_014_client import QKD014Client

from benchmarks.key_delivery import fill, load
from kme.key_supply import Permissions
from kme.peer_line import NodeLine
from kme.server import serve
from postprocess.errors import InvalidInput, PeerLost
from postprocess.keystore import Keystore
from postprocess.storage.node_home import NodeHome
from postprocess.storage.private_files import lock_file

ROOT = Path(__file__).resolve().parents[2]
NODES = ("alice", "bob")
PATIENCE_S = 120  # only ends a hang


class Kme:
    """`diqkd kme serve` of one node."""

    def __init__(self, homes, node, *words):
        command = [sys.executable, "-m", "diqkd", "kme", "serve", "--home", str(homes), "--node", node, "--json"]
        with (homes / f"{node}.log").open("a") as log:
            self.process = subprocess.Popen([*command, *words], stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT)
        line = self.process.stdout.readline()
        assert line, (homes / f"{node}.log").read_text()
        self.port = int(json.loads(line)["ready"].rsplit(":", 1)[1].split("/")[0])

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        status = self.process.wait(PATIENCE_S)
        self.process.stdout.close()
        return status


ALLOWED = ("--allow-emulated", "--allow-insecure")


@pytest.fixture
def pair(tmp_path, request):
    fill(tmp_path, getattr(request, "param", 600))
    kmes = {node: Kme(tmp_path, node, *ALLOWED) for node in NODES}
    yield tmp_path, kmes
    for kme in kmes.values():
        if kme.process.poll() is None:
            kme.end(signal.SIGKILL)


def client(homes, kmes, node):
    folder = homes / "certificates"
    files = [str(folder / name) for name in (f"sae-{node}.pem", f"sae-{node}.key", "ca.pem")]
    return QKD014Client(f"127.0.0.1:{kmes[node].port}", *files)


def until_served(ask):
    deadline = time.monotonic() + PATIENCE_S
    while (answer := ask())[0] == 503:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return answer


@pytest.mark.parametrize("pair", [10_100], indirect=True)
def test_ten_thousand_keys_for_sixteen_clients(pair):
    homes, kmes = pair
    until_served(lambda: client(homes, kmes, "alice").get_key("sae-bob"))
    asked = [{"number": 100}] * 100
    given = asyncio.run(load(homes, "sae-alice", kmes["alice"].port, "sae-bob/enc_keys", asked))
    assert len(given.keys) == len(set(given.keys.values())) == 10_000
    ids = [{"key_ID": key_id} for key_id in given.keys]
    asked = [{"key_IDs": ids[start : start + 100]} for start in range(0, len(ids), 100)]
    same = asyncio.run(load(homes, "sae-bob", kmes["bob"].port, "sae-alice/dec_keys", asked))
    assert same.keys == given.keys
    assert [kme.end() for kme in kmes.values()] == [0, 0]
    shown = json.loads(diqkd("keys", "show", "--home", homes, "--node", "bob", "--json").stdout)["key_delivery"]
    totals = {(a["side"], a["state"]): (a["keys"], a["bits"]) for a in shown["accounts"]}
    assert totals[("slave", "delivered")] == (10_000, 10_000 * 256)
    assert set(shown["pool_bits"]) == set(NODES) and shown["pool_bits"]["bob"] >= 10_000 * 256
    for node in NODES:
        with Keystore.open(homes / node / "keystore.sqlite") as keystore:
            assert keystore.check() == []
        log = (homes / f"{node}.log").read_text()
        assert not any(key in log for key in given.keys.values()), "no key in a log"


@pytest.mark.parametrize("victim", NODES)
def test_kill_nine_under_load(pair, victim):
    """What was answered stands at the other end, once; what was not answered was given to nobody."""
    homes, kmes = pair
    master, slave = client(homes, kmes, "alice"), client(homes, kmes, "bob")
    until_served(lambda: master.get_key("sae-bob"))
    before = master.get_key("sae-bob", number=2)[1].keys
    taken, waiting = before
    assert slave.get_key_with_key_IDs("sae-alice", [taken.key_id])[0] == 200
    answered, enough = {}, threading.Event()

    def ask():
        while True:
            try:
                status, content = client(homes, kmes, "alice").get_key("sae-bob", number=2)
            except requests.exceptions.RequestException:
                return
            if status != 200:
                return
            answered.update({key.key_id: key.key for key in content.keys})
            if len(answered) >= 20:
                enough.set()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert enough.wait(PATIENCE_S)
    kmes[victim].end(signal.SIGKILL)
    for thread in threads:
        thread.join()
    kmes[victim] = Kme(homes, victim, *ALLOWED)
    master, slave = client(homes, kmes, "alice"), client(homes, kmes, "bob")
    until_served(lambda: master.get_key("sae-bob"))
    assert slave.get_key_with_key_IDs("sae-alice", [taken.key_id])[0] == 400, "not a second time"
    answered[waiting.key_id] = waiting.key
    for key_id, key in answered.items():
        status, content = slave.get_key_with_key_IDs("sae-alice", [key_id])
        assert (status, [each.key for each in content.keys]) == (200, [key])
    fresh = [key.key for key in master.get_key("sae-bob", number=100)[1].keys]
    assert not set(fresh) & {*answered.values(), taken.key}
    assert [kme.end() for kme in kmes.values()] == [0, 0]
    for node in NODES:
        with Keystore.open(homes / node / "keystore.sqlite") as keystore:
            assert keystore.check() == []


def diqkd(*words):
    command = [sys.executable, "-m", "diqkd", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)


def test_what_stops_a_server_from_starting_is_one_line(tmp_path):
    fill(tmp_path, 10)
    home = tmp_path / "alice"
    good = (home / "kme.toml").read_text()
    key = home / "kme" / "server.key"

    def refused(words, text=good):
        (home / "kme.toml").write_text(text)
        with pytest.raises(InvalidInput, match=words) as found:
            serve(NodeHome("alice", tmp_path), Permissions())
        assert "\n" not in str(found.value)

    refused("client_ca must be given, as text", good.replace("client_ca", "# client_ca"))
    refused("missing; docs/keys.md", good.replace("kme/ca.pem", "kme/none.pem"))
    refused("not a certificate in PEM", good.replace("kme/ca.pem", "kme.toml"))
    refused("192.0.2.1 port .*: cannot be used", good.replace("127.0.0.1", "192.0.2.1"))
    refused("no \\[server\\]|must be given", 'kme_id = "a"\npeer_kme_id = "b"\n')
    lock = lock_file(home / "kme" / "lock", "the test has it")
    refused("another KME serves this node")
    os.close(lock)
    key.chmod(0o644)
    refused("others may read it")
    key.chmod(0o600)
    peer = json.loads((home / "link" / "peer.json").read_text())
    del peer["keys"]
    (home / "link" / "peer.json").write_text(json.dumps(peer))
    refused("no address of the channel 'keys'")


def test_certificates_are_made_once(tmp_path):
    fill(tmp_path, 10)
    again = diqkd("kme", "certificates", "--home", tmp_path)
    assert again.returncode == 2 and "use these certificates, or name a new folder" in again.stderr
    other = diqkd("kme", "certificates", "--home", tmp_path, "--to", tmp_path / "new", "--alice-sae", "vpn.example")
    assert other.returncode == 0, other.stderr
    assert (tmp_path / "new" / "vpn.example.pem").exists() and "vpn.example" in other.stdout
    for path in (tmp_path / "new").iterdir():
        assert path.stat().st_mode & 0o077 == 0
    assert diqkd("kme", "certificates", "--home", tmp_path / "nowhere").returncode == 2


def test_the_line_knows_at_both_ends_whether_the_peer_is_there(tmp_path):
    fill(tmp_path, 10)

    async def until(line, there):
        async with asyncio.timeout(PATIENCE_S):
            while line.is_there() is not there:
                await asyncio.sleep(0.01)

    async def scenario():
        bob = NodeLine(tmp_path / "bob", "bob")
        assert not bob.is_there()
        with pytest.raises(PeerLost):
            bob.send("hello", b"to nobody")
        for _ in range(2):  # whoever comes back finds the other
            alice = NodeLine(tmp_path / "alice", "alice")
            await until(alice, True)
            await until(bob, True)
            for sender, receiver in ((alice, bob), (bob, alice)):
                for number in range(100):
                    sender.send("hello", b"%d" % number)
                assert [await receiver.receive() for _ in range(100)] == [("hello", b"%d" % n) for n in range(100)]
            alice.close()
            await until(bob, False)
        bob.close()

    asyncio.run(scenario())
