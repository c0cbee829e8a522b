"""Moving averages of S and Q with 95 % bands: characterisation runs only."""

import numpy as np
import pyqtgraph

from applets.panels import look
from applets.panels.panel import Panel
from postprocess.shaping.characterisation_view import CLASSICAL, DATASETS, QUANTUM, Curve, characterisation_view

BOUNDS = ((CLASSICAL, "S = 2: local hidden variables"), (QUANTUM, "S = 2√2: quantum bound"))
ABOVE_LINE = [(0, 1), (0, 1)]


class CharacterisationPanel(Panel):
    """Moving averages of S and Q with 95 % bands: characterisation runs only."""

    TITLE = "Link characterisation"
    DATASETS = DATASETS
    NOTHING_YET = (
        "No characterisation yet. S and Q are shown for runs that were declared a characterisation before they began; "
        "those of a key session stay in the nodes."
    )
    view = staticmethod(characterisation_view)

    def __init__(self, args=None, req=None):
        super().__init__(args, req)
        self.score = look.plot("", "CHSH score S", spaced_x=True)
        self.qber = look.plot("Round", "Q (%)", spaced_x=True)
        self.qber.setXLink(self.score)
        for bound, words in BOUNDS:
            line = pyqtgraph.InfiniteLine(
                bound, angle=0, pen=look.pen(look.BLACK, 1, dashed=True), label=words,
                labelOpts={"position": 0.02, "anchors": ABOVE_LINE, "color": look.BLACK},
            )  # fmt: skip
            self.score.addItem(line)
        self.draw_score, self.score_curve = look.banded(self.score, look.BLUE)
        self.draw_qber, self.qber_curve = look.banded(self.qber, look.VERMILION)
        self.draw_qber2, self.qber2_curve = look.banded(self.qber, look.GREEN)
        score = (look.LINE, look.BLUE, "S")
        marks = ((look.BAND, look.GREY, "95 % bands"), (look.DASHES, look.BLACK, "bounds"))
        self.one_basis = look.legend(score, (look.LINE, look.VERMILION, "Q"), *marks)
        self.two_bases = look.legend(score, (look.LINE, look.VERMILION, "Q₀"), (look.LINE, look.GREEN, "Q₁"), *marks)
        self.page.addWidget(self.one_basis)
        self.page.addWidget(self.two_bases)
        self.page.addWidget(self.score, 3)
        self.page.addWidget(self.qber, 2)

    def show_view(self, view):
        self.one_basis.setVisible(view.qber2 is None)
        self.two_bases.setVisible(view.qber2 is not None)
        nothing = np.full(len(view.rounds), np.nan)
        second = view.qber2 or Curve(nothing, nothing, nothing, view.qber.axis)
        for plot, draw, curve in (
            (self.score, self.draw_score, view.score),
            (self.qber, self.draw_qber, view.qber),
            (self.qber, self.draw_qber2, second),
        ):
            draw(view.rounds, curve.mean, curve.low, curve.high)
            plot.setYRange(*curve.axis, padding=0)
        self.score.setXRange(0, view.rounds[-1], padding=0.01)
