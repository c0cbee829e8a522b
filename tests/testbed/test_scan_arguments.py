"""Scan objects behave as ARTIQ's: under the stand-in and under ARTIQ itself, against values noted from release-8."""

import importlib.util

import pytest
from artiq.experiment import CenterScan, ExplicitScan, MultiScanManager, NoScan, RangeScan, Scannable

from testbed import standin
from testbed.standin import pyon

SCANS = {
    "range": (
        lambda: RangeScan(0.0, 20e-6, 5),
        [0.0, 5e-6, 1e-5, 1.5000000000000002e-05, 2e-5],
        {"ty": "RangeScan", "start": 0.0, "stop": 20e-6, "npoints": 5, "randomize": False, "seed": None},
    ),
    "shuffled": (
        lambda: RangeScan(0, 4, 5, randomize=True, seed=3),
        [0.0, 2.0, 3.0, 4.0, 1.0],
        {"ty": "RangeScan", "start": 0, "stop": 4, "npoints": 5, "randomize": True, "seed": 3},
    ),
    "one point": (
        lambda: RangeScan(2.0, 3.0, 1),
        [2.0],
        {"ty": "RangeScan", "start": 2.0, "stop": 3.0, "npoints": 1, "randomize": False, "seed": None},
    ),
    "none": (
        lambda: RangeScan(2.0, 3.0, 0),
        [],
        {"ty": "RangeScan", "start": 2.0, "stop": 3.0, "npoints": 0, "randomize": False, "seed": None},
    ),
    "centre": (
        lambda: CenterScan(10.0, 4.0, 1.0),
        [10.0, 9.0, 11.0, 8.0, 12.0],
        {"ty": "CenterScan", "center": 10.0, "step": 1.0, "span": 4.0, "randomize": False, "seed": None},
    ),
    "centre, cut": (
        lambda: CenterScan(10.0, 4.9, 1.0, randomize=True, seed=1),
        [11.0, 8.0, 12.0, 10.0, 9.0],
        {"ty": "CenterScan", "center": 10.0, "step": 1.0, "span": 4.9, "randomize": True, "seed": 1},
    ),
    "no step": (
        lambda: CenterScan(10.0, 4.0, 0.0),
        [],
        {"ty": "CenterScan", "center": 10.0, "step": 0.0, "span": 4.0, "randomize": False, "seed": None},
    ),
    "one value": (lambda: NoScan(3.5, 3), [3.5, 3.5, 3.5], {"ty": "NoScan", "value": 3.5, "repetitions": 3}),
    "list": (lambda: ExplicitScan([3, 1, 2]), [3, 1, 2], {"ty": "ExplicitScan", "sequence": [3, 1, 2]}),
}


@pytest.mark.parametrize("name", SCANS)
def test_points_description_and_the_way_through_pyon(name):
    make, points, description = SCANS[name]
    scan = make()
    assert list(scan) == points and list(scan) == points and len(scan) == len(points)
    assert scan.describe() == description and next(iter(scan.describe())) == "ty"
    text = pyon.encode(scan.describe())
    if importlib.util.find_spec("sipyco"):
        from sipyco import pyon as real

        assert real.decode(real.encode(scan.describe())) == real.decode(text) == description
    again = Scannable().process(pyon.decode(text))
    assert type(again) is type(scan) and list(again) == points


def test_what_a_dashboard_is_told():
    default = [RangeScan(0.0, 1e-6, 2, randomize=True), CenterScan(5e-7, 1e-6, 1e-6)]
    value = Scannable(default, "us", global_min=0.0, global_max=1e-3, global_step=1e-7, precision=3)
    assert value.default() is default[0]
    assert value.describe() == {
        "ty": "Scannable", "default": [scan.describe() for scan in default], "unit": "us", "scale": 1e-6,
        "global_step": 1e-7, "global_min": 0.0, "global_max": 1e-3, "precision": 3,
    }  # fmt: skip
    assert Scannable(default[0]).describe()["default"] == [default[0].describe()]
    assert Scannable(unit="kHz").describe() == {
        "ty": "Scannable", "unit": "kHz", "scale": 1e3, "global_step": 100.0, "global_min": None, "global_max": None,
        "precision": 2,
    }  # fmt: skip
    with pytest.raises(KeyError):
        Scannable(unit="furlong")
    with pytest.raises(KeyError):
        Scannable().process({"ty": "Scan"})
    assert list(Scannable().process({"ty": "RangeScan", "start": 0, "stop": 1, "npoints": 2, "more": 1})) == [0.0, 1.0]


def test_several_scans_at_once():
    both = MultiScanManager(("a", ExplicitScan([1, 2])), ("b", NoScan("x", 2)))
    assert [(point.a, point.b) for point in both] == [(1, "x"), (1, "x"), (2, "x"), (2, "x")]
    assert next(iter(both)).attr == {"a", "b"} and len(list(both)) == 4


def test_without_a_seed_each_scan_has_an_order_of_its_own():
    orders = {tuple(RangeScan(0, 99, 100, randomize=True)) for _ in range(3)}
    assert len(orders) == 3 and all(sorted(order) == [float(i) for i in range(100)] for order in orders)


def test_which_of_both_this_was():
    module = importlib.import_module("artiq.language.scan")
    assert ("standin" in module.__file__) == standin.active()
