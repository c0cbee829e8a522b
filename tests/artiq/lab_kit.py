"""A laboratory of two real masters for tests, and a search for private strings wherever one could have got to."""

import asyncio
import base64
import fcntl
import socket
import sqlite3
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from contract.nodes import NODES
from testbed.nodes.two_masters import TwoMasters

REASON = "ARTIQ is not installed here: no session ran under its masters"
WINDOW_BITS = 128
WINDOWS = 12


@contextmanager
def laboratory(folder, checkout):
    """A laboratory that takes rehearsals, up; ended with the test; one at a time, or two choose the same ports."""
    with (Path(tempfile.gettempdir()) / "diqkd-test-laboratory.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lab = TwoMasters.open(folder)
        lab.set_up(sessions=20, rehearsals=True, seed=None)
        lab.up(checkout)
        try:
            yield lab
        finally:
            lab.down()


def arguments(session, rounds=8_000, peer_timeout=60.0):
    return {
        "session": session,
        "preset": "custom",
        "rounds": rounds,
        "gamma_256": 128,
        "block_rounds": 500,
        "peer_timeout": peer_timeout,
        "min_response": 0.0,
    }


def submit(lab, session, **changes):
    return lab.submit(arguments(session, **changes), "main", 0)


def wait_for(condition, timeout_s=150.0):
    """Poll until `condition` gives something true; returns that."""
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return found


def wait(lab, rids):
    """Until these runs have left their masters' schedules."""
    wait_for(lambda: not any(rid in lab.node(node).schedule() for node, rid in rids.items()))


def state(lab, node, rid):
    """What the master's scheduler says of a run; None when it has left."""
    return lab.node(node).schedule().get(rid, {}).get("status")


def has_measured(lab, node, session, rounds):
    """Whether a node is that far in a session."""
    there = lab.node(node)
    return there.dataset("diqkd.rounds.session") == session and (there.dataset("diqkd.rounds.done") or 0) >= rounds


def results(lab, node, rid):
    """The results file of a run, None before it is written."""
    return next((lab.folder / "masters" / node / "results").rglob(f"{rid:09}-*.h5"), None)


def listens(port):
    """Whether anybody answers at a port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), 1.0).close()
    except OSError:
        return False
    return True


def log(lab, node, name="master"):
    return (lab.folder / "masters" / node / f"{name}.log").read_text()


def published(node):
    """All that a subscriber of a master is told, as text."""
    from sipyco.sync_struct import Subscriber

    async def collect():
        found = []
        for name in ("schedule", "datasets", "devices"):
            told = asyncio.Event()
            struct = {}

            def take(initial, struct=struct, told=told):
                struct.update(initial)
                told.set()
                return struct

            subscriber = Subscriber(name, take)
            await subscriber.connect("127.0.0.1", node.ports["notify"])
            await asyncio.wait_for(told.wait(), 10)
            await subscriber.close()
            found.append(repr(struct))
        return "".join(found)

    return asyncio.run(collect())


def private_strings(lab, session):
    """Name -> bits (uint8 0/1) of all that must stay in the homes."""
    from postprocess.rounds import RoundStore

    found = {}
    for node in NODES:
        home = lab.folder / "homes" / node
        store = RoundStore.open(home / "sessions" / session, read_only=True)
        raw = store.raw()
        store.close()
        found[f"{node}'s outcomes"] = raw.outcomes
        found[f"{node}'s settings"] = raw.settings
        with sqlite3.connect(f"file:{home / 'keystore.sqlite'}?mode=ro", uri=True) as ledger:
            for number, (blob,) in enumerate(ledger.execute("SELECT data FROM keys UNION SELECT data FROM reusable")):
                found[f"{node}'s secret {number}"] = np.unpackbits(np.frombuffer(blob, np.uint8))
    return found


def forms(bits):
    """A stretch of a string as it could stand in a file: packed, as numbers of any width, as text."""
    yield from (bits.astype(kind).tobytes() for kind in ("u1", "<i4", "<i8", "<f8"))
    if bits.max() < 2:
        for order in ("big", "little"):
            packed = np.packbits(bits, bitorder=order).tobytes()
            yield from (packed, packed.hex().encode(), base64.b64encode(packed[:15]))
    yield "".join(map(str, bits)).encode()
    yield ", ".join(map(str, bits)).encode()
    yield " ".join(map(str, bits)).encode()


def seen(strings, content):
    """Names of the strings of which any stretch stands in `content` (bytes)."""
    return [
        name
        for name, bits in strings.items()
        for start in np.linspace(0, len(bits) - WINDOW_BITS, WINDOWS, dtype=int) // WINDOW_BITS * WINDOW_BITS
        for form in forms(bits[start : start + WINDOW_BITS])
        if form in content
    ]
