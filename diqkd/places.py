"""Where experiments and device table lie: in the checkout beside this package, or in an installation's share folder."""

from __future__ import annotations

import sys
from pathlib import Path

from postprocess.errors import InvalidInput


def checkout() -> Path:
    """Folder that holds repository/ and device_db.py; raises InvalidInput when the installation lacks them."""
    for folder in (Path(__file__).resolve().parents[1], Path(sys.prefix) / "share" / "diqkd"):
        if (folder / "repository" / "generate_key.py").is_file() and (folder / "device_db.py").is_file():
            return folder
    raise InvalidInput(
        "repository/generate_key.py: not beside the package; install diqkd from its checkout, `make setup`"
    )
