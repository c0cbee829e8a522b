"""Which way of multiplying this processor and this numba allow.

numba hands LLVM a list of processor features: the host's, or what NUMBA_CPU_NAME and NUMBA_CPU_FEATURES say. An
instruction outside that list would not raise an error but end the process, so only features that stand in the list are
used.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from postprocess.errors import InvalidInput


class Path(Protocol):
    """A source laid out for one way of multiplying."""

    name: str

    def __init__(self, coefficients: np.ndarray, degree: int) -> None: ...

    def evaluate(self, alpha: np.ndarray, beta: np.ndarray) -> np.ndarray:
        """Output bits parity(p(alpha) AND beta), uint8 (rows,), for alpha and beta uint64 (rows, 3)."""
        ...


def target_features() -> frozenset[str]:
    """Processor features that numba lets LLVM use, by LLVM's names; empty where LLVM cannot tell."""
    from llvmlite import binding
    from numba import config

    if config.CPU_FEATURES is not None:
        wanted = (feature.strip() for feature in str(config.CPU_FEATURES).split(","))
        return frozenset(feature[1:] for feature in wanted if feature.startswith("+"))
    try:
        host = binding.get_host_cpu_features()
    except RuntimeError:
        return frozenset()
    return frozenset(name for name, present in host.items() if present and (config.ENABLE_AVX or name[:3] != "avx"))


def available() -> dict[str, Any]:
    """Usable paths by name, fastest first; the portable one is always there."""
    from postprocess.privacy.trevisan.portable import PortablePath

    features = target_features()
    paths: list[Any] = []
    if {"pclmul", "sse2"} <= features:
        from postprocess.privacy.trevisan.clmul import ClmulPath, Vpclmul256Path, Vpclmul512Path

        if {"vpclmulqdq", "avx2"} <= features:
            if {"avx512f", "avx512dq", "avx512vl"} <= features:
                paths.append(Vpclmul512Path)
            paths.append(Vpclmul256Path)
        paths.append(ClmulPath)
    paths.append(PortablePath)
    return {path.name: path for path in paths}


def choose(name: str | None = None) -> Any:
    """The named path, or the fastest one; raises InvalidInput for one that is not available."""
    paths = available()
    if name is None:
        return next(iter(paths.values()))
    if name not in paths:
        raise InvalidInput(f"extractor path {name!r}: this processor and numba offer {', '.join(paths)}")
    return paths[name]
