"""Which way of multiplying this processor and this numba allow."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from postprocess.errors import InvalidInput
from postprocess.privacy.trevisan.processor_features import widest_lanes


class Path(Protocol):
    """A source laid out for one way of multiplying."""

    name: str

    def __init__(self, coefficients: np.ndarray, degree: int) -> None: ...

    def evaluate(self, alpha: np.ndarray, beta: np.ndarray) -> np.ndarray:
        """Output bits parity(p(alpha) AND beta), uint8 (rows,), for alpha and beta uint64 (rows, 3)."""
        ...


def available() -> dict[str, Any]:
    """Usable paths by name, fastest first; the portable one is always there."""
    from postprocess.privacy.trevisan.portable import PortablePath

    paths: list[Any] = []
    widest = widest_lanes()
    if widest:
        from postprocess.privacy.trevisan.clmul import ClmulPath, Vpclmul256Path, Vpclmul512Path

        paths += [path for path in (Vpclmul512Path, Vpclmul256Path, ClmulPath) if path.lanes <= widest]
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
