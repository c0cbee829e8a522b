"""Widgets of the applets: they draw what `postprocess.shaping` made of the datasets."""

# Before pyqtgraph, whichever panel is imported: ARTIQ decides which Qt is loaded, and pyqtgraph takes that one.
import artiq.applets.simple  # noqa: F401
