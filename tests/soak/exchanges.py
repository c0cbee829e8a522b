"""Kind 'exchanges': an adversary on either channel; no two keys, no forgery, no traceback, no end that never comes."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np

from postprocess.errors import NodesDisagree, PeerLost
from postprocess.keystore import LedgerConflict
from tests.soak.mutations import Adversary
from tests.soak.small_rounds import small_rounds
from tests.soak.small_sessions import Template

MOST_MEMORY_KIB = 1_500_000
SESSION_MESSAGES, ROUNDS_MESSAGES = 12, 28


class Exchanges:
    """One case is one session, or one set of rounds, with an adversary in its first life or two, resumed to its end."""

    name, target = "exchanges", 25_000

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch / "exchange"
        self._templates = [Template(scratch, extractor) for extractor in ("trevisan", "toeplitz")]
        self._older_rounds: dict[tuple[str, str], list[bytes]] = {}

        def record(sender, kind, payload):
            self._older_rounds.setdefault((sender, kind), []).append(payload)
            return [(kind, payload)]

        small_rounds(self._scratch, seed=2).live(record)

    def case(self, number: int) -> list[str]:
        """Faults found in exchange `number`; one of four is on the rounds' channel."""
        random = np.random.default_rng([2, number])
        found = self._rounds(random) if number % 4 == 3 else self._session(random, self._templates[number % 2])
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > MOST_MEMORY_KIB:
            found.append("memory has grown beyond its bound")
        return found

    def _session(self, random: np.random.Generator, template: Template) -> list[str]:
        pair, done, found = template.copy(self._scratch), [], []
        for _ in range(1 if random.random() < 0.7 else 2):
            adversary = Adversary(random, template.older, SESSION_MESSAGES)
            found += pair.violations(pair.run(adversary), tampered=True)
            done.append(adversary.done)
        results = pair.run()
        found += pair.violations(results, tampered=True)
        operator = any(isinstance(result, LedgerConflict | NodesDisagree) for result in results.values())
        if not operator and any(isinstance(result, PeerLost) for result in results.values()):
            found.append(f"a clean line does not bring the session to its end: {results}")
        return [f"{line}; after {done}" for line in found]

    def _rounds(self, random: np.random.Generator) -> list[str]:
        lab, done, found = small_rounds(self._scratch), [], []
        for _ in range(1 if random.random() < 0.7 else 2):
            adversary = Adversary(random, self._older_rounds, ROUNDS_MESSAGES)
            found += lab.violations(lab.live(adversary), tampered=True)
            done.append(adversary.done)
        for _ in range(4):
            results = lab.live()
            found += lab.violations(results, tampered=True)
            if not any(isinstance(result, PeerLost) for result in results.values()):
                break
        else:
            found.append(f"a clean line does not bring the rounds to their end: {results}")
        return [f"{line}; after {done}" for line in found]
