"""The widgets, built with the Qt of the installed ARTIQ on no screen."""

import importlib

import numpy as np
import pytest
from applet_values import broken, characterisation, everything, key, scan, session
from hypothesis import given, settings
from hypothesis import strategies as st

APPLETS = ("session_progress", "heralds", "characterisation", "readout_histogram", "calibration_scan")
ARRIVED = [{"action": "setitem", "path": ["diqkd.rounds.remaining_s"], "key": 1, "value": 9000.0}]
PRESENT = [{"action": "init", "struct": {}}]
EMULATED = {f"diqkd.{run}.apparatus": "emulated" for run in ("rounds", "key", "characterisation", "calibration")}


@pytest.fixture(params=APPLETS)
def panel(request, qt):
    """Each applet's widget in turn."""
    yield from built(request.param)


@pytest.fixture
def make(qt):
    """make(name) gives that applet's widget."""
    return lambda name: next(built(name))


def built(name):
    from applets.panels.panel import Panel

    module = importlib.import_module(f"applets.panels.{name}")
    (kind,) = (each for each in vars(module).values() if isinstance(each, type) and each.__module__ == module.__name__)
    assert issubclass(kind, Panel)
    made = kind()
    yield made
    made.close()


def show(panel, values, mods=PRESENT):
    panel.data_changed(values, {}, {}, mods)


def test_pyqtgraph_has_the_qt_of_artiq(qt):
    import artiq.gui.entries
    from pyqtgraph.Qt import QT_LIB

    assert type(qt).__module__.split(".")[0] == QT_LIB
    assert artiq.gui.entries.QtWidgets.__name__.split(".")[0] == QT_LIB


def test_without_datasets_a_friendly_line(panel):
    show(panel, {})
    assert panel.pages.currentWidget().text() == panel.NOTHING_YET
    assert panel.NOTHING_YET.endswith(".")


def test_with_datasets_the_page_and_its_title(panel):
    show(panel, everything())
    assert panel.pages.currentIndex() == 1
    assert panel.title.text() == panel.view(everything()).title
    assert panel.warnings.isHidden()


def test_the_subscription_covers_every_dataset_that_is_read(panel):
    """Nothing else is known in a dashboard: hiding the rest must change nothing."""
    known = everything() | EMULATED
    show(panel, known)
    title, warning = panel.title.text(), panel.warnings.text()
    show(panel, {name: known[name] for name in panel.DATASETS if name in known})
    assert (panel.title.text(), panel.warnings.text()) == (title, warning)


@pytest.mark.parametrize("width", [160, 300, 700])
def test_a_warning_is_seen_whole_at_any_width(panel, qt, width):
    show(panel, everything() | EMULATED | {"diqkd.rounds.insecure_because": "below the proof's threshold " * 4})
    panel.resize(width, 150)
    panel.show()
    for _ in range(3):
        qt.processEvents()
    box = panel.warnings
    assert box.isVisible()
    assert "apparatus" in box.text()
    assert box.height() >= box.heightForWidth(box.width())
    picture = panel.grab().toImage()
    assert picture.pixelColor(box.x() + 2, box.y() + 2).name() == "#b00020"


def test_a_wider_window_gives_the_room_back(panel, qt):
    show(panel, everything() | EMULATED)
    panel.show()
    heights = []
    for width in (120, 900, 120):
        panel.resize(width, 300)
        for _ in range(3):
            qt.processEvents()
        heights.append(panel.warnings.height())
    assert heights[0] == heights[2] > heights[1]


def test_it_forgets_the_warning_and_the_page_with_the_datasets(panel):
    show(panel, everything() | EMULATED)
    assert not panel.warnings.isHidden()
    show(panel, everything())
    assert panel.warnings.isHidden()
    show(panel, {})
    assert panel.pages.currentIndex() == 0


