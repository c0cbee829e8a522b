"""Independent reference decoder for small codes: PyPI's pyldpc, which knows codewords and no syndromes.

With one solution s of H s = M, found by elimination over GF(2), A xor s is a codeword: pyldpc's belief propagation (its
kernel, which also takes irregular codes) decodes that from Bob's ratios with their signs turned where s is 1. Dense
matrices and elimination limit it to MOST_ROUNDS rounds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from postprocess.errors import InvalidInput
from postprocess.reconciliation.code import Code
from postprocess.reconciliation.decoding_schedule import DecodeResult, Limits

OWN, PYLDPC = "own", "pyldpc"
DECODERS = (OWN, PYLDPC)
MOST_ROUNDS = 4000
ITERATIONS = 200
CERTAIN = 30.0  # larger ratios saturate the hyperbolic tangents of pyldpc


def require_size(decoder: str, rounds: int) -> None:
    """InvalidInput where the decoder does not take codes of so many rounds, or there is no such decoder."""
    if decoder not in DECODERS:
        raise InvalidInput(f"decoder {decoder}: there are {', '.join(DECODERS)}")
    if decoder == PYLDPC and rounds > MOST_ROUNDS:
        raise InvalidInput(
            f"decoder pyldpc: works with dense matrices, up to {MOST_ROUNDS} rounds, not {rounds}; leave --decoder out"
        )


def decode_by(
    decoder: str, code: Code, llr: np.ndarray, syndrome: np.ndarray, limits: Limits | None = None
) -> DecodeResult:
    """Decode with this project's decoder or the reference; arguments as `Code.decode`'s."""
    require_size(decoder, code.n)
    return decode_with_pyldpc(code, llr, syndrome) if decoder == PYLDPC else code.decode(llr, syndrome, limits)


def decode_with_pyldpc(code: Code, llr: np.ndarray, syndrome: np.ndarray) -> DecodeResult:
    """Alice's bits by pyldpc; `llr` float64 (n,), `syndrome` uint8 (m,), as for `Code.decode`.

    Raises:
        InvalidInput: the code is too large, or no string has this syndrome.
    """
    from pyldpc.decoder import _logbp_numba
    from pyldpc.utils import _bitsandnodes

    require_size(PYLDPC, code.n)
    dense = np.zeros((code.m, code.n), np.int64)
    np.bitwise_xor.at(dense, tuple(code.edge_list().T), 1)
    solution = particular_solution(dense, syndrome)
    channel = np.clip(llr, -CERTAIN, CERTAIN) * (1.0 - 2.0 * solution)
    tables = [np.ascontiguousarray(table, np.int64) for table in _bitsandnodes(dense)]
    to_check, to_bit = (np.zeros((code.m, code.n, 1)) for _ in range(2))
    bits, done = np.zeros(code.n, np.uint8), 0
    for done in range(1, ITERATIONS + 1):
        to_check, to_bit, posterior = _logbp_numba(*tables, channel[:, None].copy(), to_check, to_bit, done - 1)
        bits = (posterior[:, 0] <= 0).astype(np.uint8) ^ solution
        if np.array_equal(code.syndrome(bits), syndrome):
            return DecodeResult(bits, True, done)
    return DecodeResult(bits, False, done)


def particular_solution(matrix: np.ndarray, syndrome: np.ndarray) -> NDArray[np.uint8]:
    """One s with H s = M mod 2, by Gauss-Jordan elimination on packed rows; `matrix` (m, n) of 0/1.

    Raises:
        InvalidInput: there is none.
    """
    m, n = matrix.shape
    rows = np.packbits(np.column_stack([matrix, syndrome]).astype(np.uint8), axis=1)
    pivots: list[int] = []
    for column in range(n):
        rank = len(pivots)
        has = (rows[:, column >> 3] & (0x80 >> (column & 7))) != 0
        candidates = np.flatnonzero(has[rank:])
        if not candidates.size:
            continue
        pivot = rank + int(candidates[0])
        rows[[rank, pivot]], has[pivot] = rows[[pivot, rank]], has[rank]
        has[rank] = False
        rows[has] ^= rows[rank]
        pivots.append(column)
        if len(pivots) == m:
            break
    right = rows[:, n >> 3] >> (7 - (n & 7)) & 1
    if right[len(pivots) :].any():
        raise InvalidInput("no string has this syndrome: its code's checks contradict each other")
    solution = np.zeros(n, np.uint8)
    solution[pivots] = right[: len(pivots)]
    return solution
