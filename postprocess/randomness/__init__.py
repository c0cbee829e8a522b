"""Private random bits: sources, their statistical tests, and which one a node uses."""

from postprocess.randomness.checked_source import CheckedSource
from postprocess.randomness.sources import FileSource, RandomSource, SeededSource, SystemSource

__all__ = ["CheckedSource", "FileSource", "RandomSource", "SeededSource", "SystemSource"]
