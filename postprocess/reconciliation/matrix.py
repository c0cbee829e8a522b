"""The parity-check matrix H as tables that the compiled kernels read, and Alice's syndrome."""

from __future__ import annotations

import hashlib
from functools import cached_property

import numpy as np

from postprocess.errors import InvalidInput
from postprocess.reconciliation.exact_size import Segment
from postprocess.reconciliation.protograph import BaseGraph
from postprocess.reconciliation.sweep_kernels import LANES, parities


class ParityMatrix:
    """H of a lifted base graph, cut to exact sizes; immutable, safe to share between threads.

    `n` bits, `m` syndrome bits, `graph` the base graph it was lifted from, `place` int32 (n,) where each bit stands in
    the graph (the public shuffle), `segments` and `edges` the checks as `kernels` reads them.
    """

    def __init__(
        self, graph: BaseGraph, place: np.ndarray, parts: list[Segment], origins: np.ndarray, shifts: np.ndarray
    ):
        self.graph = graph
        self.place = place
        self.n = place.size
        self.m = sum(part.checks for part in parts)
        self.segments, self.messages = _segment_table(parts)
        self.edges = np.stack(
            [
                np.concatenate([origins[part.edges] for part in parts]),
                np.concatenate([(shifts[part.edges] + part.lanes) % graph.lift for part in parts]),
            ],
            axis=1,
        ).astype(np.int64)
        self.first_segments = np.searchsorted([part.position for part in parts], np.arange(graph.check_positions + 1))
        for table in (self.place, self.segments, self.edges, self.first_segments):
            table.flags.writeable = False

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all that defines H, hexadecimal: sizes, checks, circulants and the shuffle of the bits."""
        digest = hashlib.sha256(b"diqkd-parity-checks-1")
        sizes = np.array([self.n, self.m, self.graph.lift, self.graph.lifted_bits])
        for table, kind in ((sizes, "<i8"), (self.segments[:, :4], "<i8"), (self.edges, "<i8"), (self.place, "<i4")):
            digest.update(np.asarray(table, dtype=kind).tobytes())
        return digest.hexdigest()

    def syndrome(self, bits: np.ndarray) -> np.ndarray:
        """Syndrome H bits mod 2 (Nadlinger 2022, step 5): uint8 (n,) of 0/1 in natural order to uint8 (m,)."""
        bits = np.asarray(bits)
        if bits.shape != (self.n,) or (bits.size and (bits.min() < 0 or bits.max() > 1)):
            raise InvalidInput(f"syndrome needs {self.n} bits of 0/1, got shape {bits.shape}")
        placed = np.zeros(self.graph.lifted_bits, np.uint8)
        placed[self.place] = bits
        return self.parities(placed)

    def parities(self, placed: np.ndarray) -> np.ndarray:
        """Syndrome uint8 (m,) of bits in graph order, uint8 (lifted_bits,)."""
        syndrome = np.empty(self.m, np.uint8)
        parities(placed, self.segments, self.edges, self.graph.lift, syndrome)
        return syndrome

    def edge_list(self) -> np.ndarray:
        """Every one of H: int64 (E, 2) rows (check, bit), sorted, in natural order of bits and syndrome."""
        bit_at = np.full(self.graph.lifted_bits, -1, np.int64)
        bit_at[self.place] = np.arange(self.n)
        parts = []
        for first_edge, end, checks, first_check, _ in self.segments.tolist():
            lanes = np.arange(checks)
            for origin, start in self.edges[first_edge:end].tolist():
                parts.append(
                    np.stack([first_check + lanes, bit_at[origin + (start + lanes) % self.graph.lift]], axis=1)
                )
        ones = np.concatenate(parts)
        ones = ones[ones[:, 1] >= 0]
        return ones[np.lexsort((ones[:, 1], ones[:, 0]))]


def _segment_table(parts: list[Segment]) -> tuple[np.ndarray, int]:
    """Segments as int64 (k, 5), see kernels.SEGMENT_FIELDS, and the number of messages."""
    rows, edge, check, message = [], 0, 0, 0
    for part in parts:
        rows.append((edge, edge + part.edges.size, part.checks, check, message))
        edge += part.edges.size
        check += part.checks
        message += -(-part.checks // LANES) * LANES * part.edges.size
    return np.array(rows, dtype=np.int64), message
