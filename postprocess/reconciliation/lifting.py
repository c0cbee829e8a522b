"""Circulant lifting: one cyclic shift per base edge, drawn from the public stream so that no 4-cycle is left.

A 4-cycle exists where two variable blocks u, v meet in two check blocks with equal differences of shifts modulo Z. All
shifts are drawn at random; then, as long as a pair (u, v, difference) occurs twice, one shift of the later occurrence
is drawn anew.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from postprocess.reconciliation.public_stream import PublicStream

_ROUNDS = 400


def draw_shifts(checks: np.ndarray, variables: np.ndarray, lift: int, stream: PublicStream) -> np.ndarray | None:
    """Shifts in [0, lift), int64 (E,), for base edges sorted by check; None when no 4-cycle-free choice was found.

    Check j of a check block then touches variable (shift + j) mod lift of the edge's variable block.
    """
    shifts = stream.below(lift, checks.size)
    left, right = _pairs_within_checks(checks)
    blocks = int(variables.max()) + 1
    pair = variables[left] * blocks + variables[right]
    redraw_left = True
    for _ in range(_ROUNDS):
        repeated = _later_repetitions(pair * lift + (shifts[left] - shifts[right]) % lift)
        if repeated.size == 0:
            return shifts
        chosen = np.unique((left if redraw_left else right)[repeated])
        shifts[chosen] = stream.below(lift, chosen.size)
        redraw_left = not redraw_left
    return None


def _pairs_within_checks(checks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of edges of one check block, as two index arrays; the left edge has the smaller variable block."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(checks)) + 1, [checks.size]])
    lefts, rights = [], []
    for first, end in pairwise(starts.tolist()):
        left, right = np.triu_indices(end - first, 1)
        lefts.append(first + left)
        rights.append(first + right)
    return np.concatenate(lefts), np.concatenate(rights)


def _later_repetitions(keys: np.ndarray) -> np.ndarray:
    """Indices of keys that occurred before, in a stable order."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    return np.sort(order[1:][ordered[1:] == ordered[:-1]])
