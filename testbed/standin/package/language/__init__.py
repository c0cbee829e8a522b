"""The language of experiments."""

from artiq.language import core, environment, scan, types, units
from artiq.language.core import *  # noqa: F403
from artiq.language.environment import *  # noqa: F403
from artiq.language.scan import *  # noqa: F403
from artiq.language.types import *  # noqa: F403
from artiq.language.units import *  # noqa: F403

__all__ = [*core.__all__, *types.__all__, *environment.__all__, *units.__all__, *scan.__all__]
