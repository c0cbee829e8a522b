"""All drawings of one file's or session's results, and the files each becomes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from postprocess.drawing.calibrations import readout, scan
from postprocess.drawing.drawn import Drawing
from postprocess.drawing.entanglement import herald_phase, tomography
from postprocess.drawing.heralds_drawing import heralds
from postprocess.drawing.link_over_time import herald_timeline, score_and_qber
from postprocess.drawing.link_tables import patterns, table_s4
from postprocess.drawing.results_file import Results
from postprocess.errors import InvalidInput

MAKERS: tuple[Callable[[Results, int | None], Drawing | None], ...] = (
    score_and_qber,
    table_s4,
    patterns,
    tomography,
    herald_phase,
    scan,
    readout,
    heralds,
    herald_timeline,
)


def draw_results(results: Results, folder: Path, window: int | None = None, dpi: int = 200) -> list[Path]:
    """Everything that the datasets show, one PNG and one CSV per panel each.

    Args:
        folder: where the files go; made if missing.
        window: rounds of the moving averages of S and Q, where the results let it be chosen; None: see
            link_over_time.window_of.
        dpi: dots per inch of the PNG.

    Returns:
        The files written; none where nothing can be drawn.

    Raises:
        InvalidInput: the folder cannot be written.
    """
    if "matplotlib" not in sys.modules:
        os.environ.pop("MPLBACKEND", None)  # a notebook's, which may not exist here; drawings have their own canvas
    files = []
    try:
        for drawing in (found for maker in MAKERS if (found := maker(results, window)) is not None):
            folder.mkdir(parents=True, exist_ok=True)
            stem = f"{results.name}_{drawing.name}"
            files.append(folder / f"{stem}.png")
            drawing.draw().savefig(files[-1], dpi=dpi)
            for panel, table in drawing.tables.items():
                files.append(folder / f"{stem}{panel and '_'}{panel}.csv")
                table.write_csv(files[-1])
    except OSError as problem:
        raise InvalidInput(
            f"{folder}: drawings cannot be written ({problem.strerror or problem}); name another folder with -o"
        ) from problem
    return files
