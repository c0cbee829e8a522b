"""`diqkd audit`: a good session holds, each single change makes the right lines fail, erasure leaves what it must."""

import hashlib
import json
import shutil
import sqlite3

import numpy as np
import pytest
from command_runs import both_sessions, diqkd, store_rounds

from contract import record_layout as layout
from contract.round_settings import KEY_SETTING
from postprocess.keystore.digests import digest_of
from postprocess.plans.measurement_plan import stored_plan
from postprocess.rounds.private_settings import read_settings, settings_to_file
from postprocess.rounds.round_store import SPAN
from postprocess.session.bob import read_private_record
from postprocess.storage.framed_log import _HEAD, OVERHEAD, frame

S = "audited"


@pytest.fixture(scope="module")
def audited(homes):
    """Homes after one accepted and one refused session."""
    store_rounds(homes, S, seed=21)
    store_rounds(homes, "refused", noise=0.5, seed=22)
    for name, status in ((S, 0), ("refused", 3)):
        for end in both_sessions(homes, name, "--json", "--timeout", "60").values():
            assert end.status == status, end.err
    return homes


@pytest.fixture
def copy(audited, tmp_path):
    shutil.copytree(audited, tmp_path / "homes")
    return tmp_path / "homes"


def audit(homes, session=S, *words):
    return diqkd("audit", session, "--home", homes, "--json", *words)


def failing(end):
    return {(line["where"], line["claim"]) for line in end.json["findings"] if line["holds"] is False}


def folder(homes, node):
    return homes / node / "sessions" / S


def flip_outcome(homes, node):
    """The outcome of round 7, with the right checksum, as whoever owns the disk could."""
    path = folder(homes, node) / "records.log"
    data = path.read_bytes()
    _, kind, length = _HEAD.unpack_from(data)
    payload = bytearray(data[OVERHEAD : OVERHEAD + length])
    words = np.frombuffer(payload, "<u4", offset=SPAN.size).reshape(-1, layout.RECORD_WORDS).copy()
    words[7, 3] ^= 1 << layout.OUTCOME_SHIFT
    payload[SPAN.size :] = words.tobytes()
    path.write_bytes(frame(kind, bytes(payload)) + data[OVERHEAD + length :])


