"""Random states and measurements for one round, as stacks; the adversary's operators by explicit partial traces.

A block is (psi, A, B): psi (N, dA, dB, dE, dL) with L lost to everybody, A and B effects (N, 2, 2, d, d) indexed
[setting, outcome]. Outcome 0 is +1.
"""

from __future__ import annotations

import numpy as np
from proof_formulas import dagger

PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
WON = np.array([[[[int((a ^ b) == x * y) for b in (0, 1)] for a in (0, 1)] for y in (0, 1)] for x in (0, 1)])
SIGN = np.array([1, -1])


def gaussian(rng, shape):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def normalised(psi):
    axes = tuple(range(1, psi.ndim))
    return psi / np.sqrt((abs(psi) ** 2).sum(axis=axes, keepdims=True))


def unitaries(rng, count, d):
    """Haar unitaries (count, d, d)."""
    q, r = np.linalg.qr(gaussian(rng, (count, d, d)))
    phases = np.diagonal(r, axis1=-2, axis2=-1)
    return q * (phases / abs(phases))[:, None, :]


def effects(observables):
    """(1 +- A)/2 from observables (..., d, d)."""
    one = np.eye(observables.shape[-1])
    return np.stack([(one + observables) / 2, (one - observables) / 2], axis=-3)


def bloch(vectors):
    """Observables n . sigma from vectors (..., 3), normalised here."""
    unit = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.einsum("...k,kij->...ij", unit, PAULI)


def random_projective(rng, count, d):
    """Two random +-1 observables (count, 2, d, d), every rank from 0 to d equally likely."""
    u = unitaries(rng, 2 * count, d)
    signs = np.where(np.arange(d) < rng.integers(0, d + 1, size=(2 * count, 1)), 1.0, -1.0)
    return ((u * signs[:, None, :]) @ dagger(u)).reshape(count, 2, d, d)


def random_povms(rng, count, d):
    """Two random two-outcome measurements (count, 2, 2, d, d), not projective."""
    u = unitaries(rng, 2 * count, d)
    first = (u * rng.uniform(0, 1, size=(2 * count, 1, d))) @ dagger(u)
    return np.stack([first, np.eye(d) - first], axis=1).reshape(count, 2, 2, d, d)


def haar_blocks(rng, count, d_eve=4, d_lost=1):
    """Random states of random purity and random qubit observables; every other block has its best observables."""
    psi = gaussian(rng, (count, 2, 2, d_eve, d_lost))
    psi[:, :, :, 1:] *= 10 ** rng.uniform(-2, 0, size=(count, 1, 1, 1, 1))
    psi = normalised(psi)
    a, b = rng.normal(size=(count, 2, 3)), rng.normal(size=(count, 2, 3))
    best_a, best_b = best_observables(correlations(psi[::2]))
    a[::2] = best_a + 0.1 * a[::2] * rng.uniform(size=(len(best_a), 1, 1))
    b[::2] = best_b + 0.1 * b[::2] * rng.uniform(size=(len(best_b), 1, 1))
    return psi, effects(bloch(a)), effects(bloch(b))


def correlations(psi):
    """T_ij = <sigma_i sigma_j>, (N, 3, 3), of two-qubit states."""
    return np.einsum("iPp,jQq,npqel,nPQel->nij", PAULI, PAULI, psi, psi.conj(), optimize=True).real


def best_observables(t):
    """Bloch vectors with the largest CHSH value for correlations T (Horodecki 1995): A and B, (N, 2, 3) each."""
    u, values, vt = np.linalg.svd(t)
    chi = np.arctan2(values[:, 1], values[:, 0])[:, None]
    b = [np.cos(chi) * vt[:, 0] + sign * np.sin(chi) * vt[:, 1] for sign in (1, -1)]
    return np.stack([u[:, :, 0], u[:, :, 1]], axis=1), np.stack(b, axis=1)


def extremal_blocks(rng, count, levels=(-5.0, -0.3)):
    """Blocks that attain Lemma 2 (for x = 0 or x = 1), disturbed by noise of every size and turned locally."""
    e = rng.uniform(0, 1, size=count)
    psi = np.zeros((count, 2, 2, 4, 1), dtype=complex)
    psi[:, 0, 0, 0, 0] = psi[:, 1, 1, 0, 0] = np.sqrt((1 + e) / 4)
    psi[:, 0, 0, 1, 0], psi[:, 1, 1, 1, 0] = np.sqrt((1 - e) / 4), -np.sqrt((1 - e) / 4)
    chi = np.arctan(e)
    zero, cos, sin = np.zeros(count), np.cos(chi), np.sin(chi)
    a = np.stack([np.stack([zero, zero, zero + 1], -1), np.stack([zero + 1, zero, zero], -1)], axis=1)
    b = np.stack([np.stack([sin, zero, cos], -1), np.stack([-sin, zero, cos], -1)], axis=1)
    swap = rng.uniform(size=count) < 0.5
    a[swap] = a[swap, ::-1]
    b[swap, 1] *= -1
    noise = 10 ** rng.uniform(*levels, size=count)
    psi = normalised(psi + noise[:, None, None, None, None] * gaussian(rng, psi.shape) / 4)
    a, b = (v + noise[:, None, None] * rng.normal(size=v.shape) for v in (a, b))
    return turned(rng, psi, effects(bloch(a)), effects(bloch(b)))


