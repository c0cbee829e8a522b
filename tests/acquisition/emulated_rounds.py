"""Two nodes in threads: links that break, a gateware that pairs heralds, and crashes wherever one wants them."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from contract.codes import KernelLeft
from contract.nodes import NODES
from postprocess.acquisition import Acquisition, Next
from postprocess.errors import PeerLost, SessionAborted
from postprocess.link import Silence
from postprocess.plans.paper import PAPER_PRIORS
from postprocess.plans.session_parameters import SessionParameters
from postprocess.randomness import SeededSource
from postprocess.rounds import RoundStore
from postprocess.rounds.round_records import RoundRecords
from postprocess.storage.framed_log import frame

HERALDS = np.array([3, 5, 10, 12], dtype=np.uint8)


def small_session(**changes) -> SessionParameters:
    """A session of three blocks (400, 400, 200 rounds) whose key nobody should use."""
    values = {
        "session_id": "test",
        "apparatus": "emulated",
        "rounds": 1000,
        "gamma": Fraction(1, 2),
        "score": 2.64,
        "qber": 0.018,
        "eps_snd": 1e-10,
        "omega_thr": 0.8,
        "syndrome_bits": 300,
        "ell": 50,
        "eps_pa": 1e-10,
        "code_seed": 1,
        "priors": PAPER_PRIORS,
        "block_rounds": 400,
        "allowance": 999,
        "min_response_s": 0.0,
        "insecure_because": ("a test",),
    }
    return SessionParameters(**(values | changes))


class Crash(BaseException):
    """The process is killed; nothing may catch this."""


class Trap:
    """Counts the places where a node could be killed and kills it at one of them (None: never)."""

    def __init__(self, kill_at: int | None = None) -> None:
        self.kill_at, self.passed = kill_at, 0
        self.killed_in = ""

    def step(self, where: str) -> None:
        self.passed += 1
        if self.kill_at is not None and self.passed > self.kill_at:
            self.killed_in = self.killed_in or where
            raise Crash(where)


class PairedLink:
    """One end of an in-memory link; what was sent stays readable until the pair is broken."""

    def __init__(self) -> None:
        self.inbox: deque[tuple[str, bytes]] = deque()
        self.changed = threading.Condition()
        self.broken = False
        self.peer: PairedLink = self
        self.trap = Trap()
        self.sent: list[tuple[str, bytes]] = []

    def send(self, kind: str, payload: bytes) -> None:
        self.trap.step("before send of " + kind)
        self.sent.append((kind, payload))
        with self.peer.changed:
            self.peer.inbox.append((kind, payload))
            self.peer.changed.notify_all()
        self.trap.step("after send of " + kind)

    def receive(self, kind: str | tuple[str, ...], timeout: float) -> tuple[str, bytes]:
        self.trap.step("before receive")
        with self.changed:
            if not self.changed.wait_for(lambda: self.inbox or self.broken, timeout):
                raise Silence("link: nothing came")
            if not self.inbox:
                raise PeerLost("link: broken")
            message = self.inbox.popleft()
        self.trap.step("after receive of " + message[0])
        return message

    def peer_is_there(self, timeout: float) -> bool:
        return not self.broken

    def break_off(self) -> None:
        for end in (self, self.peer):
            with end.changed:
                end.broken = True
                end.changed.notify_all()

    def close(self) -> None:
        self.break_off()


def paired_links() -> dict[str, PairedLink]:
    links = {node: PairedLink() for node in NODES}
    links["alice"].peer, links["bob"].peer = links["bob"], links["alice"]
    return links


@dataclass(frozen=True)
class Fault:
    """At round `at`, `node` leaves its kernel with `code`.

    kind "before": the round begins on neither node. "inside": it ends on both, with this node's record flagged.
    "alone": the other node alone saw the herald. "died": both end it, but this node's kernel never says so.
    """

    at: int
    node: str
    code: KernelLeft
    kind: str


class Gateware:
    """Pairs the two kernels: rounds happen only while both are in theirs, at the same position."""

    def __init__(self, rounds: int, *, no_herald_s: float, seed: int = 1, faults: tuple[Fault, ...] = ()) -> None:
        generator = np.random.default_rng(seed)
        self.patterns = {"alice": HERALDS[generator.integers(0, 4, rounds)]}
        self.patterns["bob"] = self.patterns["alice"].copy()
        self.outcomes = {node: generator.integers(0, 2, rounds).astype(np.uint8) for node in NODES}
        self.measured: dict[str, np.ndarray] = {node: np.zeros(rounds, dtype=np.int64) for node in NODES}
        self.faults = list(faults)
        self.no_herald_s = no_herald_s
        self._turn = threading.Condition()
        self._waiting: dict[str, tuple[int, int, np.ndarray]] = {}
        self._results: dict[str, tuple[int, KernelLeft, str, np.ndarray]] = {}

    def run(self, node: str, first: int, settings: np.ndarray) -> tuple[int, KernelLeft, str, np.ndarray]:
        """(rounds done, code, kind of fault, Bob's settings)."""
        with self._turn:
            self._waiting[node] = (first, len(settings), settings)
            if len(self._waiting) == 2:
                self._pair()
            self._turn.notify_all()
            self._turn.wait_for(lambda: node in self._results, self.no_herald_s)
            if node not in self._results:
                del self._waiting[node]
                return 0, KernelLeft.NO_HERALD, "", settings
            return self._results.pop(node)

    def _pair(self) -> None:
        (first, count, _), other = self._waiting["alice"], self._waiting["bob"]
        assert (first, count) == other[:2], f"the nodes measure different rounds: {first}, {other[0]}"
        done, codes, kind = dict.fromkeys(NODES, count), dict.fromkeys(NODES, KernelLeft.LEFT_BY_HOST), ""
        for fault in [fault for fault in self.faults if first <= fault.at < first + count][:1]:
            self.faults.remove(fault)
            partner = "bob" if fault.node == "alice" else "alice"
            codes = {fault.node: fault.code, partner: KernelLeft.NO_HERALD}
            before, through = fault.at - first, fault.at - first + 1
            done = {
                fault.node: through if fault.kind in ("inside", "died") else before,
                partner: before if fault.kind == "before" else through,
            }
            kind = fault.kind
        for node in NODES:
            self.measured[node][first : first + done[node]] += 1
            mine = kind if codes[node] not in (KernelLeft.LEFT_BY_HOST, KernelLeft.NO_HERALD) else ""
            self._results[node] = (done[node], codes[node], mine, other[2])
        self._waiting.clear()


@dataclass
class Laboratory:
    """Two nodes with their folders; `run` plays lives of both until they end."""

    home: Path
    parameters: SessionParameters = field(default_factory=small_session)
    faults: tuple[Fault, ...] = ()
    no_herald_s: float = 0.05
    timeout_s: float = 10.0
    pauses: dict[str, set[int]] = field(default_factory=dict)
    seed: int = 1

    def __post_init__(self) -> None:
        self.gateware = Gateware(
            self.parameters.rounds, no_herald_s=self.no_herald_s, faults=self.faults, seed=self.seed
        )
        self.handed: dict[str, dict[int, list[int]]] = {node: defaultdict(list) for node in NODES}
        self.following: dict[str, list[Next]] = {node: [] for node in NODES}
        self.progress: dict[str, list] = {node: [] for node in NODES}
        self.lives = dict.fromkeys(NODES, 0)
        for node in NODES:
            RoundStore.create(self.home / node, self.parameters, node, SeededSource(self.seed, node)).close()

    def store(self, node: str) -> RoundStore:
        return RoundStore.open(self.home / node, read_only=True)

    def run(self, kill: dict[str, int | None] | None = None, *, survivor: bool = False) -> dict[str, Trap]:
        """Lives of both nodes until both have finished; `kill` names where the first life of each ends.

        With `survivor` a killed node is started again at once on the same link, and its peer lives on.
        """
        traps = {node: Trap((kill or {}).get(node)) for node in NODES}
        for attempt in range(8):
            links = paired_links()
            ends: dict[str, object] = {}

            def live(node: str, links=links, ends=ends, first=attempt == 0) -> None:
                ends[node] = self._life(node, links[node], traps[node] if first else Trap())
                while survivor and isinstance(ends[node], Crash):
                    ends[node] = self._life(node, links[node], Trap())
                if isinstance(ends[node], Crash) or not isinstance(ends[node], Next):
                    links[node].break_off()

            threads = [threading.Thread(target=live, args=(node,), daemon=True) for node in NODES]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
                assert not thread.is_alive(), "a node hangs"
            for end in ends.values():
                if isinstance(end, BaseException) and not isinstance(end, Crash | PeerLost):
                    raise end
            self.links = links
            if all(end is Next.FINISHED for end in ends.values()):
                return traps
        raise AssertionError(f"the session does not come to its end: {ends}")

    def _life(self, node: str, link: PairedLink, trap: Trap) -> object:
        self.lives[node] += 1
        store = RoundStore.open(self.home / node)
        link.trap = trap
        for log in (store._marks, store._records):
            _set_trap(log, trap)
        pauses = self.pauses.get(node, set())
        acquisition = Acquisition(
            store,
            link,
            pause_for=lambda: "test" if store.decided in pauses and not pauses.discard(store.decided) else "",
            progress=self.progress[node].append,
            timeout_s=self.timeout_s,
        )
        try:
            acquisition.agree_on_parameters()
            following = acquisition.resume()
            while following not in (Next.FINISHED, Next.OPERATOR):
                following = acquisition.kernel_left(self._kernel(node, acquisition))
                self.following[node].append(following)
            return following
        except (Crash, PeerLost, SessionAborted, AssertionError, ValueError) as end:
            return end
        finally:
            store.close()

    def _kernel(self, node: str, acquisition: Acquisition) -> int:
        while True:
            words = acquisition.next_block()
            sequence, first, count = (int(word) for word in words[:3])
            if count == 0:
                return KernelLeft.LEFT_BY_HOST
            settings = unpack_settings(words, count)
            for index in range(first, first + count):
                self.handed[node][index].append(self.lives[node])
            done, code, kind, bobs = self.gateware.run(node, first, settings)
            if kind == "died":
                return code
            records = self._records(node, first, done, settings, bobs, flagged=kind == "inside")
            acquisition.keep_block(sequence, first, done, records.to_words())
            if code:
                return code

    def _records(self, node, first, count, settings, bobs, *, flagged) -> RoundRecords:
        part = slice(first, first + count)
        types = (bobs[:count] != 2).astype(np.uint8)
        flags = np.zeros(count, dtype=np.uint8)
        if flagged:
            flags[-1] = 4
            types[-1] = 0
        used = settings[:count] & types if node == "alice" else settings[:count]
        return RoundRecords(
            timestamps_mu=10_000_000 * np.arange(first, first + count),
            attempts=np.full(count, 6000),
            patterns=self.gateware.patterns[node][part],
            outcomes=self.gateware.outcomes[node][part],
            settings=used,
            types=types,
            flags=flags,
            counts=np.full(count, 7, dtype=np.int32),
        )


def unpack_settings(words: np.ndarray, count: int) -> np.ndarray:
    """As the kernel does it, setting by setting."""
    return np.array([(int(words[4 + j // 16]) >> 2 * (j % 16)) & 3 for j in range(count)], dtype=np.uint8)


def _set_trap(log, trap: Trap) -> None:
    """Let the process be killed before a durable write, in the middle of it, and after it."""
    append = log.append

    def trapped(kind: int, payload: bytes) -> None:
        trap.step(f"before write to {log.path.name}")
        try:
            trap.step(f"torn write to {log.path.name}")
        except Crash:
            data = frame(kind, payload)
            with log.path.open("ab") as file:
                file.write(data[: len(data) // 2])
            raise
        append(kind, payload)
        trap.step(f"after write to {log.path.name}")

    log.append = trapped


def check_laws(lab: Laboratory) -> None:
    """What must hold at the end of a session, whatever happened (round_semantics of the project)."""
    stores = {node: lab.store(node) for node in NODES}
    raw = {node: store.raw() for node, store in stores.items()}
    n = lab.parameters.rounds
    assert len(raw["alice"]) == len(raw["bob"]) == n
    np.testing.assert_array_equal(raw["alice"].test, raw["bob"].test)
    np.testing.assert_array_equal(raw["bob"].test, raw["bob"].settings != 2)
    assert not raw["alice"].settings[raw["alice"].test == 0].any()
    patterns = {node: store.patterns(0, n) for node, store in stores.items()}
    both = (patterns["alice"] != 0) & (patterns["bob"] != 0)
    np.testing.assert_array_equal(patterns["alice"][both], patterns["bob"][both])
    for node in NODES:
        assert lab.gateware.measured[node].max() <= 1, "a round was measured twice"
        for index, lives in lab.handed[node].items():
            assert len(set(lives)) == 1, f"{node}: settings of round {index} were handed out in two lives"
        flagged = stores[node]._flags != 0
        assert not raw[node].outcomes[flagged].any()
        kept = ~flagged
        np.testing.assert_array_equal(raw[node].outcomes[kept], lab.gateware.outcomes[node][kept])
        assert (lab.gateware.measured[node][kept] == 1).all()
        assert len(stores[node].zeroed) == flagged.sum()


def wait_until(condition, seconds: float = 5.0) -> None:
    """Poll; fail after the time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)
