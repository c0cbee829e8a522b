"""Herald rate per block and balance of the four herald patterns."""

import numpy as np
import pyqtgraph

from applets.panels import look
from applets.panels.panel import Panel
from postprocess.shaping.heralds_view import DATASETS, PATTERNS, SMOOTHING_BLOCKS, heralds_view

BALANCED = 100 / len(PATTERNS)
PLACES = np.arange(len(PATTERNS))


class HeraldsPanel(Panel):
    """Herald rate per block and balance of the four herald patterns."""

    TITLE = "Heralds"
    DATASETS = DATASETS
    NOTHING_YET = "No heralds yet: the first block of a session or characterisation brings them."
    view = staticmethod(heralds_view)

    def __init__(self, args=None, req=None):
        super().__init__(args, req)
        self._build_rates()
        self._build_balance()
        self.page.addWidget(
            look.legend(
                (look.POINT, look.BLUE, "each block"), (look.LINE, look.VERMILION, f"mean of {SMOOTHING_BLOCKS} blocks")
            )
        )
        self.page.addWidget(self.rates, 3)
        self.page.addWidget(self.balance, 2)

    def _build_rates(self):
        self.rates = look.plot("Block of this run", "Heralds per s", spaced_x=True)
        self.points = self.rates.plot(
            pen=None,
            symbol="o",
            symbolSize=4,
            symbolPen=None,
            symbolBrush=look.faint(look.BLUE, 150),
        )
        self.smooth = self.rates.plot(pen=look.pen(look.VERMILION))

    def _build_balance(self):
        self.balance = look.plot("Herald pattern (APD 3 2 1 0)", "Share (%)")
        self.bars = pyqtgraph.BarGraphItem(
            x=PLACES, height=np.zeros(len(PATTERNS)), width=0.6, brush=look.BLUE, pen=look.pen(look.BLUE, 1)
        )
        self.errors = pyqtgraph.ErrorBarItem(x=PLACES, y=np.zeros(len(PATTERNS)), height=0.0, beam=0.1)
        self.errors.setData(pen=look.pen(look.BLACK, 1))
        even = pyqtgraph.InfiniteLine(BALANCED, angle=0, pen=look.pen(look.GREY, 1, dashed=True))
        self.counts = [pyqtgraph.TextItem(color=look.BLACK, anchor=(0.5, 1.0)) for _ in PATTERNS]
        for item in (self.bars, self.errors, even, *self.counts):
            self.balance.addItem(item)
        self.balance.getAxis("bottom").setTicks([list(enumerate(PATTERNS))])
        self.balance.setXRange(-0.6, len(PATTERNS) - 0.4, padding=0)

    def show_view(self, view):
        self.points.setData(view.blocks, view.rates)
        self.smooth.setData(view.blocks, view.smooth, connect="finite")
        self.rates.setXRange(0, view.blocks[-1] + 1, padding=0.01)
        self.rates.setYRange(0.0, view.top, padding=0)
        known = len(view.shares) > 0
        self.balance.setVisible(known)
        if known:
            self.bars.setOpts(height=view.shares)
            self.errors.setData(x=PLACES, y=view.shares, height=2 * view.errors)
            self.balance.setYRange(0.0, 1.6 * max(view.shares.max(), BALANCED), padding=0)
            for place, (label, words) in enumerate(zip(self.counts, view.counts, strict=True)):
                label.setText(words)
                label.setPos(place, view.shares[place] + view.errors[place])
