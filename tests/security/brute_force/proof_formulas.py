"""The formulas of docs/proofs, written down once more in numpy; nothing is imported from postprocess.security.

alpha in (1, 2], delta = alpha - 1, beta = 1 / alpha. Logarithms are base 2. Operators are stacks (..., d, d).
"""

from __future__ import annotations

import numpy as np

W_MAX = (2 + np.sqrt(2)) / 4
SUPPORT = 1e-13


def power(operators, exponent):
    """Powers of positive operators (..., d, d) on their supports."""
    values, vectors = np.linalg.eigh(operators)
    safe = np.where(values > SUPPORT, values, 1.0)
    return (vectors * np.where(values > SUPPORT, safe**exponent, 0.0)[..., None, :]) @ dagger(vectors)


def dagger(operators):
    return operators.conj().swapaxes(-1, -2)


def trace_power(operators, alpha):
    """Tr X^alpha of positive operators."""
    return (np.clip(np.linalg.eigvalsh(operators), 0, None) ** alpha).sum(-1)


def trace_norm(operators):
    return np.linalg.svd(operators, compute_uv=False).sum(-1)


def sandwiched(blocks, reference, alpha):
    """Q(X || 1 (x) sigma) = sum_a Tr (s X_a s)^alpha, s = sigma^((1-alpha)/2alpha).

    blocks (..., a, d, d): X_a on Eve's system for every value a of the classical string; reference (..., d, d).
    """
    s = power(reference, (1 - alpha) / (2 * alpha))[..., None, :, :]
    return trace_power(s @ blocks @ s, alpha).sum(-1)


def g(t, alpha):
    """g(t) = 2^(1-alpha) (((1+t)/2)^beta + ((1-t)/2)^beta)^alpha for |t| <= 1."""
    beta = 1 / alpha
    t = np.clip(t, -1, 1)
    return 2 ** (1 - alpha) * (((1 + t) / 2) ** beta + ((1 - t) / 2) ** beta) ** alpha


def big_g(w, alpha):
    """G(w): Lemma 2's bound at CHSH winning probability w; 1 for w <= 3/4."""
    score = 8 * np.asarray(w, dtype=float) - 4
    return g(np.sqrt(np.clip(score**2 / 4 - 1, 0, 1)) * (score > 2), alpha)


def weight(alpha, phi):
    """v, the weight of a lost test round."""
    return 2 ** (-(alpha - 1) * phi / alpha)


def mixed_mean(q, w, v, alpha):
    """(v q^beta + (1 - v) w^beta)^alpha."""
    return (v * q ** (1 / alpha) + (1 - v) * np.asarray(w, dtype=float) ** (1 / alpha)) ** alpha


def big_f(w, alpha, gamma, phi):
    """F(w) of Lemma 3."""
    q = big_g(w, alpha)
    return (1 - gamma) * q + gamma * mixed_mean(q, w, weight(alpha, phi), alpha)


def maximum(function, low, high, steps=200):
    """Largest value of a concave function, by golden section."""
    ratio = (np.sqrt(5) - 1) / 2
    a, b = high - ratio * (high - low), low + ratio * (high - low)
    fa, fb = function(a), function(b)
    for _ in range(steps):
        if fa < fb:
            low, a, fa = a, b, fb
            b = low + ratio * (high - low)
            fb = function(b)
        else:
            high, b, fb = b, a, fa
            a = high - ratio * (high - low)
            fa = function(a)
    return max(float(fa), float(fb))


def best_f(alpha, gamma, phi):
    """max F over [3/4, w_max]: what Lemma 3 says about F*."""
    return maximum(lambda w: big_f(w, alpha, gamma, phi), 0.75, W_MAX)


def theta(eps):
    """-log(1 - sqrt(1 - eps^2)), in the form that does not cancel."""
    return -np.log2(eps**2 / (1 + np.sqrt(1 - eps**2)))


def slopes(rho, alpha, gamma, phi):
    """p, q of Theorem B: the derivatives of Phi(Q, w) where w / Q = rho."""
    delta, v, ratio = alpha - 1, weight(alpha, phi), rho ** (1 / alpha)
    m = v + (1 - v) * ratio
    return 1 - gamma + gamma * v * m**delta, gamma * (1 - v) * (m / ratio) ** delta


def distance_to_one(t, alpha):
    """D(t) = 1 - g(t)."""
    return 1 - g(t, alpha)


def inner_maximum(x, y, alpha):
    """max over t in [0, 1] of x t - y D(t)."""
    return maximum(lambda t: x * t - y * distance_to_one(t, alpha), 0.0, 1.0, steps=90)


def r_at(psi, mu, alpha):
    """The bracket of Theorem B at one psi."""
    c, s = np.cos(psi), np.sin(psi)
    return inner_maximum(mu * c, s * s, alpha) + inner_maximum(mu * s, c * c, alpha)


def r_searched(mu, alpha):
    """max(mu, D*(sqrt2 mu)): the value at the two attacks, local and Werner."""
    return max(mu, inner_maximum(np.sqrt(2) * mu, 1.0, alpha))


def two_bases_bound(rho, alpha, gamma, phi, r):
    """p + q/2 + p R(mu) with r = R as a function of (mu, alpha)."""
    p, q = slopes(rho, alpha, gamma, phi)
    return p + q / 2 + p * r(q / (4 * p), alpha)
