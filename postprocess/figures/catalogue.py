"""Names of the figures, and the files each one becomes."""

from __future__ import annotations

import io
import os
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from postprocess.errors import DiqkdError, InvalidInput
from postprocess.figures.table import Progress, Settings
from postprocess.storage.whole_files import write_whole


@dataclass(frozen=True)
class Entry:
    """A figure: its name here, its number in the paper ("" or a word for one that is not there), one line on what it
    shows, whether trials are run for it."""

    name: str
    number: str
    shows: str
    measured: bool = False

    @property
    def stem(self) -> str:
        """How the names of its files begin."""
        return "_".join(filter(None, ("figure", self.number, self.name.replace("-", "_"))))

    @property
    def in_paper(self) -> bool:
        """Whether the paper has it; its title then names the paper's figure."""
        return any(character.isdigit() for character in self.number)

    def module(self) -> Any:
        """The module that makes it."""
        return import_module(f"postprocess.figures.{self.name.replace('-', '_')}")


FIGURES = (
    Entry("key-rate", "4", "key rate against the number of rounds, for three links"),
    Entry("key-yield", "yield", "key against the number of rounds, by rule, extractor and syndrome"),
    Entry("success", "S13", "how often reconciliation succeeds, against the syndrome length", measured=True),
    Entry("gap", "S14", "syndrome length above the asymptotic limit, against the number of rounds", measured=True),
    Entry("visibility", "S15a", "key rate of a Bell state in white noise, against its visibility"),
    Entry("fewest-rounds", "S15b", "fewest rounds with a positive key, over score and error rate"),
    Entry("soundness", "S16", "key rate against the soundness error, and the best share of test rounds"),
)


def find(name: str) -> Entry:
    """The figure with this name or number in the paper; raises InvalidInput for any other."""
    for entry in FIGURES:
        if name and name.lower() in (entry.name, entry.number.lower()):
            return entry
    known = ", ".join(f"{entry.name}{entry.number and f' ({entry.number})'}" for entry in FIGURES)
    raise InvalidInput(f"figure '{name}' is unknown; there are {known}, or all")


def make(
    entry: Entry, folder: Path, settings: Settings, dpi: int = 200, progress: Progress | None = None
) -> list[Path]:
    """Compute a figure and write it: one PNG, and one CSV per panel.

    Args:
        entry: which figure.
        folder: where the files go; made if missing.
        settings: how finely.
        dpi: dots per inch of the PNG.
        progress: called as the work goes on.

    Returns:
        The files written, the PNG first.

    Raises:
        DiqkdError: the folder cannot be written.
    """
    if "matplotlib" not in sys.modules:
        os.environ.pop("MPLBACKEND", None)  # a notebook's, which may not exist here; figures draw on their own canvas
    module = entry.module()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tables = module.tables(settings, progress or (lambda fraction, text: None))
        files = [folder / f"{entry.stem}.png"]
        image = io.BytesIO()
        module.draw(tables).savefig(image, dpi=dpi)
        write_whole(files[0], image.getvalue())
        for panel, table in tables.items():
            files.append(folder / f"{entry.stem}{panel and '_'}{panel}.csv")
            table.write_csv(files[-1])
    except OSError as problem:
        raise DiqkdError(f"{folder}: figure cannot be written ({problem.strerror or problem}); name another folder "
                         "with --out") from problem  # fmt: skip
    return files
