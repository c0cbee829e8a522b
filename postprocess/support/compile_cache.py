"""numba's njit, with a place of our own for what it compiles: every kernel is decorated with this one.

numba would put machine code beside the source, one index per function whichever numba wrote it: two interpreters on one
checkout (the numba that fits ARTIQ's llvmlite, and a newer one) throw away each other's code at every turn, or load the
other's while both run; and an installation that cannot be written to has no such place. So the code goes to
    ~/.cache/diqkd/numba-<version>-llvmlite-<version>/
(or XDG_CACHE_HOME), of this user alone, since whoever writes there runs in the process that holds the keys. It
may be deleted at any time. NUMBA_CACHE_DIR takes precedence where it is set.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import llvmlite
from numba import __version__ as numba_version
from numba import config, njit

from postprocess.storage.private_files import private_folder

__all__ = ["njit"]


def cache_folder(numba: str, llvmlite: str) -> Path:
    """Where code compiled by these versions belongs; RuntimeError when the user has no home."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    caches = given if given.is_absolute() else Path.home() / ".cache"
    return caches / "diqkd" / f"numba-{numba}-llvmlite-{llvmlite}"


def _place() -> str:
    """The folder, made; without a home that can be written to, one that ends with this process."""
    try:
        folder = private_folder(cache_folder(numba_version, llvmlite.__version__))
        with tempfile.TemporaryFile(dir=folder):
            return str(folder)
    except (OSError, RuntimeError):
        folder = Path(tempfile.mkdtemp(prefix="diqkd-compiled-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ["NUMBA_CACHE_DIR"] = str(folder)  # for child processes, which would each compile everything again
        return str(folder)


if not config.CACHE_DIR:
    config.CACHE_DIR = _place()
