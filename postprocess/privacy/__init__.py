"""Privacy amplification: from a shared string Eve partly knows to a key she does not (step 9 of the protocol)."""

from postprocess.privacy.extractor import EXTRACTORS, Extractor, extractor_named
from postprocess.privacy.toeplitz import ToeplitzExtractor
from postprocess.privacy.trevisan import TrevisanExtractor

__all__ = ["EXTRACTORS", "Extractor", "ToeplitzExtractor", "TrevisanExtractor", "extractor_named"]
