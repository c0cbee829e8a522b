"""Kind 'parsers': whatever a node reads, from the peer, from its disk or from the command line, is read or refused.

Inputs are sound ones that are cut, flipped, filled, nested, or given other values. A refusal is one of the named
errors, in one short line; any other exception is a fault.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import msgpack
import numpy as np

from diqkd import arguments
from node.node_errors import CalibrationError
from node_bob.settings import DEFAULTS
from postprocess.acquisition import meeting, node_dialogue
from postprocess.errors import DiqkdError
from postprocess.keystore import draw_k0
from postprocess.keystore.initial_secret import take_apart
from postprocess.link import codec
from postprocess.link.keys import make_link_keys, read_link_keys, write_peer
from postprocess.plans.measurement_plan import MeasurementPlan, read_plan
from postprocess.plans.session_parameters import SessionParameters
from postprocess.randomness import SeededSource
from postprocess.randomness.choice import untested_source
from postprocess.rounds import RoundStore
from postprocess.rounds.zeroed import ZeroedRanges
from postprocess.session.bob import read_private_record
from postprocess.session.mailbox import SessionStatus
from postprocess.session.revelation import Revelation
from postprocess.storage.node_home import NodeHome
from procedures.calibration_file import calibrated
from tests.soak.mutations import VALUES, change_bytes
from tests.soak.small_rounds import small_rounds
from tests.soak.small_sessions import SESSION, Template, small_session

PER_CASE = 500
NAMED = (DiqkdError, CalibrationError, argparse.ArgumentTypeError)
LONGEST_LINE, SLOWEST_S = 5000, 2.0
OPERATIONS = ("truncate", "flip", "longer", "nested", "field", "values")
NUMBERS = (
    "", " ", "-1", "0", "13/256", "1/0", "1e400", "1e9999999", "nan", "-inf", "0x10", "1_0", "9" * 5000, "٣", "1.8%",
    "\ud800", "\0", "a" * 300, "best", "1e-400", "+5", "1/256/2", "２", "1e308", "5 %", "--", "/dev/null", "Ω" * 200,
)  # fmt: skip


class Parsers:
    """One case is PER_CASE inputs for one reader."""

    name, target, tries_per_case = "parsers", 1_000_000, PER_CASE

    def __init__(self, scratch: Path) -> None:
        self._home = scratch / "bob"
        self._home.mkdir(mode=0o700)
        parameters = small_session(SESSION)
        self._readers = [*self._messages(scratch, parameters), *self._files(parameters), *_numbers()]

    def case(self, number: int) -> list[str]:
        """Faults of one reader in PER_CASE inputs."""
        random = np.random.default_rng([3, number])
        name, seeds, read = self._readers[number % len(self._readers)]
        found = []
        for _ in range(PER_CASE):
            seed = seeds[int(random.integers(len(seeds)))]
            given = _text(random, seed) if isinstance(seed, str) else _bytes(random, seed)
            start = time.perf_counter()
            try:
                read(given)
            except NAMED as refusal:
                line = str(refusal)
                if not line or len(line) > LONGEST_LINE:
                    found.append(f"{name}: a refusal of {len(line)} characters, for {given[:80]!r}")
            except Exception as problem:
                found.append(f"{name}: {type(problem).__name__}: {str(problem)[:200]}, for {given[:200]!r}")
            if time.perf_counter() - start > SLOWEST_S:
                found.append(f"{name}: {time.perf_counter() - start:.1f} s for {given[:80]!r}")
        return found

    def _messages(self, scratch: Path, parameters: SessionParameters):
        """What the peer sends: every kind of both channels."""
        template, rounds = Template(scratch, "toeplitz"), small_rounds(scratch / "rounds")
        seen: dict[str, list[bytes]] = {}

        def record(sender, kind, payload):
            seen.setdefault(kind, []).append(payload)
            return [(kind, payload)]

        rounds.live(record)
        older = {kind: payloads for (_, kind), payloads in template.older.items()}
        contents = {
            kind: [msgpack.unpackb(p)["content"] for p in payloads] for kind, payloads in seen.items() if payloads
        }
        n, public = template.parameters.rounds, template.parameters
        patterns = {"sha256": codec.byte_string(32), **dict.fromkeys(
            ("block", "rounds", "zeroed", "ranges", "flagged"), meeting.ANY_NUMBER)}  # fmt: skip
        some = ZeroedRanges.of_rounds([3, 4, 900])
        yield "status of a session", older["status"], SessionStatus.unpack
        yield "revelation", older["revelation"], lambda data: _reveal(data, public)
        yield (
            "envelope",
            [each for all_ in seen.values() for each in all_],
            lambda data: codec.decode("any", data, node_dialogue.ENVELOPE),
        )
        yield "greeting", contents["hello"], lambda data: codec.decode("hello", data, node_dialogue.GREETING)
        yield "status of a meeting", contents["status"], lambda data: meeting.MeetingStatus.from_message(data, n)
        yield "patterns", contents["patterns"], lambda data: codec.decode("patterns", data, patterns)
        yield "round types", [codec.encode({"types": b"\x55" * 5})], lambda data: meeting._types(data, 40)
        yield "zeroed ranges", [some.to_bytes(768)], lambda data: ZeroedRanges.from_bytes(data, 768, n)
        yield "parameters of a session", [parameters.to_json()], SessionParameters.from_json
        yield "plan", [parameters.to_json(), MeasurementPlan("s", "emulated", 1000).to_json()], read_plan

    def _files(self, parameters: SessionParameters):
        """What lies in a node's home."""
        home, folder = self._home, self._home / "sessions" / "s"
        make_link_keys(home)
        write_peer(home, "a" * 40, {"rounds": "tcp://host:5710", "session": "tcp://host:5711"})
        store = RoundStore.create(folder, MeasurementPlan("s", "emulated", 1000), "bob", SeededSource(1, "s"))
        store.burn(0)
        store.fill_lost(store.span(0)[1])
        store.close()
        texts = {
            "random.json": json.dumps({"kind": "seeded", "seed": 5}),
            "sessions/s/private.json": json.dumps({"verdict": "sound", "score": 2.5}),
            "calibration.json": json.dumps({"readout.threshold": {"value": 7}, "readout.gate": {"value": 2e-5}}),
        }
        for name, text in texts.items():
            (home / name).write_text(text)
        node = NodeHome("bob", home.parent)
        readers = {
            "link/public_key": lambda: read_link_keys(home),
            "link/secret_key": lambda: read_link_keys(home),
            "link/peer.json": lambda: read_link_keys(home),
            "sessions/s/parameters.json": lambda: RoundStore.open(folder, read_only=True),
            "sessions/s/settings.bin": lambda: RoundStore.open(folder, read_only=True),
            "sessions/s/marks.log": lambda: RoundStore.open(folder, read_only=True),
            "sessions/s/records.log": lambda: RoundStore.open(folder, read_only=True),
            "sessions/s/private.json": lambda: read_private_record(home, "s"),
            "calibration.json": lambda: calibrated(DEFAULTS, home / "calibration.json"),
            "random.json": lambda: untested_source(node, "a test"),
        }
        for name, read in readers.items():
            yield name, [(home / name).read_bytes()], _with_content(home / name, read)
        k0 = draw_k0(SeededSource(1, "K0"), parameters, 2)
        yield "K0", [k0], lambda data: take_apart(data, parameters)


