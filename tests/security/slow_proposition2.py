"""Proposition 2 written down as the paper prints it, nothing rearranged; the reference for the fast and stable form.

Floats suffice away from the edges; `exact_*` use 80 decimal digits for the places where the printed form cancels.
"""

from __future__ import annotations

import math
from decimal import Decimal, getcontext

import numpy as np

getcontext().prec = 80
W_MIN, W_MAX = (1 - 1 / math.sqrt(2)) / 2, (1 + 1 / math.sqrt(2)) / 2


def h(p):
    p = np.clip(p, 1e-300, 1 - 1e-16)
    return -p * np.log2(p) - (1 - p) * np.log2(1 - p)


def eta(w):
    w = np.asarray(w, dtype=float)
    root = np.sqrt(np.clip(16 * w * (w - 1) + 3, 0, 1))
    return np.where((w >= 0.25) & (w <= 0.75), 0.0, 1 - h(0.5 + 0.5 * root))


def eta_slope(t, step=1e-6):
    return float(-eta(t + 2 * step) + 8 * eta(t + step) - 8 * eta(t - step) + eta(t - 2 * step)) / (12 * step)


def theta(eps):
    return float(exact_theta(eps))


def bound(n, gamma, omega_thr, m, t, a1, a2, eps_ea, eps_pa, eps_s, eps_s1, eps_s2):
    """n g_t(w_thr) + ... - 264 and Y_b of it, as in equation 73."""
    slope = eta_slope(t)

    def g(w):
        return float(eta(t)) + (w - t) * slope

    f0, f1, f_none = g(0) / gamma + (1 - 1 / gamma) * g(1), g(1), g(1)
    w = np.concatenate([np.linspace(W_MIN, W_MAX, 200_001), np.linspace(0.75, t, 400_001)])
    probabilities = (gamma * (1 - w), gamma * w, np.full_like(w, 1 - gamma))
    values = (f0, f1, f_none)
    mean = sum(p * f for p, f in zip(probabilities, values, strict=True))
    variance = sum(p * (f - mean) ** 2 for p, f in zip(probabilities, values, strict=True))
    v = math.log(2) / 2 * (math.log2(33) + np.sqrt(2 + variance)) ** 2
    worst = (eta(w) - mean - (a1 - 1) * v).min()
    k = 2 ** ((a1 - 1) * (2 + g(1) - g(W_MIN))) / (6 * (2 - a1) ** 3 * math.log(2))
    k *= math.log(2 ** (2 + g(1) - g(W_MIN)) + math.e**2) ** 3
    log_ea = math.log2(1 / eps_ea)
    z = n * g(omega_thr) + n * worst - n * (a1 - 1) ** 2 * k - n * gamma - n * (a2 - 1) * math.log2(5) ** 2
    z -= (theta(eps_s1) + a1 * log_ea) / (a1 - 1) + (theta(eps_s2) + a2 * log_ea) / (a2 - 1)
    z -= 3 * theta(eps_s - eps_s1 - 2 * eps_s2) + 5 * math.log2(1 / eps_pa) + m + 264
    return y_b(z)


def y_b(z):
    """Inverse of y + b ln y, b = 4 / ln 2, by bisection."""
    low, high = 0.0, max(2.0, z + 1)
    for _ in range(200):
        y = (low + high) / 2
        low, high = (y, high) if y == 0 or y + 4 / math.log(2) * math.log(y) < z else (low, y)
    return (low + high) / 2


def _log2(x: Decimal) -> Decimal:
    return x.ln() / Decimal(2).ln()


def exact_eta(omega: float) -> Decimal:
    w = Decimal(omega)
    p = (1 + (16 * w * (w - 1) + 3).sqrt()) / 2
    return 1 + p * _log2(p) + (1 - p) * _log2(1 - p)


def exact_eta_slope(omega: float) -> Decimal:
    step = Decimal(10) ** -30
    w = Decimal(omega)
    root = (16 * w * (w - 1) + 3).sqrt()
    p = (1 + root) / 2
    assert 0 < p - step < p + step < 1
    return _log2(p / (1 - p)) / 2 * 8 * (2 * w - 1) / root


def exact_theta(eps: float) -> Decimal:
    return -_log2(1 - (1 - Decimal(eps) ** 2).sqrt())
