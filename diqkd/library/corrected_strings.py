"""Error correction in two functions: Alice's syndrome, Bob's decoding (Nadlinger 2022, step 5 and S6)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from postprocess.estimation.priors import Priors, log_likelihood_ratios
from postprocess.plans.paper import PAPER_PRIORS
from postprocess.plans.presets import CODE_SEED
from postprocess.reconciliation.code import make_code
from postprocess.reconciliation.decoding_schedule import DecodeResult


def syndrome(alice_bits: NDArray[np.uint8], syndrome_bits: int, *, seed: int = CODE_SEED) -> NDArray[np.uint8]:
    """Alice's syndrome by the spatially coupled LDPC code of these lengths: what she sends, openly.

    Args:
        alice_bits: her outcomes A, uint8 (n,) of 0/1 in the order of rounds; n at least 256.
        syndrome_bits: m, 0 < m < n.
        seed: public, the same on both nodes, 0 to 2^63 - 1; plans have CODE_SEED, 2022.

    Returns:
        uint8 (m,) of 0/1.

    Raises:
        InvalidInput: no code of these lengths, or values other than 0 and 1.
    """
    return make_code(len(alice_bits), syndrome_bits, seed).syndrome(alice_bits)


def decode(
    bob_bits: NDArray[np.uint8],
    x: NDArray[np.uint8],
    y: NDArray[np.uint8],
    syndrome: NDArray[np.uint8],
    *,
    priors: Priors = PAPER_PRIORS,
    seed: int = CODE_SEED,
) -> DecodeResult:
    """Alice's string from Bob's outcomes, both nodes' settings and her syndrome, by belief propagation.

    Args:
        bob_bits: his outcomes B as recorded, uint8 (n,) of 0/1 (for X = Y = 1 they are flipped here).
        x, y: settings of the same rounds, uint8 (n,): X 0/1, 0 in key rounds; Y 0/1, 2 in key rounds.
        syndrome: of `diqkd.syndrome`, uint8 (m,).
        priors: joint distributions P(A, B) in test and key rounds.
        seed: as Alice's.

    Returns:
        `bits` uint8 (n,), `converged` whether they have exactly this syndrome, `iterations`. A wrong string with the
        right syndrome is for a tag to find.

    Raises:
        InvalidInput: lengths that do not fit, or values out of range.
    """
    ratios = log_likelihood_ratios(bob_bits, x, y, priors)
    return make_code(len(ratios), len(syndrome), seed).decode(ratios, syndrome)
