"""Privacy amplification: the ways to multiply that this processor has, and PyPI's cryptomite where it is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np

from benchmarks.measure import Row, Scale, alternate, peak_megabytes, seconds
from postprocess.privacy import TrevisanExtractor
from postprocess.privacy.trevisan.paths import available

EPS_PA = 1.3e-13


def rows(scale: Scale) -> Iterator[Row]:
    """All lines of this group."""
    extractor, source, seed = task_of(scale.rounds, scale.ell)
    paths = list(available())
    note = f"n = {scale.rounds}, ell = {scale.ell}, GF(2^{extractor.degree})"
    extract = [lambda path=path: extractor.extract(source, seed, path=path) for path in paths]
    check_equal([run() for run in extract])
    times = dict(zip(paths, alternate(min(3, scale.runs), *extract), strict=True))
    for path in paths[:-1]:
        chosen = " (default here)" if path == paths[0] else ""
        yield Row(f"extractor, {path}{chosen}", times[path], "portable path", times[paths[-1]], note=note)
    default, single = alternate(min(3, scale.runs), extract[0], lambda: extractor.extract(source, seed, threads=1))
    yield Row("extractor, all threads", default, "the same on one thread", single, note=note)
    memory = peak_megabytes(our_memory, scale.rounds, scale.ell)
    strings = (source.nbytes + seed.nbytes + scale.ell) / 1e6
    yield Row("extractor, peak memory", memory, "source, seed and key as bytes", strings, "MB", note)
    yield against_cryptomite(scale)


def task_of(n: int, ell: int) -> tuple[TrevisanExtractor, np.ndarray, np.ndarray]:
    """An extractor with the paper's error, a source and a seed."""
    extractor = TrevisanExtractor(n, ell, EPS_PA / ell)
    random = np.random.default_rng(2022)
    return extractor, random.integers(0, 2, n, np.uint8), random.integers(0, 2, extractor.seed_bits, np.uint8)


def check_equal(keys: list[np.ndarray]) -> None:
    """All paths must give the same key."""
    if any(not np.array_equal(key, keys[0]) for key in keys):
        raise RuntimeError("two paths of the extractor give different keys; their times mean nothing")


def our_memory(n: int, ell: int) -> Callable[[], Any]:
    """One extraction with kernels compiled."""
    small, *strings = task_of(2000, 20)
    small.extract(*strings)
    extractor, source, seed = task_of(n, ell)
    return lambda: extractor.extract(source, seed)


def against_cryptomite(scale: Scale) -> Row:
    """Same source, same output length and error; cryptomite picks its own field, design and seed length."""
    n = scale.cryptomite_rounds
    ell = n * 95_884 // 1_500_000
    extractor, source, seed = task_of(n, ell)
    (ours,) = alternate(scale.runs, lambda: extractor.extract(source, seed))
    note = f"n = {n}, ell = {ell}, same error; cryptomite has its own field and design, one run"
    if find_spec("cryptomite") is None:
        note = "cryptomite is not installed (its licence is for academic use; never needed): pip install cryptomite"
        return Row("extractor", ours, "PyPI cryptomite", None, note=note)
    from cryptomite.trevisan import Trevisan

    peer = Trevisan(n, _entropy_for(n, ell), EPS_PA)
    peer_seed = np.random.default_rng(1).integers(0, 2, peer.ext.get_seed_length()).tolist()
    bits: list[bool] = []
    theirs = seconds(lambda: bits.extend(peer.extract(source.tolist(), peer_seed)))
    return Row("extractor", ours, "PyPI cryptomite", theirs * ell / len(bits), note=note)


def _entropy_for(n: int, ell: int) -> int:
    """Least min-entropy at which cryptomite extracts ell bits."""
    from cryptomite.trevisan import Trevisan

    low, high = ell, n
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if Trevisan(n, middle, EPS_PA).config.m >= ell else (middle, high)
    return high
