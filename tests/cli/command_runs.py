"""Two nodes on one machine, set up with the commands themselves, and rounds as an experiment would have stored them."""

import io
import json
import socket
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from contract.nodes import NODES
from diqkd.main import main
from postprocess.keystore import open_ledger
from postprocess.plans.presets import Choice, session_parameters
from postprocess.rounds import RoundStore
from postprocess.rounds.round_records import RoundRecords
from postprocess.storage.node_home import NodeHome

SIZE = Choice(20_000, Fraction(1, 2))
CUSTOM = ["--preset", "custom", "--rounds", "20000", "--gamma", "1/2", "--apparatus", "emulated"]


@dataclass
class Printed:
    """What a command printed and how it ended."""

    status: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


def diqkd(*words):
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = main([str(word) for word in words])
        except SystemExit as end:
            status = end.code
    return Printed(int(status), out.getvalue(), err.getvalue())


def start(*words):
    """Start a command as a process of its own."""
    command = [sys.executable, "-m", "diqkd", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end_of(process):
    out, err = process.communicate(timeout=120)
    return Printed(process.returncode, out, err)


def both_sessions(homes, session_id, *options):
    """`diqkd session` on both nodes at once: Alice's as a process of its own, Bob's in this one."""
    words = {node: ("session", "--home", homes, "--node", node, "--session", session_id, *options) for node in NODES}
    alice = start(*words["alice"])
    bob = diqkd(*words["bob"])
    return {"alice": end_of(alice), "bob": bob}


def provision(homes, folder, *, sessions=4):
    """Ledgers, link keys and addresses of both nodes, with nothing but commands."""
    k0 = folder / "k0"
    for node, way in (("alice", "--draw"), ("bob", "--take")):
        done = diqkd("keys", "provision", "--home", homes, "--node", node, way, k0, "--sessions", sessions, *CUSTOM)
        assert done.status == 0, done.err
    public = {
        node: diqkd("keys", "link", "--home", homes, "--node", node, "--json").json["public_key"] for node in NODES
    }
    rounds, session = free_addresses()
    for node, peer in (("alice", "bob"), ("bob", "alice")):
        addresses = [f"--peer-key={public[peer]}", "--rounds", rounds, "--post-processing", session]
        assert diqkd("keys", "link", "--home", homes, "--node", node, *addresses).status == 0


def free_addresses():
    sockets = [socket.socket() for _ in range(2)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    addresses = [f"tcp://127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return addresses


class Prepared:
    """A source of prepared bits."""

    insecure, description = True, "a test"

    def __init__(self, bits):
        self._bits = bits.astype(np.uint8)

    def bits(self, count):
        part, self._bits = self._bits[:count], self._bits[count:]
        return part


def store_rounds(homes, session_id, *, noise=0.0, upto=None, seed=1):
    """Rounds of both nodes with outcomes drawn from the decoder's priors, `noise` of Bob's replaced by coins."""
    random = np.random.default_rng(seed)
    home = NodeHome("alice", homes)
    parameters = session_parameters(home, "emulated", session_id, preset="custom", choice=SIZE, min_response_s=0.0)
    n = parameters.rounds
    test, x, y01 = (random.integers(0, 2, n, dtype=np.uint8) for _ in range(3))
    joint = np.empty(n, np.int64)
    for kind, prior in ((1, parameters.priors.test), (0, parameters.priors.key)):
        chosen = test == kind
        joint[chosen] = random.choice(4, int(chosen.sum()), p=np.ravel(prior) / np.sum(prior))
    a, b = joint // 2, joint % 2 ^ (x & y01 & test)
    coins = random.random(n) < noise
    b[coins] = random.integers(0, 2, int(coins.sum()))
    bob_bits = np.concatenate((np.repeat(1 - test[:, None], 8, axis=1), y01[:, None]), axis=1).reshape(-1)
    ones = np.ones(n, np.uint8)
    for node, bits, outcomes in (("alice", x, a), ("bob", bob_bits, b)):
        folder = NodeHome(node, homes).session_folder(session_id)
        with open_ledger(NodeHome(node, homes)) as keystore:
            if session_id not in {record.session_id for record in keystore.sessions()}:
                keystore.reserve(session_id, parameters)
            ledger_id = keystore.ledger_id
        store = RoundStore.create(folder, parameters, node, Prepared(bits), ledger_id)
        used = x & test if node == "alice" else np.where(test, y01, 2).astype(np.uint8)
        columns = (np.arange(n), ones.astype(int), 5 * ones, outcomes.astype(np.uint8), used, test, 0 * ones, 9 * ones)
        words = RoundRecords(*columns).to_words()
        for block in range(upto if upto is not None else parameters.blocks):
            first, end = store.span(block)
            store.burn(block)
            store.keep(block, first, words[first:end])
        store.close()
    return parameters
