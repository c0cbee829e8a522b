"""Short versions of every sweep, and that each sweep sees what it is there to see; `make soak` is the long one."""

import json
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from postprocess.errors import AbortReason, InvalidInput
from postprocess.keystore import Keystore, Pad
from postprocess.keystore.session_ledger import SessionLedger
from postprocess.keystore.slices import Slices
from postprocess.session.mailbox import Mailbox
from tests.soak import __main__ as command
from tests.soak import small_fields
from tests.soak.campaign import Shard, Tally, merge, table
from tests.soak.crashes import Crashes
from tests.soak.exchanges import Exchanges
from tests.soak.honest import Honest
from tests.soak.lockstep import Endless, Lockstep, links
from tests.soak.parsers import Parsers
from tests.soak.small_fields import HASHES, Extractors, Tags

SHORT = {Exchanges: 120, Crashes: 60, Honest: 4, Tags: 6, Extractors: 9}


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """In memory where the system offers it: here only emulated disks fail, and thousands of ledgers are opened."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(
        dir=memory if os.access(memory, os.W_OK) else tmp_path_factory.mktemp("s")
    ) as name:
        yield Path(name)


def made(kind, scratch):
    folder = scratch / kind.name
    folder.mkdir(exist_ok=True)
    return kind(folder)


@pytest.fixture(scope="module")
def crash_sweep(scratch):
    return made(Crashes, scratch)


@pytest.fixture(scope="module")
def exchange_sweep(scratch):
    return made(Exchanges, scratch)


@pytest.mark.parametrize("kind", [kind for kind in SHORT if kind not in (Crashes, Exchanges)])
def test_short_sweep(scratch, kind):
    sweep = made(kind, scratch)
    assert [sweep.case(number) for number in range(SHORT[kind])] == [[]] * SHORT[kind]


def test_short_sweep_of_exchanges(exchange_sweep):
    assert [line for number in range(SHORT[Exchanges]) for line in exchange_sweep.case(number)] == []


def test_short_sweep_of_crashes(crash_sweep):
    """Places of every phase and mode alone, then of both nodes."""
    numbers = [*range(SHORT[Crashes]), *range(crash_sweep.single, crash_sweep.single + 20)]
    assert [line for number in numbers for line in crash_sweep.case(number)] == []
    phases = {(phase, mode) for phase, mode, _ in crash_sweep._points}
    assert len(phases) == 7 * 4 and crash_sweep.single > 1500


@pytest.mark.parametrize("mode", ["power cut", "ENOSPC"])
def test_a_transcript_is_whole_or_not_there(crash_sweep, mode):
    """At every place of ending a session, after post-processing and after an abort in the rounds."""
    numbers = [n for n, point in enumerate(crash_sweep._points) if point[:2] == ("ending", mode)]
    assert len(numbers) > 30
    assert [line for number in numbers for line in crash_sweep.case(number)] == []


def test_a_transcript_written_in_place_is_seen(crash_sweep, monkeypatch):
    monkeypatch.setattr("postprocess.session.transcript.write_private", write_in_place)
    numbers = [n for n, point in enumerate(crash_sweep._points) if point[:2] == ("ending", "power cut")]
    assert any("transcript.json" in line for number in numbers for line in crash_sweep.case(number))


def write_in_place(path, content):
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    os.write(descriptor, content)
    os.fsync(descriptor)
    os.close(descriptor)


def test_short_sweep_of_parsers(scratch, monkeypatch):
    monkeypatch.setattr("tests.soak.parsers.PER_CASE", 60)
    sweep = made(Parsers, scratch)
    names = [name for name, _, _ in sweep._readers]
    assert len(names) == len(set(names)) >= 28
    assert [line for number in range(2 * len(names)) for line in sweep.case(number)] == []


# What the sweeps found, and that they would find it again


def faults_at(sweep, numbers, draws=8):
    """Lines on the failures of single cases; what a power cut loses is drawn anew `draws` times."""
    for draw in range(draws):
        for number in numbers:
            phase, mode, deadly = sweep._points[number]
            try:
                yield from sweep._phases[phase](mode, [deadly], np.random.default_rng([draw, number]))
            except InvalidInput as problem:  # a session that nobody can open any more
                yield str(problem)


def test_logs_have_names_on_disk_before_settings_have(crash_sweep, monkeypatch):
    """A power cut while rounds are made: settings without their logs would be a session that never opens."""
    monkeypatch.setattr("postprocess.rounds.round_store.sync_folder", lambda folder: None)
    numbers = [n for n, (phase, mode, _) in enumerate(crash_sweep._points) if (phase, mode) == CREATION_CUT]
    assert any("cannot be opened" in line for line in faults_at(crash_sweep, numbers))


SERVING_CUT = ("key delivery server", "power cut")
CREATION_CUT = ("making rounds", "power cut")


class ForgetfulOs:
    """An os whose fdatasync is never called."""

    def __getattr__(self, name):
        return (lambda descriptor: None) if name == "fdatasync" else getattr(os, name)


def test_a_mark_that_was_not_synced_is_seen(crash_sweep, monkeypatch):
    monkeypatch.setattr("postprocess.storage.framed_log.os", ForgetfulOs())
    points = [n for n, (phase, mode, _) in enumerate(crash_sweep._points) if (phase, mode) == ("rounds", "power cut")]
    assert any(faults_at(crash_sweep, points[:40]))


def test_key_servers_lose_power_and_a_key_that_comes_twice_is_seen(crash_sweep, monkeypatch):
    numbers = [n for n, (phase, mode, _) in enumerate(crash_sweep._points) if (phase, mode) == SERVING_CUT]
    assert len(numbers) > 80
    assert [line for number in numbers[::8] for line in crash_sweep.case(number)] == []
    monkeypatch.setattr(Slices, "_close", lambda *_: None)
    assert any("handed out twice" in line for line in crash_sweep.case(numbers[0]))


def test_a_raw_error_of_the_disk_is_seen(crash_sweep, monkeypatch):
    """Case M10."""

    def raw(folder):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("postprocess.session.bob.private_folder", raw)
    assert any("traceback OSError" in line for line in crash_sweep._session("ENOSPC", [{}], np.random.default_rng(1)))


def test_a_pad_on_two_messages_and_a_forgery_are_seen(crash_sweep, monkeypatch):
    pair = crash_sweep._template.copy(crash_sweep._folder)
    monkeypatch.setattr(SessionLedger, "verify", lambda page, pad, message, tag: True)
    pair.run(lambda sender, kind, payload: [(kind, payload[:-1] if kind == "G_B" else payload)])
    pair.tags = type(pair.tags)()
    with pair.tags.watching():
        page = Keystore.open(crash_sweep._folder / "alice" / "keystore.sqlite").session("s1")
        page.verify(Pad.BOB, b"nobody's", b"")
    assert "nobody tagged" in pair.tags.faults()[0]
    pair.tags.made[("K0/000001", "D_F")] = {b"one", b"two"}
    assert "covers two messages" in pair.tags.faults()[0]


def test_an_untagged_status_that_ends_too_much_is_seen(exchange_sweep, monkeypatch):
    """Case M1."""
    monkeypatch.setattr(Mailbox, "_is_proven", lambda mailbox: False)
    assert "Bob's is discarded" in str(exchange_sweep.case(34))


def test_a_wait_without_end_is_seen(exchange_sweep, monkeypatch):
    """Case M7."""
    follows = Mailbox._may_follow
    monkeypatch.setattr(
        Mailbox,
        "_may_follow",
        lambda mailbox, reason: (
            follows(mailbox, reason) and (mailbox._peer == "alice" or reason is AbortReason.ABANDONED)
        ),
    )
    assert "a clean line does not bring the session to its end" in str(exchange_sweep.case(1366))


def test_a_hash_without_its_key_is_seen(monkeypatch):
    of_keys = small_fields.SmallHash.of_keys
    monkeypatch.setattr(
        small_fields.SmallHash, "of_keys", lambda small, message, keys: of_keys(small, message, np.zeros_like(keys))
    )
    assert "a difference comes" in Tags(None).case(0)[0]


def test_the_small_hash_is_nearly_uniform():
    small, random = HASHES[0], np.random.default_rng(1)
    keys = random.integers(0, 1 << 2 * small.bits, (40_000, 7))
    counts = np.bincount(small.of_keys(np.arange(6), keys), minlength=small.last)
    assert len(counts) == small.last and counts.max() < binom.isf(1e-9, 40_000, 4 / small.last)


# The frame


class Odd:
    name, target = "odd", 10

    def case(self, number):
        return ["odd"] if number % 2 else []


def test_a_campaign_goes_on_where_it_stopped(tmp_path):
    said = []
    for budget in (1e-9, 60):
        shard = Shard(tmp_path, 1, 1)
        shard.run([Odd()], budget, said.append)
    assert merge(tmp_path)["odd"].tried == 10 and merge(tmp_path)["odd"].held == 5
    assert [number for number, _ in Shard(tmp_path, 1, 1).tallies["odd"].faults] == [1, 3, 5, 7, 9]
    assert "odd 1/10" in said[0] or "odd 10/10" in said[0]
    assert json.loads((tmp_path / "soak.json").read_text())["odd"]["tried"] == 10


def test_shards_share_the_cases(tmp_path):
    for part in (1, 2, 3):
        Shard(tmp_path, part, 3).run([Odd()], 60, print)
    whole = merge(tmp_path)
    assert whole["odd"].tried == 12 and whole["odd"].held == 6
    assert sorted(number for number, _ in whole["odd"].faults) == [1, 3, 5, 7, 9, 11]
    assert table(whole).split() == ["kind", "tried", "held", "odd", "12", "6"]
    assert table({"none": Tally()}).splitlines()[1].split() == ["none", "0", "0"]


@pytest.mark.parametrize("words", [["--shard", "3/2"], ["--budget", "-1"], ["--kinds", "none"], ["--shard", "x"]])
def test_bad_command_lines(words, capsys):
    with pytest.raises(SystemExit):
        command.main(words)
    assert "Traceback" not in capsys.readouterr().err


def test_the_command_prints_one_table(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(Tags, "target", 1)
    assert command.main(["--budget", "20", "--state", str(tmp_path / "state"), "--kinds", "tags"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["tags", "1", "1"]


def test_a_conversation_without_end_is_seen():
    lockstep = Lockstep()
    ends = links(lockstep)

    def talk(node):
        while True:
            ends[node].send("more", b"")
            ends[node].receive("more", 1.0)

    results = lockstep.run({node: lambda node=node: talk(node) for node in ("alice", "bob")})
    assert any(isinstance(result, Endless) for result in results.values())
