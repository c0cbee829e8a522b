"""A node's home: where random bits come from, how a session is opened again, and what it refuses."""

import errno
import json
import os
import subprocess
from fractions import Fraction

import pytest

from postprocess.errors import AbortReason, DiqkdError, InvalidInput, SessionAborted
from postprocess.keystore import Keystore, draw_k0
from postprocess.plans.presets import Choice, session_parameters
from postprocess.randomness import FileSource, SeededSource, SystemSource
from postprocess.randomness.choice import SEEDED, insecure_because, random_source
from postprocess.rounds.opening import open_rounds
from postprocess.session import SessionResult
from postprocess.session.post_processing import post_process, require_key
from postprocess.storage.node_home import NodeHome
from postprocess.storage.private_files import lock_folder, write_private
from postprocess.support.revision import source_revision

CHOICE = {"rounds": 2000, "gamma": Fraction(1, 2), "block_rounds": 100}


@pytest.fixture
def home(tmp_path):
    (tmp_path / "bob").mkdir(mode=0o700)
    return NodeHome("bob", tmp_path)


def rehearsal(home, **changed):
    return session_parameters(home, "emulated", "s1", preset="custom", choice=Choice(**(CHOICE | changed)))


def test_a_home_must_exist_and_be_named(tmp_path, monkeypatch):
    with pytest.raises(InvalidInput, match="must be 'alice' or 'bob'"):
        NodeHome("eve", tmp_path)
    with pytest.raises(InvalidInput, match="no home of bob; run `diqkd keys provision`"):
        NodeHome("bob", tmp_path)
    monkeypatch.delenv("DIQKD_HOME", raising=False)
    with pytest.raises(InvalidInput, match="DIQKD_HOME is not set"):
        NodeHome("bob")
    (tmp_path / "bob").mkdir()
    monkeypatch.setenv("DIQKD_HOME", str(tmp_path))
    assert NodeHome("bob").folder == tmp_path / "bob"


def test_random_bits_come_from_where_the_home_says(home):
    assert isinstance(random_source(home, "x").source, SystemSource)
    assert insecure_because(home) == ()
    data = home.folder / "bytes"
    data.write_bytes(bytes(100))
    choice = home.folder / "random.json"
    choice.write_text(json.dumps({"kind": "file", "path": str(data)}))
    assert isinstance(random_source(home, "x").source, FileSource)
    choice.write_text(json.dumps({"kind": "seeded", "seed": 5}))
    first, again, other = random_source(home, "x"), random_source(home, "x"), random_source(home, "y")
    assert isinstance(first, SeededSource)
    assert first.random_bytes(8) == again.random_bytes(8) != other.random_bytes(8)
    assert insecure_because(home) == (SEEDED,)
    assert SEEDED in rehearsal(home).insecure_because


SEEDS = ("1e999", "NaN", "1.5", '"5"', "true", "null", "[1]", "9" * 5000)
PATHS = ("7", "null", '""', '["/no"]', '"/no"', '"/tmp"', r'"/tmp/a\u0000b"', r'"/tmp/\ud800"', f'"/{"x" * 300}"')


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "{}", "[]", "null", "7", '"system"', '["kind"]', "[" * 100_000),
        *('{"kind": "dice"}', '{"kind": ["file"]}', '{"kind": "seeded"}', '{"kind": "file"}'),
        *(f'{{"kind": "seeded", "seed": {seed}}}' for seed in SEEDS),
        *(f'{{"kind": "file", "path": {path}}}' for path in PATHS),
    ],
    ids=lambda text: text[:40].replace("\0", "0"),
)
def test_a_damaged_choice_of_random_bits_never_falls_back(home, text):
    """Nor ends in a traceback (case L3)."""
    (home.folder / "random.json").write_text(text)
    with pytest.raises(InvalidInput) as refusal:
        random_source(home, "x")
    assert str(refusal.value).isprintable()


def test_a_choice_of_random_bits_that_is_no_text(home):
    (home.folder / "random.json").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput, match="damaged"):
        random_source(home, "x")


def test_rounds_are_drawn_once_and_then_resumed(home):
    parameters = rehearsal(home)
    store = open_rounds(home, parameters)
    store.burn(0)
    store.close()
    drawn = (home.session_folder("s1") / "settings.bin").read_bytes()
    store = open_rounds(home, parameters)
    assert store.burned_blocks == 1
    store.close()
    assert (home.session_folder("s1") / "settings.bin").read_bytes() == drawn
    with pytest.raises(InvalidInput, match=r"begun with other parameters \(rounds"):
        open_rounds(home, rehearsal(home, rounds=3000))
    open_rounds(home, parameters).close()


def test_post_processing_wants_complete_rounds(home):
    with pytest.raises(InvalidInput, match="no such session"):
        post_process(home, "s1", timeout_s=1)
    parameters = rehearsal(home)
    with Keystore.create(home.ledger, "bob") as keystore:
        keystore.provision(draw_k0(SeededSource(1, "K0"), parameters), parameters)
        keystore.reserve("s1", parameters)
        open_rounds(home, parameters, keystore.ledger_id).close()
    with pytest.raises(InvalidInput, match="0 of 2000 rounds so far"):
        post_process(home, "s1", timeout_s=1)


def test_presets(home):
    assert rehearsal(home).insecure
    with pytest.raises(InvalidInput, match="preset = fast"):
        session_parameters(home, "emulated", "s1", preset="fast", choice=Choice(**CHOICE))
    paper = session_parameters(home, "emulated", "s1", preset="paper", choice=Choice(**CHOICE))
    assert (paper.rounds, paper.ell, paper.block_rounds) == (1_500_000, 95_884, 100)


def test_a_session_without_a_key_is_an_abort():
    aborted = SessionResult(False, AbortReason.BELL_THRESHOLD, 0, None, {})
    with pytest.raises(SessionAborted, match="Bell threshold"):
        require_key(aborted, "s1")
    require_key(SessionResult(True, None, 10, "s1", {}), "s1")


def test_revision_is_the_commit_of_a_checkout():
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    assert not head or source_revision().startswith(head)
    assert source_revision() != "unknown"


def test_a_full_disk_leaves_no_half_of_a_secret(tmp_path, monkeypatch):
    """Case M10."""
    path = tmp_path / "secret"
    write_private(path, b"before")

    def full(descriptor, content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(DiqkdError, match=r"secret: cannot be written \(No space left on device\); make room"):
        write_private(path, b"after")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_locked_folder_names_the_process(tmp_path):
    """Case H4."""
    lock = lock_folder(tmp_path)
    try:
        with pytest.raises(InvalidInput, match=rf"another process is at work.*\(process {os.getpid()}\)"):
            lock_folder(tmp_path)
    finally:
        os.close(lock)


def test_a_laboratory_named_for_its_homes_says_where_they_are(tmp_path):
    (tmp_path / "homes" / "alice").mkdir(parents=True)
    with pytest.raises(InvalidInput, match=f"the homes of this laboratory are in {tmp_path / 'homes'}"):
        NodeHome("alice", tmp_path)
