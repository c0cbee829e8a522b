"""Private random bits: sources, their statistical tests, and which one a node uses."""

from postprocess.randomness.sources import FileSource, RandomSource, SeededSource, SystemSource

__all__ = ["FileSource", "RandomSource", "SeededSource", "SystemSource"]
