"""Where this user's caches lie."""

from __future__ import annotations

import os
from pathlib import Path


def user_cache() -> Path:
    """The user's folder for what diqkd can make again; RuntimeError when the user has no home."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".cache") / "diqkd"
