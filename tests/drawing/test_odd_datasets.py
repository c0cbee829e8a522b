"""Whatever a results file holds, it is drawn or left out: no maker fails."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from result_files import PLAN

from postprocess.drawing import Results
from postprocess.drawing.results_drawing import MAKERS
from postprocess.drawing.results_file import drawable

C, R, S, H, T, P = (
    f"diqkd.{name}."
    for name in (
        "characterisation",
        "rounds",
        "calibration.scan",
        "calibration.histogram",
        "tomography",
        "herald_phase",
    )
)
FIT = "diqkd.calibration.fit."
SOUND = {
    **{C + name: np.linspace(1, 2, 4) for name in ("round", "score", "score_low", "score_high")},
    **{C + name: np.linspace(0.01, 0.02, 4) for name in ("qber", "qber_low", "qber_high")},
    C + "window_rounds": 1000,
    C + "counts": np.full((4, 2, 3, 2, 2), 7),
    C + "block_counts": np.full((5, 2, 3, 2, 2), 7),
    R + "plan": PLAN,
    R + "done": 2500,
    R + "herald_rate_hz": np.full(5, 50.0),
    R + "pattern_counts": np.full(4, 600),
    R + "timeline_rounds": np.array([1, 2500]),
    R + "timeline_s": np.array([0.0, 50.0]),
    **{S + name: np.linspace(0, 1, 5) for name in ("x", "y", "y_low", "y_high", "fit_x", "fit_y")},
    **{S + name: name for name in ("title", "x_label", "y_label", "result")},
    H + "dark": np.array([9, 1]),
    H + "bright": np.array([0, 1, 9]),
    H + "threshold": 1,
    T + "states_real": np.zeros((4, 4, 4)),
    T + "states_imag": np.zeros((4, 4, 4)),
    T + "fractions": np.full(4, 0.9),
    T + "fraction_errors": np.full(4, 0.01),
    **{P + name: np.full(4, 0.5) for name in ("phase", "standard_error", "contrast")},
    FIT + "names": "a",
    FIT + "units": "s",
    FIT + "values": np.ones((1, 1)),
    FIT + "errors": np.ones((1, 1)),
    FIT + "chi_square": np.ones(1),
}
NUMBERS = st.sampled_from([0.0, 1e99, -1.0, 1.0, 0.5, 1e308, -1e308, float("nan"), float("inf"), float("-inf")])
ODD = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [PLAN, "{}", "[]", '{"block_rounds": -3}', '{"block_rounds": 1e400}', '{"block_rounds": 1' + 30 * "0" + "}"]
    ),
    NUMBERS.map(np.float64),
    st.integers(-(2**63), 2**63 - 1).map(np.int64),
    st.lists(NUMBERS, max_size=6).map(np.array),
    st.sampled_from([np.zeros(0), np.zeros((0, 2, 3, 2, 2)), np.zeros((3, 3))]),
)
CHANGED = st.dictionaries(st.sampled_from(sorted(SOUND)), st.one_of(st.none(), ODD, st.just("filled")), max_size=4)


def with_changes(changes, fill):
    values = dict(SOUND)
    for name, odd in changes.items():
        if odd is None:
            del values[name]
        elif isinstance(odd, str) and odd == "filled":
            values[name] = np.full(np.shape(values[name]), fill)[()]
        else:
            values[name] = odd
    numbers = {name: drawable(value) for name, value in values.items() if isinstance(value, np.generic | np.ndarray)}
    return Results("odd", "a test", values | numbers)


def test_all_that_is_sound_is_drawn():
    assert len([found for maker in MAKERS if (found := maker(Results("r", "", SOUND), None))]) == len(MAKERS)


@settings(max_examples=100)
@given(CHANGED, NUMBERS)
def test_no_maker_fails(changes, fill):
    results = with_changes(changes, fill)
    for maker in MAKERS:
        maker(results, None)


@settings(max_examples=3)
@given(CHANGED, NUMBERS)
def test_no_picture_fails(changes, fill):
    results = with_changes(changes, fill)
    for maker in MAKERS:
        drawing = maker(results, None)
        if drawing is not None and any(
            drawing.name.startswith(name) for name in ("figure_3", "scan", "timeline", "heralds")
        ):
            drawing.draw().canvas.draw()
