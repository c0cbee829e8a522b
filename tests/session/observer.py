"""What an observer sees of a session on a clock of its own: messages, steps, both ledgers' public faces, both ends.

Both nodes live in lockstep on virtual time; one message may be late, one node may be killed and starts again.
"""

import shutil
from dataclasses import dataclass, field, replace

import numpy as np
from session_faults import Crash, CrashPoints
from session_nodes import ROLES, draw_rounds, rehearsal

from controllers.keystore import KeystoreFacts
from postprocess.errors import DiqkdError, exit_status
from postprocess.keystore import Keystore, draw_k0
from postprocess.keystore.generation import Generation
from postprocess.randomness import SeededSource
from postprocess.rounds import RawRounds
from postprocess.session.mailbox import STATUS, SessionStatus
from postprocess.session.post_processing import require_key
from postprocess.session.transcript import transcript_of
from tests.soak.lockstep import Lockstep, links

NODES = ("alice", "bob")
SESSION = "s1"
RESPONSE_S, RESTART_S = 5.0, 7.0
SOUND, NO_DECODING, NO_VIOLATION = "sound", "no decoding", "no violation"
OUTCOMES = (SOUND, NO_DECODING, NO_VIOLATION)
# Bob's private steps; what he has to do, and for how long, depends on what he finds.
WORK_S = {
    SOUND: {"verify_revelation": 0.4, "reconstruct_alice": 0.9, "estimate_parameters": 0.3, "amplify_privacy": 1.4},
    NO_DECODING: {"verify_revelation": 0.4, "reconstruct_alice": 3.2},
    NO_VIOLATION: {"verify_revelation": 0.4, "reconstruct_alice": 0.9, "estimate_parameters": 0.3},
}


class Points(CrashPoints):
    """Places on the virtual clock; a node may also be killed at a time, and live again.

    Attributes:
        met: (node, (what, how often before), virtual time) of every place passed.
    """

    def __init__(self):
        super().__init__()
        self.begin(Lockstep(), None)

    def begin(self, lockstep, killed):
        """`killed`: (node, place or seconds), or None."""
        node, when = killed or (None, None)
        self.lockstep, self.met, self.at_s = lockstep, [], {}
        self.arm(**({} if node is None or isinstance(when, float) else {node: when}))
        if isinstance(when, float):
            self.at_s[node] = when

    def place(self, node, what):
        self.met.append((node, (what, sum(earlier == what for earlier, _ in self.passed[node])), self.lockstep.now))
        if self.at_s.get(node, np.inf) <= self.lockstep.now:
            self.dead.add(node)
        super().place(node, what)

    def sleep(self, node, seconds):
        """A node that waits or works may be killed meanwhile."""
        left = self.at_s.get(node, np.inf) - self.lockstep.now
        self.lockstep.sleep(min(seconds, max(left, 0.0)))
        if left <= seconds:
            self.place(node, "at work")

    def revive(self, node):
        self.dead.discard(node)
        self.deadly[node] = None
        self.at_s.pop(node, None)


@dataclass
class Seen:
    """What was seen, in order; `decided_at`: how many of the events came before Bob's decision was stored.

    `results`: how each node ended.
    """

    events: list = field(default_factory=list)
    decided_at: int | None = None
    results: dict = field(default_factory=dict)

    def to_the_decision(self):
        """All until F leaves; from the moment at which it is stored without Bob's ledger, which then shows it."""
        found = []
        for number, event in enumerate(self.events):
            late = self.decided_at is not None and number >= self.decided_at
            found.append(tuple(part for part in event if not (late and isinstance(part, Face) and part.node == "bob")))
            if event[0] == "message" and event[3] == "F":
                return found
        raise AssertionError("no F has left")


@dataclass(frozen=True)
class Face:
    """What a node's ledger tells anybody who asks."""

    node: str
    told: str


