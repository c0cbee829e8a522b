"""A calibration scan: points with error bars, the fit, and its result in one line."""

from html import escape

import pyqtgraph

from applets.panels import look
from applets.panels.panel import Panel
from postprocess.shaping.scan_view import DATASETS, scan_view


class CalibrationScanPanel(Panel):
    """A calibration scan: points with error bars, the fit, and its result."""

    TITLE = "Calibration scan"
    DATASETS = DATASETS
    NOTHING_YET = "No calibration scan yet: submit one of the calibrations."
    view = staticmethod(scan_view)

    def __init__(self, args=None, req=None):
        super().__init__(args, req)
        self.plot = look.plot("", "")
        self.bars = pyqtgraph.ErrorBarItem(pen=look.pen(look.BLUE, 1.5))
        self.plot.addItem(self.bars)
        self.points = self.plot.plot(pen=None, symbol="o", symbolSize=7, symbolBrush=look.BLUE, symbolPen=None)
        self.fit = self.plot.plot(pen=look.pen(look.VERMILION))
        self.result = look.Lettering(bold=True)
        self.page.addWidget(look.legend((look.POINT, look.BLUE, "measured"), (look.LINE, look.VERMILION, "fit")))
        self.page.addWidget(self.plot, 1)
        self.page.addWidget(self.result)

    def show_view(self, view):
        self.plot.setLabel("bottom", escape(view.x_label))
        self.plot.setLabel("left", escape(view.y_label))
        self.points.setData(view.x, view.y)
        self.bars.setData(x=view.x, y=view.y, top=view.above, bottom=view.below, beam=0.0)
        self.fit.setData(view.fit_x, view.fit_y)
        self.result.setText(view.result or "not fitted yet")
