"""Sources that are tested where bytes are drawn: K0, settings and seeds alike (case C3)."""

import json
import os
from contextlib import nullcontext
from fractions import Fraction
from types import SimpleNamespace

import pytest

from postprocess.errors import InvalidInput
from postprocess.keystore import draw_k0
from postprocess.plans.presets import Choice, session_parameters
from postprocess.randomness import CheckedSource, FileSource, SeededSource, SystemSource
from postprocess.randomness.choice import SEEDED, declared_source
from postprocess.randomness.health_tests import BLOCK_BYTES
from postprocess.rounds.opening import open_rounds
from postprocess.session import post_processing
from postprocess.storage.node_home import NodeHome

GOOD = SeededSource(7, "generator").random_bytes(100_000)
CHOICE = Choice(2000, Fraction(1, 2), rule="renyi", extractor="toeplitz", block_rounds=100)
BROKEN = {
    "zeros": bytes(100_000),
    "one byte": b"\xa7" * 100_000,
    "text": GOOD[:50_000].hex().encode(),
    "a pattern": GOOD[:100] * 1000,
}


@pytest.fixture
def home(tmp_path):
    (tmp_path / "alice").mkdir()
    return NodeHome("alice", tmp_path)


def write_choice(home, **choice):
    (home.folder / "random.json").write_text(json.dumps(choice))


def use_file(home, data):
    path = home.folder.parent / "quantis.bin"
    path.write_bytes(data)
    write_choice(home, kind="file", path=str(path))
    return path


def parameters_of(home, session_id="s1"):
    return session_parameters(home, "emulated", session_id, preset="custom", choice=CHOICE, min_response_s=0.0)


def draw_initial_secret(home, parameters):
    return draw_k0(declared_source(home, "K0", parameters.insecure_because), parameters)


def draw_settings(home, parameters):
    open_rounds(home, parameters).close()


def draw_seed(home, parameters, monkeypatch):
    """What post-processing gives Alice to draw the public seed from."""

    class Stored:
        complete = True

        def raw(self):
            return None

        def close(self):
            pass

    class Alice:
        def __init__(self, *_, random_bits, **__):
            self.random_bits = random_bits

        def run(self):
            self.random_bits(parameters.public_seed_bits)

    monkeypatch.setattr(post_processing, "stored_parameters", lambda home, session_id: parameters)
    home.session_folder("s1").mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(post_processing, "open_own", lambda *_, **__: Stored())
    monkeypatch.setattr(post_processing, "open_ledger", lambda home: nullcontext(SimpleNamespace(ledger_id="")))
    monkeypatch.setattr(post_processing, "ROLES", {"alice": Alice})
    monkeypatch.setattr(post_processing, "write_outcome", lambda *_: None)
    post_processing.post_process(home, "s1", timeout_s=1.0, link=Stored())


USES = ("K0", "settings", "seed")


def draw(use, home, parameters, monkeypatch):
    if use == "seed":
        draw_seed(home, parameters, monkeypatch)
    else:
        {"K0": draw_initial_secret, "settings": draw_settings}[use](home, parameters)


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("kind", BROKEN)
def test_nothing_is_made_of_a_broken_file(home, monkeypatch, use, kind):
    path = use_file(home, BROKEN[kind])
    with pytest.raises(InvalidInput) as refusal:
        draw(use, home, parameters_of(home), monkeypatch)
    line = str(refusal.value)
    assert str(path) in line and "not random, " in line and "\n" not in line
    assert not list(home.folder.rglob("settings.bin"))


@pytest.mark.parametrize("use", USES)
def test_nothing_is_made_of_a_stuck_system_generator(home, monkeypatch, use):
    monkeypatch.setattr(os, "urandom", lambda count: b"\x80" * count)
    with pytest.raises(InvalidInput, match="the operating system's generator: not random, one byte value"):
        draw(use, home, parameters_of(home), monkeypatch)


def test_a_generator_that_breaks_later_is_found(tmp_path):
    path = tmp_path / "quantis.bin"
    path.write_bytes(GOOD[:20_000] + bytes(5_000) + GOOD[20_000:])
    source = CheckedSource(FileSource(path))
    assert source.random_bytes(10_000) + source.random_bytes(10_000) == GOOD[:20_000]
    with pytest.raises(InvalidInput, match="not random"):
        source.random_bytes(100)


def test_a_short_draw_is_tested_with_its_neighbours(tmp_path):
    """16 bytes of text alone cannot be told from random ones; those around them can."""
    path = tmp_path / "quantis.bin"
    path.write_bytes(GOOD[:BLOCK_BYTES].hex().encode())
    with pytest.raises(InvalidInput, match="not random"):
        CheckedSource(FileSource(path)).random_bytes(16)
    path = tmp_path / "breaks"
    path.write_bytes(GOOD[:6_000] + GOOD[6_000:9_000].hex().encode())
    source = CheckedSource(FileSource(path))
    with pytest.raises(InvalidInput, match="not random"):
        for _ in range(9_000 // 16):
            source.random_bytes(16)
    assert source.left > 2_000


def test_the_tests_cost_no_byte_of_the_file(tmp_path):
    path = tmp_path / "quantis.bin"
    path.write_bytes(GOOD)
    source = CheckedSource(FileSource(path))
    assert source.random_bytes(100) == GOOD[:100] and source.left == 99_900
    assert CheckedSource(FileSource(path)).random_bytes(99_900) == GOOD[100:]
    with pytest.raises(InvalidInput, match="0 bytes are left and 1 are needed"):
        CheckedSource(FileSource(path)).random_bytes(1)


def test_a_file_too_short_to_be_tested_is_refused(tmp_path):
    path = tmp_path / "quantis.bin"
    path.write_bytes(GOOD[: BLOCK_BYTES - 1])
    with pytest.raises(InvalidInput, match="2499 bytes are too few for the health tests, which need 2500"):
        CheckedSource(FileSource(path)).random_bytes(1)


def test_good_sources_pass_and_say_what_they_are(tmp_path):
    system = CheckedSource(SystemSource())
    assert len(system.random_bytes(600_000)) == 600_000 and system.bits(9).shape == (9,)
    assert not system.insecure and system.left is None and "operating system" in system.description


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("rounds", [2000, 20_000_000])
def test_a_source_that_became_predictable_meanwhile_is_refused(home, monkeypatch, use, rounds):
    """Case M6: random.json changed to a seeded source between prepare and run, or before the seed is drawn."""
    monkeypatch.setitem(globals(), "CHOICE", Choice(rounds, Fraction(1, 2), rule="renyi", extractor="toeplitz"))
    parameters = parameters_of(home)
    assert parameters.insecure is (rounds == 2000) and SEEDED not in parameters.insecure_because
    write_choice(home, kind="seeded", seed=5)
    with pytest.raises(InvalidInput, match=r"names the fixed seed 5, .* parameters that do not say so"):
        draw(use, home, parameters, monkeypatch)
    assert not list(home.folder.rglob("settings.bin"))


@pytest.mark.parametrize("use", USES)
def test_a_declared_rehearsal_may_be_predictable(home, monkeypatch, use):
    write_choice(home, kind="seeded", seed=5)
    parameters = parameters_of(home)
    assert SEEDED in parameters.insecure_because
    draw(use, home, parameters, monkeypatch)
