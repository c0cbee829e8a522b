"""Where ARTIQ's applets and a Qt are installed, a QApplication without a screen."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

from testbed import standin

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def qt():
    """The application every widget needs."""
    if standin.active() or importlib.util.find_spec("pyqtgraph") is None:
        pytest.skip("ARTIQ's applets with Qt and pyqtgraph are not installed here: no widget was built")
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from pyqtgraph.Qt import QtWidgets

    import applets.panels  # noqa: F401  ARTIQ chooses the Qt

    return QtWidgets.QApplication.instance() or QtWidgets.QApplication([])