@settings(max_examples=20)
@given(data=st.data())
def test_nothing_a_dataset_holds_ends_an_applet(panel, qt, data):
    for _ in range(2):
        show(panel, data.draw(broken(panel.DATASETS)))
        panel.grab()
        qt.processEvents()


def test_curves_grow_with_their_datasets(make):
    panel = make("characterisation")
    for points in (1, 2, 50):
        show(panel, characterisation(points))
        x, y = panel.score_curve.getData()
        assert len(x) == points
        assert y[-1] == pytest.approx(2.6)
        assert panel.qber_curve.getData()[1][-1] == pytest.approx(2.0)


def test_the_bounds_of_s_are_lines_on_the_axis(make):
    panel = make("characterisation")
    show(panel, characterisation())
    import pyqtgraph

    lines = [item.value() for item in panel.score.items() if isinstance(item, pyqtgraph.InfiniteLine)]
    bottom, top = panel.score.viewRange()[1]
    assert sorted(lines) == pytest.approx([2, 2 * np.sqrt(2)])
    assert bottom < lines[0] < top
    assert bottom < lines[1] < top


def test_heralds_of_a_new_session_replace_the_old(make):
    panel = make("heralds")
    show(panel, session(herald_rate_hz=[90.0] * 7))
    assert len(panel.points.getData()[0]) == 7
    show(panel, session(session="s3", herald_rate_hz=[]))
    assert panel.pages.currentIndex() == 0
    show(panel, session(session="s3", herald_rate_hz=[80.0]))
    assert panel.points.getData()[1].tolist() == [80.0]
    assert panel.title.text().startswith("Session s3")


def test_bars_are_the_shares(make):
    panel = make("heralds")
    show(panel, session(pattern_counts=[10, 20, 30, 40]))
    assert list(panel.bars.opts["height"]) == pytest.approx([10, 20, 30, 40])
    assert [label.toPlainText() for label in panel.counts] == ["10", "20", "30", "40"]
    show(panel, session(pattern_counts=[0, 0, 0, 0]))
    assert panel.balance.isHidden()


def test_progress_tells_a_time_of_day_only_for_an_estimate_that_came_in(make):
    panel = make("session_progress")
    show(panel, session(), PRESENT)
    assert "when last told" in panel.end.text()
    show(panel, session(), ARRIVED)
    assert "until" in panel.end.text()
    show(panel, session(status="rounds complete", done=1_500_000), ARRIVED)
    assert panel.end.isHidden()
    assert panel.bar.value() == panel.bar.maximum()


def test_a_key_is_green_only_without_warnings(make):
    from applets.panels import look

    panel = make("session_progress")
    show(panel, session() | key())
    assert look.GREEN in panel.verdict.styleSheet()
    assert panel.key_warnings.isHidden()
    show(panel, session() | key(apparatus="emulated"))
    assert look.GREEN not in panel.verdict.styleSheet()
    assert "not a secret key" in panel.key_warnings.text()


def test_words_of_a_dataset_are_never_markup(make):
    panel = make("calibration_scan")
    show(panel, scan() | {"diqkd.calibration.scan.result": "<b>x</b>"})
    assert panel.plot.getAxis("left").labelText == "P(S1/2) &lt; 1"
    for label in (panel.title, panel.result):
        assert label.textFormat() == type(label.textFormat()).PlainText
    assert panel.result.text() == "<b>x</b>"


def test_the_fit_appears_when_it_is_there(make):
    panel = make("calibration_scan")
    show(panel, scan())
    assert panel.fit.getData() == (None, None) or not len(panel.fit.getData()[0])
    assert panel.result.text() == "not fitted yet"
    fitted = {"fit_x": [0.0, 3.0], "fit_y": [0.0, 9.0], "result": "curvature 1.00(2)"}
    show(panel, scan() | {f"diqkd.calibration.scan.{name}": value for name, value in fitted.items()})
    assert panel.fit.getData()[1].tolist() == [0.0, 9.0]
    assert panel.result.text() == "curvature 1.00(2)"