class Observed:
    """Sessions with each outcome from the same provisioned homes, and with the same public parameters."""

    def __init__(self, folder, points, response_s=RESPONSE_S):
        self.folder, self.points, self.runs = folder, points, 0
        self._faces = {}
        self.parameters = replace(
            rehearsal(SESSION, 2000, min_response_s=response_s), rounds=1000, ell=200, syndrome_bits=800
        )
        k0 = draw_k0(SeededSource(7, "K0"), self.parameters, 1)
        for node in NODES:
            with Keystore.create(folder / "blank" / node / "keystore.sqlite", node) as keystore:
                keystore.provision(k0, self.parameters)
        sound = draw_rounds(self.parameters)
        self.rounds = {
            SOUND: sound,
            NO_DECODING: draw_rounds(self.parameters, visibility=0.5),
            NO_VIOLATION: self._lose_tests(sound),
        }

    def _lose_tests(self, rounds):
        """Bob's outcomes turned in as few test rounds as are too many; they still decode."""
        alice, bob = rounds["alice"], rounds["bob"]
        won = (alice.outcomes ^ bob.outcomes ^ (alice.settings & bob.settings)) == 0
        lost = int((bob.test.astype(bool) & ~won).sum())
        turned = np.flatnonzero(won & bob.test.astype(bool))[: self.parameters.bell_limit + 1 - lost]
        outcomes = bob.outcomes.copy()
        outcomes[turned] ^= 1
        return {"alice": alice, "bob": RawRounds(bob.settings, bob.test, outcomes)}

    def run(self, outcome, *, late=None, killed=None, extra_s=0.0):
        """The session to both ends: Seen.

        Args:
            late: (number of the message, seconds).
            killed: (node, place or seconds); the node starts again RESTART_S later.
            extra_s: how much longer Bob's decoding takes.
        """
        self.runs += 1
        homes = self.folder / f"homes-{self.runs}"
        shutil.copytree(self.folder / "blank", homes)
        seen, lockstep, numbers = Seen(), Lockstep(), iter(range(10_000))
        self.points.begin(lockstep, killed)

        def passing(sender, kind, payload):
            number, receiver = next(numbers), ends["bob" if sender == "alice" else "alice"]
            status = SessionStatus.unpack(payload) if kind == STATUS else None
            if seen.decided_at is None and any(place[0] == "after decide F" for _, place, _ in self.points.met):
                seen.decided_at = len(seen.events)
            faces = [self.face(homes, node) for node in NODES]
            seen.events.append(("message", lockstep.now, sender, kind, len(payload), status, *faces))
            if late is not None and number == late[0]:
                lockstep.later(late[1], lambda: receiver.deliver(kind, payload))
                return []
            return [(kind, payload)]

        def live(node):
            while True:
                try:
                    clock = replace(lockstep.clock, sleep=lambda seconds: self.points.sleep(node, seconds))
                    with Keystore.open(homes / node / "keystore.sqlite", clock) as keystore:
                        session = self._session(node, outcome, ends[node], keystore, seen)
                        if node == "bob":
                            _put_to_work(session, WORK_S[outcome], extra_s)
                        result = session.run()
                        seen.events.append(("end", lockstep.now, node, result, _status(result)))
                        seen.events.append(("transcript", node, transcript_of(keystore.session(SESSION), node)))
                        ends[node].close()
                        return result
                except Crash:
                    lockstep.sleep(RESTART_S)
                    self.points.revive(node)
                    ends[node].forget()

        ends = links(lockstep, passing, lambda what: self.points.place(lockstep.current, what))
        seen.results = lockstep.run({node: (lambda node=node: live(node)) for node in NODES})
        seen.events += [(node, self.face(homes, node)) for node in NODES]
        shutil.rmtree(homes)
        for result in seen.results.values():
            if isinstance(result, BaseException):
                raise result
        return seen

    def _session(self, node, outcome, link, keystore, seen):
        return ROLES[node](
            self.parameters,
            self.rounds[outcome][node],
            link,
            keystore,
            timeout_s=600.0,
            progress=lambda name: seen.events.append(("step", keystore.clock.monotonic(), node, name)),
        )

    def face(self, homes, node):
        """Everything that the ledger's controller answers; asked again when the ledger has changed."""
        ledger = homes / node / "keystore.sqlite"
        state = (ledger, Generation(ledger).read())
        if self._faces.get(node, (None,))[0] != state:
            facts = KeystoreFacts(node, homes)
            told = repr((facts.balance(), facts.sessions(), facts.keys(), facts.check()))
            self._faces[node] = (state, Face(node, told))
        return self._faces[node][1]


def _put_to_work(session, work_s, extra_s):
    """Each private step takes its time before it does what it does."""
    for name, seconds in work_s.items():
        seconds += extra_s if name == "reconstruct_alice" else 0.0
        step = getattr(session, name)
        setattr(session, name, lambda step=step, seconds=seconds: (session.clock.sleep(seconds), step())[1])


def _status(result):
    """How `diqkd session` and GenerateKey end."""
    try:
        require_key(result, SESSION)
    except DiqkdError as problem:
        return exit_status(problem), str(problem)
    return 0, ""
