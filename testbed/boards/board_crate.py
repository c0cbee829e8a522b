"""All boards of a node's crate, by its device table, with the node's physics behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from testbed.boards.ad53xx import Ad53xx
from testbed.boards.ad9910 import Ad9910, Switch
from testbed.boards.edge_counter import EdgeCounter
from testbed.boards.entangler import EntanglerRegisters
from testbed.boards.i2c import I2cBus
from testbed.boards.rtio import Board, Rtio
from testbed.boards.spi import SpiBus
from testbed.boards.ttl import Input, Output, Silent
from testbed.boards.urukul import Urukul
from testbed.drivers.native import Line
from testbed.physics.node_physics import NodePhysics

FIRST_DDS_SELECT = 4


class CoreClock(Protocol):
    """What the physics may do to the core device."""

    wall: int
    on_kernel: list[Callable[[bool], None]]
    on_break: list[Callable[[], None]]


class BoardCore:
    """The core device as the physics sees it: wires, the CPU's clock, and when a kernel runs."""

    log = None  # events are seen at the channels, see Rtio.log

    def __init__(self, clock: CoreClock) -> None:
        self._clock = clock
        self.on_kernel, self.on_break = clock.on_kernel, clock.on_break
        self._lines: dict[int, Any] = {}

    def line(self, channel: int) -> Any:
        """The wire at an output channel."""
        return self._lines.setdefault(channel, Line(self, channel))

    def name(self, channel: int) -> str:
        return f"channel {channel}"

    @property
    def wall(self) -> int:
        return self._clock.wall

    @wall.setter
    def wall(self, time: int) -> None:
        self._clock.wall = time


class BoardCrate:
    """Boards behind their channels, in the place of a device manager for the physics.

    Args:
        table: the device table.
        node: "alice" or "bob".
        rtio: gets the boards.
        clock: of the core device.
    """

    def __init__(self, table: dict[str, Any], node: str, rtio: Rtio, clock: CoreClock) -> None:
        self.table, self.rtio = table, rtio
        self.core = BoardCore(clock)
        self.i2c = I2cBus()
        self.entangler = EntanglerRegisters()
        self.dac = Ad53xx()
        self._outputs = {name: self._dds(entry) for name, entry in self._of_class("AD9910")}
        self.physics = NodePhysics(self, node)
        self._connect()

    # What the physics asks for, by names of the device table

    def get_device_db(self) -> dict[str, Any]:
        return self.table

    def get(self, name: str) -> Any:
        """Core, DDS or DAC."""
        if name == "core":
            return self.core
        return self._outputs.get(name) or self.dac

    # Building

    def _of_class(self, *classes: str) -> list[tuple[str, dict[str, Any]]]:
        return [(n, e) for n, e in self.table.items() if isinstance(e, dict) and e.get("class") in classes]

    def _channel(self, name: str) -> int:
        return self.table[name]["arguments"]["channel"]

    def _dds(self, entry: dict[str, Any]) -> Ad9910:
        arguments = entry["arguments"]
        cpld = self.table[arguments["cpld_device"]]["arguments"]
        clock = cpld.get("refclk", 125e6) / (4, 1, 2, 4)[cpld.get("clk_div", 0)] * arguments.get("pll_n", 40)
        return Ad9910(Switch(self._channel(arguments["sw_device"])), round(clock * 1e-9))

    def _connect(self) -> None:
        channels: dict[int, Board] = self.rtio.channels
        for name, entry in self._of_class("TTLOut", "TTLInOut", "TTLClockGen", "EdgeCounter", "Entangler"):
            channels[self._channel(name)] = self._board(entry["class"], self._channel(name))
        for name, entry in self._of_class("CPLD"):
            self._connect_urukul(name, entry["arguments"])
        for _, entry in self._of_class("Zotino"):
            channels[self._channel(entry["arguments"]["spi_device"])] = SpiBus(self.dac)
            self._listen(entry["arguments"]["ldac_device"], self.dac.ldac)
        self.entangler.loop = self.physics.attempts(self.entangler)
        self.rtio.i2c = self.i2c

    def _board(self, class_: str, channel: int) -> Board:
        if class_ == "TTLOut":
            return Output(self.core.line(channel))
        if class_ == "TTLInOut":
            return Input(self.physics.input(channel))
        if class_ == "EdgeCounter":
            return EdgeCounter(self.physics.counter(channel))
        return self.entangler if class_ == "Entangler" else Silent()

    def _connect_urukul(self, name: str, arguments: dict[str, Any]) -> None:
        outputs: list[Ad9910 | None] = [None] * 4
        for dds, entry in self._of_class("AD9910"):
            if entry["arguments"]["cpld_device"] == name:
                outputs[entry["arguments"]["chip_select"] - FIRST_DDS_SELECT] = self._outputs[dds]
        urukul = Urukul(outputs)
        self.rtio.channels[self._channel(arguments["spi_device"])] = SpiBus(urukul)
        self._listen(arguments["io_update_device"], urukul.io_update)

    def _listen(self, name: str, heard: Callable[[int, int], None]) -> None:
        channel = self._channel(name)
        self.rtio.channels[channel] = Output(self.core.line(channel), heard)

    def close(self) -> None:
        self.physics.close()
