"""Trevisan's extractor, the paper's: a secret seed of length polylogarithmic in n that may be used again."""

from postprocess.privacy.trevisan.trevisan_extractor import TrevisanExtractor

__all__ = ["TrevisanExtractor"]
