"""The argument that carries a scan: the dashboard's scan widget, its points in random order by default.

In random order a drift of laser, field or ion during the scan shows as scatter, not as a shape that the fit takes for
the line's.
"""

import numpy as np
from artiq.experiment import CenterScan, RangeScan, Scannable

SEED = None  # of the order; None: another order for each run
MOST_POINTS = 10_000


def scan_value(
    start: float, stop: float, points: int, unit: str, *, least: float, most: float, step: float, precision: int
) -> Scannable:
    """A scan over evenly spaced points by default; the widget also offers centre and span, one value, or a list.

    Args:
        start, stop: both included, SI.
        unit: that the dashboard shows, one of ARTIQ's.
        least, most: range of every point. step: of the widget's arrows. All SI.
        precision: decimals in `unit`.
    """
    span = stop - start
    defaults = [
        RangeScan(start, stop, points, randomize=True, seed=SEED),
        CenterScan((start + stop) / 2, span, span / (points - 1), randomize=True, seed=SEED),
    ]
    return Scannable(defaults, unit, global_min=least, global_max=most, global_step=step, precision=precision)


def points_of(scan, grid: float = 0.0) -> np.ndarray:
    """Points of a scan in the order in which they are measured, float64 (n,), on a grid if there is one."""
    points = np.array(list(scan), float)
    return np.round(points / grid) * grid if grid else points
