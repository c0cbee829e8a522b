"""Served as `artiq` by testbed.standin when ARTIQ itself is absent."""

from pathlib import Path

__version__ = "8.standin"
__artiq_dir__ = str(Path(__file__).parent)
