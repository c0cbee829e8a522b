"""Two rounds with memory and an adaptive Eve, small enough to be computed exactly.

Inputs i: 0 the key round (x = 0, Bob's setting 2), 1 to 4 the tests (x, y). Eve prepares eight dimensions E and a qubit
for each device. After round 1 the devices talk (any unitary on both memories, controlled by i, a, b). Eve, told i only,
sends each device another qubit (any isometry E -> E' Q_A Q_B controlled by i). In round 2 each device measures memory
and new qubit with effects controlled by the whole first round.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from proof_formulas import dagger, sandwiched, weight
from random_strategies import gaussian, unitaries

INPUTS = ((0, 2), (0, 0), (0, 1), (1, 0), (1, 1))  # (x, y)
E = 8


@dataclass(frozen=True)
class Strategy:
    """Arrays of one strategy.

    Attributes:
        start: (8, 2, 2), E A B. first_a, first_b: Kraus operators (x, a, 2, 2) and (y, b, 2, 2).
        talk: (5, a, b, 4, 4). send: (5, 32, 8). second_a: effects (5, a, b, x, a', 4, 4); second_b likewise.
    """

    start: np.ndarray
    first_a: np.ndarray
    first_b: np.ndarray
    talk: np.ndarray
    send: np.ndarray
    second_a: np.ndarray
    second_b: np.ndarray


def instruments(rng, shape, d, sharp):
    """Kraus operators (*shape, 2, d, d) of random two-outcome instruments; sharp in [0, 1]: 1 is projective."""
    count = int(np.prod(shape))
    u, after = unitaries(rng, count, d), unitaries(rng, 2 * count, d).reshape(count, 2, d, d)
    first = sharp * rng.integers(0, 2, size=(count, d)) + (1 - sharp) * rng.uniform(size=(count, d))
    roots = np.stack([np.sqrt(first), np.sqrt(1 - first)], axis=1)
    kraus = after @ ((u[:, None] * roots[:, :, None, :]) @ dagger(u)[:, None])
    return kraus.reshape(*shape, 2, d, d)


def random_strategy(rng):
    """Everything Haar random, measurements sharp or not."""
    start = gaussian(rng, (E, 2, 2)) * (rng.uniform(size=(E, 1, 1)) ** rng.integers(0, 6))
    sharp = rng.choice([0.0, 0.9, 1.0])
    second_a, second_b = (
        dagger(k) @ k for k in (instruments(rng, (5, 2, 2, 2), 4, sharp), instruments(rng, (5, 2, 2, 3), 4, sharp))
    )
    return Strategy(
        start / np.linalg.norm(start),
        instruments(rng, (2,), 2, sharp),
        instruments(rng, (3,), 2, sharp),
        unitaries(rng, 20, 4).reshape(5, 2, 2, 4, 4),
        np.linalg.qr(gaussian(rng, (5, 32, E)))[0],
        second_a,
        second_b,
    )


def phi_state(e):
    """(k, A, B): Phi+ and Phi- with amplitudes of weights (1 +- e)/2, k with Eve."""
    plus, minus = np.diag([1, 1]), np.diag([1, -1])
    return np.stack([np.sqrt((1 + e) / 4) * plus, np.sqrt((1 - e) / 4) * minus])


def effects_at(angles):
    """Projective effects (..., 2, 2, 2) of cos Z + sin X."""
    angles = np.asarray(angles)[..., None, None]
    observable = np.cos(angles) * np.diag([1, -1]) + np.sin(angles) * np.array([[0, 1], [1, 0]])
    return np.stack([(np.eye(2) + observable) / 2, (np.eye(2) - observable) / 2], axis=-3)


def best_strategy(rng, e, noise):
    """The one-round attack that attains Lemma 2, with parameter e, in both rounds; Eve changes e by what i was, the
    devices turn by what they measured, everything disturbed by `noise`."""
    start = np.zeros((E, 2, 2), dtype=complex)
    start[[0, 4]] = phi_state(e)
    first = np.clip(e + noise * rng.normal(size=5), 0, 1)
    send = np.zeros((5, E, 2, 2, E), dtype=complex)
    for i in range(5):  # Eve's index is (k of round 1, k of round 2, spare); only even spares and k2 = 0 occur
        for k1 in (0, 1):
            send[i, [4 * k1, 4 * k1 + 2], :, :, 4 * k1] = phi_state(first[i])
    send = send.reshape(5, 32, E) + noise * gaussian(rng, (5, 32, E)) / 8
    send[:, :, [1, 2, 3, 5, 6, 7]] += gaussian(rng, (5, 32, 6))
    order = [0, 4, 1, 2, 3, 5, 6, 7]
    columns, upper = np.linalg.qr(send[:, :, order])  # the first two columns stay what they are, up to a phase
    send = np.empty_like(columns)
    send[:, :, order] = columns * np.sign(np.diagonal(upper, axis1=1, axis2=2).real)[:, None, :]
    turn = noise * rng.normal(size=(2, 5, 2, 2))
    chi = np.arctan(first)[:, None, None]
    angles_a = np.stack([0 * turn[0], np.pi / 2 + turn[0]], axis=-1)
    angles_b = np.stack([chi + turn[1], -chi + turn[1], 0 * turn[1]], axis=-1)
    one = np.eye(2)
    second_a, second_b = (
        np.einsum("ij,...kl->...ikjl", one, effects_at(t)).reshape(*t.shape, 2, 4, 4) for t in (angles_a, angles_b)
    )
    start = start + noise * gaussian(rng, start.shape) / 8
    return Strategy(
        start / np.linalg.norm(start),
        effects_at([0, np.pi / 2]),
        effects_at([np.arctan(e), -np.arctan(e), 0]),
        np.broadcast_to(np.eye(4), (5, 2, 2, 4, 4)),
        send,
        second_a,
        second_b,
    )


def disturbed(rng, strategy, size):
    """A strategy nearby: state, isometries and measurements moved by about `size` and made exact again."""
    start = strategy.start + size * gaussian(rng, strategy.start.shape) / 8
    send = np.linalg.qr(strategy.send + size * gaussian(rng, strategy.send.shape) / 8)[0]
    first_a, first_b = (_moved(rng, k, size) for k in (strategy.first_a, strategy.first_b))
    second_a, second_b = (_moved(rng, k, size) for k in (strategy.second_a, strategy.second_b))
    return replace(
        strategy, start=start / np.linalg.norm(start), send=send,
        first_a=first_a, first_b=first_b, second_a=second_a, second_b=second_b,
    )  # fmt: skip


def _moved(rng, operators, size):
    """Two-outcome operators (..., 2, d, d) turned by one small unitary for each measurement."""
    d = operators.shape[-1]
    shape = (*operators.shape[:-3], d, d)
    values, vectors = np.linalg.eigh((lambda h: h + dagger(h))(gaussian(rng, shape)))
    u = ((vectors * np.exp(1j * size * values)[..., None, :]) @ dagger(vectors))[..., None, :, :]
    return u @ operators @ dagger(u)


@dataclass(frozen=True)
class Histories:
    """Eve's operators, not multiplied by the probabilities of inputs.

    Attributes:
        one: (5, a, b, 8, 8) after round 1. two: (5, a, b, 5, a', b', 8, 8) after round 2.
        eve_one: (8, 8), her state in round 1. eve_two: (5, 8, 8), her state in round 2 given i_1.
        joint: (5, a, b, 8, 4, 4), the pure states E' A B before round 2.
    """

    one: np.ndarray
    two: np.ndarray
    eve_one: np.ndarray
    eve_two: np.ndarray
    joint: np.ndarray


def histories(strategy):
    """Play both rounds for every input and outcome."""
    x, y = np.array(INPUTS).T
    after = np.einsum("iaAP,ibBQ,ePQ->iabeAB", strategy.first_a[x], strategy.first_b[y], strategy.start, optimize=True)
    one = np.einsum("iabeAB,iabfAB->iabef", after, after.conj())
    talked = np.einsum("iabmn,iaben->iabem", strategy.talk, after.reshape(5, 2, 2, E, 4)).reshape(5, 2, 2, E, 2, 2)
    send = strategy.send.reshape(5, E, 2, 2, E)
    joint = np.einsum("ifqre,iabemn->iabfmqnr", send, talked, optimize=True).reshape(5, 2, 2, E, 4, 4)
    half = np.einsum("iabjcPp,iabepq->iabjcePq", strategy.second_a[:, :, :, x], joint, optimize=True)
    half = np.einsum("iabjdQq,iabjcePq->iabjcdePQ", strategy.second_b[:, :, :, y], half, optimize=True)
    two = np.einsum("iabjcdePQ,iabfPQ->iabjcdef", half, joint.conj(), optimize=True)
    eve_two = np.einsum("iabeAB,iabfAB->ief", joint, joint.conj())
    return Histories(one, two, one[0].sum(axis=(0, 1)), eve_two, joint)


def input_probabilities(gamma):
    return np.array([1 - gamma, *[gamma / 4] * 4])


def lost_rounds():
    """(5, a, b): 1 where a test is lost."""
    table = np.zeros((5, 2, 2), dtype=int)
    for i, (x, y) in enumerate(INPUTS[1:], start=1):
        for a in (0, 1):
            for b in (0, 1):
                table[i, a, b] = (a ^ b) != x * y
    return table


def round_weights(alpha, phi):
    """v for a lost test, 1 otherwise: (5, a, b)."""
    return np.where(lost_rounds(), weight(alpha, phi), 1.0)


def q_one(played, weights, alpha, gamma):
    """N_1 = Q(X_1 || 1 (x) sigma_1)."""
    blocks = (played.one * weights[..., None, None]).sum(axis=2)
    return input_probabilities(gamma) @ sandwiched(blocks, played.eve_one, alpha)


def q_two(played, weights, alpha, gamma):
    """Q(X || 1 (x) sigma_2) for weights (5, a, b, 5, a', b') of histories; N_2 where they are products."""
    blocks = (played.two * weights[..., None, None]).sum(axis=(2, 5)).swapaxes(1, 2)
    blocks = blocks.reshape(5, 5, 4, E, E)
    p = input_probabilities(gamma)
    return p @ sandwiched(blocks, played.eve_two[:, None], alpha) @ p
