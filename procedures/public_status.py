"""The newest public datasets of a node's experiment, as a file in its home that other programs of the node may read."""

import json
import math
import os
import time
from pathlib import Path

FILE = "status.json"
EVERY_S = 1.0


class PublicStatus:
    """Keeps status.json: {"experiment", "updated" (seconds since 1970), "datasets": name without "diqkd." -> value}.

    Only single values that were broadcast to every client; a file that cannot be written is left as it is.
    """

    def __init__(self, folder: Path, experiment: str):
        self._path = Path(folder) / FILE
        self._datasets: dict[str, bool | int | float | str | None] = {}
        self._experiment = experiment
        self._written = -math.inf

    def note(self, key: str, value) -> None:
        """A dataset has this value now; words are written at once, numbers every second."""
        if not isinstance(value, bool | int | float | str):
            return
        unknown = isinstance(value, float) and not math.isfinite(value)
        self._datasets[key.removeprefix("diqkd.")] = None if unknown else value
        if isinstance(value, str) or time.monotonic() - self._written >= EVERY_S:
            self._write()

    def _write(self) -> None:
        self._written = time.monotonic()
        content = {"experiment": self._experiment, "updated": time.time(), "datasets": self._datasets}
        draft = self._path.with_suffix(".new")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump(content, file)
            draft.replace(self._path)
        except OSError:
            pass
