"""Modified Toeplitz hashing [I | T]: a public seed of n - 1 bits, fresh for each session."""

from postprocess.privacy.toeplitz.toeplitz_extractor import ToeplitzExtractor

__all__ = ["ToeplitzExtractor"]
