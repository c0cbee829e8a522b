"""Which random source a node uses: random.json in its home.

random.json says where the node's private random bits come from: {"kind": "system"}, {"kind": "file", "path": ...} for a
hardware generator's file, or {"kind": "seeded", "seed": ...}, which makes a session an insecure rehearsal. Without that
file it is the system's generator.
"""

from __future__ import annotations

import json

from postprocess.errors import InvalidInput
from postprocess.randomness.sources import FileSource, RandomSource, SeededSource, SystemSource
from postprocess.storage.node_home import NodeHome

SEEDED = "random bits from a fixed seed"


def random_source(home: NodeHome, purpose: str) -> RandomSource:
    """Private random bits for `purpose`, from the source that random.json names.

    Raises:
        InvalidInput: random.json is damaged or names an unknown kind; the hardware generator's file is missing.
    """
    path = home.folder / "random.json"
    try:
        choice = json.loads(path.read_text()) if path.exists() else {"kind": "system"}
        if choice["kind"] == "system":
            return SystemSource()
        if choice["kind"] == "file":
            return FileSource(choice["path"])
        if choice["kind"] == "seeded":
            return SeededSource(int(choice["seed"]), f"{home.node} {purpose}")
    except InvalidInput:
        raise
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise InvalidInput(f"{path}: damaged ({problem}); write it again, or delete it") from problem
    raise InvalidInput(f"{path}: kind '{choice['kind']}' is unknown; write system, file or seeded")


def insecure_because(home: NodeHome) -> tuple[str, ...]:
    """Reasons of a home that a session's parameters must name: predictable random bits."""
    return (SEEDED,) if random_source(home, "").insecure else ()
