"""Sessions for tests: rounds drawn from the decoder's priors, two ledgers with one K0, two roles in two threads."""

import threading
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from postprocess.errors import InvalidInput
from postprocess.keystore import Keystore, draw_k0
from postprocess.link import memory_pair
from postprocess.plans.paper import PAPER_PRIORS
from postprocess.plans.session_parameters import SessionParameters
from postprocess.randomness import SeededSource
from postprocess.reconciliation.syndrome_length import paper_syndrome_length
from postprocess.rounds import RawRounds
from postprocess.session import AliceSession, BobSession
from postprocess.support.clock import SYSTEM_CLOCK, Clock
from tests.handed_out import hand_out

ROLES = {"alice": AliceSession, "bob": BobSession}


def rehearsal(session_id="s1", rounds=20_000, gamma=Fraction(1, 2), **changes):
    """Parameters far below the proof's threshold, marked insecure, with an extractor that takes milliseconds."""
    values = SessionParameters(
        session_id=session_id,
        apparatus="emulated",
        rounds=rounds,
        gamma=gamma,
        score=2.64,
        qber=0.018,
        eps_snd=1e-10,
        omega_thr=0.79,
        syndrome_bits=min(int(1.1 * paper_syndrome_length(rounds, gamma, 2.64, 0.018)), int(0.85 * rounds)),
        ell=1000,
        eps_pa=1e-3,
        code_seed=2022,
        priors=PAPER_PRIORS,
        min_response_s=0.0,
        insecure_because=("a test",),
    )
    return replace(values, **changes)


def draw_rounds(parameters, seed=1, *, visibility=1.0):
    """Raw strings of both nodes with outcomes from the priors; `visibility` below 1 makes some of Bob's noise."""
    random = np.random.default_rng(seed)
    n = parameters.rounds
    test = (random.random(n) < float(parameters.gamma)).astype(np.uint8)
    x = random.integers(0, 2, n, dtype=np.uint8) & test
    y = np.where(test, random.integers(0, 2, n), 2).astype(np.uint8)
    joint = np.empty(n, np.int64)
    for kind, table in ((1, parameters.priors.test), (0, parameters.priors.key)):
        weights = np.ravel(table) / np.sum(table)
        joint[test == kind] = random.choice(4, int((test == kind).sum()), p=weights)
    a, b = (joint // 2).astype(np.uint8), (joint % 2).astype(np.uint8) ^ (x & y & test)
    noisy = random.random(n) >= visibility
    b[noisy] = random.integers(0, 2, int(noisy.sum()), dtype=np.uint8)
    rounds = {"alice": RawRounds(x, test, a), "bob": RawRounds(y, test.copy(), b)}
    if parameters.barrier:
        bits = random.integers(0, 2, n, dtype=np.uint8)
        rounds = {node: replace(strings, barrier=bits.copy()) for node, strings in rounds.items()}
    return rounds


@dataclass
class TwoNodes:
    """Two homes, two ledgers, and the raw strings of one session."""

    folder: Path
    parameters: SessionParameters
    rounds: dict
    timeout_s: float = 30.0
    probe_s: float = 0.05
    k0_seed: int = 7
    options: dict = field(default_factory=dict)
    clock: Clock = SYSTEM_CLOCK
    keystores: dict = field(default_factory=dict)

    def provision(self, sessions=3):
        k0 = draw_k0(SeededSource(self.k0_seed, "K0"), self.parameters, sessions)
        for node in ROLES:
            keystore = Keystore.create(self.folder / node / "keystore.sqlite", node)
            keystore.provision(k0, self.parameters)
            keystore.close()
        return self

    def open(self):
        self.close()
        self.keystores = {node: Keystore.open(self.folder / node / "keystore.sqlite", self.clock) for node in ROLES}
        return self

    def close(self):
        for keystore in self.keystores.values():
            keystore.close()
        self.keystores = {}

    def session(self, node, link):
        return ROLES[node](
            self.parameters,
            self.rounds[node],
            link,
            self.keystores[node],
            timeout_s=self.timeout_s,
            probe_s=self.probe_s,
            **self.options,
        )

    def run(self, tamper=None, only=("alice", "bob")):
        """Reopen everything from disk and run the session; per node its result or the exception that ended it.

        Whatever happens, no ledger may contradict itself afterwards.
        """
        self.open()
        links = dict(zip(ROLES, memory_pair(tamper), strict=True))
        roles = {node: (lambda node=node: self.session(node, links[node]).run()) for node in only}
        results = run_pair_in_threads(roles, links)
        assert {node: keystore.check() for node, keystore in self.keystores.items()} == {node: [] for node in ROLES}
        return results


def run_pair_in_threads(roles, links):
    """Run each role in a thread of its own; a role that ends, in whatever way, closes its end of the link."""
    results = {}

    def run(node):
        try:
            results[node] = roles[node]()
        except BaseException as problem:
            results[node] = problem
        finally:
            links[node].close()

    threads = [threading.Thread(target=run, args=(node,)) for node in roles]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive(), "a role hangs"
    return results


def assert_no_key(two):
    for keystore in two.keystores.values():
        assert keystore.session("s1").outcome not in (None, "accepted")
        records = keystore.keys()
        assert all(record.state == "discarded" for record in records)
        assert keystore.balance().generated == 0 and keystore.balance().consumed == 256
        with pytest.raises(InvalidInput):
            hand_out(keystore, "s1")
