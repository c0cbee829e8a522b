"""Names of core device drivers that experiments use; the emulated drivers themselves are testbed.drivers."""

from artiq.coredevice.exceptions import RTIOOverflow, RTIOUnderflow

__all__ = ["RTIOOverflow", "RTIOUnderflow"]
