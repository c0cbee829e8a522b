"""Slow and obvious references: H in full, belief propagation by flooding in float64, a noisy channel."""

from __future__ import annotations

import math

import numpy as np


def parity_matrix(code) -> np.ndarray:
    """H as a dense uint8 (m, n) matrix."""
    matrix = np.zeros((code.m, code.n), np.uint8)
    for check, bit in code.edge_list():
        matrix[check, bit] += 1
    return matrix


def flooding_decoder(ones: np.ndarray, llr: np.ndarray, syndrome: np.ndarray, iterations: int):
    """Textbook sum-product (Nadlinger 2022, S6): bits, posteriors and whether the syndrome was met.

    `ones` int (E, 2) rows (check, bit).
    """
    edges_of_check: dict[int, list[int]] = {}
    for edge, (check, _) in enumerate(ones):
        edges_of_check.setdefault(int(check), []).append(edge)
    bit_of_edge = ones[:, 1]
    to_bit = np.zeros(len(ones))
    posterior = llr.astype(float).copy()
    for _ in range(iterations):
        posterior = llr.astype(float).copy()
        np.add.at(posterior, bit_of_edge, to_bit)
        bits = (posterior < 0).astype(np.uint8)
        if all(np.bitwise_xor.reduce(bits[bit_of_edge[edges]]) == syndrome[c] for c, edges in edges_of_check.items()):
            return bits, posterior, True
        to_check = posterior[bit_of_edge] - to_bit
        for check, edges in edges_of_check.items():
            tanhs = [math.tanh(to_check[edge] / 2) for edge in edges]
            for k, edge in enumerate(edges):
                product = math.prod(tanhs[:k] + tanhs[k + 1 :]) * (-1) ** int(syndrome[check])
                to_bit[edge] = 2 * math.atanh(min(max(product, -1 + 1e-12), 1 - 1e-12))
    return (posterior < 0).astype(np.uint8), posterior, False


def noisy_string(n: int, error: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Alice's uniform bits and the ratios Bob would have after a binary symmetric channel."""
    rng = np.random.default_rng(seed)
    alice = rng.integers(0, 2, n, dtype=np.uint8)
    bob = alice ^ (rng.random(n) < error).astype(np.uint8)
    return alice, (1.0 - 2.0 * bob) * math.log((1 - error) / error)
