"""Privacy amplification: both extractors, the ways to multiply that this processor has, and PyPI's cryptomite where it
is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any, TypeVar

import numpy as np

from benchmarks.measure import Row, Scale, alternate, peak_megabytes, seconds
from postprocess.privacy import Extractor, ToeplitzExtractor, TrevisanExtractor
from postprocess.privacy.trevisan.paths import available

EPS_PA = 1.3e-13
TOEPLITZ_RATE = 467_290 / 1_500_000
"""Key bits per round of the longest key that the rounds of the paper's session carry."""
LENGTHS = (100_000, 1_000_000, 10_000_000, 100_000_000)
"""Sources for the growth of Toeplitz hashing, as far as 100 times the session."""
WITHOUT_CRYPTOMITE = "cryptomite is not installed (licence for academic use, never needed): pip install cryptomite"


AnyExtractor = TypeVar("AnyExtractor", bound=Extractor)


def rows(scale: Scale) -> Iterator[Row]:
    """All lines of this group."""
    yield from trevisan(scale)
    yield from toeplitz(scale)


def trevisan(scale: Scale) -> Iterator[Row]:
    """Every path against the portable one, threads, memory, and cryptomite."""
    extractor, source, seed = task_of(trevisan_extractor(scale.rounds, scale.ell))
    paths = list(available())
    note = f"n = {scale.rounds}, ell = {scale.ell}, GF(2^{extractor.degree})"
    extract = [lambda path=path: extractor.extract(source, seed, path=path) for path in paths]
    check_equal([run() for run in extract])
    times = dict(zip(paths, alternate(min(3, scale.runs), *extract), strict=True))
    for path in paths[:-1]:
        chosen = " (default here)" if path == paths[0] else ""
        yield Row(f"trevisan, {path}{chosen}", times[path], "portable path", times[paths[-1]], note=note)
    default, single = alternate(min(3, scale.runs), extract[0], lambda: extractor.extract(source, seed, threads=1))
    yield Row("trevisan, all threads", default, "the same on one thread", single, note=note)
    yield memory_row("trevisan", extractor, note)
    yield trevisan_against_cryptomite(scale)


def toeplitz(scale: Scale) -> Iterator[Row]:
    """Against cryptomite, memory, and time per bit over the length of the source; a ratio of 1 is linear growth."""
    extractor = toeplitz_extractor(scale.rounds)
    yield toeplitz_against_cryptomite(extractor, scale.runs)
    yield memory_row("toeplitz", extractor, f"n = {extractor.n}, ell = {extractor.ell}")
    first = 0.0
    for n in LENGTHS:
        if n > 100 * scale.rounds:
            return
        larger, source, seed = task_of(toeplitz_extractor(n))
        run = lambda task=(larger, source, seed): task[0].extract(*task[1:])  # noqa: E731
        (time,) = alternate(scale.runs, run) if n <= 10_000_000 else (seconds(run),)
        per_bit = 1e9 * time / n
        first = first or per_bit
        note = f"ell = {larger.ell}, {time:.3g} s"
        yield Row(f"toeplitz, n = {n}", per_bit, f"n = {LENGTHS[0]}", first, "ns/bit", note)


def trevisan_extractor(n: int, ell: int) -> TrevisanExtractor:
    """Trevisan's extractor with the paper's error."""
    return TrevisanExtractor.for_key(n, ell, EPS_PA)


def toeplitz_extractor(n: int) -> ToeplitzExtractor:
    """Toeplitz hashing at the session's rate."""
    return ToeplitzExtractor(n, round(n * TOEPLITZ_RATE))


def task_of(extractor: AnyExtractor) -> tuple[AnyExtractor, np.ndarray, np.ndarray]:
    """The extractor with a source and a seed."""
    random = np.random.default_rng(2022)
    return extractor, random.integers(0, 2, extractor.n, np.uint8), random.integers(0, 2, extractor.seed_bits, np.uint8)


def check_equal(keys: list[np.ndarray]) -> None:
    """All ways must give the same key."""
    if any(not np.array_equal(key, keys[0]) for key in keys):
        raise RuntimeError("two ways to extract give different keys; their times mean nothing")


def memory_row(name: str, extractor: Extractor, note: str) -> Row:
    """Memory at the peak of one extraction beside its strings, one byte per bit."""
    strings = (extractor.n + extractor.seed_bits + extractor.ell) / 1e6
    peak = peak_megabytes(one_extraction, extractor)
    return Row(f"{name}, peak memory", peak, "source, seed and key as bytes", strings, "MB", note)


def one_extraction(extractor: Extractor) -> Callable[[], Any]:
    """One extraction, with libraries loaded and kernels compiled."""
    small, *strings = task_of(type(extractor).for_key(2000, 20, EPS_PA))
    small.extract(*strings)
    _, source, seed = task_of(extractor)
    return lambda: extractor.extract(source, seed)


def trevisan_against_cryptomite(scale: Scale) -> Row:
    """Same source, same output length and error; cryptomite picks its own field, design and seed length."""
    n = scale.cryptomite_rounds
    ell = n * 95_884 // 1_500_000
    extractor, source, seed = task_of(trevisan_extractor(n, ell))
    (ours,) = alternate(scale.runs, lambda: extractor.extract(source, seed))
    if find_spec("cryptomite") is None:
        return Row("trevisan", ours, "PyPI cryptomite, Trevisan", None, note=WITHOUT_CRYPTOMITE)
    from cryptomite.trevisan import Trevisan

    peer = Trevisan(n, _entropy_for(n, ell), EPS_PA)
    peer_seed = np.random.default_rng(1).integers(0, 2, peer.ext.get_seed_length()).tolist()
    bits: list[bool] = []
    theirs = seconds(lambda: bits.extend(peer.extract(source.tolist(), peer_seed)))
    note = f"n = {n}, ell = {ell}, same error; cryptomite has its own field and design, one run"
    return Row("trevisan", ours, "PyPI cryptomite, Trevisan", theirs * ell / len(bits), note=note)


def toeplitz_against_cryptomite(extractor: ToeplitzExtractor, runs: int) -> Row:
    """Same source, same seed, same key: cryptomite has the plain Toeplitz matrix, the identity is added to it.

    Its diagonals begin with the main one and go down, then come the upper ones: our seed, rotated. Conversion to its
    lists is not counted.
    """
    _, source, seed = task_of(extractor)
    ell, k = extractor.ell, extractor.n - extractor.ell
    note = f"n = {extractor.n}, ell = {ell}, same key"
    ours = lambda: extractor.extract(source, seed)  # noqa: E731
    if find_spec("cryptomite") is None:
        return Row("toeplitz", *alternate(runs, ours), "PyPI cryptomite, Toeplitz", None, note=WITHOUT_CRYPTOMITE)
    from cryptomite.toeplitz import Toeplitz

    peer, tail, diagonals = Toeplitz(k, ell), source[ell:].tolist(), np.roll(seed, 1 - k).tolist()
    check_equal([ours(), source[:ell] ^ np.array(peer.extract(tail, diagonals), np.uint8)])
    times = alternate(min(3, runs), ours, lambda: peer.extract(tail, diagonals))
    return Row("toeplitz", times[0], "PyPI cryptomite, Toeplitz", times[1], note=note)


def _entropy_for(n: int, ell: int) -> int:
    """Least min-entropy at which cryptomite extracts ell bits."""
    from cryptomite.trevisan import Trevisan

    low, high = ell, n
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if Trevisan(n, middle, EPS_PA).config.m >= ell else (middle, high)
    return high
