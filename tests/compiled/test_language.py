"""What ARTIQ's language promises, on the runtime: RPCs of all types, exceptions, attributes, cache, DMA, clock."""

import logging
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import compiled_kit

pytestmark = compiled_kit.needs_artiq

if compiled_kit.is_real_artiq():
    from artiq.coredevice.exceptions import DMAError, RTIOUnderflow
    from artiq.master.worker_db import DeviceManager
    from language_sample import Odd, Sample


@pytest.fixture
def sample(monkeypatch):
    from node_bob.devices import DEVICES
    from testbed.devices import run_compiled
    from testbed.physics import laboratory

    compiled_kit.tools_on_path(monkeypatch)
    laboratory.use(laboratory.Laboratory(1, ()))
    table = run_compiled(DEVICES, "bob")
    table["core_dma"] = {"type": "local", "module": "artiq.coredevice.dma", "class": "CoreDMA", "arguments": {}}
    made = Sample((DeviceManager(compiled_kit.Table(table)), None, None, {}))
    yield made
    made.core.close()


def test_values_of_all_types_come_and_go(sample):
    assert sample.call_the_host() == 285
    first, second, later = sample.heard
    assert first == ((285, 7, [[10, 11], [], [12]], "hällo", 2.5, True), {})
    assert second == ((4.0, [True, False], (1, 2), range(4)), {"name": "x"})
    assert later == (2, [5, 6])


def test_attributes_are_written_back(sample):
    sample.change_attributes()
    sample.change_attributes()
    assert (sample.count, sample.flag, sample.numbers, sample.fraction) == (2, True, [0, 0, 42, 0], 1.25)
    assert sample.wide == 1 << 40 and type(sample.count) is np.int32


def test_exceptions_are_caught_where_they_should_be(sample):
    assert sample.catch() == 1_111_111


def test_what_is_not_caught_becomes_pythons_with_a_traceback_into_the_kernel(sample):
    with pytest.raises(RTIOUnderflow, match="channel 4, slack -") as caught:
        sample.too_late()
    assert len(sample.heard) == 1
    assert "self.ttl.on()" in str(caught.value.artiq_core_exception)
    with pytest.raises(ValueError, match="second") as caught:  # the type raised first, as on hardware
        sample.from_a_handler()
    assert "RuntimeError" in str(caught.value.artiq_core_exception)
    with pytest.raises(Odd, match="the host says no"):
        sample.pass_on()
    with pytest.raises(ZeroDivisionError):
        sample.divide(0)


def test_arithmetic_is_that_of_a_core_device(sample):
    """Python's, but for //, which rounds towards zero."""
    a, b, c = -7, 2, 1.7
    expected = int(a / b) + (a % b) + c**2 + c % 0.3 + round(c * 10) + np.sin(c) + c**a
    assert sample.arithmetic(a, b, c) == pytest.approx(expected, rel=1e-12)


def test_the_cache_lasts_from_kernel_to_kernel(sample):
    assert sample.use_the_cache("a key") == 6
    assert sample.use_the_cache("another") == 6


def test_dma_plays_what_was_recorded(sample):
    sample.record()
    sample.core.rtio.log = []
    assert sample.play() == 2400
    edges = [(time, level) for time, _, channel, address, level in sample.core.rtio.log if (channel, address) == (4, 0)]
    start = edges[0][0]
    assert [(time - start, level) for time, level in edges] == [(0, 1), (200, 0), (1000, 1), (1400, 0)]
    with pytest.raises(DMAError, match="not found"):
        sample.play_what_is_not_there()


def test_the_log_of_a_kernel_goes_to_the_log(sample, caplog):
    with caplog.at_level(logging.INFO):
        sample.say()
    assert "value 5 2.5" in caplog.text and "text" in caplog.text


def test_waiting_takes_the_time_it_waits(sample):
    assert 1_000_000 <= sample.wait() <= 1_002_000  # the CPU takes some for reading the clock


def test_a_kernel_can_be_interrupted(sample):
    import os
    import signal
    import threading

    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        sample.for_ever()


def test_a_precompiled_kernel_runs_again_and_again(sample):
    run = sample.core.precompile(sample.divide, 2)
    assert [run() for _ in range(3)] == [2, 2, 2]
