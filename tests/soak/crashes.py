"""Kind 'crashes': a process dies, loses power or gets an error at every durable write, send and receive.

Rounds, post-processing, provisioning, delivery, what an ended session leaves, and both key delivery servers at work;
Alice, Bob, or both. Afterwards the same command must go on.
"""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import numpy as np
from emulated_rounds import small_session as rounds_plan

from diqkd.keys_actions import _write_new
from postprocess.acquisition import Next
from postprocess.errors import AbortReason, DiqkdError, SessionAborted
from postprocess.keystore import Keystore, draw_k0
from postprocess.keystore.delivery import deliver
from postprocess.keystore.k0_file import read_k0_file
from postprocess.link.keys import make_link_keys, read_link_keys, write_peer
from postprocess.randomness import SeededSource
from postprocess.rounds import RoundStore
from postprocess.session import SessionResult
from postprocess.session.post_processing import close_session, write_outcome
from postprocess.session.transcript import read_transcript, transcript_of
from postprocess.storage.bounded_files import MissingFile
from postprocess.storage.node_home import NodeHome
from postprocess.storage.private_files import private_folder
from tests.soak.disk import MODES, Dead, FailingDisk
from tests.soak.served_pair import ServedPair
from tests.soak.small_rounds import small_rounds
from tests.soak.small_sessions import ELL, NODES, OLDER, SESSION, Template, small_session

PEER_KEY = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
ADDRESSES = {"rounds": "tcp://127.0.0.1:5001", "session": "tcp://127.0.0.1:5002"}
ZEROED = "zeroed"
KEY_MADE = SessionResult(True, None, ELL, SESSION, seconds={})
ALLOWED = {"allow_emulated": True, "allow_insecure": True}


