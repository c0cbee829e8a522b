"""Three mistakes that the Python emulation does not notice, and kernels as ARTIQ compiles them do: what this is for."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import compiled_kit

pytestmark = compiled_kit.needs_artiq

if compiled_kit.is_real_artiq():
    from artiq.coredevice.core import CompileError
    from artiq.coredevice.exceptions import RTIOUnderflow
    from artiq.master.worker_db import DeviceManager
    from mistakes_sample import Mistakes


def mistakes(monkeypatch, make_table):
    from node_bob.devices import DEVICES
    from testbed.physics import laboratory

    compiled_kit.tools_on_path(monkeypatch)
    laboratory.use(laboratory.Laboratory(1, ()))
    return Mistakes((DeviceManager(compiled_kit.Table(make_table(DEVICES, "bob"))), None, None, {}))


@pytest.fixture
def interpreted(monkeypatch):
    from testbed.devices import emulate

    return mistakes(monkeypatch, emulate)


@pytest.fixture
def compiled(monkeypatch):
    from testbed.devices import run_compiled

    return mistakes(monkeypatch, run_compiled)


def test_both_run_what_is_right(interpreted, compiled):
    interpreted.as_it_should_be()
    compiled.as_it_should_be()


def test_a_removed_break_realtime(interpreted, compiled):
    interpreted.without_break_realtime()
    with pytest.raises(RTIOUnderflow):
        compiled.without_break_realtime()


def test_a_time_that_overflows_32_bits(interpreted, compiled):
    interpreted.overflowing_time()
    with pytest.raises(RTIOUnderflow):
        compiled.overflowing_time()


def test_a_float_where_the_driver_wants_an_integer(interpreted, compiled):
    interpreted.number_that_is_no_integer()
    with pytest.raises(CompileError):
        compiled.number_that_is_no_integer()
