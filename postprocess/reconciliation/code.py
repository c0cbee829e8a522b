"""The code itself: a public parity-check matrix H for given (n, m, seed), Alice's syndrome and Bob's decoder."""

from __future__ import annotations

import hashlib
from functools import cached_property, lru_cache

import numpy as np

from postprocess.errors import InvalidInput
from postprocess.reconciliation import protograph
from postprocess.reconciliation.fitting import Segment, cut_checks, merge_capacity
from postprocess.reconciliation.kernels import LANES, parities
from postprocess.reconciliation.lifting import draw_shifts
from postprocess.reconciliation.protograph import BaseGraph
from postprocess.reconciliation.randomness import PublicStream
from postprocess.reconciliation.schedule import DecodeResult, Limits, decode

FAMILIES = ("sc-ldpc", "regular")
_DEGREE = 6
_SMALLEST_N = 256


class Code:
    """A low-density parity-check code for syndrome decoding; immutable, safe to share between threads.

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
        return self._parities(placed)

    def _parities(self, placed: np.ndarray) -> np.ndarray:
        syndrome = np.empty(self.m, np.uint8)
        parities(placed, self.segments, self.edges, self.graph.lift, syndrome)
        return syndrome

    def decode(self, llr: np.ndarray, syndrome: np.ndarray, limits: Limits | None = None) -> DecodeResult:
        """Alice's bits from Bob's knowledge and her syndrome by belief propagation (Nadlinger 2022, step 5 and S6).

        `llr` float64 (n,) ln P(0)/P(1) in natural order of rounds, finite; `syndrome` uint8 (m,) of 0/1. `converged`
        says whether the bits have exactly this syndrome; a wrong string with the right syndrome is for the
        authenticated hash to find.
        """
        llr, syndrome = np.asarray(llr), np.asarray(syndrome)
        if llr.shape != (self.n,) or not np.isfinite(llr).all():
            raise InvalidInput(f"decoder needs {self.n} finite log-likelihood ratios, got shape {llr.shape}")
        if syndrome.shape != (self.m,) or (syndrome.size and (syndrome.min() < 0 or syndrome.max() > 1)):
            raise InvalidInput(f"decoder needs a syndrome of {self.m} bits of 0/1, got shape {syndrome.shape}")
        return decode(self, llr, np.ascontiguousarray(syndrome, dtype=np.uint8), limits or Limits())

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


@lru_cache(maxsize=2)
def make_code(n: int, syndrome_bits: int, seed: int, family: str = "sc-ldpc") -> Code:
    """Public code for n bits and exactly `syndrome_bits` checks: same arguments, same code, everywhere and for ever.

    `seed` is any public integer. Family "sc-ldpc" is the spatially coupled code that the protocol uses; strings too
    short for a chain (see `protograph.candidates`) get a regular code of degree 3. Family "regular" is Gallager's
    regular code of degree 3, the baseline. Raises InvalidInput when no code of this size without 4-cycles exists.
    """
    if family not in FAMILIES:
        raise InvalidInput(f"code family must be one of {', '.join(FAMILIES)}, not {family!r}")
    if n < _SMALLEST_N:
        raise InvalidInput(f"a code needs at least {_SMALLEST_N} rounds, not {n}")
    if not 0 < syndrome_bits < n:
        raise InvalidInput(
            f"syndrome of {syndrome_bits} bits for {n} rounds: it must be positive and shorter than the string;"
            " take more rounds, for short runs the margin alone exceeds them"
        )
    stream = PublicStream(family, n, syndrome_bits, seed)
    graphs = protograph.candidates(n, syndrome_bits, _DEGREE)[:8] if family == "sc-ldpc" else []
    for graph in [*graphs, protograph.regular_graph(n, syndrome_bits)]:
        if graph.lifted_checks - syndrome_bits > merge_capacity(graph):
            continue
        checks, variables = (
            protograph.coupled_edges(graph, stream) if graph.coupled else protograph.regular_edges(graph)
        )
        shifts = draw_shifts(checks, variables, graph.lift, stream)
        if shifts is not None:
            parts = cut_checks(graph, checks, variables, shifts, syndrome_bits, stream)
            place = stream.permutation(graph.lifted_bits)[:n].copy()
            return Code(graph, place, parts, variables * graph.lift, shifts)
    raise InvalidInput(
        f"no code without 4-cycles for {n} rounds and {syndrome_bits} syndrome bits;"
        " take more rounds or a longer syndrome"
    )
