"""`diqkd keys`: a ledger's life from the first shared secret to the key handed out."""

import json
import shutil
import sqlite3
import stat

import numpy as np
import pytest
from command_runs import CUSTOM, both_sessions, diqkd, provision, store_rounds

from postprocess.keystore import open_ledger
from postprocess.keystore.k0_file import HEADER_BYTES
from postprocess.storage.node_home import NodeHome


def keys(action, homes, node, *words):
    return diqkd("keys", action, "--home", homes, "--node", node, *words)


@pytest.fixture(scope="module")
def gained(homes):
    """Homes after one accepted session, and one more with rounds only."""
    store_rounds(homes, "gained", seed=11)
    for end in both_sessions(homes, "gained", "--json", "--timeout", "60").values():
        assert end.status == 0, end.err
    return homes


def test_what_is_said_of_a_key_is_wrapped_below_it(gained, monkeypatch):
    """Case 23: a row of 200 columns."""
    monkeypatch.setenv("COLUMNS", "60")
    told = keys("show", gained, "alice").out.split("\nKeys\n")[1]
    below = told.splitlines()[2:]
    assert below[0].startswith("    rule proposition-2: ") and max(map(len, below)) <= 60 and "INSECURE" in told


def test_provisioned_ledgers_are_equal_and_private(tmp_path):
    provision(tmp_path / "homes", tmp_path, sessions=2)
    shown = {node: keys("show", tmp_path / "homes", node, "--json").json for node in ("alice", "bob")}
    assert shown["alice"]["balance"] == shown["bob"]["balance"]
    balance = shown["alice"]["balance"]
    assert balance["K0"] == balance["K1"] == balance["reusable"] + 2 * 256
    assert (balance["consumed"], balance["generated"]) == (0, 0)
    assert stat.S_IMODE((tmp_path / "k0").stat().st_mode) == 0o600
    for path in (tmp_path / "homes").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    for node in ("alice", "bob"):
        assert keys("verify", tmp_path / "homes", node).status == 0


def test_k0_of_the_paper(tmp_path):
    """|K0| = 1 203 422 bits (table I), packed into whole bytes."""
    end = keys("provision", tmp_path, "alice", "--draw", tmp_path / "k0", "--json")
    assert end.status == 0, end.err
    balance = end.json["balance"]
    assert (balance["K0"], balance["reusable_trevisan"], balance["reusable_vhash"]) == (1_203_422, 1_201_886, 1280)
    assert (balance["apparatus"], balance["insecure_because"]) == ("kasli", [])
    assert (tmp_path / "k0").stat().st_size == HEADER_BYTES + -(-1_203_422 // 8)


def test_k0_from_a_hardware_generator(tmp_path):
    """Its file is used from the start, and remembered for the settings to come."""
    data = np.random.default_rng(1).integers(0, 256, 200_000, dtype=np.uint8).tobytes()
    (tmp_path / "qrng").write_bytes(data)
    words = ("--draw", tmp_path / "k0", "--random-file", tmp_path / "qrng", *CUSTOM)
    assert keys("provision", tmp_path, "alice", *words).status == 0
    assert (tmp_path / "k0").read_bytes()[HEADER_BYTES:][:1000] == data[:1000]
    assert json.loads((tmp_path / "alice" / "random.json").read_text())["path"] == str(tmp_path / "qrng")


def test_a_second_k0_is_refused(homes, tmp_path):
    end = keys("provision", homes, "alice", "--draw", tmp_path / "k0", *CUSTOM)
    assert end.status == 2
    assert "has its K0 already" in end.err
    assert not (tmp_path / "k0").exists(), "nothing is drawn in vain"


def test_provision_refuses_what_does_not_fit(tmp_path):
    (tmp_path / "k0").write_bytes(b"too short")
    for words, line in (
        (("--take", tmp_path / "k0"), "K0: not a file that `diqkd keys provision --draw` writes"),
        (("--take", tmp_path / "none"), "missing; give the file that --draw wrote"),
        (("--draw", tmp_path / "k0"), "exists; choose another name"),
        (("--draw", tmp_path / "no" / "k0"), "cannot be made"),
    ):
        end = keys("provision", tmp_path, "bob", *words, *CUSTOM)
        assert (end.status, len(end.err.splitlines())) == (2, 1)
        assert line in end.err
    assert (tmp_path / "k0").read_bytes() == b"too short"


def test_show(gained):
    """Usability case 19: how many sessions the ledger still serves."""
    end = keys("show", gained, "bob")
    assert end.status == 0
    for line in ("Made on the emulated apparatus: not a secret key.", "INSECURE: below the proof's threshold"):
        assert line in end.out
    assert any(line.split()[:2] == ["gained", "accepted"] for line in end.out.splitlines())
    assert any(line.startswith("  gained") and " 1 000 bits " in line for line in end.out.splitlines())
    shown = keys("show", gained, "bob", "--json").json
    left = shown["sessions_left"]
    assert left >= 1 and f"Pads for {left} more session" in end.out
    assert shown["balance"]["consumed"] == 256
    assert shown["balance"]["generated"] == 1000
    assert shown["balance"]["net"] == 1000 - 256
    assert [key["key_id"] for key in shown["keys"]] == ["gained"]


def test_verify_compares_both_ledgers(gained):
    end = keys("verify", gained, "alice")
    assert end.status == 0
    assert end.out.splitlines()[-1] == "1 key, equal on both nodes."


def test_verify_notices_files_that_others_can_read(gained):
    path = gained / "alice" / "keystore.sqlite"
    path.chmod(0o644)
    try:
        end = keys("verify", gained, "alice")
    finally:
        path.chmod(0o600)
    assert end.status == 2
    assert "keystore.sqlite: others may read it" in end.err


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("UPDATE keys SET state = 'pending'", "key gained: pending although its session is closed"),
        ("UPDATE keys SET digest = x'00'", "key gained: changed since it was stored"),
        ("UPDATE sessions SET id = 'another'", "does not know the session 'gained'"),
        (
            "UPDATE keys SET destination = '/media/key'",
            "key gained: an interrupted delivery has left a copy in /media/",
        ),
    ],
)
def test_verify_runs_every_check(gained, tmp_path, change, line):
    """Case H3: what the ledger's own checks find, keys verify says."""
    copied = tmp_path / "homes"
    shutil.copytree(gained, copied)
    path = copied / "alice" / "keystore.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute(change)
    connection.close()
    end = keys("verify", copied, "alice")
    assert end.status == 2 and "alice's ledger is not in order" in end.err
    assert any(line in finding for finding in keys("verify", copied, "alice", "--json").json["findings"])


