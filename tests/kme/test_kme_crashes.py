"""A KME killed at every commit and every message: never bits twice, never to another, at most one request lost."""

import gc
import shutil
import tempfile
from pathlib import Path

import pytest
from kme_pair import NODES, Dead, KmePair, checks, fill, key_bytes, other, quick, run

from kme import key_manager
from kme.key_manager import RequestRefused

ELL = {"s1": 256 + 8 * 64, "s2": 256 + 8 * 96}
# Master, slave, number, bits: both nodes, several slices, a second key, and bytes that Bob hands over.
REQUESTS = (("a1", "b1", 2, 64), ("b1", "a1", 1, 64), ("a1", "b2", 1, 256), ("a1", "b1", 1, 256))
AFTERWARDS = (("a1", "b1", 1, 64), ("b2", "a2", 1, 64))
MOST_BYTES_LOST = 32  # one request

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


@pytest.fixture(scope="module")
def filled():
    """A process that dies loses nothing of what the system has taken, so memory may serve as the disk here."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield fill(Path(folder) / "filled", ELL)
    gc.collect()  # see conftest


class Case:
    """Requests, a kill at some place, and what must hold afterwards."""

    def __init__(self, filled, deadly=None, survivor_stays=True):
        self.folder = filled.parent / "case"
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(filled, self.folder)
        self.deadly, self.survivor_stays = deadly, survivor_stays
        self.passed = {node: [] for node in NODES}
        self.masters, self.slaves = {}, {}  # key_ID -> (bits, master, slave)

    def place(self, node, what):
        number = len(self.passed[node])
        self.passed[node].append(what)
        if self.deadly == (node, number):
            raise Dead(node)

    async def requests(self, pair, requests):
        for master, slave, number, bits in requests:
            keys = await pair.enc(master, slave, number, bits)
            self.masters |= {key_id: (key, master, slave) for key_id, key in keys.items()}
            await self.claim(pair, keys, master, slave)

    async def claim(self, pair, keys, master, slave):
        for key_id, key in (await pair.dec(slave, master, keys)).items():
            assert key_id not in self.slaves, "handed out twice"
            self.slaves[key_id] = (key, master, slave)

    async def scenario(self):
        pair = KmePair(self.folder, place=self.place)
        try:
            await pair.start(*NODES)
            await pair.ready()
            await self.requests(pair, REQUESTS)
        except Dead:
            pass
        died = list(pair.dead)
        self.deadly = None
        for node in NODES:
            stays = self.survivor_stays and node in pair.managers and node not in died and died
            if node in pair.ledgers and not stays:
                await pair.stop(node)
        missing = [node for node in NODES if node not in pair.ledgers]
        await pair.start(*missing)
        await pair.ready()
        for key_id in self.masters.keys() - self.slaves.keys():
            _, master, slave = self.masters[key_id]
            try:
                await self.claim(pair, [key_id], master, slave)
            except RequestRefused:
                assert died == [other("alice" if master[0] == "a" else "bob")], "lost, though its KME lived"
        await self.requests(pair, AFTERWARDS)
        for key_id in self.slaves:
            _, master, slave = self.slaves[key_id]
            with pytest.raises(RequestRefused):
                await pair.dec(slave, master, [key_id])
        for node in NODES:
            await pair.stop(node)
        return pair

    def violations(self, pair):
        found = checks(self.folder)
        for key_id, (key, master, slave) in self.slaves.items():
            if key_id in self.masters and self.masters[key_id] != (key, master, slave):
                found.append(f"{key_id}: not the same at both ends")
        taken = {(key_id, *place_of(key)) for key_id, (key, *_) in {**self.masters, **self.slaves}.items()}
        for node in NODES:
            for key_id, session, start, size, side in pair.rows(node, "SELECT id, key, start, bytes, side FROM slices"):
                if side == "slave" and key_id in self.slaves:
                    found.append(f"{key_id}: handed out, and still there")
                taken.add((key_id, session, start, start + size))
        for key_id, session, start, stop in taken:
            for other_id, again, begin, end in taken:
                if (
                    session == again
                    and start < end
                    and begin < stop
                    and (key_id, start, stop) != (other_id, begin, end)
                ):
                    found.append(f"{key_id} and {other_id} share bytes")
        handed = sum(len(key) for key, *_ in self.masters.values())
        gone = sum(size for (size,) in pair.rows("alice", "SELECT sum(position - start) FROM shares"))
        if gone - handed > MOST_BYTES_LOST:
            found.append(f"{gone - handed} bytes are lost")
        return found


def place_of(key):
    """Where it lies in which key: random bits say so."""
    ((session, start),) = [(name, key_bytes(name, ell).find(key)) for name, ell in ELL.items()
                           if key in key_bytes(name, ell)]  # fmt: skip
    return session, start, start + len(key)


def places(filled, monkeypatch):
    quick(monkeypatch)
    monkeypatch.setattr(key_manager, "GREETING_S", 1000.0)
    case = Case(filled)
    assert case.violations(run(case.scenario())) == []
    assert len(case.masters) == len(case.slaves) == 7
    return {node: len(passed) for node, passed in case.passed.items()}


def sweep(filled, monkeypatch, step):
    found, killed = {}, 0
    for node, count in places(filled, monkeypatch).items():
        for number in range(0, count, step):
            case = Case(filled, (node, number), survivor_stays=number % 2 == 0)
            broken = case.violations(run(case.scenario()))
            killed += len(case.passed[node]) > number
            if broken:
                found[node, number, case.passed[node][number]] = broken
    assert found == {}
    assert killed > 5


def test_killed_here_and_there(filled, monkeypatch):
    sweep(filled, monkeypatch, 11)


@pytest.mark.slow
def test_killed_everywhere(filled, monkeypatch):
    sweep(filled, monkeypatch, 1)
