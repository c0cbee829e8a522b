"""What an experiment imports with a star: the language and the two RTIO exceptions."""

from artiq import coredevice, language
from artiq.coredevice import *  # noqa: F403
from artiq.language import *  # noqa: F403

__all__ = [*language.__all__, *coredevice.__all__]
