"""A small session whose ledgers are copied, not made: what must hold of its end whatever happened on the way."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from session_nodes import ROLES, draw_rounds, rehearsal

from postprocess.errors import DiqkdError
from postprocess.keystore import Keystore, draw_k0
from postprocess.keystore.session_ledger import SessionLedger
from postprocess.randomness import SeededSource
from tests.soak.disk import Dead
from tests.soak.lockstep import Lockstep, links, unchanged

NODES = ("alice", "bob")
ROUNDS, ELL = 1000, 200
OLDER, SESSION = "older", "s1"
USABLE = ("pending", "active")


def small_session(session_id: str, extractor: str = "trevisan"):
    """Parameters of a session that takes milliseconds."""
    return replace(rehearsal(session_id, 2 * ROUNDS, extractor=extractor), rounds=ROUNDS, ell=ELL, syndrome_bits=800)


class Tags:
    """Sees every tag that is made or believed: one message per pad, and nothing believed that was not made."""

    def __init__(self) -> None:
        self.made: dict[tuple[str, str], set[bytes]] = {}
        self.forged: list[str] = []

    @contextmanager
    def watching(self):
        """Under the ledger."""
        tag, verify = SessionLedger.tag, SessionLedger.verify

        def made(page, pad, message):
            result = tag(page, pad, message)
            self.made.setdefault((page.pad_label, str(pad)), set()).add(bytes(message))
            return result

        def believed(page, pad, message, given):
            right = verify(page, pad, message, given)
            if right and bytes(message) not in self.made.get((page.pad_label, str(pad)), ()):
                self.forged.append(f"{pad}: a message is believed that nobody tagged")
            return right

        with patch.object(SessionLedger, "tag", made), patch.object(SessionLedger, "verify", believed):
            yield

    def faults(self) -> list[str]:
        """What must never be."""
        twice = [f"pad {pad} covers two messages" for pad, messages in self.made.items() if len(messages) > 1]
        return twice + self.forged


class Template:
    """Two provisioned homes that have one session behind them; `older` holds its messages by (sender, kind)."""

    def __init__(self, scratch: Path, extractor: str = "trevisan") -> None:
        self.folder = scratch / f"template-{extractor}"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.parameters = small_session(SESSION, extractor)
        self.rounds = draw_rounds(self.parameters)
        self.older: dict[tuple[str, str], list[bytes]] = {}
        k0 = draw_k0(SeededSource(7, "K0"), self.parameters, 3)
        for node in NODES:
            with Keystore.create(self.folder / node / "keystore.sqlite", node) as keystore:
                keystore.provision(k0, self.parameters)
        self.blank = scratch / f"blank-{extractor}"
        shutil.rmtree(self.blank, ignore_errors=True)
        shutil.copytree(self.folder, self.blank)

        def record(sender, kind, payload):
            self.older.setdefault((sender, kind), []).append(payload)
            return [(kind, payload)]

        older = small_session(OLDER, extractor)
        pair = Pair(self, self.folder, older)
        results = pair.run(record)
        assert all(getattr(result, "accepted", False) for result in results.values()), results
        pair.close()
        shutil.rmtree(self.folder / "bob" / "sessions", ignore_errors=True)

    def copy(self, folder: Path, *, used: bool = True) -> Pair:
        """Fresh homes in `folder`."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder if used else self.blank, folder)
        return Pair(self, folder, self.parameters)


class Pair:
    """Two homes and the strings of one session."""

    def __init__(self, template: Template, folder: Path, parameters) -> None:
        self.folder, self.parameters, self.rounds = folder, parameters, template.rounds
        self.keystores: dict[str, Keystore] = {}
        self.tags = Tags()
        self.lockstep = Lockstep()

    def open(self) -> None:
        """From disk, as a program that starts."""
        self.close()
        for node in NODES:
            self.keystores[node] = Keystore.open(self.folder / node / "keystore.sqlite")

    def close(self) -> None:
        """Release the files."""
        for keystore in self.keystores.values():
            keystore.close()
        self.keystores = {}

    def run(self, passing=unchanged, place=lambda node, what: None) -> dict[str, object]:
        """Both nodes until each has ended; `place` is told every send and receive."""
        self.lockstep = lockstep = Lockstep()
        ends = links(lockstep, passing, lambda what: place(lockstep.current, what))

        def live(node: str) -> object:
            keystore = None
            try:
                keystore = Keystore.open(self.folder / node / "keystore.sqlite", lockstep.clock)
                role = ROLES[node](
                    self.parameters,
                    self.rounds[node],
                    ends[node],
                    keystore,
                    timeout_s=60.0,
                    random_bits=SeededSource(5, "seed").bits,
                )
                return role.run()
            finally:
                ends[node].close()
                if keystore is not None:
                    keystore.close()

        with self.tags.watching():
            return lockstep.run({node: (lambda node=node: live(node)) for node in NODES})

    def violations(self, results: dict[str, object], *, tampered: bool = False) -> list[str]:
        """What must hold after every life: tags, ledgers and keys, and how the programs ended.

        A status carries no tag: who forges one can leave the two outcomes apart, but never with two keys that differ.
        """
        found = self.tags.faults()
        for node, result in results.items():
            if isinstance(result, BaseException) and not isinstance(result, DiqkdError | Dead):
                found.append(f"{node}: traceback {type(result).__name__}: {result}")
        self.open()
        found += [f"{node}'s ledger: {line}" for node, ledger in self.keystores.items() for line in ledger.check()]
        states = {node: self._state(node) for node in NODES}
        bits = {node: self.keystores[node].key_records.bits(SESSION) for node in NODES if states[node] in USABLE}
        if len(bits) == 2 and not (bits["alice"] == bits["bob"]).all():
            found.append("the two keys differ")
        if states["alice"] == "active" and states["bob"] not in USABLE:
            found.append(f"Alice's key is active, Bob's is {states['bob']}")
        if not tampered and states["bob"] == "active" and states["alice"] != "active":
            found.append(f"Bob's key is active, Alice's is {states['alice']}")
        self.close()
        return found

    def _state(self, node: str) -> str | None:
        return next((key.state for key in self.keystores[node].key_records.records() if key.key_id == SESSION), None)
