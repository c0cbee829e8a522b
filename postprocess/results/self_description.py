"""Results files that say themselves what they hold, whoever wrote them.

A real master writes of a dataset its value, `unit` and `scale` alone. So experiments also write one text dataset,
`diqkd.description`, with everything else as JSON; `describe` turns it into attributes and names of dimensions where
this project writes or copies a file itself. See docs/results.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from postprocess.errors import InvalidInput
from postprocess.results.dataset_catalogue import DESCRIPTION, ENTRIES, entry_of

if TYPE_CHECKING:
    import h5py

FORMAT = 1
HEAD = ("experiment", "title", "node", "apparatus", "revision")
PLAIN = ("rid", "start_time", "run_time", "artiq_version")  # what a master writes beside the datasets


def description_text(
    head: Mapping[str, str], arguments: Mapping[str, Mapping[str, Any]], units: Mapping[str, str]
) -> str:
    """The text of `diqkd.description`.

    Args:
        head: HEAD's names.
        arguments: name -> value, unit, default, about; every argument, given or not.
        units: dataset written so far -> unit of its numbers.
    """
    datasets = {
        name: {"about": ENTRIES[name].about, "unit": unit, "dimensions": list(ENTRIES[name].dimensions)}
        for name, unit in units.items()
    }
    return json.dumps({"format": FORMAT, **head, "arguments": arguments, "datasets": datasets})


def described(file: h5py.File) -> dict[str, Any]:
    """What a results file says of itself; empty for one without a description that can be read."""
    found = file.get(f"datasets/{DESCRIPTION}")
    try:
        content = json.loads(found[()].decode()) if found is not None else {}
        return content if isinstance(content["datasets"], dict) and isinstance(content["arguments"], dict) else {}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def describe(file: h5py.File) -> None:
    """Attributes `description` and `unit`, and names of dimensions, of every dataset in an open file; of the file what
    made it."""
    content = described(file)
    for name in HEAD:
        if name in content:
            file.attrs[name] = str(content[name])
    if content:
        file.attrs["arguments"] = json.dumps(content["arguments"])
    for name, dataset in file["datasets"].items():
        if name not in ENTRIES:
            continue
        entry = entry_of(name)
        dataset.attrs["description"] = entry.about
        unit = str(content.get("datasets", {}).get(name, {}).get("unit", entry.unit))
        if unit:
            dataset.attrs["unit"] = unit
            dataset.attrs["scale"] = 1.0  # of the numbers as they stand, whatever a dashboard showed
        if len(entry.dimensions) == dataset.ndim:
            for dimension, label in zip(dataset.dims, entry.dimensions, strict=True):
                dimension.label = label


def copy_public(source: Path, target: Path) -> None:
    """Copy what is listed as public of a results file, described; nothing else, expid with its paths left out.

    Raises:
        InvalidInput: not a results file.
    """
    import h5py

    try:
        with h5py.File(source, "r") as old, h5py.File(target, "x") as new:
            datasets = new.create_group("datasets")
            for name in _listed(old["datasets"]):
                old.copy(old["datasets"][name], datasets, name)
            for name in PLAIN:
                if name in old:
                    old.copy(name, new)
            describe(new)
    except (OSError, KeyError) as problem:
        raise InvalidInput(f"{source}: cannot be copied to {target} ({problem}); name a results file") from problem


def read_public(path: Path) -> dict[str, Any]:
    """Listed datasets of a results file by name, text as str; empty when it cannot be read, as after a kill."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            values = {name: file["datasets"][name][()] for name in _listed(file["datasets"])}
    except (OSError, KeyError):
        return {}
    return {name: value.decode() if isinstance(value, bytes) else value for name, value in values.items()}


def _listed(names: Iterable[str]) -> list[str]:
    return [name for name in names if name in ENTRIES]
