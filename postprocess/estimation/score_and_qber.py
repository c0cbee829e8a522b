"""Parameter estimation: CHSH score S and quantum bit error rate Q of recombined strings, with standard errors.

Conventions: uint8 arrays of shape (n,); X in {0, 1}; Y is 0 or 1 in a Bell-test round and 2 + r in a key round, where r
is the key basis (0 with one basis) and X = r; a Bell-test round is won when A xor B = X Y; S = E00 + E01 + E10 - E11
with E = P(A = B) - P(A != B). Nadlinger 2022, steps 6 and 8, figure 3.
Everything here is a function of A and B and therefore private on a real apparatus, characterisation runs apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from contract.round_settings import KEY_SETTING
from postprocess.errors import InvalidInput
from postprocess.estimation.binomial import binomial_error


@dataclass(frozen=True)
class Estimate:
    """A value, its standard error, and the number of rounds behind it; NaN where there are none."""

    value: float
    standard_error: float
    rounds: int


def lost_test_rounds(
    x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray, zeroed: np.ndarray | None = None
) -> int:
    """#{i : T_i = 1 and (U_i = 0 or i zeroed)}, compared with n gamma (1 - omega_thr) in step 8.

    `zeroed`: bool (n,), rounds that either node has zeroed; they count as lost, whatever their strings say.
    """
    lost = (a ^ b ^ (x & y)).astype(bool)
    return int(np.count_nonzero((y < KEY_SETTING) & (lost if zeroed is None else lost | zeroed)))


def chsh_score(x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray) -> Estimate:
    """CHSH score S from the correlators of the four settings, binomial errors added in quadrature."""
    value, variance, rounds = 0.0, 0.0, 0
    for setting_a in (0, 1):
        for setting_b in (0, 1):
            here = (y == setting_b) & (x == setting_a)
            count = int(np.count_nonzero(here))
            if count == 0:
                return Estimate(math.nan, math.nan, 0)
            rate = int(np.count_nonzero(here & (a != b))) / count
            value += 2.0 * rate - 1.0 if setting_a and setting_b else 1.0 - 2.0 * rate
            variance += (2.0 * float(binomial_error(rate, count))) ** 2
            rounds += count
    return Estimate(value, math.sqrt(variance), rounds)


def qber(x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray, *, basis: int = 0) -> Estimate:
    """Quantum bit error rate Q_r: how often A and B differ in key rounds of the basis r (X = r, Y = 2 + r)."""
    here = (y == KEY_SETTING + basis) & (x == basis)
    count = int(np.count_nonzero(here))
    if count == 0:
        return Estimate(math.nan, math.nan, 0)
    rate = int(np.count_nonzero(here & (a != b))) / count
    return Estimate(rate, float(binomial_error(rate, count)), count)


@dataclass(frozen=True)
class MovingAverages:
    """S and Q over a window that ends with each round; float64 of shape (n - window + 1,), or that of the places asked
    for, NaN where a setting is missing.

    `qber2` is Q_1 of the second key basis. The standard errors belong to each window alone; neighbouring points share
    most of their rounds.
    """

    score: np.ndarray
    score_error: np.ndarray
    qber: np.ndarray
    qber_error: np.ndarray
    qber2: np.ndarray
    qber2_error: np.ndarray


def moving_averages(
    x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray, window: int, places: np.ndarray | None = None
) -> MovingAverages:
    """S and Q as figure 3 shows them; the paper's window is 100 000 rounds.

    `places`: int, first rounds of the windows to show, counted from 0; all by default.
    """
    if not 1 <= window <= len(x):
        raise InvalidInput(f"window = {window}: must be 1 to the number of rounds, {len(x)}")
    differ = a != b
    first = np.arange(len(x) - window + 1) if places is None else places
    score = np.zeros(len(first))
    variance = np.zeros_like(score)
    for setting_a in (0, 1):
        for setting_b in (0, 1):
            rate, count = _moving_rate((y == setting_b) & (x == setting_a), differ, first, window)
            correlator = 1.0 - 2.0 * rate
            score += -correlator if setting_a and setting_b else correlator
            variance += (2.0 * binomial_error(rate, count)) ** 2
    rates = []
    for basis in (0, 1):
        rate, count = _moving_rate((y == KEY_SETTING + basis) & (x == basis), differ, first, window)
        rates += [rate, binomial_error(rate, count)]
    return MovingAverages(score, np.sqrt(variance), *rates)


def _moving_rate(here: np.ndarray, differ: np.ndarray, first: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    count, errors = _moving_sum(here, first, window), _moving_sum(here & differ, first, window)
    with np.errstate(invalid="ignore", divide="ignore"):
        return errors / count, count


def _moving_sum(flags: np.ndarray, first: np.ndarray, window: int) -> np.ndarray:
    total = np.zeros(len(flags) + 1, np.int64)
    np.cumsum(flags, out=total[1:])
    return total[first + window] - total[first]
