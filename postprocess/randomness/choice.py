"""Which random source a node uses: random.json in its home.

random.json says where the node's private random bits come from: {"kind": "system"}, {"kind": "file", "path": ...} for a
hardware generator's file, or {"kind": "seeded", "seed": ...}, which makes a session an insecure rehearsal. Without that
file it is the system's generator.
"""

from __future__ import annotations

import json
from pathlib import Path

from postprocess.errors import InvalidInput
from postprocess.randomness.checked_source import CheckedSource
from postprocess.randomness.sources import FileSource, RandomSource, SeededSource, SystemSource
from postprocess.storage.node_home import NodeHome

SEEDED = "random bits from a fixed seed"


def random_source(home: NodeHome, purpose: str) -> CheckedSource | SeededSource:
    """Private random bits for `purpose`, from the source that random.json names; health tests included.

    Raises:
        InvalidInput: random.json is damaged or names an unknown kind; the hardware generator's file is missing.
    """
    source = untested_source(home, purpose)
    return source if isinstance(source, SeededSource) else CheckedSource(source)


def untested_source(home: NodeHome, purpose: str) -> SystemSource | FileSource | SeededSource:
    """The source itself, for those who test it and throw its bits away; raises what `random_source` raises."""
    path = home.folder / "random.json"
    try:
        choice = json.loads(path.read_text()) if path.exists() else {"kind": "system"}
    except (OSError, ValueError, RecursionError) as problem:
        raise InvalidInput(f"{path}: damaged ({problem}); write it again, or delete it") from problem
    kind = choice.get("kind") if isinstance(choice, dict) else None
    if kind == "system":
        return SystemSource()
    if kind == "file":
        return FileSource(_file_name(path, choice.get("path")))
    if kind == "seeded":
        seed = choice.get("seed")
        if not isinstance(seed, int) or isinstance(seed, bool):
            raise InvalidInput(f"{path}: its seed must be a whole number; write it again, or delete it")
        return SeededSource(seed, f"{home.node} {purpose}")
    raise InvalidInput(f"{path}: its kind is none of system, file and seeded; write it again, or delete it")


def declared_source(home: NodeHome, purpose: str, insecure_because: tuple[str, ...]) -> RandomSource:
    """`random_source`, for what is made under parameters that give these reasons to distrust it.

    Raises:
        InvalidInput: the source is predictable and no reason says so: random.json has changed since the parameters
            were made.
    """
    source = random_source(home, purpose)
    if source.insecure and SEEDED not in insecure_because:
        raise InvalidInput(
            f"{home.folder / 'random.json'}: names {source.description}, but the {purpose} would belong to parameters "
            "that do not say so; was it changed meanwhile? Name the source of before, or begin anew"
        )
    return source


def insecure_because(home: NodeHome) -> tuple[str, ...]:
    """Reasons of a home that a session's parameters must name: predictable random bits."""
    return (SEEDED,) if random_source(home, "").insecure else ()


def _file_name(place: Path, name: object) -> Path:
    if not isinstance(name, str) or not name or "\0" in name or not name.isprintable():
        raise InvalidInput(f"{place}: its path must be the name of a file; write it again, or delete it")
    return Path(name)
