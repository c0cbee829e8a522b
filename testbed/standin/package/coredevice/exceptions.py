"""Exceptions of the core device's runtime."""


class InternalError(Exception):
    """The runtime met an internal error."""


class CacheError(Exception):
    """A cache row was put while borrowed."""


class RTIOUnderflow(Exception):
    """An event was submitted too late for its timestamp; it is discarded."""


class RTIOOverflow(Exception):
    """An input FIFO was full and at least one event is lost."""


class RTIODestinationUnreachable(Exception):
    """A DRTIO link is down."""


class DMAError(Exception):
    """An invalid DMA operation."""


class SubkernelError(Exception):
    """A subkernel operation is invalid."""


class ClockFailure(Exception):
    """The RTIO PLL lost lock."""


class I2CError(Exception):
    """An I2C transaction failed."""


class SPIError(Exception):
    """An SPI transaction failed."""


class UnwrapNoneError(Exception):
    """A none Option was unwrapped."""
