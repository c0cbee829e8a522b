"""One look for all applets: the colours of the project's figures on white, so that they also read in print."""

import numpy as np
import pyqtgraph
from pyqtgraph.Qt import QtCore, QtWidgets

from postprocess.shaping.worded_numbers import spaced

BLACK, GREY, BLUE, VERMILION, GREEN, ORANGE = "#000000", "#888888", "#0072B2", "#D55E00", "#009E73", "#E69F00"
"""Okabe and Ito's palette (2008); curves also differ in line style or marker."""
TEXT_COLOUR = "#202020"
BAND_OPACITY = 60
AXIS_WIDTH = 58
"""Of the vertical axes, in pixels: plots above each other share their x."""
POINT, LINE, DASHES, BAND = "●", "━━", "┅┅", "▒▒"
"""Marks of a legend."""

pyqtgraph.setConfigOptions(background="w", foreground=TEXT_COLOUR, antialias=True)


def pen(colour, width=2.0, dashed=False):
    """A line of this colour."""
    style = QtCore.Qt.PenStyle.DashLine if dashed else QtCore.Qt.PenStyle.SolidLine
    return pyqtgraph.mkPen(colour, width=width, style=style)


def faint(colour, opacity=BAND_OPACITY):
    """A filling of this colour that lets the grid through."""
    filling = pyqtgraph.mkColor(colour)
    filling.setAlpha(opacity)
    return pyqtgraph.mkBrush(filling)


class SpacedAxis(pyqtgraph.AxisItem):
    """An axis of large whole numbers: 1 500 000."""

    def tickStrings(self, values, scale, spacing):
        """ARTIQ's pyqtgraph calls this for the numbers at the ticks."""
        return [spaced(round(value * scale)) for value in values]


def plot(x_label, y_label, spaced_x=False):
    """An empty plot with a grid; numbers on its axes are in the unit of the label, never in thousandths of it."""
    made = pyqtgraph.PlotWidget(axisItems={"bottom": SpacedAxis("bottom")} if spaced_x else None)
    made.setMenuEnabled(False)
    made.hideButtons()
    made.showGrid(x=True, y=True, alpha=0.2)
    made.getAxis("left").setWidth(AXIS_WIDTH)
    for side, words in (("bottom", x_label), ("left", y_label)):
        axis = made.getAxis(side)
        axis.enableAutoSIPrefix(False)
        axis.setLabel(words)
    return made


def legend(*entries):
    """A row of (mark, colour, words) above a plot, where it can cover no data; `words` are ours, never a dataset's."""
    row = QtWidgets.QLabel("&nbsp;&nbsp;&nbsp; ".join(legend_entry(*entry) for entry in entries))
    row.setAlignment(QtCore.Qt.AlignmentFlag.AlignRight)
    row.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Fixed)
    return row


def legend_entry(mark, colour, words):
    """One of them, as rich text."""
    return f'<span style="color: {colour}">{mark}</span>&nbsp;{words}'


def banded(target, colour):
    """A curve with a band around it: (draw, curve) where draw(x, mean, low, high) shows new data."""
    low, high = (pyqtgraph.PlotDataItem(pen=pen(colour, 0.5)) for _ in range(2))
    band = pyqtgraph.FillBetweenItem(low, high, brush=faint(colour))
    for item in (band, low, high):
        target.addItem(item, ignoreBounds=True)
    curve = target.plot(pen=pen(colour))

    def draw(x, mean, below, above):
        known = np.isfinite(below) & np.isfinite(above)
        low.setData(x[known], below[known])
        high.setData(x[known], above[known])
        curve.setData(x, mean, connect="finite")

    return draw, curve


class Lettering(QtWidgets.QLabel):
    """Plain text in as many lines as it needs: never read as HTML, never cut, however small the window is."""

    def __init__(self, colour=TEXT_COLOUR, bold=False, larger=0):
        super().__init__()
        self.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        font = self.font()
        font.setBold(bold)
        font.setPointSize(font.pointSize() + larger)
        self.setFont(font)
        self.setStyleSheet(f"color: {colour}")

    def setText(self, words):
        """As QLabel's, and keep room for it."""
        super().setText(words)
        self._keep_room()

    def resizeEvent(self, event):
        """A narrower label is a taller one; layouts alone would cut it."""
        super().resizeEvent(event)
        self._keep_room()

    def _keep_room(self):
        self.setMinimumHeight(0)  # Qt never asks for less than this
        self.setFixedHeight(max(self.heightForWidth(self.width()), 0))
