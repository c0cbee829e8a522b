"""What all applets have in common: a title, warnings that cannot be overlooked, and a friendly line before any data."""

from pyqtgraph.Qt import QtCore, QtWidgets

from applets.panels import look
from postprocess.shaping.apparatus_marks import joined

WARNING_STYLE = "background: #B00020; color: white; font-weight: bold; padding: 3px"


class Panel(QtWidgets.QWidget):
    """Base of the panels; a subclass sets TITLE, DATASETS, NOTHING_YET and `view`, fills `page`, draws in `show_view`.

    Args:
        args, req: as ARTIQ's SimpleApplet gives them; nothing is requested, an applet only shows.
    """

    TITLE = ""
    DATASETS = ()
    NOTHING_YET = ""

    def __init__(self, args=None, req=None):
        super().__init__()
        self.setWindowTitle(self.TITLE)
        self.setStyleSheet("background: white")
        self.nothing = QtWidgets.QLabel(self.NOTHING_YET)
        self.nothing.setStyleSheet(f"color: {look.GREY}")
        self.nothing.setWordWrap(True)
        self.nothing.setMargin(20)
        self.nothing.setAlignment(QtCore.Qt.AlignmentFlag.AlignCenter)
        self.title = look.Lettering(bold=True)
        self.warnings = look.Lettering()
        self.warnings.setStyleSheet(WARNING_STYLE)
        self.warnings.setVisible(False)
        content = QtWidgets.QWidget()
        self.page = QtWidgets.QVBoxLayout(content)
        self.page.setContentsMargins(6, 6, 6, 6)
        self.page.addWidget(self.title)
        self.page.addWidget(self.warnings)
        self.pages = QtWidgets.QStackedLayout(self)
        self.pages.addWidget(self.nothing)
        self.pages.addWidget(content)

    def sizeHint(self):
        """Room for a plot, where the window's owner leaves the choice."""
        return QtCore.QSize(560, 360)

    def data_changed(self, value, metadata, persist, mods):
        """ARTIQ's base calls this with all datasets whenever one of ours has changed."""
        self.refresh(value)

    def refresh(self, values):
        """Show these datasets, name -> value."""
        view = self.view(values)
        self.pages.setCurrentIndex(0 if view is None else 1)
        if view is not None:
            self.title.setText(view.title)
            self.warn(view.warnings)
            self.show_view(view)

    def warn(self, warnings):
        """Lines in the red box, which is not there without any."""
        self.warnings.setText(joined(warnings))
        self.warnings.setVisible(bool(warnings))

    def view(self, values):
        """What shaping makes of the datasets; None says that there is nothing yet."""
        raise NotImplementedError

    def show_view(self, view):
        """Draw a view."""
        raise NotImplementedError