def test_forget_erases_the_copy_of_an_interrupted_delivery(gained, tmp_path, monkeypatch):
    from postprocess.keystore import delivery

    copied, file = tmp_path / "homes", tmp_path / "key"
    shutil.copytree(gained, copied)
    with open_ledger(NodeHome("alice", copied)) as keystore, monkeypatch.context() as patch:
        patch.setattr(delivery, "_give_name", lambda *_: exec("raise KeyboardInterrupt"))
        with pytest.raises(KeyboardInterrupt):
            delivery.deliver(keystore, "gained", file, allow_emulated=True, allow_insecure=True)
    end = keys("forget", copied, "alice", "--session", "gained")
    assert end.status == 2 and "say --with-key to erase it too" in end.err
    end = keys("forget", copied, "alice", "--session", "gained", "--with-key")
    assert end.status == 0 and not list(tmp_path.glob("*key*")), end.err


def test_verify_notices_different_keys(gained, monkeypatch):
    from postprocess.keystore.key_records import KeyRecords

    monkeypatch.setattr(KeyRecords, "same_key", lambda *arguments: False)
    end = keys("verify", gained, "alice", "--json")
    assert end.status == 2
    assert end.json["keys_equal"] is False
    assert "alice's ledger is not in order: key gained: not the same on both nodes" in end.err


