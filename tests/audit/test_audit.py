"""`diqkd audit`: a true session holds line by line; each change makes its own line fail, and none passes."""

import json
import shutil
import sqlite3

import pytest

from postprocess.audit import audit_both, audit_node
from postprocess.storage.node_home import NodeHome
from tests.cli.command_runs import both_sessions, diqkd, provision, store_rounds

SESSION = "audited"


@pytest.fixture(scope="module")
def accepted(tmp_path_factory):
    """Homes after one accepted session."""
    folder = tmp_path_factory.mktemp("audit")
    homes = folder / "homes"
    provision(homes, folder, sessions=2)
    store_rounds(homes, SESSION, seed=21)
    for end in both_sessions(homes, SESSION, "--json", "--timeout", "60").values():
        assert end.status == 0, end.err
    return homes


@pytest.fixture
def homes(accepted, tmp_path):
    """A copy to be tampered with."""
    return shutil.copytree(accepted, tmp_path / "homes")


def states(homes):
    found = audit_both(NodeHome("alice", homes), NodeHome("bob", homes), SESSION)
    return {(line.where, line.claim): line.holds for line in found}


def failing(homes):
    return {place for place, holds in states(homes).items() if holds is False}


def change(homes, node, statement, *values):
    with sqlite3.connect(homes / node / "keystore.sqlite") as connection:
        assert connection.execute(statement, values).rowcount
    connection.close()


def test_a_true_session_holds_line_by_line(accepted):
    found = states(accepted)
    assert all(holds is not False for holds in found.values()), found
    assert sum(holds is True for holds in found.values()) >= 30
    for node in ("alice", "bob"):
        lines = audit_node(NodeHome(node, accepted), SESSION)
        assert lines and all(line.holds is not False for line in lines)


def test_what_an_operator_reads(accepted):
    end = diqkd("audit", SESSION, "--home", accepted)
    assert end.status == 0, end.err
    assert ("0 fail" in end.out and "holds  certified length" in end.out) or "-      certified length" in end.out
    content = diqkd("audit", SESSION, "--home", accepted, "--json").json
    assert content["all_hold"] and content["nodes"] == ["alice", "bob"]
    missing = diqkd("audit", "never", "--home", accepted)
    assert (missing.status, len(missing.err.splitlines())) == (2, 1)


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def flip_message(homes):
    change(homes, "bob", "UPDATE messages SET payload = CAST(payload || x'00' AS BLOB) WHERE kind = 'revelation'")


def flip_key(homes):
    with sqlite3.connect(homes / "alice" / "keystore.sqlite") as connection:
        (data,) = connection.execute("SELECT data FROM keys").fetchone()
        connection.execute("UPDATE keys SET data = ?", (data[:-1] + bytes([data[-1] ^ 128]),))
    connection.close()


def change_parameters(homes):
    path = homes / "alice" / "sessions" / SESSION / "parameters.json"
    path.write_text(path.read_text().replace('"block_rounds":', '"block_rounds":1'))


def claim_more(homes):
    path = homes / "bob" / "sessions" / SESSION / "outcome.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"ell": 5000}))


def better_link(homes):
    path = homes / "bob" / "sessions" / SESSION / "private.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"score": 2.8}))


def forget_a_message(homes):
    path = homes / "alice" / "sessions" / SESSION / "transcript.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"messages": content["messages"][1:]}))


CHANGES = {
    "a flipped message": (flip_message, ("bob", "messages")),
    "a flipped key bit": (flip_key, ("alice", "key")),
    "other parameters": (change_parameters, ("alice", "parameters")),
    "a longer key claimed": (claim_more, ("bob", "outcome")),
    "a better link claimed": (better_link, ("bob", "S, Q, decision")),
    "a message left out": (forget_a_message, ("alice", "transcript")),
    "an outcome": (
        lambda homes: flip(homes / "alice" / "sessions" / SESSION / "records.log", 400),
        ("alice", "records"),
    ),
    "a setting": (lambda homes: flip(homes / "bob" / "sessions" / SESSION / "settings.bin", 400), ("bob", "settings")),
    "a row of the ledger": (
        lambda homes: change(homes, "alice", "UPDATE sessions SET outcome = 'activation'"),
        ("both", "outcome"),
    ),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_each_change_makes_its_own_line_fail(homes, kind):
    tamper, expected = CHANGES[kind]
    tamper(homes)
    assert expected in failing(homes)
    end = diqkd("audit", SESSION, "--home", homes)
    assert end.status == 2 and "claims fail" in end.err


def test_after_erasure_the_digests_still_tell(homes, tmp_path):
    allowed = ("--allow-emulated", "--allow-insecure")
    for node in ("alice", "bob"):
        words = ("--home", homes, "--node", node, "--key", SESSION, "--to", tmp_path / f"key of {node}", *allowed)
        assert diqkd("keys", "deliver", *words).status == 0
    found = states(homes)
    assert not failing(homes)
    for claim in ("parameters", "transcript", "table I", "disclosed bits", "messages"):
        assert found["alice", claim] is True
    for claim in ("settings", "syndrome", "key from A"):
        assert found["alice", claim] is None, "erased, and said so"
    assert found["both", "keys"] is True
    forget_a_message(homes)
    assert failing(homes) == {("alice", "transcript")}
