"""The code itself: public H for given (n, m, seed) and family, with Bob's decoder."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from postprocess.errors import InvalidInput
from postprocess.reconciliation import protograph
from postprocess.reconciliation.decoding_schedule import DecodeResult, Limits, decode
from postprocess.reconciliation.exact_size import cut_checks, merge_capacity
from postprocess.reconciliation.lifting import draw_shifts
from postprocess.reconciliation.matrix import ParityMatrix
from postprocess.reconciliation.public_stream import PublicStream

FAMILIES = ("sc-ldpc", "regular")
_DEGREE = 6
_SMALLEST_N = 256


class Code(ParityMatrix):
    """A low-density parity-check code for syndrome decoding; immutable, safe to share between threads."""

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
