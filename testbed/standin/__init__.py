"""A stand-in for `artiq` where ARTIQ itself is not installed: same names, same signatures, same behaviour.

Nothing is installed under the name artiq. `install()` adds an import finder which serves the modules of
`testbed/standin/package` as `artiq.*`, and does so only when Python cannot find the real thing. What is there
behaves as in ARTIQ release-8; what is not there is an ImportError, never a silent imitation.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path

PACKAGE = Path(__file__).parent / "package"


class StandInFinder(MetaPathFinder):
    """Finds `artiq` and `artiq.x.y` below `PACKAGE`."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        top, *rest = fullname.split(".")
        if top != "artiq":
            return None
        place = PACKAGE.joinpath(*rest)
        if (place / "__init__.py").is_file():
            return importlib.util.spec_from_file_location(
                fullname, place / "__init__.py", submodule_search_locations=[str(place)]
            )
        source = place.with_suffix(".py")
        return importlib.util.spec_from_file_location(fullname, source) if rest and source.is_file() else None


def install() -> bool:
    """Make `import artiq` work; True if that is the stand-in, False if the real ARTIQ is present."""
    if any(isinstance(finder, StandInFinder) for finder in sys.meta_path):
        return True
    if importlib.util.find_spec("artiq") is not None:
        return False
    sys.meta_path.append(StandInFinder())
    return True


def active() -> bool:
    """Whether `artiq` is the stand-in in this process."""
    return any(isinstance(finder, StandInFinder) for finder in sys.meta_path)
