"""A calibration's scan with its fit and residuals, and the histograms of a readout calibration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from postprocess.drawing.drawn import Drawing, array_of
from postprocess.drawing.results_file import Results
from postprocess.figures import canvas
from postprocess.figures.table import Table
from postprocess.shaping.dataset_values import tally, text
from postprocess.shaping.histogram_view import BRIGHT, DARK, FLOOR, HistogramView, histogram_view
from postprocess.shaping.scan_view import ScanView, scan_view

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIT = "diqkd.calibration.fit."
_BARS = "Bars: 68 % intervals."
_FITTED = "Line: fit. Residuals: point minus fit, in units of the bar that points to the fit. "


def scan(results: Results, window: int | None) -> Drawing | None:
    """Points with their intervals, fitted curve, residuals."""
    view = scan_view(results.values)
    if view is None:
        return None
    fit = fit_at(view)
    residuals = view.y - fit
    pulls = pulls_of(view, residuals)
    note = f"{view.result}. {_FITTED if len(view.fit_x) else ''}{_BARS}".removeprefix(". ").replace("\n", " ")
    points = {
        "x": view.x,
        "y": view.y,
        "y_low": view.y - view.below,
        "y_high": view.y + view.above,
        "fit": fit,
        "residual": residuals,
        "pull": pulls,
    }
    tables = {"": Table(f"x: {view.x_label}; y: {view.y_label}; {note}".replace("\n", " "), points)}
    if len(view.fit_x):
        tables["fit"] = Table(f"x: {view.x_label}; fitted curve".replace("\n", " "), {"x": view.fit_x, "y": view.fit_y})
    fitted = fit_parameters(results.values)
    if fitted is not None:
        tables["parameters"] = fitted
    return Drawing("scan", tables, lambda: _draw_scan(results, view, pulls, note))


def fit_parameters(values: Mapping[str, object]) -> Table | None:
    """Parameters of the fits with errors and units, a row each, and the goodness of their fit; None without them."""
    found, errors = (array_of(values, FIT + name, None, None) for name in ("values", "errors"))
    names, units = ((text(values, FIT + name) or "").split(", ") for name in ("names", "units"))
    if found is None or errors is None or found.shape != errors.shape or not len(names) == len(units) == found.shape[1]:
        return None
    fit, parameter = (each.ravel() for each in np.indices(found.shape))
    table = {
        "fit": fit + 1,
        "parameter": np.array(names)[parameter],
        "value": found.ravel(),
        "standard_error": errors.ravel(),
        "unit": np.array(units)[parameter],
    }
    for name in ("chi_square", "degrees", "p_value"):
        goodness = array_of(values, FIT + name, len(found))
        if goodness is not None:
            table[name] = goodness[fit]
    return Table(f"Parameters of the fit: {text(values, FIT + 'what') or ''}".replace("\n", " "), table)


def fit_at(view: ScanView) -> np.ndarray:
    """The fitted curve at the points of the scan, float64 (n,); NaN where there is none."""
    known = np.isfinite(view.fit_x) & np.isfinite(view.fit_y)
    if not known.any():
        return np.full(len(view.x), np.nan)
    order = np.argsort(view.fit_x[known])
    at, of = view.fit_x[known][order], view.fit_y[known][order]
    return np.interp(view.x, at, of, left=np.nan, right=np.nan)


def pulls_of(view: ScanView, residuals: np.ndarray) -> np.ndarray:
    """Residuals over the length of the bar on the fit's side, NaN where that has none."""
    bars = np.where(residuals > 0, view.below, view.above)
    return np.divide(residuals, bars, out=np.full(len(bars), np.nan), where=bars > 0)


def _draw_scan(results: Results, view: ScanView, pulls: np.ndarray, note: str) -> Figure:
    fitted = len(view.fit_x) > 0
    figure, axes = canvas.new_figure(
        view.title, "", note, tall_in=5.2 if fitted else 4.2, rows=(3, 1) if fitted else (1,),
        below_title=results.below_title,
    )  # fmt: skip
    upper = axes[0]
    upper.errorbar(view.x, view.y, [view.below, view.above], fmt="o", color=canvas.BLUE, markersize=3.5, linewidth=0.9,
                   capsize=0, zorder=3)  # fmt: skip
    canvas.label(upper, "" if fitted else view.x_label, view.y_label)
    if not fitted:
        return figure
    upper.plot(view.fit_x, view.fit_y, color=canvas.VERMILION, linewidth=1.4, zorder=2)
    lower = axes[1]
    lower.axhline(0, color=canvas.VERMILION, linewidth=1.2)
    lower.plot(view.x, pulls, "o", color=canvas.BLUE, markersize=3.5)
    most = max(3.0, float(np.nanmax(np.abs(pulls))) * 1.1) if np.isfinite(pulls).any() else 3.0
    lower.set_ylim(-most, most)
    lower.sharex(upper)
    upper.tick_params(labelbottom=False)
    canvas.label(lower, view.x_label, "residual\n(bars)")
    return figure


def readout(results: Results, window: int | None) -> Drawing | None:
    """Histograms of ions prepared dark and bright, with the threshold."""
    view = histogram_view(results.values)
    dark, bright = tally(results.values, DARK), tally(results.values, BRIGHT)
    if view is None or dark is None or bright is None:
        return None
    length = len(view.dark)
    dark, bright = (np.pad(each[:length], (0, max(0, length - len(each)))) for each in (dark, bright))
    table = {"counts": np.arange(length), **{name: shots.astype(np.int64) for name, shots in
                                             (("dark_shots", dark), ("bright_shots", bright))}}  # fmt: skip
    note = f"{view.title}. Shots with each number of photon counts, of ions prepared dark and bright."
    tables = {"": Table(note, table)}
    fitted = fit_parameters(results.values)
    if fitted is not None:
        tables["parameters"] = fitted
    return Drawing("readout", tables, lambda: _draw_readout(results, view, note))


def _draw_readout(results: Results, view: HistogramView, note: str) -> Figure:
    figure, (axes,) = canvas.new_figure("Readout histograms", "", note, tall_in=4.0, below_title=results.below_title)
    for shots, name, colour in (
        (view.dark, "prepared dark", canvas.BLUE),
        (view.bright, "prepared bright", canvas.ORANGE),
    ):
        axes.stairs(shots, view.edges, fill=True, alpha=0.45, color=colour, label=name, baseline=FLOOR)
        axes.stairs(shots, view.edges, color=colour, linewidth=1.0, baseline=FLOOR)
    if view.threshold is not None:
        axes.axvline(view.threshold + 0.5, color=canvas.BLACK, linestyle="--", linewidth=1.0,
                     label=f"bright above {view.threshold}")  # fmt: skip
    axes.set_yscale("log")
    axes.set_ylim(FLOOR, None)
    canvas.label(axes, "photon counts", "shots")
    canvas.legend(axes)
    return figure