class Crashes:
    """First each place of each phase alone, in every mode; then pairs of places, one on each node or in two lives."""

    name, target = "crashes", 4_000

    def __init__(self, scratch: Path) -> None:
        self._folder, self._template = scratch / "crash", Template(scratch)
        self._phases = {
            "post-processing": self._session,
            "rounds": self._rounds,
            "making rounds": self._creation,
            "provisioning": self._provisioning,
            "delivery": self._delivery,
            "ending": self._ending,
            "key delivery server": self._serving,
        }
        self._served_pair = ServedPair(scratch / "served")
        self._accepted = scratch / "accepted"
        pair = self._template.copy(self._accepted)
        pair.run(), pair.close()
        self._passed = {}
        for phase, run in self._phases.items():
            for mode in MODES:
                random = np.random.default_rng(1)
                found = run(mode, [{}], random)
                assert not found, (phase, mode, found)
                self._passed[phase, mode] = {node: len(self._last.passed[node]) for node in NODES}
        self._points = [
            (phase, mode, {node: number})
            for (phase, mode), passed in self._passed.items()
            for node in NODES
            for number in range(passed[node])
        ]
        self.single = len(self._points)
        order = np.random.default_rng(1).permutation(self.single)
        self._points = [self._points[i] for i in order]

    def case(self, number: int) -> list[str]:
        """Faults found after the failures of case `number`."""
        random = np.random.default_rng([1, number])
        if number < self.single:
            phase, mode, deadly = self._points[number]
            lives = [deadly]
        else:
            phase, mode, _ = self._points[int(random.integers(self.single))]
            lives = [self._both(phase, mode, random) for _ in range(int(random.integers(1, 3)))]
        found = self._phases[phase](mode, lives, random)
        return [f"{line}; {phase}, {mode} at {lives}, {self.failed}" for line in found]

    def _both(self, phase: str, mode: str, random: np.random.Generator) -> dict[str, int]:
        passed = self._passed[phase, mode]
        return {node: int(random.integers(passed[node])) for node in NODES if passed[node]}

    def _fail(self, folder: Path, mode: str, deadly: dict[str, int], who, random, run):
        """Run under a failing disk; then the power is back."""
        self._last = disk = FailingDisk(folder, deadly, mode, who, random)
        with closing(disk):
            try:
                with disk.watching():
                    return run(disk)
            finally:
                disk.restore()
                self.failed = disk.failed

    # Phases

    def _session(self, mode: str, lives: list[dict[str, int]], random) -> list[str]:
        pair, found = self._template.copy(self._folder), []
        for deadly in lives:

            def run(disk):
                return pair.run(place=lambda node, what: disk.place(what, sends=True))

            results = self._fail(self._folder, mode, deadly, lambda: pair.lockstep.current, random, run)
            found += pair.violations(results)
        results = pair.run()
        found += pair.violations(results)
        if not all(getattr(result, "accepted", False) for result in results.values()):
            found.append(f"does not go on to equal keys: {results}")
        return found

    def _rounds(self, mode: str, lives: list[dict[str, int]], random) -> list[str]:
        lab, found = small_rounds(self._folder), []
        for deadly in lives:

            def run(disk):
                return lab.live(place=lambda node, what: disk.place(what, sends=True))

            results = self._fail(self._folder, mode, deadly, lambda: lab.lockstep.current, random, run)
            found += lab.violations(results)
        for _ in range(4):
            results = lab.live()
            if all(result is Next.FINISHED for result in results.values()):
                break
        else:
            found.append(f"the rounds do not come to their end: {results}")
        found += lab.violations(results)
        if any(len(lab.store(node).zeroed) > 800 for node in NODES):
            found.append("more than a block is lost per life")
        return found

    def _creation(self, mode: str, lives: list[dict[str, int]], random) -> list[str]:
        folder, plan, found = self._fresh(), rounds_plan(), []

        def run(disk=None):
            for node in NODES:
                self._now = node
                target = folder / node / "sessions" / "s1"
                try:
                    if not RoundStore.exists(target):
                        RoundStore.create(target, plan, node, SeededSource(1, node), "ledger").close()
                    RoundStore.open(target).close()
                except Dead:
                    pass
                except DiqkdError as problem:
                    if disk is None:
                        found.append(f"{node}: cannot be made again: {problem}")

        for deadly in lives:
            self._caught(found, lambda deadly=deadly: self._fail(folder, mode, deadly, self._who, random, run))
        self._caught(found, run)
        return found

    def _provisioning(self, mode: str, lives: list[dict[str, int]], random) -> list[str]:
        folder, found = self._fresh(), []
        parameters = small_session(SESSION)

        def one(node: str) -> None:
            home, carried = folder / node, folder / node / "K0"
            make_link_keys(home)
            write_peer(home, PEER_KEY, ADDRESSES)
            read_link_keys(home)
            if carried.exists() and not _is_whole(carried):
                carried.unlink()  # as the operator does, who is told that it is damaged, before K0 is in any ledger
            if not carried.exists():
                _write_new(carried, draw_k0(SeededSource(7, "K0"), parameters, 2), "choose another name")
            path = home / "keystore.sqlite"
            made = path.exists() and path.stat().st_size
            with Keystore.open(path) if made else Keystore.create(path, node) as keystore:
                if not keystore.provisioned:
                    keystore.provision(carried.read_bytes(), parameters)
                found.extend(f"{node}'s ledger: {line}" for line in keystore.check())

        def run(disk=None):
            for node in NODES:
                self._now = node
                try:
                    one(node)
                except Dead:
                    pass
                except DiqkdError as problem:
                    if disk is None:
                        found.append(f"{node}: cannot be provisioned again: {problem}")

        for deadly in lives:
            self._caught(found, lambda deadly=deadly: self._fail(folder, mode, deadly, self._who, random, run))
        self._caught(found, run)
        return found

    def _delivery(self, mode: str, lives: list[dict[str, int]], random) -> list[str]:
        shutil.rmtree(self._folder, ignore_errors=True)
        shutil.copytree(self._accepted, self._folder)
        found, ledger, out = [], self._folder / "alice" / "keystore.sqlite", self._folder / "alice" / "key.bin"
        with Keystore.open(ledger) as keystore:
            key = np.packbits(keystore.key_records.bits(SESSION)).tobytes()

        def run(disk=None, file=out):
            self._now = "alice"
            try:
                with Keystore.open(ledger) as keystore:
                    found.extend(f"ledger: {line}" for line in keystore.check())
                    if keystore.key(SESSION).state != "delivered":
                        deliver(keystore, SESSION, file, **ALLOWED)
            except Dead:
                pass
            except DiqkdError as problem:
                if disk is None:
                    found.append(f"the delivery does not go on: {problem}")

        for deadly in lives:
            self._caught(found, lambda deadly=deadly: self._fail(self._folder, mode, deadly, self._who, random, run))
            if out.exists() and out.read_bytes() != key:
                found.append("a part of the key has its name")
        self._caught(found, run)
        if not out.exists() or out.read_bytes() != key:
            found.append("the key was not delivered")
        if len(parts := list(out.parent.glob("*.part"))):
            found.append(f"left behind: {parts[0].name}")
        with Keystore.open(ledger) as keystore:
            try:
                deliver(keystore, SESSION, out.with_name("again"), **ALLOWED)
                found.append("the key was delivered twice")
            except DiqkdError:
                pass
            found.extend(f"ledger: {line}" for line in keystore.check())
        return found

    def _ending(self, mode: str, lives: list[dict[str, int]], random) -> list[str]:
        """The transcripts of a session with a key and of one that ended in its rounds: whole, or not there."""
        shutil.rmtree(self._folder, ignore_errors=True)
        shutil.copytree(self._accepted, self._folder)
        found, homes = [], [NodeHome(node, self._folder) for node in NODES]
        for home in homes:
            with Keystore.open(home.ledger) as keystore:
                keystore.reserve(ZEROED, small_session(ZEROED))
            for session in (OLDER, SESSION, ZEROED):
                private_folder(home.session_folder(session))

        def one(home: NodeHome) -> None:
            with Keystore.open(home.ledger) as keystore:
                write_outcome(home, keystore, self._template.parameters, KEY_MADE)
            close_session(home, ZEROED, SessionAborted(AbortReason.ZEROED_ROUNDS, "7 rounds of alice"))

        def run(disk=None):
            for home in homes:
                self._now = home.node
                try:
                    one(home)
                except Dead:
                    pass
                except DiqkdError as problem:
                    if disk is None:
                        found.append(f"{home.node}: the session cannot be ended again: {problem}")

        for deadly in lives:
            self._caught(found, lambda deadly=deadly: self._fail(self._folder, mode, deadly, self._who, random, run))
            found += [line for home in homes for line in _transcripts(home, required=False)]
        self._caught(found, run)
        return found + [line for home in homes for line in _transcripts(home, required=True)]

    def _serving(self, mode: str, lives: list[dict[str, int]], random) -> list[str]:
        found, pair = [], self._served_pair
        pair.begin()
        for deadly in lives:
            self._last = disk = FailingDisk(pair.folder, deadly, mode, None, random, pair.on_death)
            with closing(disk):
                try:
                    with disk.watching():
                        self._caught(found, lambda disk=disk: pair.live(disk.place))
                finally:
                    disk.restore()
                    self.failed = disk.failed
        self._caught(found, pair.live_on)
        return found + pair.violations()

    def _who(self) -> str:
        return self._now

    def _fresh(self) -> Path:
        shutil.rmtree(self._folder, ignore_errors=True)
        for node in NODES:
            (self._folder / node).mkdir(parents=True, mode=0o700)
        return self._folder

    @staticmethod
    def _caught(found: list[str], run) -> None:
        try:
            run()
        except Exception as problem:
            found.append(f"traceback {type(problem).__name__}: {problem}")


def _transcripts(home: NodeHome, *, required: bool) -> list[str]:
    """One line for each transcript that does not say what the ledger says, or is missing where it must be there."""
    found = []
    with Keystore.open(home.ledger) as keystore:
        for session in (SESSION, ZEROED):
            try:
                stored = read_transcript(home.session_folder(session))
            except MissingFile:
                found += [f"{home.node}: no transcript of {session}"] if required else []
                continue
            except DiqkdError as problem:
                found.append(str(problem))
                continue
            expected = transcript_of(keystore.session(session), home.node)
            if any(stored.get(name) != value for name, value in expected.items()) or len(stored["versions"]) != 1:
                found.append(f"{home.node}: the transcript of {session} is not the ledger's")
    return found


def _is_whole(carried: Path) -> bool:
    try:
        read_k0_file(carried.read_bytes())
    except DiqkdError:
        return False
    return True
