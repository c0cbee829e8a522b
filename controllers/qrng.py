"""The health of a node's source of private random bits: which it is, what it has left, whether it looks random."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from postprocess.errors import DiqkdError
from postprocess.randomness.choice import random_source, untested_source
from postprocess.randomness.fips_tests import SAMPLE_BITS, failed_tests
from postprocess.storage.node_home import NodeHome

BITS_PER_ROUND = {"alice": 1, "bob": 9}


class QrngFacts:
    """What an operator must know of one node's random source before a session; never one of its bits.

    Args:
        node: "alice" or "bob".
        homes: the folder that holds a folder per node; None reads DIQKD_HOME.

    Raises:
        InvalidInput: no such home; from every method but `ping` and `health`: no usable source.
    """

    def __init__(self, node: str, homes: Path | str | None = None) -> None:
        self._home = NodeHome(node, homes)

    def ping(self) -> bool:
        """Whether the controller answers."""
        return True

    def node(self) -> str:
        """Whose source it is."""
        return self._home.node

    def home(self) -> str:
        """Folder of the node's home."""
        return str(self._home.folder)

    def health(self) -> dict[str, Any]:
        """description, insecure (predictable), octets_left and rounds_left (None: no limit), problem ('' if none)."""
        try:
            source = random_source(self._home, "health")
            return {
                "description": source.description,
                "insecure": source.insecure,
                "octets_left": self.octets_left(),
                "rounds_left": self.rounds_left(),
                "problem": "",
            }
        except DiqkdError as problem:
            return {"description": "", "insecure": True, "octets_left": 0, "rounds_left": 0, "problem": str(problem)}

    def octets_left(self) -> int | None:
        """Bytes not yet used; None for a source that does not run out."""
        return random_source(self._home, "health").left

    def rounds_left(self) -> int | None:
        """Rounds for which settings can still be drawn; None for a source that does not run out."""
        left = self.octets_left()
        return None if left is None else 8 * left // BITS_PER_ROUND[self._home.node]

    def self_test(self) -> dict[str, Any]:
        """Draw 20 000 bits for the tests of FIPS 140-2 and throw them away: {"passed": bool, "failed": [names]}.

        They are marked as used like any others; a hardware generator's file is 2 500 bytes shorter after each test.
        """
        failed = failed_tests(untested_source(self._home, "self test").bits(SAMPLE_BITS))
        return {"passed": not failed, "failed": failed}
