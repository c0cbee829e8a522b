"""What every results file of this project must say of itself."""

import json

import h5py

from postprocess.results.dataset_catalogue import DESCRIPTION, ENTRIES
from postprocess.results.self_description import HEAD

NUMBERS = ("_s", "_hz", "phase", "phases")  # names that promise a unit


def assert_described(path):
    """Usability case 14: units, names of axes, description, apparatus, version, every argument with its default."""
    with h5py.File(path) as file:
        datasets = file["datasets"]
        assert DESCRIPTION in datasets, "a real master writes what describes the file, too: as a dataset"
        content = json.loads(datasets[DESCRIPTION][()])
        assert set(HEAD) <= set(content) and set(HEAD) <= set(file.attrs)
        assert content["revision"] not in ("", "unknown")
        assert all({"value", "default", "about"} <= set(told) for told in content["arguments"].values())
        assert set(content["datasets"]) == set(datasets) - {DESCRIPTION}
        for name, dataset in datasets.items():
            entry = ENTRIES[name]
            assert dataset.attrs["description"] == entry.about
            assert dataset.ndim == len(entry.dimensions), name
            assert [axis.label for axis in dataset.dims] == list(entry.dimensions)
            if name.endswith(NUMBERS):
                assert dataset.attrs["unit"], name
        return content
