"""S, Q and herald rate of a link from the results file of a characterisation, at a stated quantile.

Reads the HDF5 file that CharacteriseLink leaves under an ARTIQ master or under `diqkd run`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from contract.round_settings import KEY_SETTING
from postprocess.errors import InvalidInput
from postprocess.estimation.score_and_qber import Estimate

if TYPE_CHECKING:
    import h5py

HIGHEST_SCORE = 2 * math.sqrt(2)


@dataclass(frozen=True)
class MeasuredLink:
    """What a characterisation has measured.

    Attributes:
        source: name of the file. apparatus: where it was measured, "" where the file does not say.
        score, qber: S and Q with standard errors. qber_counts: (errors, key rounds), None where the file has no counts.
        qber2_counts: the same for the second key basis, None without one.
        herald_rate: rounds per second of machine time, its error from the scatter of the blocks and at least that of as
            many random arrivals; None where unknown.
    """

    source: str
    apparatus: str
    score: Estimate
    qber: Estimate
    qber_counts: tuple[int, int] | None
    qber2_counts: tuple[int, int] | None
    herald_rate: Estimate | None

    def score_at(self, quantile: float) -> float:
        """S that the true one exceeds with this probability (normal errors), 2 sqrt 2 at most."""
        return min(self.score.value - _sigmas(quantile) * self.score.standard_error, HIGHEST_SCORE)

    def qber_at(self, quantile: float) -> float:
        """Q that the true one stays below with this probability: Clopper and Pearson's bound, of counts where known."""
        if self.qber_counts is None:
            return min(max(self.qber.value + _sigmas(quantile) * self.qber.standard_error, 0.0), 0.5)
        return _upper_bound(*self.qber_counts, quantile)

    def qber2_at(self, quantile: float) -> float | None:
        """The same for Q_1, None without a second key basis."""
        return None if self.qber2_counts is None else _upper_bound(*self.qber2_counts, quantile)

    def rate_at(self, quantile: float) -> float | None:
        """Herald rate in Hz that the true one exceeds with this probability."""
        if self.herald_rate is None:
            return None
        rate, error = self.herald_rate.value, self.herald_rate.standard_error
        return 1 / (1 / rate + _sigmas(quantile) * error / rate**2)


def read_measured_link(path: Path) -> MeasuredLink:
    """The link that a results file of characterise_link describes.

    Raises:
        InvalidInput: no such file, no HDF5, no characterisation in it, or one with too few rounds for S and Q.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return _read(path, file)
    except KeyError as problem:
        raise InvalidInput(
            f"{path}: no finished characterisation in it (no dataset {problem.args[0]}); "
            "name a results file of characterise_link"
        ) from problem
    except OSError as problem:
        why = "no such file" if not path.exists() else "cannot be read as HDF5"
        raise InvalidInput(f"{path}: {why}; name a results file (.h5) of characterise_link") from problem


def _read(path: Path, file: h5py.File) -> MeasuredLink:
    datasets = file.get("datasets", {})

    def value(name: str) -> Any:
        if "diqkd." + name not in datasets:
            raise KeyError("diqkd." + name)
        return datasets["diqkd." + name][()]

    def known(name: str, default: Any) -> Any:
        return value(name) if "diqkd." + name in datasets else default

    counts = known("characterisation.counts", None)
    key, second = (_errors_and_rounds(counts, basis) for basis in (0, 1))
    rounds = 0 if counts is None else int(np.sum(counts))
    score, qber = (
        Estimate(
            float(value(f"characterisation.total_{name}")), float(value(f"characterisation.total_{name}_error")), n
        )
        for name, n in (("score", rounds), ("qber", 0 if key is None else key[1]))
    )
    if not all(math.isfinite(number) for each in (score, qber) for number in (each.value, each.standard_error)):
        raise InvalidInput(f"{path}: too few rounds for S and Q; characterise the link with more")
    apparatus = known("characterisation.apparatus", b"")
    return MeasuredLink(
        source=path.name,
        apparatus=apparatus.decode() if isinstance(apparatus, bytes) else str(apparatus),
        score=score,
        qber=qber,
        qber_counts=key,
        qber2_counts=second,
        herald_rate=_mean_rate(np.asarray(known("rounds.herald_rate_hz", []), np.float64), rounds),
    )


def _errors_and_rounds(counts: Any, basis: int) -> tuple[int, int] | None:
    """Key rounds of a basis with A != B, and all of them, of counts (4, X, Y, A, B); None where there are none."""
    if counts is None or KEY_SETTING + basis >= np.shape(counts)[2]:
        return None
    key = np.asarray(counts)[:, basis, KEY_SETTING + basis].sum(axis=0)
    return int(key[0, 1] + key[1, 0]), int(key.sum())


def _upper_bound(errors: int, rounds: int, quantile: float) -> float:
    """Clopper and Pearson's upper end of a rate of errors, 0.5 at most."""
    from scipy.stats import beta

    return float(min(beta.ppf(quantile, errors + 1, rounds - errors), 0.5)) if errors < rounds else 0.5


def _mean_rate(rates: np.ndarray, rounds: int) -> Estimate | None:
    """Rounds per second over blocks of equal size: the mean of their durations counts, not that of their rates."""
    durations = 1 / rates[np.isfinite(rates) & (rates > 0)]
    blocks = len(durations)
    if not blocks or (blocks == 1 and not rounds):
        return None
    mean = float(durations.mean())
    scatter = float(durations.std(ddof=1)) / math.sqrt(blocks) if blocks > 1 else 0.0
    error = max(scatter, mean / math.sqrt(rounds) if rounds else 0.0)
    return Estimate(1 / mean, error / mean**2, blocks)


def _sigmas(quantile: float) -> float:
    return NormalDist().inv_cdf(quantile)
