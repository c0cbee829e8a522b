"""Emulated drivers take what ARTIQ's take: constructors in full, and every method that is emulated."""

import importlib
import inspect
import json
from pathlib import Path

import pytest

from testbed import standin
from testbed.devices import CORE_DEVICE, MODULES

RECORDED = json.loads((Path(__file__).parent / "driver_signatures.json").read_text())
CASES = [(release, name) for release in ("8", "9") for name in RECORDED[release]]
# What an emulated driver offers to the physics besides ARTIQ's methods.
OWN = {
    "Core": {"line", "name", "start_log", "underflow"},
    "AD9910": {"profile_changed", "forget", "update"},
}


def emulated(name):
    module, class_ = name.rsplit(".", 1)
    if module in MODULES:
        return getattr(importlib.import_module(MODULES[module]), class_)
    return getattr(importlib.import_module("testbed.drivers." + module.removeprefix(CORE_DEVICE)), class_)


def parameters(function):
    function = getattr(getattr(function, "artiq_embedded", None), "function", None) or function
    listed = list(inspect.signature(function).parameters.values())[1:]
    return [[p.name, None if p.default is p.empty else repr(p.default)] for p in listed]


def methods(class_):
    found = {}
    for name in dir(class_):
        attribute = inspect.getattr_static(class_, name)
        plain = callable(attribute) and not isinstance(attribute, staticmethod | property)
        if plain and (name == "__init__" or not name.startswith("_")):
            found[name] = attribute
    return found


@pytest.mark.parametrize("release, name", CASES)
def test_constructor(release, name):
    """Same names, defaults and order; a parameter that only the other release has may stand in between."""
    theirs = RECORDED[release][name]["__init__"]
    ours = parameters(emulated(name).__init__)
    assert [p for p in ours if p in theirs] == theirs
    others = RECORDED["9" if release == "8" else "8"][name]["__init__"]
    assert all(p in theirs or p in others for p in ours)


@pytest.mark.parametrize("release, name", CASES)
def test_emulated_methods(release, name):
    theirs = RECORDED[release][name]
    ours = methods(emulated(name))
    common = set(ours) & set(theirs) - {"__init__"}
    assert common
    either = set(RECORDED["8"][name]) | set(RECORDED["9"][name])
    assert set(ours) - either <= OWN.get(name.rsplit(".", 1)[1], set())
    if name.endswith("CPLD"):
        common -= {"set_profile"}  # (profile) in release-8, (channel, profile) in 9: ours takes both
    for method in common:
        got = parameters(ours[method])
        assert [p[0] for p in got][: len(theirs[method])] == [p[0] for p in theirs[method]] or all(
            p in got for p in theirs[method]
        ), method
        defaults = dict(map(tuple, got))
        for parameter, default in theirs[method]:
            assert parameter in defaults, (method, parameter)
            if default is not None and "np.int64" not in default:
                assert defaults[parameter] == default, (method, parameter)


def test_all_drivers_of_both_nodes_are_emulated():
    from testbed.devices import emulate

    for node in ("alice", "bob"):
        table = importlib.import_module(f"node_{node}.devices").DEVICES
        for name, entry in emulate(table, node).items():
            if isinstance(entry, dict) and entry["type"] == "local":
                assert not entry["module"].startswith("artiq."), name
                assert hasattr(importlib.import_module(entry["module"]), entry["class"]), name


def test_emulating_leaves_the_hardware_table_alone():
    from node_bob.devices import DEVICES
    from testbed.devices import emulate

    before = json.dumps(DEVICES, sort_keys=True)
    assert emulate(DEVICES, "bob")["apparatus"]["arguments"]["kind"] == "emulated"
    assert json.dumps(DEVICES, sort_keys=True) == before


@pytest.mark.skipif(standin.install(), reason="ARTIQ is not installed here: checked against recorded signatures only")
def test_recorded_signatures_are_the_real_ones():
    import artiq

    release = artiq.__version__.split(".")[0]
    for name, recorded in RECORDED[release].items():
        module, class_ = name.rsplit(".", 1)
        try:
            real = methods(getattr(importlib.import_module(module), class_))
        except ImportError:
            assert module == "entangler.driver"
            continue
        assert {method: parameters(function) for method, function in real.items()} == recorded, name
