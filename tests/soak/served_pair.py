"""Two key delivery servers that die, lose power or meet errors of their disks: never bits twice, never to another."""

from __future__ import annotations

import asyncio
import logging
import shutil
import threading
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import kme_pair
from kme_pair import NODES, KmePair, checks, fill, key_bytes

from kme import group_commit, key_manager
from kme.key_manager import RequestRefused
from postprocess.errors import DiqkdError
from tests.soak.disk import Dead

ELL = {"s1": 256 + 8 * 64, "s2": 256 + 8 * 160}
# Master, slave, number, bits: both nodes, several slices, a second key, and bytes that Bob hands over.
REQUESTS = (("a1", "b1", 2, 64), ("b1", "a1", 1, 64), ("a1", "b2", 1, 256), ("a1", "b1", 1, 256))
AFTERWARDS = (("a1", "b1", 1, 64), ("b2", "a2", 1, 64))
MOST_TRIES = 200
# No greeting but the first, so that a case is much the same at every run; the log is emptied after each commit.
QUICK = ((key_manager, "ABSENCE_S", 0.002), (key_manager, "GREETING_S", 1000.0), (group_commit, "IDLE_S", 0.0))


class ServedPair:
    """One case: `begin`, lives with failures, `live_on` without, and what must hold then.

    Attributes:
        folder: both homes.
    """

    def __init__(self, scratch: Path) -> None:
        self._filled, self.folder = fill(scratch / "filled", ELL), scratch / "case"

    def begin(self) -> None:
        """Fresh homes; nobody has a key."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self._filled, self.folder)
        self._masters: dict[str, tuple[bytes, str, str]] = {}  # key_ID -> bits, master, slave
        self._slaves: dict[str, tuple[bytes, str, str]] = {}
        self._found: list[str] = []
        self._pair: KmePair | None = None

    def on_death(self, node: str) -> None:
        """The disk says so; whatever waits for this node's ledger ends."""
        if self._pair is not None:
            self._pair.dead.add(node)

    def live(self, place) -> None:
        """Both servers from their start to their end, with `place` at each message; commits are the disk's places."""

        def passed(node: str, what: str) -> None:
            if what.startswith("send"):
                try:
                    place(what, sends=True, node=node)
                except Dead as problem:
                    raise kme_pair.Dead(node) from problem

        self._run(self._life(passed))

    async def _life(self, passed) -> None:
        self._pair = pair = KmePair(self.folder, place=passed, peer_timeout_s=1.0)
        try:
            await pair.start(*NODES)
            await pair.ready()
            for request in REQUESTS:
                await self._request(pair, *request)
        except (Dead, kme_pair.Dead, DiqkdError):  # the last: an error of the disk at the start
            pass
        finally:
            for node in list(pair.ledgers):
                await pair.stop(node)

    def live_on(self) -> None:
        """Both start again: what is left is claimed, new keys are there, nothing comes twice."""
        self._run(self._clean_life())

    async def _clean_life(self) -> None:
        self._pair = pair = KmePair(self.folder)
        async with pair:
            await pair.ready()
            for key_id in list(self._masters.keys() - self._slaves.keys()):
                _, master, slave = self._masters[key_id]
                await self._claim(pair, [key_id], master, slave)
            before = len(self._slaves)
            for request in AFTERWARDS:
                for _ in range(MOST_TRIES):
                    if await self._request(pair, *request):
                        break
            if len(self._slaves) < before + len(AFTERWARDS):
                self._found.append("no keys after the failure")
            for key_id, (_, master, slave) in list(self._slaves.items()):
                for wrong in (slave, "a2" if slave[0] == "a" else "b2"):
                    await self._claim(pair, [key_id], master, wrong)

    async def _request(self, pair: KmePair, master: str, slave: str, number: int, bits: int) -> bool:
        try:
            keys = await pair.enc(master, slave, number, bits)
        except RequestRefused:
            return False
        self._masters |= {key_id: (key, master, slave) for key_id, key in keys.items()}
        return await self._claim(pair, list(keys), master, slave)

    async def _claim(self, pair: KmePair, key_ids: list[str], master: str, slave: str) -> bool:
        try:
            keys = await pair.dec(slave, master, key_ids)
        except RequestRefused:
            return False
        for key_id, key in keys.items():
            if key_id in self._slaves:
                self._found.append(f"{key_id}: handed out twice")
            self._slaves[key_id] = (key, master, slave)
        return True

    def _run(self, life) -> None:
        async def watched() -> None:
            asyncio.get_running_loop().set_exception_handler(self._note)
            await life

        with ExitStack() as stack:
            for owner, name, value in QUICK:
                stack.enter_context(patch.object(owner, name, value))
            stack.enter_context(patch.object(threading, "excepthook", self._note_thread))
            for name in ("diqkd.kme", "kme.peer_dialogue"):
                stack.enter_context(patch.object(logging.getLogger(name), "disabled", True))
            asyncio.run(watched())

    def _note(self, _, context: dict) -> None:
        """What ended a task or a thread: an error of the program is a fault."""
        problem = context.get("exception")
        if isinstance(problem, Exception) and not isinstance(problem, DiqkdError):
            self._found.append(f"traceback {type(problem).__name__}: {problem}")

    def _note_thread(self, ended) -> None:
        self._note(None, {"exception": ended.exc_value})

    def violations(self) -> list[str]:
        """What must hold of all that was handed out."""
        found = [*self._found, *checks(self.folder)]
        places: dict[str, tuple[str, int, int]] = {}
        for key_id, (key, *_) in {**self._masters, **self._slaves}.items():
            where = [(name, key_bytes(name, ell).find(key), len(key)) for name, ell in ELL.items()]
            where = [place for place in where if place[1] >= 0]
            if len(where) != 1:
                found.append(f"{key_id}: no bits of a key")
                continue
            places[key_id] = (where[0][0], where[0][1], where[0][1] + where[0][2])
        for key_id, given in self._slaves.items():
            if self._masters.get(key_id, given) != given:
                found.append(f"{key_id}: not the same at both ends")
        for key_id, (name, start, stop) in places.items():
            for other_id, (again, begin, end) in places.items():
                if key_id < other_id and name == again and start < end and begin < stop:
                    found.append(f"{key_id} and {other_id} share bytes")
        return found
