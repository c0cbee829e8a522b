"""Datasets of an experiment in good order, and datasets that are not."""

import numpy as np
from hypothesis import strategies as st

ROUNDS, KEY, RUN, CALIBRATION = "diqkd.rounds", "diqkd.key", "diqkd.characterisation", "diqkd.calibration"


def session(**changes):
    """A session in its middle, on a real apparatus."""
    values = {
        "session": "s2",
        "status": "measuring",
        "total": 1_500_000,
        "done": 600_000,
        "lost": 0,
        "remaining_s": 9000.0,
        "apparatus": "kasli",
        "insecure_because": "",
        "herald_rate_hz": [90.0, 100.0, 95.0],
        "pattern_counts": [100, 200, 300, 400],
    }
    return {f"{ROUNDS}.{name}": value for name, value in (values | changes).items()}


def key(**changes):
    """A key of the session before."""
    values = {
        "session": "s1",
        "status": "key accepted",
        "accepted": True,
        "bits": 95_884,
        "abort_reason": "",
        "apparatus": "kasli",
        "insecure_because": "",
    }
    return {f"{KEY}.{name}": value for name, value in (values | changes).items()}


def characterisation(points=5):
    """S = 2.6 and Q = 2 % with bands of 0.1 and 1 %."""
    score, qber = np.full(points, 2.6), np.full(points, 0.02)
    values = {
        "round": np.arange(1, points + 1) * 1000,
        "score": score,
        "score_low": score - 0.05,
        "score_high": score + 0.05,
        "qber": qber,
        "qber_low": qber - 0.005,
        "qber_high": qber + 0.005,
        "window_rounds": 100_000,
        "apparatus": "kasli",
    }
    return {f"{RUN}.{name}": value for name, value in values.items()}


def second_key_basis(points=5):
    """Q_1 = 4 % beside them."""
    qber = np.full(points, 0.04)
    values = {"qber2": qber, "qber2_low": qber - 0.005, "qber2_high": qber + 0.005}
    return {f"{RUN}.{name}": value for name, value in values.items()}


def histogram():
    """Dark up to 3 counts, bright from 3 on; the threshold of 2 gets one dark and no bright shot wrong."""
    values = {"dark": np.array([6, 2, 1, 1]), "bright": np.array([0, 0, 0, 2, 5, 3]), "threshold": 2}
    return {f"{CALIBRATION}.histogram.{name}": value for name, value in values.items()}


def scan(points=4):
    """A scan that is not fitted yet."""
    x = np.arange(float(points))
    values = {
        "title": "Carrier <Rabi>",
        "x_label": "Detuning (kHz)",
        "y_label": "P(S1/2) < 1",
        "x": x,
        "y": x**2,
        "y_low": x**2 - 1,
        "y_high": x**2 + 2,
        "fit_x": [],
        "fit_y": [],
        "result": "",
    }
    return {f"{CALIBRATION}.scan.{name}": value for name, value in values.items()}


def everything():
    """All of it at once."""
    return session() | key() | characterisation() | histogram() | scan()


numbers = st.one_of(st.integers(-5, 10**6), st.floats(-1e6, 1e6), st.sampled_from([float("nan"), float("inf")]))
anything = st.one_of(
    st.none(), st.booleans(), numbers, st.integers(), st.floats(), st.text(max_size=8), st.binary(max_size=3),
    st.lists(numbers, max_size=6), st.lists(numbers, max_size=6).map(np.array), st.just([[1, 2], [3, 4]]),
    st.lists(st.text(max_size=2), min_size=1, max_size=2),
)  # fmt: skip


def broken(names):
    """Any of these datasets missing, half updated or of another kind; the rest as in `everything`."""
    whole = everything()
    return st.fixed_dictionaries({}, optional={name: st.one_of(anything, st.just(whole.get(name))) for name in names})
