"""Information reconciliation: Alice's syndrome, Bob's belief propagation (Nadlinger 2022, steps 4-5 and S6).

    code = make_code(n, syndrome_bits, seed)            # public, the same on both nodes
    syndrome = code.syndrome(alice_bits)                # Alice sends this
    llr = log_likelihood_ratios(bob_bits, x, y, priors) # Bob's knowledge of Alice's bits
    result = code.decode(llr, syndrome)                 # result.bits is Alice's string if result.converged

`postprocess.estimation.priors` makes the ratios. One concern per module: `syndrome_length` (how long a syndrome is),
`public_stream` (the public generator), `protograph` (base graph and the rule that picks it), `lifting` (circulants
without 4-cycles), `exact_size` (exact n and m), `matrix` (H and its syndrome), `sweep_kernels` (compiled sweeps),
`decoding_schedule` (the two waves and the fallback), `code` (all of it together), `trials` (Monte-Carlo).

Names are loaded on first use, so that importing this package costs nothing: numpy and numba come with the first code.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from postprocess.reconciliation.code import Code, make_code
    from postprocess.reconciliation.decoding_schedule import DecodeResult
    from postprocess.reconciliation.syndrome_length import tight_syndrome_length

_HOME = {
    "Code": "code",
    "DecodeResult": "decoding_schedule",
    "make_code": "code",
    "syndrome_length_by": "syndrome_length",
    "tight_syndrome_length": "syndrome_length",
}

__all__ = [
    "Code",
    "DecodeResult",
    "make_code",
    "syndrome_length_by",
    "tight_syndrome_length",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
