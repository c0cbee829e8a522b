"""The other node, as far as nature couples the two: heralds happen to both, T arrives on lines, measurements are
correlated.

`SharedPartner` is a memory-mapped file between the two node processes. Each node says at which herald of the public
stream it stands and which one it has passed last; a herald happens when both stand at the same one, so an index is
used at most once by both and a killed round is simply gone. Where a node stood in a kernel that is over counts for
nothing. Per round Bob's process leaves two messages: his edges on the T lines, and the effect of his outcome on the
shared state; Alice's leaves her edges on the barrier's lines, if there is a barrier, before she waits for anything.
Liveness is a lock on one byte per node: it goes with the process, however that ends. Waiting is not charged to any
timeline.

Bob's process runs ahead. On her way to a herald Alice promises that she will come there, whatever happens, and to some
heralds after it; Bob goes through with those and leaves her his messages. She promises only what nothing but the end of
her process can prevent (see attempts.AttemptLoop). Her host may end her kernel between two heralds, but only where
Bob's kernel, too, asks its host: there he waits until she is on her way (`together`).
With a barrier he gets no further than her pulse of the same round.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import time
import zlib
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from testbed.physics.heralds import Uniforms

SIZE = 16384
MAGIC = b"diqkd nature 2\0\0"
WORDS = {"alice": 32, "bob": 64}  # place of a node's block, in 64-bit words
HERALD, KERNEL, PASSED = 0, 1, 2  # herald it stands at or 0, kernels it started, last herald it had with the peer
PROMISED = 3  # Alice: the last herald that she will come to for sure
PRESENT, RUNNING = {"alice": SIZE, "bob": SIZE + 1}, {"alice": SIZE + 2, "bob": SIZE + 3}  # bytes that are locked
EDGES = struct.Struct("<QQ8q")
OUTCOME = struct.Struct("<Q6d")
CHECK = struct.Struct("<I")
MAX_EDGES = 4
SLOTS = 64  # messages of so many rounds may wait for Alice
EDGES_AT, EDGES_STEP = 1024, 96
OUTCOME_AT, OUTCOME_STEP = EDGES_AT + SLOTS * EDGES_STEP, 64
BARRIER_AT = OUTCOME_AT + SLOTS * OUTCOME_STEP
SPINS, YIELDS, NAP_S = 60, 120, 20e-6
TIMER_SLACK = Path("/proc/self/timerslack_ns")  # naps of 20 us shall not take 70
LOOK_EVERY = 50
LOCK_PATIENCE_S = 0.5


class Outcome(NamedTuple):
    """What Bob's measurement did: effect (e00, e11, re e01, im e01) of the outcome he found, whether that was bright,
    and the photons his ion is expected to have leaked to the station."""

    e00: float
    e11: float
    re01: float
    im01: float
    bright: float
    leaked: float


UNMEASURED = Outcome(1.0, 1.0, 0.0, 0.0, -1.0, 0.0)


def make_ring(path: Path) -> None:
    """An empty ring file, 0600."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(MAGIC.ljust(SIZE, b"\0"))


