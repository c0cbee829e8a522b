"""Boards register by register, from data sheets and the gateware's register maps."""

import pytest

from testbed.boards.ad53xx import Ad53xx
from testbed.boards.ad9910 import Ad9910, Switch
from testbed.boards.edge_counter import EdgeCounter
from testbed.boards.entangler import EntanglerRegisters
from testbed.boards.i2c import READ, RESTART, SELECT, START, STOP, WRITE, I2cBus
from testbed.boards.rtio import ARRIVED, FOREVER, RAN_OVER, TIMED_OUT, Rtio
from testbed.boards.spi import SpiBus
from testbed.boards.ttl import Input, Output
from testbed.boards.urukul import Urukul
from testbed.drivers.native import Line

END = 0x02


class Wire:
    """What a Line asks of its core."""

    log = None


class Pulses:
    """A signal of 10 ns pulses every 100 ns."""

    def edges(self, start, stop):
        times = [(t, 1) for t in range(0, stop, 100)] + [(t + 10, 0) for t in range(0, stop, 100)]
        return sorted(edge for edge in times if start <= edge[0] < stop)

    def level(self, time):
        return int(time % 100 < 10)


def spi_word(bus, select, *words, start=0):
    """Send words (bits, length) as one transaction."""
    for i, (bits, length) in enumerate(words):
        flags = END if i == len(words) - 1 else 0
        bus.event(start, 1, select << 24 | (length - 1) << 8 | flags)
        bus.event(start + 8, 0, bits << 32 - length & 0xFFFFFFFF)


@pytest.fixture
def urukul():
    return Urukul([Ad9910(Switch(10 + i), 1) for i in range(4)])


def test_an_input_gates_samples_and_runs_over():
    board = Input(Pulses())
    board.event(0, 3, 0)
    board.event(50, 3, 0)
    assert [board.input(FOREVER) for _ in range(2)] == [(ARRIVED, 0, 1), (ARRIVED, 50, 0)]
    for sensitivity, levels in ((1, {1}), (2, {0}), (3, {0, 1})):
        board.event(1000, 2, sensitivity)
        board.event(1250, 2, 0)
        found = []
        while (event := board.input(2000))[0] == ARRIVED:
            found.append(event)
        assert {level for _, _, level in found} == levels and all(1000 <= t < 1250 for _, t, _ in found)
    board.event(0, 2, 1)
    board.event(6500, 2, 0)
    assert board.input(FOREVER)[0] == RAN_OVER
    assert board.input(FOREVER)[0] == TIMED_OUT


def test_an_input_comes_no_earlier_than_asked_for():
    board = Input(Pulses())
    board.event(90, 2, 1)
    board.event(150, 2, 0)
    assert board.input(99)[0] == TIMED_OUT
    assert board.input(100) == (ARRIVED, 100, 1)


def test_an_output_drives_its_wire_and_is_heard():
    line, heard = Line(Wire(), 3).watch(), []
    board = Output(line, lambda time, level: heard.append((time, level)))
    board.event(5, 0, 1)
    board.event(9, 1, 1)  # output enable is no edge
    board.reset(20)
    assert line.edges == [(5, 1), (20, 0)] and heard == [(5, 1)]


def test_a_counter_adds_up_intervals_by_their_edges():
    board = EdgeCounter(lambda start, stop: stop - start)
    board.event(0, 0, 8 | 1)
    board.event(10, 0, 4)
    board.event(100, 0, 8 | 3)
    board.event(110, 0, 0)
    board.event(200, 0, 1)
    board.event(205, 0, 4)
    assert board.input(FOREVER) == (ARRIVED, 10, 10)
    assert board.input(204)[0] == TIMED_OUT
    assert board.input(FOREVER) == (ARRIVED, 205, 25)