def flip_byte(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def flip_setting(homes, node):
    """A setting of a test round."""
    path = folder(homes, node) / "settings.bin"
    parameters = stored_plan(folder(homes, node) / "parameters.json")
    bob = read_settings(folder(homes, "bob") / "settings.bin", parameters)[1]
    settings = read_settings(path, parameters)[1]
    settings[np.flatnonzero(bob != KEY_SETTING)[3]] ^= 1
    path.write_bytes(settings_to_file(node, parameters, settings))


def flipped(data):
    """One bit at seven tenths: in Alice's message a bit of M."""
    place = 7 * len(data) // 10
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def in_ledger(homes, node, statement, *values):
    with sqlite3.connect(homes / node / "keystore.sqlite") as ledger:
        ledger.create_function("flipped", 1, flipped)
        ledger.create_function("sha256", 1, lambda data: hashlib.sha256(data).digest())
        ledger.create_function("digest_of", 2, digest_of)
        assert ledger.execute(statement, values).rowcount == 1
    ledger.close()


def in_json(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def flip_message(homes, *, hide):
    """A bit of M in the message that Alice has stored; `hide` also puts the right digest there."""
    of = f"WHERE session = '{S}' AND kind = 'revelation'"
    in_ledger(homes, "alice", f"UPDATE messages SET payload = flipped(payload) {of}")
    if hide:
        in_ledger(homes, "alice", f"UPDATE messages SET sha256 = sha256(payload) {of}")


def flip_key(homes, *, hide):
    in_ledger(homes, "alice", "UPDATE keys SET data = flipped(data) WHERE id = ?", S)
    if hide:
        in_ledger(homes, "alice", "UPDATE keys SET digest = digest_of('key ' || id, data) WHERE id = ?", S)


def change_record(homes):
    path = folder(homes, "bob") / "private.json"
    in_json(path, lost_test_rounds=read_private_record(homes / "bob", S)["lost_test_rounds"] + 1)


def change_running_count(homes):
    path = folder(homes, "bob") / "transcript.json"
    content = json.loads(path.read_text())
    content["messages"][-1]["running_bits"] -= 1
    path.write_text(json.dumps(content))


BOTH_S_Q = ("both", "S, Q, lost tests")
CHANGES = {
    "Alice's outcome": (
        lambda homes: flip_outcome(homes, "alice"),
        {("alice", "syndrome"), ("alice", "tags"), ("alice", "key from A"), ("both", "reconstruction"), BOTH_S_Q},
    ),
    "Alice's records cut by a bad sector": (
        lambda homes: flip_byte(folder(homes, "alice") / "records.log", 400),
        {("alice", "records")},
    ),
    "Bob's outcome": (lambda homes: flip_outcome(homes, "bob"), {("bob", "S, Q, decision"), BOTH_S_Q}),
    "Alice's setting": (
        lambda homes: flip_setting(homes, "alice"),
        {("alice", "records"), ("alice", "Alice's message"), BOTH_S_Q},
    ),
    "Bob's setting": (
        lambda homes: flip_setting(homes, "bob"),
        {("bob", "records"), ("bob", "S, Q, decision"), BOTH_S_Q},
    ),
    "a message": (lambda homes: flip_message(homes, hide=False), {("alice", "messages")}),
    "a message and its digest": (
        lambda homes: flip_message(homes, hide=True),
        {("alice", "transcript"), ("alice", "syndrome"), ("alice", "tags"), ("both", "messages")},
    ),
    "a key bit": (
        lambda homes: flip_key(homes, hide=False),
        {("alice", "key"), ("alice", "key from A"), ("both", "keys")},
    ),
    "a key bit and its digest": (
        lambda homes: flip_key(homes, hide=True),
        {("alice", "key from A"), ("both", "keys")},
    ),
    "a parameter": (
        lambda homes: in_json(folder(homes, "bob") / "parameters.json", code_seed=5),
        {("bob", "parameters")},
    ),
    "the hash key": (
        lambda homes: in_ledger(homes, "alice", "UPDATE reusable SET data = flipped(data) WHERE name = 'vhash key'"),
        {("alice", "ledger")},
    ),
    "a row of the account": (
        lambda homes: in_ledger(homes, "bob", "UPDATE sessions SET pads = '' WHERE id = ?", S),
        {("bob", "table I")},
    ),
    "a size": (
        lambda homes: in_ledger(homes, "bob", "UPDATE messages SET bytes = 9 WHERE session = ? AND kind = 'G_B'", S),
        {("bob", "messages"), ("bob", "transcript"), ("both", "messages")},
    ),
    "Bob's record": (change_record, {("bob", "S, Q, decision"), BOTH_S_Q}),
    "the running count": (change_running_count, {("bob", "transcript")}),
    "the outcome": (lambda homes: in_json(folder(homes, "alice") / "outcome.json", ell=999), {("alice", "outcome")}),
}


def test_a_good_session_holds(audited):
    end = audit(audited)
    assert (end.status, end.err, failing(end)) == (0, "", set())
    unchecked = {(line["where"], line["claim"]) for line in end.json["findings"] if line["holds"] is None}
    assert unchecked == {("alice", "certified length"), ("bob", "certified length")}, "a rehearsal claims none"
    assert end.json["nodes"] == ["alice", "bob"]


@pytest.mark.parametrize("node", ["alice", "bob"])
def test_one_node_alone(audited, node):
    end = audit(audited, S, "--node", node)
    assert end.status == 0
    assert {line["where"] for line in end.json["findings"]} == {node}


@pytest.mark.parametrize("what", CHANGES)
def test_each_change_is_found(copy, what):
    change, expected = CHANGES[what]
    change(copy)
    end = audit(copy)
    assert failing(end) == expected
    assert end.status == 2
    assert len(end.err.splitlines()) == 1 and "claims fail, first" in end.err


@pytest.mark.parametrize("way", ["forget", "deliver"])
def test_after_erasure(copy, tmp_path, way):
    for node in ("alice", "bob"):
        (folder(copy, node) / "transcript.json").unlink()  # as of a session that was killed before it was written
        what = ("--session", S, "--with-key")
        if way == "deliver":
            what = ("--key", S, "--to", tmp_path / node, "--allow-emulated", "--allow-insecure")
        assert diqkd("keys", way, "--home", copy, "--node", node, *what).status == 0
    end = audit(copy)
    assert end.status == 0
    lines = {(line["where"], line["claim"]): line for line in end.json["findings"]}
    for claim in ("settings", "records", "syndrome", "tags", "key from A"):
        line = lines["alice", claim]
        assert (line["holds"], "erased" in line["detail"]) == (None, True), claim
    for claim in ("parameters", "ledger", "messages", "transcript", "disclosed bits", "key", "outcome", "table I"):
        assert lines["bob", claim]["holds"], claim
    assert lines["both", "messages"]["holds"] and lines["both", "keys"]["holds"]
    in_ledger(copy, "alice", f"UPDATE messages SET sha256 = x'00' WHERE session = '{S}' AND kind = 'F'")
    assert failing(audit(copy)) == {("alice", "transcript"), ("both", "messages")}


def test_a_refused_session_keeps_bobs_reason(audited):
    """Neither verdict nor number, whatever Bob's reason was."""
    end = audit(audited, "refused")
    assert (end.status, failing(end)) == (0, set())
    record = read_private_record(audited / "bob", "refused")
    lines = {line["claim"]: line["detail"] for line in end.json["findings"] if line["where"] == "bob"}
    assert lines["S, Q, decision"] == "as in Bob's private record"
    assert record["verdict"] not in end.out
    assert lines["syndrome"] == lines["key from A"] == "the session made no key"


def test_an_open_session_shows_nothing_early(audited):
    store_rounds(audited, "open", seed=23)
    end = audit(audited, "open")
    assert (end.status, failing(end)) == (0, set())
    lines = {line["claim"]: line["detail"] for line in end.json["findings"] if line["where"] == "bob"}
    assert lines["S, Q, decision"] == lines["records"] == "the session is still open"


def test_transcript(audited):
    """Messages, sizes, times, running count, versions; a second run adds none."""
    both_sessions(audited, S, "--timeout", "60")
    content = json.loads((folder(audited, "alice") / "transcript.json").read_text())
    assert [row["kind"] for row in content["messages"]] == ["G_B", "revelation", "F"]
    counts = [row["running_bits"] for row in content["messages"]]
    m = stored_plan(folder(audited, "alice") / "parameters.json").syndrome_bits
    assert counts == [64, 64 + m + 129, m + 258] and content["disclosed_bits"] == content["subtracted_bits"] == m + 258
    assert [set(each) for each in content["versions"]] == [{"diqkd", "revision", "numpy", "python"}]


@pytest.mark.parametrize("columns", [80, 120])
def test_what_an_operator_reads(audited, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    end = diqkd("audit", S, "--home", audited)
    lines = end.out.splitlines()
    assert end.status == 0 and max(map(len, lines)) <= columns
    assert lines[-1] == "38 claims hold, 0 fail, 2 cannot be checked."


def test_bad_input_is_one_line(audited, monkeypatch):
    monkeypatch.delenv("DIQKD_HOME", raising=False)
    for words, line in (
        (["audit", "none", "--home", audited], "session 'none': not in"),
        (["audit", S], "no home: give --home DIR"),
        (["audit", S, "--home", audited / "nowhere"], "no home of alice"),
    ):
        end = diqkd(*words)
        assert (end.status, end.out, len(end.err.splitlines())) == (2, "", 1)
        assert line in end.err
