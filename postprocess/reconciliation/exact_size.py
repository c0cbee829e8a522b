"""Exact n and m: which variables leave the lifted graph and which checks merge (Nadlinger 2022, S6).

Removed variables are those that the public shuffle leaves without a bit; all variables of the lifted graph have one
degree, so any choice obeys the paper's 'smallest degree first'. Checks of the largest degree, those inside the chain,
merge in pairs of one position, which share no variable. Merged pairs come in short runs, so that they stay vector
operations, and each run has its own random offset: with one offset for all, pairs of variables would share three checks
and trap the decoder.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from postprocess.reconciliation.protograph import BaseGraph
from postprocess.reconciliation.public_stream import PublicStream

_RUN = 16


@dataclass(frozen=True)
class Segment:
    """Run of `checks` consecutive checks: their base edges and, per edge, the circulant's lane where the run starts."""

    edges: np.ndarray
    lanes: np.ndarray
    checks: int
    position: int


def merge_capacity(graph: BaseGraph) -> int:
    """Most checks that can be given up by merging."""
    return len(_pairs_of_rows(graph)) * graph.lift


def cut_checks(
    graph: BaseGraph,
    checks: np.ndarray,
    variables: np.ndarray,
    shifts: np.ndarray,
    syndrome_bits: int,
    stream: PublicStream,
) -> list[Segment]:
    """Segments of exactly `syndrome_bits` checks, in order of position.

    Raises ValueError when more would have to merge than `merge_capacity`.
    """
    rows = _edges_of_rows(graph, checks)
    surplus = graph.lifted_checks - syndrome_bits
    pairs = _pairs_of_rows(graph)
    position = np.repeat(np.arange(graph.check_positions), graph.rows).tolist()
    if not 0 <= surplus <= len(pairs) * graph.lift:
        raise ValueError(f"cannot merge {surplus} checks, at most {len(pairs) * graph.lift}")
    whole = dict.fromkeys(range(len(rows)), (0, graph.lift))  # row -> first lane, number of checks left single
    merged = []
    runs = min(len(pairs), -(-surplus // _RUN))
    for k in range(runs):
        one, other = pairs[k * len(pairs) // runs]
        length = (k + 1) * surplus // runs - k * surplus // runs
        offset = _offset(rows[one], rows[other], variables, shifts, graph.lift, stream)
        whole[one] = (length, graph.lift - length)
        whole[other] = (offset + length, graph.lift - length)
        edges = np.concatenate([rows[one], rows[other]])
        lanes = np.concatenate([np.zeros(rows[one].size, np.int64), np.full(rows[other].size, offset, np.int64)])
        merged.append(Segment(edges, lanes, length, position[one]))
    single = [
        Segment(rows[row], np.full(rows[row].size, lane, np.int64), count, position[row])
        for row, (lane, count) in whole.items()
        if count
    ]
    return sorted(single + merged, key=lambda segment: segment.position)


def _edges_of_rows(graph: BaseGraph, checks: np.ndarray) -> list[np.ndarray]:
    bounds = np.searchsorted(checks, np.arange(sum(graph.rows) + 1))
    return [np.arange(bounds[row], bounds[row + 1]) for row in range(bounds.size - 1)]


def _pairs_of_rows(graph: BaseGraph) -> list[tuple[int, int]]:
    """Pairs of check blocks that may merge: two of one inner position with all its checks; an odd one out rotates."""
    first_row = np.concatenate([[0], np.cumsum(graph.rows)]).tolist()
    inner = range(graph.degree - 1, graph.length) if graph.coupled else range(1)
    return [
        (first_row[p] + (p + 2 * k) % graph.checks, first_row[p] + (p + 2 * k + 1) % graph.checks)
        for p in inner
        if graph.rows[p] == graph.checks
        for k in range(graph.checks // 2)
    ]


def _offset(
    one: np.ndarray, other: np.ndarray, variables: np.ndarray, shifts: np.ndarray, lift: int, stream: PublicStream
) -> int:
    """Random offset at which no check of `one` meets a check of `other` that holds the same variable."""
    _, at_one, at_other = np.intersect1d(variables[one], variables[other], return_indices=True)
    forbidden = set(((shifts[one][at_one] - shifts[other][at_other]) % lift).tolist())
    while (offset := int(stream.below(lift, 1)[0])) in forbidden:
        pass
    return offset