class SharedPartner:
    """The partner in another process; `node` is this side's name."""

    def __init__(self, path: Path, node: str, patience_s: float):
        self.node, self.peer = node, "bob" if node == "alice" else "alice"
        self.patience_s = patience_s
        try:
            self._file = Path(path).open("r+b")  # noqa: SIM115 - open as long as the node lives, the locks hang on it
        except OSError as problem:
            raise FileNotFoundError(f"{path}: no ring of an emulated laboratory ({problem.strerror})") from None
        if self._file.read(len(MAGIC)) != MAGIC:
            raise ValueError(f"{path} is not the ring of an emulated laboratory")
        self._map = mmap.mmap(self._file.fileno(), SIZE)
        self._words = memoryview(self._map).cast("Q")
        self._mine, self._theirs = WORDS[node], WORDS[self.peer]
        fcntl.lockf(self._file, fcntl.LOCK_SH, 1, PRESENT[node])
        self.epoch = self._words[self._mine + KERNEL]
        with suppress(OSError):
            TIMER_SLACK.write_text("1000")
        self._tired_of: int | None = None
        self._edges_of, self._edges = 0, list[tuple[int, int]]()  # the last message, which each line asks for
        self._met_as = 0

    def _locked(self, byte: int) -> bool:
        """Whether another process holds a lock."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        except OSError:
            return True
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, byte)
        return False

    def is_alive(self) -> bool:
        """Whether any process of the peer is in the laboratory."""
        return self._locked(PRESENT[self.peer])

    def is_running(self) -> bool:
        """Whether a kernel of the peer runs."""
        return self._locked(RUNNING[self.peer])

    def kernel(self, running: bool) -> None:
        """This node's kernel starts or ends."""
        byte = RUNNING[self.node]
        if not running:
            self._words[self._mine + HERALD] = self._words[self._mine + PROMISED] = 0
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, byte)
            return
        deadline = time.monotonic() + LOCK_PATIENCE_S
        while True:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise RuntimeError(
                        f"another process runs a kernel on {self.node}'s core device; end it first"
                    ) from None
                time.sleep(0.01)
        self._words[self._mine + HERALD] = self._words[self._mine + PROMISED] = 0
        self._words[self._mine + KERNEL] += 1
        self._forget_a_killed_peer()

    def _forget_a_killed_peer(self) -> None:
        """Take the peer away from where it stood when its process was killed; it cannot start while this node looks."""
        byte = RUNNING[self.peer]
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        except OSError:
            return
        self._words[self._theirs + HERALD] = self._words[self._theirs + PROMISED] = 0
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, byte)

    # Heralds

    def first(self) -> int:
        """The herald to set out for when a kernel starts: the first that neither node has had."""
        return max(self._words[self._mine + PASSED], self._words[self._theirs + PASSED]) + 1

    def promise(self, herald: int, last: int) -> None:
        """Alice is on her way to a herald and will come to it and to all up to `last`; so will her pulses there."""
        words = self._words
        if words[self._theirs + HERALD] > herald and words[self._theirs + PASSED] < herald:
            return  # he skips this one
        words[self._mine + HERALD] = herald
        words[self._mine + PROMISED] = last

    def meet(self, herald: int, together: bool = True) -> int:
        """Stand at a herald until the peer does too; not `together`: or until she has promised to come.

        Returns:
            herald if both are there, a larger index if the peer is already further, 0 if the peer is not there.
        """
        words, place, passed = self._words, self._theirs + HERALD, self._theirs + PASSED
        if words[place] > herald and words[passed] < herald:
            return words[place]
        words[self._mine + HERALD] = herald  # from here on the peer passes this herald only together with this node
        promised = PROMISED + self._theirs

        def there() -> bool:
            if words[place] >= herald or words[passed] >= herald:
                return True
            return not together and words[promised] >= herald and herald - words[passed] < SLOTS

        if not there() and not self._await(there):
            return 0
        stands = words[place]
        if stands > herald and words[passed] < herald:
            return stands
        words[self._mine + PASSED] = herald
        self._met_as = words[self._theirs + KERNEL]
        return herald

    def _await(self, there) -> bool:
        """Wait for a condition as long as the peer can still bring it about."""
        for _ in range(SPINS):
            if there():
                return True
        kernels = self._words[self._theirs + KERNEL]
        if kernels == self._tired_of:
            return False
        turns, idle_since = 0, None
        while not there():
            turns += 1
            if turns < YIELDS:
                os.sched_yield()
            else:
                time.sleep(NAP_S)
            if turns % LOOK_EVERY:
                continue
            if self.is_running():
                idle_since = None
                continue
            idle_since = idle_since or time.monotonic()
            if not self.is_alive() or time.monotonic() - idle_since > self.patience_s:
                self._tired_of = self._words[self._theirs + KERNEL]
                return there()
        return True

    # Messages

    def announce(self, herald: int, edges: list[tuple[int, int]]) -> None:
        """This node's rising edges (line, time after the herald) of this round."""
        flat = [number for edge in edges[:MAX_EDGES] for number in edge]
        place = _edges_at(herald) if self.node == "bob" else BARRIER_AT
        self._write(place, EDGES.pack(herald, len(flat) // 2, *flat, *[0] * (2 * MAX_EDGES - len(flat))))

    def tell(self, herald: int, outcome: Outcome) -> None:
        """Bob: what his measurement did."""
        self._write(_outcome_at(herald), OUTCOME.pack(herald, *outcome))

    def _write(self, place: int, message: bytes) -> None:
        self._map[place : place + len(message) + 4] = message + CHECK.pack(zlib.crc32(message))

    def _read(self, place: int, form: struct.Struct, herald: int) -> tuple | None:
        """The message at a place, if it is there completely and of this herald."""
        if self._words[place >> 3] != herald:
            return None
        raw = self._map[place : place + form.size + 4]
        if zlib.crc32(raw[:-4]) != CHECK.unpack_from(raw, form.size)[0]:
            return None
        fields = form.unpack_from(raw)
        return fields if fields[0] == herald else None

    def _gone(self, herald: int) -> bool:
        """Whether the peer has left this round behind: stands at the next herald, or in its next kernel."""
        words, place = self._words, self._theirs
        return words[place + HERALD] > herald or words[place + KERNEL] != self._met_as

    def _receive(self, herald: int, ready) -> bool:
        """Wait until `ready`, or until it cannot become so any more."""
        turns = 0
        while not ready():
            turns += 1
            if turns < SPINS:
                continue
            if self._gone(herald):
                return ready()
            if turns < YIELDS:
                os.sched_yield()
            else:
                time.sleep(NAP_S)
            if turns % LOOK_EVERY == 0 and not self.is_running():
                return ready()
        return True

    def edges(self, herald: int) -> list[tuple[int, int]]:
        """The peer's rising edges in this round, as (line, time after the herald): Bob's on the T lines, Alice's on the
        barrier's."""
        if herald == self._edges_of:
            return self._edges
        words, place, later = self._words, BARRIER_AT, BARRIER_AT >> 3
        if self.node == "alice":
            place, later = _edges_at(herald), _outcome_at(herald) >> 3
        found = self._read(place, EDGES, herald)
        if found is None:
            self._receive(herald, lambda: words[place >> 3] == herald or words[later] == herald)
            self._receive(herald, lambda: words[place >> 3] != herald or self._read(place, EDGES, herald))
            found = self._read(place, EDGES, herald)
        if not found:
            return []
        self._edges_of = herald
        self._edges = [(found[2 + 2 * i], found[3 + 2 * i]) for i in range(found[1])]
        return self._edges

    def outcome(self, herald: int) -> Outcome:
        """Alice: what Bob's measurement did in this round; UNMEASURED if he never came to it."""
        place = _outcome_at(herald)
        found = self._read(place, OUTCOME, herald)
        if found is None:
            self._receive(herald, lambda: self._read(place, OUTCOME, herald))
            found = self._read(place, OUTCOME, herald)
        return UNMEASURED if found is None else Outcome(*found[1:])

    def close(self) -> None:
        self._words.release()
        self._map.close()
        self._file.close()


def _edges_at(herald: int) -> int:
    return EDGES_AT + herald % SLOTS * EDGES_STEP


def _outcome_at(herald: int) -> int:
    return OUTCOME_AT + herald % SLOTS * OUTCOME_STEP


class IdealPartner:
    """A partner that is always ready, for a node on its own: his pulse comes at the middle of the gate that is open for
    it, on any line at random, and he measures in the protocol's bases, with perfect pulses, at random.

    Attributes:
        lines: so many he pulses; 3 for the round type with two key bases.
    """

    epoch = 0

    def __init__(self, node: str, seed: int):
        self.node = node
        self.lines = 2
        self._random = Uniforms(seed, "partner", 2)
        self._next = 1

    def kernel(self, running: bool) -> None:
        pass

    def first(self) -> int:
        return self._next

    def promise(self, herald: int, last: int) -> None:
        pass

    def meet(self, herald: int, together: bool = True) -> int:
        self._next = herald + 1
        return herald

    def announce(self, herald: int, edges: list[tuple[int, int]]) -> None:
        pass

    def tell(self, herald: int, outcome: Outcome) -> None:
        pass

    def edges(self, herald: int) -> list[tuple[int, int]]:
        """Each line with equal probability; the time -1 stands for 'the middle of the gate'."""
        return [(int(self.lines * self._random[herald][0]), -1)]

    def outcome(self, herald: int) -> Outcome:
        return UNMEASURED

    def close(self) -> None:
        pass


def effect_matrix(outcome: Outcome):
    """The (2, 2) operator of an outcome."""
    off = outcome.re01 + 1j * outcome.im01
    return np.array([[outcome.e00, off], [np.conj(off), outcome.e11]])
