"""Cursor, CPU and lines, which kernels use at every step: in C (in_c/) where this machine can build that, in Python
(cpu.py, line.py) otherwise, which does the same.

DIQKD_DRIVERS=python: in Python anyway; DIQKD_DRIVERS=c: in C or not at all.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import sysconfig
from importlib.machinery import ExtensionFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from postprocess.errors import DiqkdError, InvalidInput
from testbed import c_library
from testbed.drivers.cpu import Cpu as PythonCpu
from testbed.drivers.line import Line as PythonLine

VARIABLE = "DIQKD_DRIVERS"
NAME = "native"
SOURCES = sorted((Path(__file__).parent / "in_c").glob("*.[ch]"))

logger = logging.getLogger(__name__)


def extension() -> ModuleType:
    """The module in C.

    Raises:
        DiqkdError, OSError, RuntimeError, ImportError: this machine has no C compiler, no headers of this Python, or no
            cache.
    """
    headers = Path(sysconfig.get_path("include"))
    if not (headers / "Python.h").exists():
        raise InvalidInput(f"{headers}: no headers of this Python (install python3-dev)")
    flags = (f"-I{headers}", f"-DPYTHON={sysconfig.get_config_var('SOABI')}")  # the second for the library's name only
    library = c_library.built_library(NAME, SOURCES, flags)
    spec = importlib.util.spec_from_loader(NAME, ExtensionFileLoader(NAME, str(library)))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _chosen() -> tuple[Any, Any, Any]:
    wanted = os.environ.get(VARIABLE, "")
    if wanted not in ("", "c", "python"):
        raise InvalidInput(f"{VARIABLE} is '{wanted}': must be c or python")
    if wanted != "python":
        try:
            module = extension()
            return module.Cursor, module.Cpu, module.Line
        except (DiqkdError, OSError, RuntimeError, ImportError) as problem:
            if wanted:
                raise InvalidInput(f"{VARIABLE} is 'c': {problem}") from problem
            logger.info("emulated drivers in Python, a third slower: %s", problem)
    return object, PythonCpu, PythonLine


Cursor, Cpu, Line = _chosen()
