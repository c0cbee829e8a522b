"""Privacy amplification: Trevisan's extractor and Toeplitz hashing (Nadlinger 2022, step 9 and S9 B)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from postprocess.privacy.extractor import extractor_named


def extract(
    source: NDArray[np.uint8], seed: NDArray[np.uint8], ell: int, *, extractor: str = "trevisan", eps_pa: float = 1e-13
) -> NDArray[np.uint8]:
    """The key: `ell` bits of the source, chosen by the seed.

    Args:
        source: uint8 (n,) of 0/1, the string both nodes share.
        seed: uint8 (s,) of 0/1 with s from `extractor_seed_bits`. Trevisan's is secret and may be used again;
            Toeplitz' is public, drawn after the rounds and used once.
        ell: key length in bits, as a rule certifies it.
        extractor: "trevisan" or "toeplitz".
        eps_pa: error of the privacy amplification, as a plan says it. Trevisan's takes eps_1 = eps_pa / ell for each
            bit; Toeplitz' matrix does not depend on it.

    Returns:
        uint8 (ell,) of 0/1. Fewer bits of a longer key are not a shorter key.

    Raises:
        InvalidInput: lengths that fit no such extractor, or values other than 0 and 1.
    """
    return extractor_named(extractor).for_key(len(source), ell, eps_pa).extract(source, seed)


def extractor_seed_bits(n: int, ell: int, *, extractor: str = "trevisan", eps_pa: float = 1e-13) -> int:
    """Seed length in bits of the extractor from n to ell bits; arguments and errors as of `extract`."""
    return extractor_named(extractor).for_key(n, ell, eps_pa).seed_bits