def werner_blocks(rng, count, levels=(-5.0, -0.3)):
    """Bell-diagonal states with two correlations and CHSH angles, disturbed and turned: Theorem A's extremal ones."""
    t1, t2 = np.sort(rng.uniform(0.5, 1, size=(2, count)), axis=0)[::-1]
    t2 = np.where(rng.uniform(size=count) < 0.5, t1, t2)
    weights = np.stack([(1 + t1) * (1 + t2), (1 + t1) * (1 - t2), (1 - t1) * (1 + t2), (1 - t1) * (1 - t2)], -1) / 4
    bell = np.array([[1, 0, 0, 1], [1, 0, 0, -1], [0, 1, 1, 0], [0, 1, -1, 0]]) / np.sqrt(2)
    psi = np.einsum("nk,kj->njk", np.sqrt(weights), bell).reshape(count, 2, 2, 4, 1).astype(complex)
    psi_angle = np.arctan2(t2, t1)
    zero = np.zeros(count)
    a = np.stack([np.stack([s * np.sin(psi_angle), zero, np.cos(psi_angle)], -1) for s in (1, -1)], axis=1)
    b = np.zeros((count, 2, 3))
    b[:, 0, 2] = b[:, 1, 0] = 1
    noise = 10 ** rng.uniform(*levels, size=count)
    psi = normalised(psi + noise[:, None, None, None, None] * gaussian(rng, psi.shape) / 4)
    a, b = (v + noise[:, None, None] * rng.normal(size=v.shape) for v in (a, b))
    return turned(rng, psi, effects(bloch(a)), effects(bloch(b)))


def turned(rng, psi, a, b):
    """The same block seen in random local frames."""
    u, v = unitaries(rng, len(psi), a.shape[-1]), unitaries(rng, len(psi), b.shape[-1])
    psi = np.einsum("nAa,nBb,nabel->nABel", u, v, psi)
    u, v = u[:, None, None], v[:, None, None]
    return psi, u @ a @ dagger(u), v @ b @ dagger(v)


def eve_operators(psi, a, b):
    """omega_E for every (x, y, outcome a, outcome b): (N, 2, 2, 2, 2, dE, dE)."""
    half = np.einsum("nxaPp,npqel->nxaPqel", a, psi)
    half = np.einsum("nybQq,nxaPqel->nxyabPQel", b, half)
    return np.einsum("nxyabPQel,nPQfl->nxyabef", half, psi.conj())


def winning(omega):
    """Winning probabilities w_xy (N, 2, 2)."""
    probabilities = np.trace(omega, axis1=-2, axis2=-1).real
    return (probabilities * WON).sum(axis=(-1, -2))


def joined(*blocks):
    return tuple(np.concatenate(parts) for parts in zip(*blocks, strict=True))


def superposed_blocks(rng, count):
    """Two extremal blocks in coherent superposition, hidden in four dimensions a side: what Jordan's lemma undoes."""
    parts = [extremal_blocks(rng, count) for _ in range(2)]
    shares = rng.uniform(size=count)
    psi = np.zeros((count, 4, 4, 4, 1), dtype=complex)
    a, b = (np.zeros((count, 2, 2, 4, 4), dtype=complex) for _ in range(2))
    for part, (block, alice, bob) in enumerate(parts):
        here = slice(2 * part, 2 * part + 2)
        share = shares if part == 0 else 1 - shares
        psi[:, here, here] = np.sqrt(share)[:, None, None, None, None] * block
        a[..., here, here], b[..., here, here] = alice, bob
    noise = 10 ** rng.uniform(-5, -1, size=(count, 1, 1, 1, 1))
    return turned(rng, normalised(psi + noise * gaussian(rng, psi.shape) / 8), a, b)


def general_devices(rng, count):
    """Devices of three and two dimensions, two-outcome POVMs on Bob's side, Eve without the purification."""
    psi = normalised(gaussian(rng, (count, 3, 2, 3, 2)))
    return psi, effects(random_projective(rng, count, 3)), random_povms(rng, count, 2)
