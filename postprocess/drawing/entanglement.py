"""Figure S3: states of the tomography and their fully entangled fractions; phases of the herald patterns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from postprocess.drawing.drawn import PATTERN_NAMES, Drawing, array_of
from postprocess.drawing.results_file import Results
from postprocess.figures import canvas
from postprocess.figures.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RUN, PHASE = "diqkd.tomography", "diqkd.herald_phase"
KETS = tuple(f"|{place:02b}⟩" for place in range(4))
_STATES = (
    "Maximum-likelihood states of all rounds of a pattern, Alice's qubit first; F: fully entangled fraction with the "
    "standard error of parametric resamplings."
)
_PHASES = "Phases of Bob's analysis pulse that give the largest S, with standard errors; contrast of the fringes."


def tomography(results: Results, window: int | None) -> Drawing | None:
    """Density matrices per herald pattern, and their fully entangled fractions with bootstrap errors."""
    values, part = results.values, (len(PATTERN_NAMES), 4, 4)
    real, imaginary = (array_of(values, f"{RUN}.states_{name}", *part) for name in ("real", "imag"))
    fractions, errors = (array_of(values, f"{RUN}.{name}", part[0]) for name in ("fractions", "fraction_errors"))
    if real is None or imaginary is None or fractions is None or errors is None:
        return None
    states = real + 1j * imaginary
    pattern, row, column = (each.ravel() for each in np.indices(part))
    matrices = {
        "pattern": np.array(PATTERN_NAMES)[pattern],
        "row": np.array([ket[1:3] for ket in KETS])[row],
        "column": np.array([ket[1:3] for ket in KETS])[column],
        "real": real.ravel(),
        "imaginary": imaginary.ravel(),
    }
    found = {"pattern": np.array(PATTERN_NAMES), "fraction": fractions, "standard_error": errors}
    phases = array_of(values, f"{RUN}.analysis_phases", part[0])
    if phases is not None:
        found["analysis_phase_rad"] = phases
    tables = {"states": Table(_STATES, matrices), "fractions": Table(_STATES, found)}
    return Drawing("figure_S3", tables, lambda: _draw_states(results, states, fractions, errors))


def _draw_states(results: Results, states: np.ndarray, fractions: np.ndarray, errors: np.ndarray) -> Figure:
    figure, panels = canvas.new_figure(
        "Entangled states by herald pattern", "", _STATES, panels=4, tall_in=7.0, rows=(3, 3, 2), wide_in=10.0,
        below_title=results.below_title,
    )  # fmt: skip
    for place, name in enumerate(PATTERN_NAMES):
        for row, (part, matrix) in enumerate((("Re", states[place].real), ("Im", states[place].imag))):
            axes = panels[4 * row + place]
            axes.grid(False)
            shown = axes.imshow(matrix, cmap="RdBu_r", vmin=-0.5, vmax=0.5)
            axes.set_xticks(range(4), KETS)
            axes.set_yticks(range(4), KETS)
            axes.tick_params(length=0, labelsize=7.5)
            axes.set_title(f"{name}, {part} ρ", fontsize=9.5)
    figure.colorbar(shown, ax=panels[:8], shrink=0.6, pad=0.01)
    below, *others = panels[8:]
    for axes in others:
        axes.remove()
    grid = below.get_gridspec()
    assert grid is not None
    below.set_subplotspec(grid[2, :])
    below.errorbar(range(4), 100 * fractions, 100 * errors, fmt="o", color=canvas.BLUE, capsize=3)
    for place, (fraction, error) in enumerate(zip(fractions, errors, strict=True)):
        words = f"F = {100 * fraction:.2f} ± {100 * error:.2f} %"
        below.annotate(words, (place, 100 * fraction), (10, -3), textcoords="offset points", fontsize=8.5)
    below.set_xticks(range(4), PATTERN_NAMES)
    below.set_xlim(-0.4, 3.8)
    below.margins(y=0.35)
    canvas.label(below, "herald pattern (APD 3 2 1 0)", "fully entangled\nfraction (%)")
    return figure


def herald_phase(results: Results, window: int | None) -> Drawing | None:
    """Bob's analysis phase and contrast per herald pattern."""
    names = ("phase", "standard_error", "contrast")
    found = [array_of(results.values, f"{PHASE}.{name}", len(PATTERN_NAMES)) for name in names]
    phase, error, contrast = found
    if phase is None or error is None or contrast is None:
        return None
    table = {"pattern": np.array(PATTERN_NAMES), "phase_rad": phase, "standard_error_rad": error, "contrast": contrast}
    return Drawing("herald_phase", {"": Table(_PHASES, table)}, lambda: _draw_phases(results, phase, error, contrast))


def _draw_phases(results: Results, phase: np.ndarray, error: np.ndarray, contrast: np.ndarray) -> Figure:
    figure, (left, right) = canvas.new_figure(
        "Analysis phase of each herald pattern", "", _PHASES, panels=2, tall_in=3.4, wide_in=8.0,
        below_title=results.below_title,
    )  # fmt: skip
    left.errorbar(range(4), phase, error, fmt="o", color=canvas.BLUE, capsize=3)
    for place, (value, spread) in enumerate(zip(phase, error, strict=True)):
        left.annotate(f"{value:.3f}\n± {spread:.3f}", (place, value), (0, 8), textcoords="offset points", ha="center",
                      fontsize=8)  # fmt: skip
    left.margins(y=0.3)
    right.bar(range(4), contrast, width=0.6, color=canvas.BLUE)
    right.set_ylim(0, 1)
    for axes, name in ((left, "phase (rad)"), (right, "contrast")):
        axes.set_xticks(range(4), PATTERN_NAMES)
        axes.set_xlim(-0.6, 3.6)
        canvas.label(axes, "herald pattern (APD 3 2 1 0)", name)
    return figure