def _reveal(data: bytes, parameters: SessionParameters) -> None:
    found = Revelation.from_payload(data, parameters)
    if found is not None:
        found[0].settings(np.ones(parameters.rounds, np.uint8), np.zeros(parameters.rounds, np.uint8))
        found[0].zeroed_rounds(parameters)


def _with_content(path: Path, read):
    sound = path.read_bytes()

    def reader(content: bytes) -> None:
        path.write_bytes(content)
        try:
            read()
        finally:
            path.write_bytes(sound)

    return reader


def _numbers():
    """Types of the command line."""
    types = {
        "gamma": arguments.gamma_or_best, "whole number": arguments.whole(1, 10**9), "seed": arguments.seed,
        "real number": arguments.real(0, 1), "error rate": arguments.qber, "path": arguments.path,
        "word": arguments.word,
    }  # fmt: skip
    for name, read in types.items():
        yield f"argument: {name}", [*NUMBERS, "1e6", "1/2", "0.018"], read


def _bytes(random: np.random.Generator, seed: bytes) -> bytes:
    chosen = OPERATIONS[int(random.integers(len(OPERATIONS)))]
    if chosen == "values":
        value = VALUES[int(random.integers(len(VALUES)))]
        return msgpack.packb(value, datetime=False) if random.random() < 0.3 else _json_with(random, seed)
    if chosen == "nested" and random.random() > 0.02:
        chosen = "flip"  # the deep ones are slow to make
    changed = change_bytes(random, chosen, seed)
    return change_bytes(random, "flip", changed) if random.random() < 0.2 else changed


def _json_with(random: np.random.Generator, seed: bytes) -> bytes:
    """A JSON object with another value somewhere; noise where the seed is none."""
    try:
        content = json.loads(seed)
        keys = list(content)
    except (ValueError, TypeError):
        return random.bytes(int(random.integers(0, 300)))
    name, value = keys[int(random.integers(len(keys)))], VALUES[int(random.integers(len(VALUES)))]
    if isinstance(content[name], dict) and content[name] and random.random() < 0.7:
        content[name][next(iter(content[name]))] = value
    else:
        content[name] = value
    return json.dumps(content, default=str).encode(errors="replace")


def _text(random: np.random.Generator, seed: str) -> str:
    if seed.startswith("{"):
        return _bytes(random, seed.encode()).decode(errors="surrogateescape")
    places = random.integers(0, len(seed) + 1, 2)
    middle = "".join(chr(int(c)) for c in random.integers(32, 0x250, int(random.integers(0, 4))))
    return seed[: places[0]] + middle + seed[places[1] :] if random.random() < 0.8 else seed
