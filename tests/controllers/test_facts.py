"""Controllers in-process: what they tell, and that it holds nothing private."""

import importlib
import json
import sqlite3

import numpy as np
import pytest

from controllers.keystore import KeystoreFacts
from controllers.qrng import QrngFacts
from node_alice.devices import DEVICES as ALICE
from node_bob.devices import DEVICES as BOB
from postprocess.errors import InvalidInput
from postprocess.randomness import SeededSource

WINDOW = 8


def questions(facts):
    return [name for name in dir(facts) if not name.startswith("_")]


def private_bytes(path):
    """Every blob of the ledger."""
    with sqlite3.connect(path) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = [row for table in tables for row in connection.execute(f"SELECT * FROM {table}")]
    return [value for row in rows for value in row if isinstance(value, bytes)]


def test_the_ledgers_facts(homes):
    facts = KeystoreFacts("alice", homes)
    balance = facts.balance()
    assert facts.ping() is True
    assert facts.node() == "alice"
    assert balance["consumed"] == 256
    assert balance["K1"] == balance["K0"] - 256
    assert balance["apparatus"] == "emulated"
    (session,) = facts.sessions()
    assert (session["session_id"], session["outcome"]) == ("provisioning", None)
    assert facts.keys() == []
    assert facts.check() == []


def test_no_answer_holds_a_secret(homes, generator):
    secrets = private_bytes(homes / "alice" / "keystore.sqlite")
    assert len(secrets) == 2 * (2 + 8), "each with its digest"
    drawn = generator.read_bytes()
    for facts in (KeystoreFacts("alice", homes), QrngFacts("alice", homes)):
        said = "".join(json.dumps(getattr(facts, name)()) for name in questions(facts))
        for secret in [*secrets, drawn]:
            pieces = [secret[i : i + WINDOW] for i in range(0, len(secret) - WINDOW + 1, WINDOW)]
            assert not any(piece.hex() in said or repr(piece)[2:-1] in said for piece in pieces)
        assert set(vars(facts)) == {"_home"}  # nothing to be got at, not even by a forged attribute name


def test_every_answer_crosses_as_plain_values(homes):
    for facts in (KeystoreFacts("alice", homes), QrngFacts("alice", homes)):
        for name in questions(facts):
            json.dumps(getattr(facts, name)(), allow_nan=False)


def test_questions_leave_the_ledger_as_it_is(homes):
    path = homes / "alice" / "keystore.sqlite"
    before = path.read_bytes()
    facts = KeystoreFacts("alice", homes)
    for name in questions(facts):
        getattr(facts, name)()
    assert path.read_bytes() == before


def test_a_missing_ledger_is_one_line(homes):
    (homes / "alice" / "keystore.sqlite").unlink()
    with pytest.raises(InvalidInput, match="no key ledger here"):
        KeystoreFacts("alice", homes).balance()


def test_a_missing_home_is_one_line(homes, monkeypatch):
    with pytest.raises(InvalidInput, match="no home of bob"):
        KeystoreFacts("bob", homes)
    monkeypatch.delenv("DIQKD_HOME", raising=False)
    with pytest.raises(InvalidInput, match="DIQKD_HOME is not set"):
        QrngFacts("alice")


def test_the_systems_generator_does_not_run_out(homes):
    health = QrngFacts("alice", homes).health()
    assert health == {
        "description": "the operating system's generator",
        "insecure": False,
        "octets_left": None,
        "rounds_left": None,
        "problem": "",
    }
    assert QrngFacts("alice", homes).self_test()["failed"] in ([], ["runs"], ["poker"], ["monobit"], ["long run"])


def test_a_file_runs_out_and_a_self_test_uses_it(homes, generator):
    facts = QrngFacts("alice", homes)
    assert (facts.octets_left(), facts.rounds_left()) == (10_000, 80_000)
    assert facts.self_test() == {"passed": True, "failed": []}
    assert facts.octets_left() == 7_500
    for _ in range(3):
        facts.self_test()
    assert facts.rounds_left() == 0
    with pytest.raises(InvalidInput, match="0 bytes are left and 2500 are needed"):
        facts.self_test()


def test_asking_does_not_use_the_file(homes, generator):
    facts = QrngFacts("alice", homes)
    for _ in range(3):
        facts.health()
    assert facts.octets_left() == 10_000


def test_a_broken_generator_fails(homes, generator):
    generator.write_bytes(b"\x55" * 10_000)
    assert QrngFacts("alice", homes).self_test() == {"passed": False, "failed": ["poker", "runs"]}


def test_a_source_in_trouble_shows_in_its_health(homes, generator):
    generator.unlink()
    health = QrngFacts("alice", homes).health()
    assert health["rounds_left"] == 0
    assert "no such file of random bytes" in health["problem"]


def test_a_fixed_seed_is_called_insecure(homes):
    (homes / "alice" / "random.json").write_text('{"kind": "seeded", "seed": 5}')
    assert QrngFacts("alice", homes).health()["insecure"]


def test_bob_needs_nine_bits_a_round(homes, generator, tmp_path):
    (homes / "bob").mkdir(mode=0o700)
    (homes / "bob" / "random.json").write_text((homes / "alice" / "random.json").read_text())
    assert QrngFacts("bob", homes).rounds_left() == 8 * 10_000 // 9
    bits = SeededSource(1, "bob").bits(9 * 8888)
    assert bits.dtype == np.uint8


@pytest.mark.parametrize("table", [ALICE, BOB])
def test_device_tables_name_what_there_is(table):
    names = [name for name, entry in table.items() if isinstance(entry, dict) and "in_process" in entry]
    assert names == ["diqkd_keystore", "diqkd_qrng"]
    for name in names:
        entry, served = table[name], table[name]["in_process"]
        assert entry["host"] == "::1"
        program, *_ = entry["command"].split()
        assert program == f"aqctl_{name}"
        controller = importlib.import_module(f"controllers.{program}")
        assert callable(controller.main)
        assert getattr(importlib.import_module(served["module"]), served["class"]).ping
        assert f"{entry['port']}, argv" in importlib.import_module("inspect").getsource(controller)
