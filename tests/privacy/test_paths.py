"""Which path is taken, and that no setting of numba makes the process end."""

import subprocess
import sys

import numba
import numpy as np
import pytest
from slow_extractor import field_product

from postprocess.privacy.trevisan import paths
from postprocess.privacy.trevisan.field import middle_exponents
from postprocess.privacy.trevisan.processor_features import widest_lanes
from postprocess.privacy.trevisan.words import field_words

EXTRACT = """
import numpy as np
from postprocess.privacy import TrevisanExtractor
from postprocess.privacy.trevisan import paths
extractor = TrevisanExtractor(3000, 30, 1e-18)
source = np.arange(3000, dtype=np.uint8) % 7 % 2
seed = np.arange(extractor.seed_bits) % 11 % 2
print(",".join(paths.available()), "".join(map(str, extractor.extract(source, seed))))
"""


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ("", ["portable"]),
        ("+sse2,+avx2", ["portable"]),
        ("+sse2,-pclmul,+vpclmulqdq", ["portable"]),
        ("+sse2,+pclmul", ["clmul", "portable"]),
        ("+sse2,+pclmul,+vpclmulqdq", ["clmul", "portable"]),
        ("+sse2, +pclmul, +avx2, +vpclmulqdq", ["vpclmul-256", "clmul", "portable"]),
        (
            "+sse2,+pclmul,+avx2,+vpclmulqdq,+avx512f,+avx512dq,+avx512vl",
            ["vpclmul-512", "vpclmul-256", "clmul", "portable"],
        ),
    ],
)
def test_paths_follow_the_features_numba_uses(monkeypatch, features, expected):
    monkeypatch.setattr(numba.config, "CPU_FEATURES", features)
    assert list(paths.available()) == expected
    assert paths.choose().name == expected[0]


def test_avx_can_be_switched_off(monkeypatch):
    monkeypatch.setattr(numba.config, "CPU_FEATURES", None)
    monkeypatch.setattr(numba.config, "ENABLE_AVX", 0)
    assert not any("vpclmul" in name for name in paths.available())


def test_unknown_processor_takes_the_portable_path(monkeypatch):
    def cannot_tell():
        raise RuntimeError("unsupported")

    monkeypatch.setattr(numba.config, "CPU_FEATURES", None)
    monkeypatch.setattr("llvmlite.binding.get_host_cpu_features", cannot_tell)
    assert list(paths.available()) == ["portable"]


def extract_with(monkeypatch, **environment) -> tuple[list[str], str]:
    for name in ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_ENABLE_AVX"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    done = subprocess.run([sys.executable, "-c", EXTRACT], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    names, output = done.stdout.split()
    return names.split(","), output


def test_every_target_gives_the_same_bits(monkeypatch):
    """A process of its own each: LLVM would end it, not raise, if an instruction were missing."""
    usual, bits = extract_with(monkeypatch)
    generic, same = extract_with(monkeypatch, NUMBA_CPU_NAME="generic")
    assert usual[-1] == "portable" and generic == ["portable"] and bits == same
    assert 5 < bits.count("1") < 25
    if "clmul" in usual:
        no_avx, same = extract_with(monkeypatch, NUMBA_ENABLE_AVX="0")
        assert no_avx == ["clmul", "portable"] and bits == same


def test_evaluation_does_not_depend_on_the_batch():
    """Rows come out the same one by one and in odd batches."""
    rng = np.random.default_rng(5)
    coefficients = rng.integers(0, 2**63, (50, 3), dtype=np.uint64) & np.uint64((1 << 47) - 1)
    alpha, beta = rng.integers(0, 2**63, (2, 77, 3), dtype=np.uint64) & np.uint64((1 << 47) - 1)
    for path in paths.available().values():
        prepared = path(coefficients, 175)
        together = prepared.evaluate(alpha, beta)
        single = [prepared.evaluate(alpha[i : i + 1], beta[i : i + 1])[0] for i in range(77)]
        assert together.tolist() == single


def words_of(values):
    """uint64 (6, rows), least significant word first."""
    return np.array([[value >> 64 * word & (1 << 64) - 1 for value in values] for word in range(6)], dtype=np.uint64)


@pytest.mark.parametrize("degree", [2, 31, 64, 65, 128, 136, 191])
@pytest.mark.skipif(widest_lanes() == 0, reason="this processor has no carry-less multiplication")
def test_products_of_many_rows_are_products_in_the_field(degree):
    """Of every vector width that this processor has, in place too, and with something unreduced added."""
    from postprocess.privacy.trevisan import carryless

    rng, rows = np.random.default_rng(degree), 16
    draw = lambda bits: [int.from_bytes(rng.bytes(48)) >> (384 - bits) for _ in range(rows)]  # noqa: E731
    a, b, plus = draw(degree), draw(degree), draw(2 * degree - 1)
    polynomial = 1 << degree | 1 | sum(1 << exponent for exponent in middle_exponents(degree))
    added = [field_product(1, value % (1 << degree), polynomial, degree) for value in plus]
    for row, value in enumerate(plus):  # the part above the degree: x^degree times it
        top = field_product(value >> degree, 1, polynomial, degree)
        added[row] ^= field_product(top, polynomial ^ 1 << degree, polynomial, degree)
    expected = [field_product(x, y, polynomial, degree) ^ z for x, y, z in zip(a, b, added, strict=True)]
    for lanes in (1, 2, 4):
        if lanes > widest_lanes():
            continue
        out = words_of(a)[:3]
        products = getattr(carryless, f"products_{128 * lanes}")
        products(out, words_of(b)[:3], words_of(plus), field_words(degree), out)
        assert out.tolist() == words_of(expected)[:3].tolist()
