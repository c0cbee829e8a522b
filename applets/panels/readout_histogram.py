"""Last readout histogram of ions prepared dark and bright: calibration only."""

import numpy as np
import pyqtgraph

from applets.panels import look
from applets.panels.panel import Panel
from postprocess.shaping.histogram_view import DATASETS, FLOOR, histogram_view

HEADROOM = 2.0
"""So many times the highest bin is the top of the axis."""


class ReadoutHistogramPanel(Panel):
    """Last readout histogram: calibration only."""

    TITLE = "Readout histogram"
    DATASETS = DATASETS
    NOTHING_YET = (
        "No readout calibration yet. Histograms come from calibrations alone; in a key session they would give away "
        "how many outcomes were 1."
    )
    view = staticmethod(histogram_view)

    def __init__(self, args=None, req=None):
        super().__init__(args, req)
        self.plot = look.plot("Photon counts", "Shots")
        self.plot.setLogMode(y=True)
        floor = np.log10(FLOOR)
        self.dark, self.bright = (
            self.plot.plot(stepMode="center", pen=look.pen(colour), fillLevel=floor, brush=look.faint(colour))
            for colour in (look.BLUE, look.ORANGE)
        )
        self.line = pyqtgraph.InfiniteLine(angle=90, pen=look.pen(look.BLACK, 1.5, dashed=True))
        self.plot.addItem(self.line)
        self.page.addWidget(
            look.legend(
                (look.LINE, look.BLUE, "prepared dark"),
                (look.LINE, look.ORANGE, "prepared bright"),
                (look.DASHES, look.BLACK, "threshold"),
            )
        )
        self.page.addWidget(self.plot)

    def show_view(self, view):
        self.dark.setData(view.edges, view.dark)
        self.bright.setData(view.edges, view.bright)
        self.line.setVisible(view.threshold is not None)
        if view.threshold is not None:
            self.line.setValue(view.threshold + 0.5)
        self.plot.setXRange(view.edges[0], view.edges[-1], padding=0.01)
        top = max(view.dark.max(), view.bright.max())
        self.plot.setYRange(np.log10(FLOOR), np.log10(HEADROOM * top), padding=0)
