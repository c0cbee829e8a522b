"""Where a session stands: rounds done, estimated end, and the post-processing beside it."""

from datetime import datetime

from pyqtgraph.Qt import QtCore, QtWidgets

from applets.panels import look
from applets.panels.panel import WARNING_STYLE, Panel
from postprocess.shaping.apparatus_marks import joined
from postprocess.shaping.session_view import BAD, DATASETS, GOOD, MARKED, REMAINING, RUNNING, key_view, rounds_view

STEPS = 1000
COLOURS = {RUNNING: look.TEXT_COLOUR, MARKED: look.TEXT_COLOUR, GOOD: look.GREEN, BAD: look.VERMILION}


class SessionProgressPanel(Panel):
    """Session progress with estimated end, and what became of the key."""

    TITLE = "Session"
    DATASETS = DATASETS
    NOTHING_YET = "No session yet: submit 'Generate a key with the peer' on both nodes."
    REFRESH_MS = 5000

    def __init__(self, args=None, req=None):
        super().__init__(args, req)
        self.values, self.known_since = {}, None
        self.bar = QtWidgets.QProgressBar()
        self.bar.setRange(0, STEPS)
        self.counts, self.end = look.Lettering(), look.Lettering()
        self.key_title, self.verdict = look.Lettering(bold=True), look.Lettering(larger=1)
        self.key_warnings = look.Lettering()
        self.key_warnings.setStyleSheet(WARNING_STYLE)
        for item in (self.bar, self.counts, self.end):
            self.page.addWidget(item)
        self.page.addSpacing(12)
        for item in (self.key_title, self.key_warnings, self.verdict):
            self.page.addWidget(item)
        self.page.addStretch(1)
        self.timer = QtCore.QTimer(self)
        self.timer.timeout.connect(lambda: self.refresh(self.values))
        self.timer.start(self.REFRESH_MS)

    def sizeHint(self):
        return QtCore.QSize(420, 240)

    def data_changed(self, value, metadata, persist, mods):
        self.note_arrival(mods)
        self.refresh(value)

    def note_arrival(self, mods):
        """An estimate that was there before us may be of any age; one that comes in is of now."""
        for mod in mods:
            if mod["action"] == "init":
                self.known_since = None
            elif REMAINING in (mod.get("key"), *mod["path"][:1]):
                self.known_since = datetime.now()

    def refresh(self, values):
        self.values = values
        super().refresh(values)

    def view(self, values):
        return rounds_view(values, self.known_since, datetime.now())

    def show_view(self, view):
        self.bar.setVisible(view.total > 0)
        self.bar.setValue(STEPS * view.done // max(view.total, 1))
        self.bar.setFormat(f"{100 * view.done / max(view.total, 1):.1f} %")
        self.counts.setText(view.counts)
        self.end.setText(view.end)
        self.end.setVisible(bool(view.end))
        self._show_key(key_view(self.values))

    def _show_key(self, key):
        for item in (self.key_title, self.verdict):
            item.setVisible(key is not None)
        self.key_warnings.setVisible(key is not None and bool(key.warnings))
        if key is not None:
            self.key_title.setText(key.title)
            self.key_warnings.setText(joined(key.warnings))
            self.verdict.setText(key.verdict)
            self.verdict.setStyleSheet(f"color: {COLOURS[key.kind]}")
