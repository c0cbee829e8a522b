"""Herald rate, patterns and time line of rounds in a node's home. Nothing else of a session is ever drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from contract.patterns import PATTERNS
from postprocess.drawing.results_file import Results
from postprocess.errors import InvalidInput
from postprocess.rounds import RoundStore
from postprocess.rounds.herald_times import herald_times
from postprocess.rounds.pause_log import pause_causes
from postprocess.storage.node_home import NodeHome

FOLDERS = ("sessions", "measurements")


def read_stored_rounds(home: NodeHome, name: str) -> Results:
    """The public datasets of a session or characterisation, as its experiment would show them, from its stored rounds.

    Raises:
        InvalidInput: neither has this name here, its rounds are erased or damaged.
    """
    folder = _folder(home, name)
    store = RoundStore.open(folder, read_only=True)
    store.close()
    times, pauses, parameters = herald_times(folder), pause_causes(folder), store.parameters
    patterns = store.patterns(0, store.decided)
    values = {
        "diqkd.rounds.session": parameters.session_id,
        "diqkd.rounds.apparatus": parameters.apparatus,
        "diqkd.rounds.node": home.node,
        "diqkd.rounds.total": parameters.rounds,
        "diqkd.rounds.done": store.decided,
        "diqkd.rounds.herald_rate_hz": times.rates_hz,
        "diqkd.rounds.pattern_counts": np.array([np.count_nonzero(patterns == pattern) for pattern in PATTERNS]),
        "diqkd.rounds.timeline_rounds": times.rounds,
        "diqkd.rounds.timeline_s": times.seconds,
        "diqkd.rounds.pause_rounds": np.array([pause.after_round for pause in pauses], np.int64),
        "diqkd.rounds.pause_causes": "\n".join(pause.cause for pause in pauses),
    }
    return Results(name, f"{folder.parent.name.removesuffix('s')} {name}, {home.node}", values)


def _folder(home: NodeHome, name: str) -> Path:
    for place in FOLDERS:
        folder = home.rounds_folder(place, name)
        if RoundStore.exists(folder):
            return folder
    raise InvalidInput(
        f"'{name}': no file, and no session or characterisation with stored rounds in {home.folder}; "
        "name a results file (.h5), or give the right --home and --node"
    )
