"""K0, the secret both nodes share before the first session: S_Trev | S_VHASH | pads (Nadlinger 2022, S3).

The pads are D_EC, D_A, D_B, D_F, 64 bits each; more may follow, four for each further session. K0 is packed, most
significant bit first, the last byte padded with zeros; it is drawn once, on one node, and carried to the other by hand,
in a file as k0_file.py has it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from postprocess.errors import InvalidInput
from postprocess.keystore.k0_file import ID_BYTES, CarriedK0, read_k0_file
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
    """K0 taken apart: `seed` uint8 bits, `vhash_key` 160 bytes, `pads` one dict of 8 bytes each per session; `k0_id`
    names the draw.
    """

    k0_id: bytes
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
    """Draw K0, as the content of a K0 file; VHASH's last two words are drawn again until the key is a valid one.

    Raises:
        InvalidInput: a predictable source for parameters that are not marked insecure.
    """
    from postprocess.authentication import is_valid_key

    k0_bits(parameters, sessions)
    if source.insecure and not parameters.insecure:
        raise InvalidInput(
            f"K0 for real keys cannot come from {source.description}; take the system's generator or a file"
        )
    length = seed_bits(parameters)
    seed = source.bits(length)
    vhash_key = source.random_bytes(VHASH_BITS // 8)
    while not is_valid_key(vhash_key):
        vhash_key = vhash_key[:-16] + source.random_bytes(16)
    rest = np.frombuffer(vhash_key + source.random_bytes(SESSION_PAD_BITS // 8 * sessions), np.uint8)
    k0 = np.packbits(np.concatenate((seed, np.unpackbits(rest))), bitorder="big").tobytes()
    k0_id = source.random_bytes(ID_BYTES)
    return CarriedK0(k0_id, length, VHASH_BITS, SESSION_PAD_BITS * sessions, k0).to_bytes()


def take_apart(content: bytes, parameters: SessionParameters) -> InitialSecret:
    """K0 by its parts, from the content of a K0 file.

    Raises:
        InvalidInput: the file is damaged, its lengths do not fit the parameters, or the VHASH key is not a valid one.
    """
    from postprocess.authentication import is_valid_key

    carried = read_k0_file(content)
    k0, length, expected = carried.k0, seed_bits(parameters), carried.bits
    if (carried.seed_bits, carried.vhash_bits) != (length, VHASH_BITS):
        raise InvalidInput(
            f"K0: its extractor seed has {carried.seed_bits} bits, these parameters need {length}; draw K0 for the "
            "parameters of the session that is planned, or give those for which it was drawn"
        )
    if carried.pads_bits < SESSION_PAD_BITS or carried.pads_bits % SESSION_PAD_BITS:
        raise InvalidInput(f"K0: {carried.pads_bits} bits of pads, a session takes {SESSION_PAD_BITS}; draw it anew")
    bits = np.unpackbits(np.frombuffer(k0, np.uint8), bitorder="big")
    if bits[expected:].any():
        raise InvalidInput("K0: the unused bits of the last byte are not zero; this file was made for other parameters")
    data = np.packbits(bits[length:expected], bitorder="big").tobytes()
    vhash_key, pads = data[: VHASH_BITS // 8], data[VHASH_BITS // 8 :]
    if not is_valid_key(vhash_key):
        raise InvalidInput("K0: its VHASH key is not a valid one; draw K0 with `diqkd keys provision`")
    step = SESSION_PAD_BITS // 8
    return InitialSecret(
        carried.k0_id,
        bits[:length],
        vhash_key,
        tuple(split_pads(pads[i : i + step]) for i in range(0, len(pads), step)),
    )


def split_pads(data: bytes) -> dict[Pad, bytes]:
    """The four pads of one session from 32 bytes."""
    step = PAD_BITS // 8
    return {pad: data[step * i : step * (i + 1)] for i, pad in enumerate(Pad)}
