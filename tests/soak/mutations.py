"""An adversary on the line: every message may be lost, held back, doubled, changed, or replaced by another."""

from __future__ import annotations

import msgpack
import numpy as np

from postprocess.errors import AbortReason

Messages = list[tuple[str, bytes]]
OPERATIONS = (
    "drop", "delay", "duplicate", "reorder", "truncate", "flip", "longer", "replay", "older session", "another kind",
    "field", "giant", "nested",
)  # fmt: skip
KINDS = ("status", "G_B", "F", "revelation", "hello", "round types", "patterns", "", "no such kind")
DEEPEST, LARGEST = 100_000, 4 << 20
VALUES = (
    None, True, False, 0, 1, -1, 2, 400, 999, 1000, 1001, 1 << 40, (1 << 63) - 1, (1 << 64) - 1, -(1 << 63), 0.5, -0.0,
    float("nan"), float("inf"), "", "alice", "bob", "x" * 2000, "\0", "1/0", "9" * 5000, b"", b"\0", b"\xff" * 32,
    bytes(300), [], [0], [[0, 1000]], [[400, 400]], [[-1, 5]], [[0]], [["a", "b"]], [None], ["G_B"], ["F"],
    ["revelation"], ["G_B", "F"], {}, {"a": {"b": []}}, "accepted", "{}", "[" * 3000, msgpack.Timestamp(1),
    *(reason.value for reason in AbortReason),
)  # fmt: skip


class Adversary:
    """Changes some of the messages that pass; a `passing` of LockstepLink.

    Args:
        random: what decides everything.
        older: messages of an older session, by (sender, kind).
        within: how many messages an honest session has, among which the first is chosen that is changed.
    """

    def __init__(self, random: np.random.Generator, older: dict[tuple[str, str], list[bytes]], within: int) -> None:
        self._random, self._older = random, [(kind, p) for (_, kind), all_ in older.items() for p in all_]
        hits = 1 + min(int(random.geometric(0.5)), 6)
        self._hits = set(random.integers(0, within, hits).tolist())
        self._operation = str(random.choice(OPERATIONS)) if random.random() < 0.5 else ""
        self._number = 0
        self._seen: Messages = []
        self._held: dict[str, list[tuple[int, str, bytes]]] = {"alice": [], "bob": []}
        self.done: list[str] = []

    def __call__(self, sender: str, kind: str, payload: bytes) -> Messages:
        number, self._number = self._number, self._number + 1
        self._seen = [*self._seen[-50:], (kind, payload)]
        arriving = [(kind, payload)]
        if number in self._hits:
            operation = self._operation or str(self._random.choice(OPERATIONS))
            self.done.append(f"{operation} {kind}")
            arriving = self._change(operation, sender, kind, payload)
        late = [held for held in self._held[sender] if held[0] <= number]
        self._held[sender] = [held for held in self._held[sender] if held[0] > number]
        return arriving + [(kind, payload) for _, kind, payload in late]

    def _change(self, operation: str, sender: str, kind: str, payload: bytes) -> Messages:
        random = self._random
        if operation in ("delay", "reorder"):
            later = 1 if operation == "reorder" else int(random.integers(2, 6))
            self._held[sender].append((self._number - 1 + later, kind, payload))
            return []
        if operation == "drop":
            return []
        if operation == "duplicate":
            return [(kind, payload)] * int(random.integers(2, 5))
        if operation in ("replay", "older session"):
            pool = self._older if operation == "older session" else self._seen
            same = [message for message in pool if message[0] == kind]
            pool = same if same and random.random() < 0.7 else pool
            chosen = pool[int(random.integers(len(pool)))]
            return [chosen] if random.random() < 0.5 else [chosen, (kind, payload)]
        if operation == "another kind":
            return [(str(random.choice(KINDS)), payload)]
        return [(kind, change_bytes(random, operation, payload))]


def change_bytes(random: np.random.Generator, operation: str, payload: bytes) -> bytes:
    """A changed copy of a message."""
    if operation == "truncate":
        return payload[: int(random.integers(0, max(len(payload), 1)))]
    if operation == "flip":
        return flip(random, payload)
    if operation == "longer":
        return payload + random.bytes(int(random.integers(1, 40)))
    if operation == "giant":
        return (payload if random.random() < 0.5 else b"") + bytes(int(random.integers(1 << 16, LARGEST)))
    if operation == "nested":
        depth = int(random.integers(1, DEEPEST))
        deep = (b"\x91" if random.random() < 0.5 else b"\x81\xa1x") * depth + b"\x01"
        return deep if random.random() < 0.5 else _with_raw_field(random, payload, deep)
    return change_field(random, payload)


def flip(random: np.random.Generator, payload: bytes) -> bytes:
    """One to eight bits of it changed."""
    changed = bytearray(payload)
    for _ in range(int(random.integers(1, 9)) if changed else 0):
        changed[int(random.integers(len(changed)))] ^= 1 << int(random.integers(8))
    return bytes(changed)


def change_field(random: np.random.Generator, payload: bytes) -> bytes:
    """A message whose encoding is sound: one field changed, missing, or too many; bytes where it is no map."""
    message = _as_map(payload)
    if not message:
        return flip(random, payload)
    name = list(message)[int(random.integers(len(message)))]
    value, choice = message[name], random.random()
    if choice < 0.05:
        del message[name]
    elif choice < 0.1:
        message["one more"] = value
    elif isinstance(value, bytes) and choice < 0.8:
        message[name] = change_field(random, value)
    elif type(value) is int and choice < 0.5:
        message[name] = value + int(random.integers(-3, 4))
    elif isinstance(value, bool) and choice < 0.6:
        message[name] = not value
    else:
        message[name] = VALUES[int(random.integers(len(VALUES)))]
    return msgpack.packb(message, datetime=False)


def _with_raw_field(random: np.random.Generator, payload: bytes, raw: bytes) -> bytes:
    message = _as_map(payload)
    if not message:
        return raw
    name = list(message)[int(random.integers(len(message)))]
    parts = [msgpack.packb(key) + (raw if key == name else msgpack.packb(value)) for key, value in message.items()]
    return bytes([0x80 | len(parts)]) + b"".join(parts)


def _as_map(payload: bytes) -> dict:
    try:
        message = msgpack.unpackb(payload)
    except (ValueError, msgpack.UnpackException, RecursionError):
        return {}
    return message if isinstance(message, dict) and len(message) < 16 else {}
