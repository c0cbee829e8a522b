"""The private settings of a session: drawn once, stored before the first round, packed for the kernel.

Alice draws n uniform bits X. Bob draws nine bits a round: the first eight, most significant first, are a number below
256 gamma for a test round, and the ninth is then Y; otherwise Y = 2 (Nadlinger 2022, Methods). Gamma is k/256, so
eight bits decide without bias. With two announced key bases he draws a tenth, r, and Y = 2 + r in key rounds: never one
bit for both purposes, for r is announced and Y is not (docs/proofs/two_bases.md, hypothesis 1). With a barrier
Alice draws a second bit each round, the one that she sends once she is isolated; it stands above X.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from contract.record_layout import SETTINGS_PER_WORD
from contract.round_settings import KEY_SETTING
from postprocess.errors import InvalidInput
from postprocess.plans.measurement_plan import BASES, RoundsPlan
from postprocess.randomness import RandomSource
from postprocess.rounds.settings_law import follow_law
from postprocess.storage.framed_log import FramedLog, frame

_CHUNK_ROUNDS = 1 << 18
_FRAME = 1
_HEADER = struct.Struct("<8s32sQ")


def draw_settings(node: str, parameters: RoundsPlan, source: RandomSource) -> NDArray[np.uint8]:
    """Settings of all rounds, uint8 (n,): X in {0, 1} for Alice, Y in {0, 1, 2} for Bob, with two key bases also 3.

    With a barrier X + 2 * barrier bit for Alice, see `barrier_bits`. Where the scheme is "bases": 0 to 3 for Alice, 0
    and 1 for Bob.

    Raises:
        InvalidInput: the source is exhausted or not random, or the settings are too far off their law.
    """
    draw = {"alice": _draw_alice, "bob": _draw_bob}[node]
    settings = np.empty(parameters.rounds, dtype=np.uint8)
    for first in range(0, parameters.rounds, _CHUNK_ROUNDS):
        part = settings[first : first + _CHUNK_ROUNDS]
        part[:] = draw(len(part), parameters, source)
    if not follow_law(node, parameters, settings):
        raise InvalidInput(
            f"{source.description}: not random, the settings drawn from it are too far off their law; nothing was "
            "stored, look after the generator or name another source in random.json"
        )
    return settings


def _draw_alice(count: int, parameters: RoundsPlan, source: RandomSource) -> NDArray[np.uint8]:
    if parameters.scheme == BASES or parameters.barrier:
        return np.packbits(source.bits(2 * count).reshape(count, 2), axis=1, bitorder="little")[:, 0]
    return source.bits(count)


def _draw_bob(count: int, parameters: RoundsPlan, source: RandomSource) -> NDArray[np.uint8]:
    if parameters.scheme == BASES:
        return source.bits(count)
    drawn = 8 + parameters.key_bases
    bits = source.bits(drawn * count).reshape(count, drawn)
    choice = np.packbits(bits[:, :8], axis=1, bitorder="big")[:, 0]
    is_test = choice < int(256 * parameters.gamma)
    key = KEY_SETTING + bits[:, 9] if parameters.key_bases == 2 else np.uint8(KEY_SETTING)
    return np.where(is_test, bits[:, 8], key)


def barrier_bits(node: str, parameters: RoundsPlan, drawn: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The bits that Alice sends as barrier, uint8 (n,), of what `draw_settings` gave; 0 for Bob and without barrier."""
    return drawn >> np.uint8(1) if node == "alice" and parameters.barrier else np.zeros_like(drawn)


def settings_to_file(node: str, parameters: RoundsPlan, settings: NDArray[np.uint8]) -> bytes:
    """Bytes for the disk: a frame of node, digest of the parameters, n, two bits a round (packed, bitorder big)."""
    bits = np.packbits(np.stack((settings >> 1, settings & 1), axis=1), bitorder="big")
    return frame(_FRAME, _HEADER.pack(node.encode(), parameters.digest(), len(settings)) + bits.tobytes())


def read_settings(path: Path, parameters: RoundsPlan) -> tuple[str, NDArray[np.uint8]]:
    """Node and settings from a file of `settings_to_file`.

    Raises:
        InvalidInput: it is damaged, for other parameters, or holds settings too far off their law.
    """
    size = _HEADER.size + -(-parameters.rounds // 4)
    log = FramedLog(path, longest_payload=size, read_only=True)
    contents = [payload for _, payload in log.frames()]
    log.close()
    if len(contents) != 1 or log.torn or len(contents[0]) != size:
        raise InvalidInput(f"{path}: damaged; restore it from a copy or abandon the session")
    name, digest, count = _HEADER.unpack_from(contents[0])
    if digest != parameters.digest() or count != parameters.rounds:
        raise InvalidInput(f"{path}: drawn for other parameters than those beside it; restore both from the same copy")
    bits = np.unpackbits(np.frombuffer(contents[0], np.uint8, offset=_HEADER.size), count=2 * count, bitorder="big")
    node, settings = name.rstrip(b"\0").decode(), bits[0::2] << np.uint8(1) | bits[1::2]
    if not follow_law(node, parameters, settings):
        raise InvalidInput(f"{path}: its settings are too far off their law to be random; abandon the session")
    return node, settings


def settings_words(settings: NDArray[np.uint8], block_rounds: int) -> NDArray[np.int32]:
    """Settings for the kernel, int32 (ceil(block_rounds / SETTINGS_PER_WORD),), padded with 0.

    Packed as contract.record_layout says, without the header.
    """
    padded = np.zeros(-(-block_rounds // SETTINGS_PER_WORD) * SETTINGS_PER_WORD, dtype=np.uint32)
    padded[: len(settings)] = settings
    shifts = np.arange(0, 32, 2, dtype=np.uint32)
    return (
        np.bitwise_or.reduce(padded.reshape(-1, SETTINGS_PER_WORD) << shifts, axis=1).astype(np.uint32).view(np.int32)
    )
