"""Two KMEs for tests: ledgers with keys that a test made, a line in memory, one event loop; either may be killed."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from kme import key_manager
from kme.configuration import Configuration, KeyRules, Sae
from kme.group_commit import GroupCommit
from kme.key_manager import KeyManager
from kme.key_supply import Permissions
from kme.peer_line import memory_lines
from postprocess.keystore import SOUND, Keystore, draw_k0
from postprocess.plans.paper import PAPER_PRIORS
from postprocess.plans.session_parameters import SessionParameters
from postprocess.randomness import SeededSource
from postprocess.storage.node_home import NodeHome

NODES = ("alice", "bob")
ALLOWED = Permissions(emulated=True, insecure=True)
TRIES = 60_000  # of a millisecond: only ends a hang


def parameters(session_id, ell, **changes):
    values = SessionParameters(
        session_id=session_id,
        apparatus="emulated",
        rounds=4 * ell,
        gamma=Fraction(1, 2),
        score=2.64,
        qber=0.018,
        eps_snd=1e-10,
        omega_thr=0.8,
        syndrome_bits=3 * ell,
        ell=ell,
        eps_pa=1e-3,
        code_seed=1,
        priors=PAPER_PRIORS,
        min_response_s=0.0,
        extractor="toeplitz",
        insecure_because=("a test",),
    )
    return replace(values, **changes)


def deliverable(ell):
    return ell - 256


def key_bytes(session_id, ell):
    """What both ledgers hold of this key: the first 256 bits are set aside as pads."""
    return np.packbits(SeededSource(ell, session_id).bits(ell)[256:]).tobytes()


def fill(folder, keys, **changes):
    """Both homes, with accepted keys: {session id: ell}."""
    first = parameters("provisioning", 1000, **changes)
    k0 = draw_k0(SeededSource(7, "K0"), first, len(keys) + 1)
    for node in NODES:
        with Keystore.create(folder / node / "keystore.sqlite", node) as keystore:
            keystore.provision(k0, first)
            for session_id, ell in keys.items():
                accept(keystore, session_id, ell, **changes)
    return folder


def accept(keystore, session_id, ell, **changes):
    page = keystore.reserve(session_id, parameters(session_id, ell, **changes))
    page.conclude(SOUND, SeededSource(ell, session_id).bits(ell))
    page.accept()


def configuration(node, **changes):
    """SAEs 'a1', 'a2' at Alice's, 'b1', 'b2' at Bob's, all of them partners; `changes` of the rules."""
    own, theirs = ("a", "b") if node == "alice" else ("b", "a")
    partners = (f"{theirs}1", f"{theirs}2")
    rules = replace(KeyRules(), **changes)
    sizes = (rules.least_size, rules.most_size)
    saes = {name: Sae(name, name, partners, *sizes, None) for name in (f"{own}1", f"{own}2")}
    other = "bob" if node == "alice" else "alice"
    return Configuration(f"kme-{node}", f"kme-{other}", rules, saes)


class Dead(BaseException):
    """The process is gone."""


class KmePair:
    """Both managers over one folder.

    Attributes:
        place: called with (node, what) at each step that a crash may follow or precede.
    """

    def __init__(self, folder: Path, permissions=ALLOWED, place=lambda node, what: None, **rules):
        self.folder, self.permissions, self.rules, self.place = folder, permissions, rules, place
        self.managers, self.ledgers, self.lines, self.dead = {}, {}, {}, set()

    async def __aenter__(self):
        await self.start(*NODES)
        return self

    async def __aexit__(self, *_):
        for node in list(self.managers):
            await self.stop(node)

    async def start(self, *nodes):
        for node in nodes:
            self.dead.discard(node)
            keystore = Keystore.open(self.folder / node / "keystore.sqlite")
            keystore._database._connection = WatchedConnection(keystore._database._connection, self, node)
            self.ledgers[node] = GroupCommit(keystore)
        fresh = dict(zip(NODES, memory_lines(), strict=True))
        for node in nodes:
            self.lines[node] = fresh[node]
        for node, line in self.lines.items():
            line.other = self.lines[other(node)]
            line.on_send = lambda kind, payload, node=node: self.pass_(node, f"send {kind}")
        for node in nodes:
            home = NodeHome(node, self.folder)
            settings = configuration(node, **self.rules)
            manager = KeyManager(home, self.ledgers[node], self.lines[node], settings, self.permissions)
            await self.alive(node, manager.start())
            self.managers[node] = manager

    async def ready(self):
        for _ in range(TRIES):
            if all(manager.supply.is_ready for manager in self.managers.values()) and not self.dead:
                return
            if self.dead:
                raise Dead(self.dead)
            await asyncio.sleep(0.001)
        raise AssertionError("the two KMEs do not find each other")

    def pass_(self, node, what):
        if node in self.dead:
            raise Dead(node)
        try:
            self.place(node, what)
        except Dead:
            self.dead.add(node)
            raise

    async def alive(self, node, awaitable):
        """The result, or Dead when the node is killed meanwhile."""
        task = asyncio.ensure_future(awaitable)
        while not task.done():
            if self.dead:
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task
                raise Dead(node)
            await asyncio.wait({task}, timeout=0.005)
        return task.result()

    async def stop(self, node):
        """In order, or what is left of a killed one."""
        manager, ledger = self.managers.pop(node, None), self.ledgers.pop(node)
        if manager is not None:
            await manager.close()
        if node in self.dead:
            await asyncio.to_thread(ledger._thread.join, 0.2)
        await ledger.close()
        self.lines.pop(node, None)  # none before both ledgers are open

    def sae(self, name):
        return self.managers["alice" if name[0] == "a" else "bob"].configuration.saes[name]

    def manager(self, sae):
        return self.managers["alice" if sae[0] == "a" else "bob"]

    async def enc(self, master, slave, number=1, bits=256):
        delivered = await self.alive(
            master, self.manager(master).keys_for_master(self.sae(master), slave, number, bits)
        )
        return dict(delivered.keys)

    async def dec(self, slave, master, key_ids):
        delivered = await self.alive(slave, self.manager(slave).keys_for_slave(self.sae(slave), master, list(key_ids)))
        return dict(delivered.keys)

    def rows(self, node, query):
        with Keystore.open(self.folder / node / "keystore.sqlite") as keystore:
            return keystore._database.rows(query)


class WatchedConnection:
    """A connection to SQLite whose commits are places."""

    def __init__(self, connection, pair, node):
        self._connection, self._pair, self._node = connection, pair, node

    def execute(self, statement, values=()):
        if statement == "COMMIT":
            self._pair.pass_(self._node, "before commit")
        elif self._node in self._pair.dead and statement != "ROLLBACK":
            raise Dead(self._node)
        result = self._connection.execute(statement, values)
        if statement == "COMMIT":
            self._pair.pass_(self._node, "after commit")
        return result

    def __getattr__(self, name):
        return getattr(self._connection, name)


def other(node):
    return "bob" if node == "alice" else "alice"


def checks(folder):
    """What in either ledger contradicts itself."""
    found = []
    for node in NODES:
        with Keystore.open(folder / node / "keystore.sqlite") as keystore:
            found += [f"{node}: {line}" for line in keystore.check()]
    return found


def quick(monkeypatch):
    """KMEs look for each other at once."""
    monkeypatch.setattr(key_manager, "ABSENCE_S", 0.002)
    monkeypatch.setattr(key_manager, "GREETING_S", 0.05)


def run(coroutine):
    return asyncio.run(coroutine)
