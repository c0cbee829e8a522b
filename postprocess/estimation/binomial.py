"""The standard error of a rate that was counted."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def binomial_error(rate: ArrayLike, count: ArrayLike) -> NDArray[np.float64]:
    """Standard error of `rate` seen among `count` events, float64; NaN where there are none.

    Where none or all were seen sqrt(p (1 - p) / n) would be 0, as if nothing were left to learn; there half an event
    is added to either outcome.
    """
    p, n = np.asarray(rate, float), np.asarray(count, float)
    extreme = (p <= 0) | (p >= 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        smoothed = np.where(extreme, (p * n + 0.5) / (n + 1), p)
        return np.where(n > 0, np.sqrt(smoothed * (1 - smoothed) / n), np.nan)
