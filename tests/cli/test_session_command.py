"""`diqkd session`: from stored rounds to equal keys, and every way it can end."""

import json
import time

import pytest
from command_runs import both_sessions, diqkd, end_of, start, store_rounds


def test_two_commands_make_one_key(homes):
    store_rounds(homes, "good")
    for attempt in range(2):
        ends = both_sessions(homes, "good", "--json", "--timeout", "60")
        for node, end in ends.items():
            assert end.status == 0, end.err
            result = end.json
            assert (result["accepted"], result["abort_reason"], result["ell"]) == (True, None, 1000), attempt
            assert (result["node"], result["key_id"], result["n"]) == (node, "good", 20_000)
            assert (result["apparatus"], result["insecure"]) == ("emulated", True)
            assert not result["seconds"] or min(result["seconds"].values()) >= 0
    verified = diqkd("keys", "verify", "--home", homes, "--node", "alice", "--json")
    assert verified.json["keys_equal"] is True
    assert "good" in verified.json["keys"]


def test_what_an_operator_reads(homes):
    store_rounds(homes, "read", seed=2)
    ends = both_sessions(homes, "read", "--timeout", "60")
    for node, end in ends.items():
        assert end.status == 0, end.err
        assert end.out.splitlines() == [
            "Made on the emulated apparatus: not a secret key.",
            "INSECURE: below the proof's threshold: no key length is proven for so few rounds",
            f"session read: accepted, 1 000 new key bits, in {node}'s ledger as 'read'",
        ]
        assert "  basis revelation" in end.err or node == "bob"


def test_noise_ends_in_a_named_abort_on_both(homes):
    """The public name; Bob's reason stays with him."""
    store_rounds(homes, "noisy", noise=0.5, seed=3)
    ends = both_sessions(homes, "noisy", "--json", "--timeout", "60")
    for end in ends.values():
        assert end.status == 3
        assert end.json["accepted"] is False
        assert end.json["abort_reason"] is not None
        assert end.json["key_id"] is None
    again = both_sessions(homes, "noisy", "--timeout", "60")
    for node, end in again.items():
        assert end.status == 3
        assert end.err.splitlines()[-1].startswith(f"diqkd: aborted: {ends[node].json['abort_reason']}")


def test_missing_peer_is_lost_by_name(homes):
    store_rounds(homes, "alone", seed=4)
    options = ("--home", homes, "--node", "bob", "--session", "alone", "--timeout", "1")
    end = end_of(start("session", *options))
    assert end.status == 4
    assert end.err.splitlines()[-1].startswith("diqkd: peer lost: ")
    ends = both_sessions(homes, "alone", "--json", "--timeout", "60")
    assert [end.json["accepted"] for end in ends.values()] == [True, True]


def test_a_second_command_of_one_node_is_refused(homes):
    """Case M2: of two processes on one session of one node, one works and waits for the peer, the other is refused."""
    store_rounds(homes, "twice", seed=6)
    words = {node: ("session", "--home", homes, "--node", node, "--session", "twice") for node in ("alice", "bob")}
    pair = [start(*words["alice"], "--json", "--timeout", "90") for _ in range(2)]
    try:
        while all(process.poll() is None for process in pair):
            time.sleep(0.05)
        pair.sort(key=lambda process: process.poll() is None)
        refused = end_of(pair[0])
        assert (refused.status, refused.out) == (2, ""), refused.err
        assert "another process is at work on this session" in refused.err and refused.err.count("\n") == 1
        bob = end_of(start(*words["bob"], "--json", "--timeout", "60"))
        alice = end_of(pair[1])
    finally:
        for process in pair:
            process.kill()
    assert (alice.status, bob.status) == (0, 0), (alice.err, bob.err)
    assert alice.json["accepted"] and bob.json["accepted"]


@pytest.mark.parametrize("part", [".", "keystore.sqlite", "sessions/open/settings.bin"])
def test_a_home_that_others_may_read_makes_no_key(homes, part):
    """Case L4: what others may have read is not turned into a key."""
    if not (homes / "alice" / "sessions" / "open").exists():
        store_rounds(homes, "open", seed=7)
    place = homes / "alice" / part
    mode = place.stat().st_mode
    place.chmod(mode | 0o044)
    try:
        end = diqkd("session", "--home", homes, "--node", "alice", "--session", "open", "--timeout", "1")
    finally:
        place.chmod(mode)
    assert (end.status, end.out) == (2, "")
    assert "others may read it" in end.err and end.err.count("\n") == 1


def test_incomplete_rounds_are_refused(homes):
    store_rounds(homes, "short", upto=3, seed=5)
    end = diqkd("session", "--home", homes, "--node", "alice", "--session", "short")
    assert end.status == 2
    assert end.err.startswith("diqkd: session 'short': 3000 of 20000 rounds so far")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["--session", "none", "--node", "alice"],
            "no stored rounds here; give the right --home, --node and --session",
        ),
        (["--session", "../x", "--node", "alice"], "--session ../x: write 1 to 64 letters, digits"),
        (["--session", "good"], "no node: give --node alice or --node bob, or set DIQKD_NODE"),
    ],
)
def test_bad_input_is_one_line(homes, monkeypatch, words, line):
    monkeypatch.delenv("DIQKD_NODE", raising=False)
    end = diqkd("session", "--home", homes, *words)
    assert (end.status, end.out) == (2, "")
    assert len(end.err.splitlines()) == 1
    assert line in end.err


def test_no_home_is_one_line(monkeypatch):
    monkeypatch.delenv("DIQKD_HOME", raising=False)
    end = diqkd("session", "--session", "x", "--node", "bob")
    assert (end.status, end.err) == (2, "diqkd: no home: give --home DIR, or set DIQKD_HOME\n")


def test_nonsense_time(homes):
    end = diqkd("session", "--home", homes, "--node", "bob", "--session", "x", "--timeout", "soon")
    assert end.status == 2
    assert "'soon' is not a number from 0 to 1e+07" in end.err


def test_json_is_alone_on_stdout(homes):
    """Also when it ends badly: stdout is empty or JSON."""
    end = diqkd("session", "--home", homes, "--node", "bob", "--session", "none", "--json")
    assert end.out == ""
    shown = diqkd("keys", "show", "--home", homes, "--node", "bob", "--json")
    json.loads(shown.out)


def test_a_session_too_large_for_the_reference_decoder_is_refused(homes):
    """Case 28: before a message leaves."""
    store_rounds(homes, "for-pyldpc", upto=1)
    end = diqkd("session", "--home", homes, "--node", "bob", "--session", "for-pyldpc", "--decoder", "pyldpc")
    assert end.status == 2 and "up to 4000 rounds, not 20000" in end.err