def test_keys_are_handed_out_once_and_only_when_asked_by_name(gained, tmp_path):
    gained = shutil.copytree(gained, tmp_path / "homes")
    files = {node: tmp_path / node for node in ("alice", "bob")}
    refused = keys("deliver", gained, "alice", "--key", "gained", "--to", files["alice"])
    assert (refused.status, files["alice"].exists()) == (2, False)
    assert "made on the emulated apparatus, it protects nothing" in refused.err
    half = keys("deliver", gained, "alice", "--key", "gained", "--to", files["alice"], "--allow-emulated")
    assert (half.status, files["alice"].exists()) == (2, False)
    assert "insecure" in half.err
    allowed = ("--allow-emulated", "--allow-insecure")
    before = keys("show", gained, "alice").out
    assert "active: 744 bits to deliver, 256 bits are pads" in before
    assert "Delivered of what was generated: 0 bits" in before
    for node, file in files.items():
        end = keys("deliver", gained, node, "--key", "gained", "--to", file, *allowed, "--json")
        assert end.status == 0, end.err
        assert end.json["insecure"] is True
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.stat().st_size == -(-end.json["bits"] // 8)
    assert files["alice"].read_bytes() == files["bob"].read_bytes()
    assert len(set(files["alice"].read_bytes())) > 20
    after = keys("show", gained, "alice").out  # usability case 19
    assert "delivered: 744 bits handed out, none is here any more, 256 bits are pads" in after
    assert "Delivered of what was generated: 744 bits" in after
    again = keys("deliver", gained, "alice", "--key", "gained", "--to", tmp_path / "again", *allowed)
    assert (again.status, (tmp_path / "again").exists()) == (2, False)
    assert "delivered already" in again.err
    for node in files:
        folder = gained / node / "sessions" / "gained"
        assert not {"settings.bin", "records.log", "private.json"} & {path.name for path in folder.iterdir()}
        assert keys("verify", gained, node).out.splitlines()[-1] == "1 key, equal on both nodes."
        end = diqkd("session", "--home", gained, "--node", node, "--session", "gained")
        assert (end.status, "erased after the key had left" in end.err) == (2, True)


def test_abandon(homes, tmp_path):
    from postprocess.storage.node_home import NodeHome

    homes = shutil.copytree(homes, tmp_path / "homes")
    parameters = store_rounds(homes, "given-up", seed=12)
    for node in ("alice", "bob"):
        with open_ledger(NodeHome(node, homes)) as keystore:
            keystore.reserve("given-up", parameters)
    end = keys("abandon", homes, "alice", "--session", "given-up", "--json")
    assert (end.status, end.json["outcome"]) == (0, "abandoned by operator")
    for ended in both_sessions(homes, "given-up", "--json", "--timeout", "60").values():
        assert (ended.status, ended.json["abort_reason"]) == (3, "abandoned by operator")
    unknown = keys("abandon", homes, "alice", "--session", "never")
    assert unknown.status == 2
    assert "session 'never': not in" in unknown.err


def test_link_keys_are_made_once(tmp_path):
    first, second = (keys("link", tmp_path, "alice").out for _ in range(2))
    assert first == second and "bob's key is not stored yet" in first
    key = first.splitlines()[0]
    assert len(key) == 40
    half = keys("link", tmp_path, "alice", f"--peer-key={key}")
    assert half.status == 2 and "give all of --peer (or --peer-key), --rounds and --post-processing" in half.err
    words = ("--peer-key", "short", "--rounds", "tcp://a:1", "--post-processing", "tcp://a:2")
    assert "public_key must have 40 characters" in keys("link", tmp_path, "alice", *words).err
    words = ("--peer-key", "a" * 40, "--rounds", "a:1", "--post-processing", "tcp://a:2")
    assert "address a:1: write tcp://HOST:PORT" in keys("link", tmp_path, "alice", *words).err


ADDRESSES = ("--rounds", "tcp://a:1", "--post-processing", "tcp://a:2")


def test_link_keys_travel_as_files_and_are_confirmed(tmp_path):
    """Case 13: what was stored is said, with the same fingerprints on both nodes."""
    carried = {node: tmp_path / f"{node}.link" for node in ("alice", "bob")}
    own = {node: keys("link", tmp_path, node, "--write", carried[node], "--json").json for node in carried}
    for node, peer in (("alice", "bob"), ("bob", "alice")):
        stored = keys("link", tmp_path, node, "--peer", carried[peer], *ADDRESSES)
        assert stored.status == 0, stored.err
        assert f"{peer}'s fingerprint  {own[peer]['fingerprint']}, stored now" in stored.out
        assert f"{node}'s fingerprint  {own[node]['fingerprint']}\n" in stored.out
        assert "at tcp://a:1 (rounds) and tcp://a:2 (post-processing)" in stored.out
        again = keys("link", tmp_path, node, "--json").json
        assert again["peer"] == {"public_key": own[peer]["public_key"], "fingerprint": own[peer]["fingerprint"],
                                 "rounds": "tcp://a:1", "session": "tcp://a:2"}  # fmt: skip
    assert own["alice"]["fingerprint"] != own["bob"]["fingerprint"]


def test_its_own_link_key_is_refused(tmp_path):
    """Case 13: as characters and as a file."""
    carried = tmp_path / "bob.link"
    own = keys("link", tmp_path, "bob", "--write", carried, "--json").json["public_key"]
    assert "the node's own public key" in keys("link", tmp_path, "bob", f"--peer-key={own}", *ADDRESSES).err
    assert (
        "this is bob's key; bob's node takes alice's"
        in keys("link", tmp_path, "bob", "--peer", carried, *ADDRESSES).err
    )
    carried.write_text(carried.read_text().replace('"bob"', '"alice"'))
    assert "the node's own public key" in keys("link", tmp_path, "bob", "--peer", carried, *ADDRESSES).err
    assert not (tmp_path / "bob" / "link" / "peer.json").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "missing"),
        ("no JSON", "not JSON"),
        ("{}", "no link key"),
        ('{"form": "diqkd link key", "version": 1, "node": "alice", "public_key": "x", "fingerprint": "y"}', "damaged"),
    ],
)
def test_a_link_key_file_that_is_none_is_one_line(tmp_path, content, says):
    file = tmp_path / "alice.link"
    if content is not None:
        file.write_text(content)
    refused = keys("link", tmp_path, "bob", "--peer", file, *ADDRESSES)
    assert refused.status == 2 and says in refused.err and refused.err.count("\n") == 1
    assert not (tmp_path / "bob" / "link" / "peer.json").exists()


def test_no_ledger_is_one_line(tmp_path):
    end = keys("show", tmp_path, "alice")
    assert (end.status, len(end.err.splitlines())) == (2, 1)
    assert "diqkd keys provision" in end.err
