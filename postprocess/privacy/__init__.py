"""Privacy amplification: from a shared string Eve partly knows to a key she does not (step 9 of the protocol)."""

from postprocess.privacy.extractor import TrevisanExtractor

__all__ = ["TrevisanExtractor"]
