"""One folder per run with what is public of it: a described HDF5 file per node, and report.json, which lists them.

results/2026-11-26-140322-characterise_link/alice.h5, bob.h5, report.json
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from contract.nodes import NODES
from postprocess.errors import InvalidInput
from postprocess.results.run_outcome import apparatus_of, both_outcomes
from postprocess.results.self_description import copy_public, described, read_public
from postprocess.storage.bounded_files import read_object
from postprocess.storage.whole_files import write_whole

REPORT = "report.json"
MOST_OF_ONE_SECOND = 100


@dataclass(frozen=True)
class RunFound:
    """What a run has left in its nodes' homes.

    Attributes:
        files: results file of each node that wrote one.
        values: their public datasets.
        outcome: in one line. apparatus: where it measured, '' where it measured nothing.
    """

    files: dict[str, Path]
    values: dict[str, dict[str, Any]]
    outcome: str
    apparatus: str


def found_in(files: Mapping[str, Path], statuses: Mapping[str, int]) -> RunFound:
    """What is in the results files of a run.

    Args:
        files: node -> file.
        statuses: how each node ended.
    """
    values = {node: read_public(path) for node, path in files.items()}
    apparatus = next(filter(None, map(apparatus_of, values.values())), "")
    return RunFound(dict(files), values, both_outcomes(values, statuses), apparatus)


def keep_results(
    root: Path, name: str, began: datetime, found: RunFound, more: Mapping[str, Any] | None = None
) -> dict[str, Path]:
    """Copy what is public to a new folder below `root`; node -> copy, empty when there is nothing to keep.

    Args:
        name: of what ran.
        more: public figures for the report.

    Raises:
        InvalidInput, OSError: the copy cannot be written.
    """
    import h5py

    if not any(found.values.values()):
        return {}
    folder = _new_folder(root, f"{began:%Y-%m-%d-%H%M%S}-{name}")
    kept = {node: folder / f"{node}.h5" for node in found.files if found.values[node]}
    content: dict[str, Any] = {}
    for node, path in kept.items():
        copy_public(found.files[node], path)
        with h5py.File(path, "r") as file:
            content = content or described(file)
    report = {
        "what": name,
        "title": content.get("title", ""),
        "measurement": _name_in(content.get("arguments", {})),
        "started": began.isoformat(timespec="seconds"),
        "apparatus": found.apparatus,
        "outcome": found.outcome,
        "revision": content.get("revision", ""),
        "arguments": content.get("arguments", {}),
        "files": [path.name for path in kept.values()],
        **(more or {}),
    }
    write_whole(folder / REPORT, (json.dumps(report, indent=2) + "\n").encode())
    return kept


def take_results(root: Path, files: Sequence[Path]) -> dict[str, Path]:
    """Keep the results of a run under real masters: one file of each node.

    Raises:
        InvalidInput: not results files of this project's experiments, or two of one node.
        OSError: the copy cannot be written.
    """
    import h5py

    of_node: dict[str, Path] = {}
    name, began = "", datetime.now().astimezone()
    for path in files:
        try:
            with h5py.File(path, "r") as file:
                content = described(file)
                began = datetime.fromtimestamp(float(file["start_time"][()])).astimezone()
        except (OSError, KeyError) as problem:
            why = "not a results file of a master" if path.exists() else "no such file"
            raise InvalidInput(f"{path}: {why}; name one, results/DATE/HOUR/RID-Class.h5 on its PC") from problem
        if content.get("node") not in NODES or content["node"] in of_node:
            raise InvalidInput(f"{path}: name one file of each node, as this project's experiments leave them")
        of_node[content["node"]], name = path, str(content.get("experiment"))
    return keep_results(root, name, began, found_in(of_node, {}))


class RunResults:
    """The results of one run: made before it, so that it knows which files are the run's own.

    Args:
        homes: folder with a home per node.
        name: of what runs, part of the folder's name.
    """

    def __init__(self, homes: Path, name: str) -> None:
        self._homes, self._name = homes, name
        self._began = datetime.now().astimezone()
        self._earlier = {node: self._files(node) for node in NODES}

    def _files(self, node: str) -> set[Path]:
        return set((self._homes / node / "results").rglob("*.h5"))

    def found(self, statuses: Mapping[str, int]) -> RunFound:
        """What is there now, with how each node ended; runs that it submitted itself have later numbers."""
        new = {node: self._files(node) - self._earlier[node] for node in NODES}
        first = {node: min(paths, key=lambda path: path.name) for node, paths in new.items() if paths}
        return found_in(first, statuses)

    def keep(self, root: Path, found: RunFound, more: Mapping[str, Any] | None = None) -> dict[str, Path]:
        """See keep_results."""
        return keep_results(root, self._name, self._began, found, more)


def _new_folder(root: Path, stem: str) -> Path:
    for number in range(MOST_OF_ONE_SECOND):
        folder = root / (f"{stem}-{number + 1}" if number else stem)
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            continue
    raise InvalidInput(f"{root / stem}: exists, with many more of that second; name another folder")


def kept_runs(root: Path) -> list[tuple[Path, dict[str, Any]]]:
    """(folder, report) of every kept run below `root`, oldest first; of a damaged report its outcome says so."""
    runs = []
    for path in sorted(root.glob(f"*/{REPORT}")):
        try:
            report = read_object(path, "delete its folder")
        except InvalidInput as problem:
            report = {"what": path.parent.name, "outcome": str(problem)}
        runs.append((path.parent, report))
    return sorted(runs, key=lambda run: str(run[1].get("started", "")))


def _name_in(arguments: Mapping[str, Any]) -> str:
    """The name under which both nodes measured, '' for experiments that have none."""
    named: Mapping[str, Any] = next((arguments[name] for name in ("session", "name") if name in arguments), {})
    return str(named.get("value", ""))
