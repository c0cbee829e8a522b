"""Which way of multiplying this processor and this numba allow."""

from __future__ import annotations

from postprocess.errors import InvalidInput


def available() -> dict:
    """Usable paths by name, fastest first."""
    from postprocess.privacy.portable import PortablePath

    return {PortablePath.name: PortablePath}


def choose(name: str | None = None):
    """The named path, or the fastest one."""
    paths = available()
    if name is None:
        return next(iter(paths.values()))
    if name not in paths:
        raise InvalidInput(f"extractor path {name!r}: this processor and numba offer {', '.join(paths)}")
    return paths[name]
