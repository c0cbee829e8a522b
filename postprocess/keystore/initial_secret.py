"""K0, the secret both nodes share before the first session: S_Trev | S_VHASH | pads (Nadlinger 2022, S3).

The pads are D_EC, D_A, D_B, D_F, 64 bits each; more may follow, four for each further session. On file K0 is packed,
most significant bit first, the last byte padded with zeros; it is drawn once, on one node, and carried to the other
by hand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from postprocess.errors import InvalidInput
from postprocess.plans.session_parameters import SessionParameters
from postprocess.randomness import RandomSource

VHASH_BITS = 1280
PAD_BITS = 64


class Pad(StrEnum):
    """The one-time pads of a session, in their order in K0; each hides one tag."""

    EC = "D_EC"
    ALICE = "D_A"
    BOB = "D_B"
    ACTIVATION = "D_F"


SESSION_PAD_BITS = PAD_BITS * len(Pad)


@dataclass(frozen=True)
class InitialSecret:
    """K0 taken apart: `seed` uint8 bits, `vhash_key` 160 bytes, `pads` one dict of 8 bytes each per session."""

    seed: np.ndarray = field(repr=False)
    vhash_key: bytes = field(repr=False)
    pads: tuple[dict[Pad, bytes], ...] = field(repr=False)

    @property
    def bits(self) -> int:
        """|K0|."""
        return len(self.seed) + VHASH_BITS + SESSION_PAD_BITS * len(self.pads)


def seed_bits(parameters: SessionParameters) -> int:
    """Length of S_Trev for these parameters; 0 where the extractor's seed is public."""
    from postprocess.privacy import extractor_named

    extractor = extractor_named(parameters.extractor)
    if extractor.seed_is_public:
        return 0
    return extractor.for_key(parameters.rounds, parameters.ell, parameters.eps_pa).seed_bits


def k0_bits(parameters: SessionParameters, sessions: int = 1) -> int:
    """|K0| for a number of sessions; 1 203 422 for one of the paper's (table I)."""
    if sessions < 1:
        raise InvalidInput(f"sessions = {sessions}: K0 needs the pads of at least one session")
    return seed_bits(parameters) + VHASH_BITS + SESSION_PAD_BITS * sessions


def draw_k0(source: RandomSource, parameters: SessionParameters, sessions: int = 1) -> bytes:
    """Draw K0, packed; VHASH's last two words are drawn again until the key is a valid one.

    Raises:
        InvalidInput: a predictable source for parameters that are not marked insecure.
    """
    from postprocess.authentication import is_valid_key

    k0_bits(parameters, sessions)
    if source.insecure and not parameters.insecure:
        raise InvalidInput(
            f"K0 for real keys cannot come from {source.description}; take the system's generator or a file"
        )
    seed = source.bits(seed_bits(parameters))
    vhash_key = source.random_bytes(VHASH_BITS // 8)
    while not is_valid_key(vhash_key):
        vhash_key = vhash_key[:-16] + source.random_bytes(16)
    rest = np.frombuffer(vhash_key + source.random_bytes(SESSION_PAD_BITS // 8 * sessions), np.uint8)
    return np.packbits(np.concatenate((seed, np.unpackbits(rest))), bitorder="big").tobytes()


def take_apart(k0: bytes, parameters: SessionParameters) -> InitialSecret:
    """K0 by its parts; how many sessions it serves follows from its length.

    Raises:
        InvalidInput: length or padding do not fit the parameters, or the VHASH key is not a valid one.
    """
    from postprocess.authentication import is_valid_key

    length = seed_bits(parameters)
    sessions = (8 * len(k0) - length - VHASH_BITS) // SESSION_PAD_BITS
    expected = length + VHASH_BITS + SESSION_PAD_BITS * max(sessions, 1)
    if sessions < 1 or len(k0) != -(-expected // 8):
        raise InvalidInput(
            f"K0: {len(k0)} bytes do not fit these parameters, {-(-expected // 8)} would; "
            "draw it for the parameters of the session that is planned"
        )
    bits = np.unpackbits(np.frombuffer(k0, np.uint8), bitorder="big")
    if bits[expected:].any():
        raise InvalidInput("K0: the unused bits of the last byte are not zero; this file was made for other parameters")
    data = np.packbits(bits[length:expected], bitorder="big").tobytes()
    vhash_key, pads = data[: VHASH_BITS // 8], data[VHASH_BITS // 8 :]
    if not is_valid_key(vhash_key):
        raise InvalidInput("K0: its VHASH key is not a valid one; draw K0 with `diqkd keys provision`")
    step = SESSION_PAD_BITS // 8
    return InitialSecret(
        bits[:length], vhash_key, tuple(split_pads(pads[i : i + step]) for i in range(0, len(pads), step))
    )


def split_pads(data: bytes) -> dict[Pad, bytes]:
    """The four pads of one session from 32 bytes."""
    step = PAD_BITS // 8
    return {pad: data[step * i : step * (i + 1)] for i, pad in enumerate(Pad)}