def test_a_profile_acts_at_io_update_with_its_phase_cleared_or_running(urukul):
    bus, dds = SpiBus(urukul), urukul.outputs[1]
    spi_word(bus, 1, (7 << 8, 24))
    spi_word(bus, 5, (0x00, 8), (1 << 13, 32))
    spi_word(bus, 5, (0x15, 8), (0x3FFF << 16 | 0x4000, 32), (1000, 32), start=100)
    assert dds.tones[-1].amplitude == 0
    urukul.io_update(5000, 1)
    tone = dds.tones[-1]
    assert (tone.since, tone.ftw, tone.phase, tone.amplitude) == (5000, 1000, 0x4000 << 16, 1.0)
    assert tone.phase_at(5000) == 0x4000 << 16
    spi_word(bus, 5, (0x00, 8), (0, 32))
    spi_word(bus, 5, (0x15, 8), (0x3FFF << 16 | 0x5000, 32), (2000, 32))
    before = dds.tones[-1].phase_at(9000)
    urukul.io_update(9000, 1)
    assert dds.tones[-1].phase_at(9000) == before + (0x1000 << 16)
    urukul.io_update(9500, 0)
    urukul.io_update(9500, 1)  # nothing new was written
    assert dds.tones[-1].since == 9000
    assert all(other.tones[-1].amplitude == 0 for other in urukul.outputs if other is not dds)


def test_attenuators_are_one_word_of_four_octets(urukul):
    bus, dds = SpiBus(urukul), urukul.outputs[2]
    spi_word(bus, 1, (7 << 8, 24))
    spi_word(bus, 6, (0x15, 8), (0x3FFF << 16, 32), (1000, 32))
    urukul.io_update(10, 1)
    spi_word(bus, 2, (0xFF00FFFF | (255 - 160) << 16, 32), start=100)
    assert dds.tones[-1].amplitude == pytest.approx(0.1)  # 20 dB
    assert urukul.answer(2, 0, 32, 32) == 0xFF5FFFFF


def test_what_the_driver_looks_for_is_there(urukul):
    assert urukul.answer(1, 0, 24, 24) >> 16 == 8 and urukul.answer(1, 0, 24, 24) >> 8 & 0xF == 0xF
    assert urukul.answer(4, 0x83 << 32, 40, 32) & 0xFF == 0x7F  # AUX_DAC


def test_voltages_act_at_the_falling_edge_of_ldac():
    dac, heard = Ad53xx(), []
    bus = SpiBus(dac)
    dac.listener = lambda time, registers: heard.append((time, registers[3]))
    spi_word(bus, 1, (3 << 22 | (3 + 8) << 16 | 0x9000, 24))
    dac.ldac(100, 1)
    assert heard == []
    dac.ldac(108, 0)
    dac.ldac(208, 0)
    assert heard == [(108, 0x9000)]


def test_the_entanglers_registers_are_those_of_its_driver():
    board = EntanglerRegisters()
    board.event(0, 0, 0b101)
    board.event(0, 2, 125)
    board.event(0, 3, 0b0011 | 0b1100 << 4 | 0b11 << 16)
    board.event(0, 8, 41 << 16 | 1)
    board.event(0, 12, 101 << 16 | 9)
    assert board.enabled and board.standalone and board.cycle_mu == 1000
    assert board.heralds == [0b0011, 0b1100]
    assert board.timings == {8: (0, 320), 12: (8, 100)}
    board.reset(5)
    assert not board.enabled and board.timings == {} and board.changed


def test_an_eeprom_keeps_what_was_written_behind_its_switch():
    bus = I2cBus()

    def select(mask):
        bus(SELECT, 0, 0x70, mask)

    def write(*bytes):
        bus(START, 0, 0, 0)
        acknowledged = [bus(WRITE, 0, byte, 0) for byte in bytes]
        bus(STOP, 0, 0, 0)
        return acknowledged

    def read(address, count):
        bus(START, 0, 0, 0)
        for byte in (0xA0, address):
            assert bus(WRITE, 0, byte, 0)
        bus(RESTART, 0, 0, 0)
        assert bus(WRITE, 0, 0xA1, 0)
        bytes = [bus(READ, 0, 1, 0) for _ in range(count)]
        bus(STOP, 0, 0, 0)
        return bytes

    select(1 << 5)
    assert read(64, 2) == [0xFF, 0xFF]
    assert write(0xA0, 64, 1, 2) == [1, 1, 1, 1]
    assert write(0x44)[0] == 0  # nobody has that address
    select(1 << 3)
    assert read(64, 2) == [0xFF, 0xFF]
    select(1 << 5)
    assert read(64, 3) == [1, 2, 0xFF]
    assert bus(SELECT, 0, 0x12, 1) < 0


def test_a_kernel_that_would_wait_for_ever_is_ended():
    rtio = Rtio()
    rtio.channels[3] = Input(Pulses())
    assert rtio.input(50, 3)[0] == TIMED_OUT
    with pytest.raises(RuntimeError, match="channel 3"):
        rtio.input(FOREVER, 3)
