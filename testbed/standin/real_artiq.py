"""Whether the real ARTIQ is here, with all that a laboratory of masters needs."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from postprocess.errors import InvalidInput
from testbed import standin

CONTROLLERS = ("diqkd_keystore", "diqkd_qrng")


def require_artiq() -> None:
    """InvalidInput, in one line, unless masters and controllers of the real ARTIQ can be started with this Python."""
    for package, what in (("artiq", "ARTIQ"), ("artiq_comtools", "ARTIQ's controller manager (artiq-comtools)")):
        if standin.active() or importlib.util.find_spec(package) is None:
            raise InvalidInput(
                f"{what} is not installed for {sys.executable}: there is no laboratory of masters without it; enter "
                "`nix develop`, or use `diqkd demo`, which needs none"
            )
    for name in CONTROLLERS:
        if shutil.which(f"aqctl_{name}", path=search_path()) is None:
            raise InvalidInput(
                f"aqctl_{name}: not installed; say `{sys.executable} -m pip install --no-deps -e .` in diqkd's checkout"
            )


def search_path() -> str:
    """PATH with the programs of this Python first: its controllers, its linker for kernels."""
    return os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
