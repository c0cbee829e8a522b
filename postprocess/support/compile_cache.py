"""numba's njit, with a place of our own for what it compiles: every kernel is decorated with this one.

numba would put machine code beside the source, one index per function whichever numba wrote it: two interpreters on one
checkout (the numba that fits ARTIQ's llvmlite, and a newer one) throw away each other's code at every turn, or load the
other's while both run; and an installation that cannot be written to has no such place. So the code goes to
    ~/.cache/diqkd/numba-<version>-llvmlite-<version>/
(or XDG_CACHE_HOME), of this user alone, since whoever writes there runs in the process that holds the keys. It
may be deleted at any time. NUMBA_CACHE_DIR takes precedence where it is set. A cache that cannot be read or written
costs time, never a result: kernels are compiled without it, which is said once.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import llvmlite
from numba import __version__ as numba_version
from numba import config
from numba import njit as numba_njit
from numba.core.caching import FunctionCache

from postprocess.errors import DiqkdError
from postprocess.storage.private_files import private_folder
from postprocess.storage.user_cache import user_cache

__all__ = ["njit"]

TOLD = "DIQKD_COMPILE_CACHE_TOLD"


def cache_folder(numba: str, llvmlite: str) -> Path:
    """Where code compiled by these versions belongs; RuntimeError when the user has no home."""
    return user_cache() / f"numba-{numba}-llvmlite-{llvmlite}"


def njit(*given: Any, **options: Any) -> Any:
    """numba.njit, as a decorator with or without options; with cache=True, what the cache refuses is compiled anew."""
    if given and callable(given[0]):
        return numba_njit(*given, **options)
    if not options.pop("cache", False):
        return numba_njit(*given, **options)

    def decorate(function: Any) -> Any:
        dispatcher = numba_njit(*given, **options)(function)
        try:
            dispatcher._cache = ForgivingCache(function)
        except (OSError, RuntimeError, DiqkdError) as problem:
            _say_once(problem)
        return dispatcher

    return decorate


class ForgivingCache(FunctionCache):
    """numba's cache of one function, where a file that cannot be read or written is as good as none."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled code, or None."""
        try:
            return super().load_overload(sig, target_context)
        except Exception as problem:  # also whatever a damaged pickle raises
            _say_once(problem)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep compiled code, if the disk takes it."""
        try:
            super().save_overload(sig, data)
        except Exception as problem:
            _say_once(problem)


def is_empty() -> bool:
    """Whether nothing has been compiled yet: the first run of a version of numba compiles for some ten seconds."""
    return not config.CACHE_DIR or next(Path(config.CACHE_DIR).rglob("*.nbi"), None) is None


def _say_once(problem: BaseException) -> None:
    """Once per command: child processes inherit that it was said."""
    if not os.environ.get(TOLD):
        os.environ[TOLD] = "1"
        print(
            f"diqkd: kernels are compiled without a cache, which takes longer ({problem}); make room, or name another "
            "folder with XDG_CACHE_HOME",
            file=sys.stderr,
        )


def _place() -> str:
    """The folder, made; without a home that can be written to, one that ends with this process."""
    try:
        folder = private_folder(cache_folder(numba_version, llvmlite.__version__))
        with tempfile.TemporaryFile(dir=folder):
            return str(folder)
    except (OSError, RuntimeError, DiqkdError) as problem:
        try:
            folder = Path(tempfile.mkdtemp(prefix="diqkd-compiled-"))
        except (OSError, DiqkdError):
            _say_once(problem)
            return ""
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ["NUMBA_CACHE_DIR"] = str(folder)  # for child processes, which would each compile everything again
        return str(folder)


if not config.CACHE_DIR:
    config.CACHE_DIR = _place()
