"""The core device whose CPU is counted: ARTIQ's own Core and target, its binary on the processor of rv32.c."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from artiq.coredevice import core as artiq_core

from testbed.boards.board_crate import BoardCrate
from testbed.boards.rtio import Rtio
from testbed.compiled.attributes import write_back
from testbed.compiled.rpc import Rpcs, python_exception
from testbed.compiled.values import KernelValues
from testbed.counted.costs import CHANNEL_ARGUMENT, CountedCall
from testbed.counted.firmware import COSTS, Firmware
from testbed.counted.processor import ARGUMENTS, BASE, DOORS, RETURN_ADDRESS, SIZE, STACK_POINTER, Processor
from testbed.counted.program import Program
from testbed.counted.unwinder import Uncaught, Unwinder
from testbed.drivers.core import KERNEL_START_MU
from testbed.drivers.cpu_time import CLOCK_MHZ
from testbed.physics.node_physics import NodePhysics

ABOVE_STACK = 1 << 20  # bytes of memory that kernels do not use
NOW_AT = BASE + SIZE - ABOVE_STACK
EXCEPTIONS_AT = NOW_AT + 0x1000


@dataclass
class CountedOutput:
    """One output: when it is due, how much earlier the CPU handed it over (ns), and to which target."""

    time: int
    slack: int
    target: int


@dataclass
class CountedConnection:
    """What ARTIQ's Core asks of its connection, on the processor.

    Attributes:
        cycles_per_instruction: of the CPU, on average. outputs, calls: all since the last kernel began.
    """

    rtio: Rtio
    cycles_per_instruction: float = 1.0
    outputs: list[CountedOutput] = field(default_factory=list)
    calls: list[CountedCall] = field(default_factory=list)
    on_kernel: list[Callable[[bool], None]] = field(default_factory=list)
    on_break: list[Callable[[], None]] = field(default_factory=list)
    _waited: float = 0.0
    _charged: int = 0
    _began: int = 0
    _processor: Processor = field(default_factory=Processor)

    @property
    def instructions(self) -> int:
        """Executed by kernels, and charged for the firmware."""
        return self._processor.instructions + self._charged

    @property
    def wall(self) -> int:
        """What the RTIO counter says, ns."""
        return int(self._waited + self.instructions * self.cycles_per_instruction * 1000 / CLOCK_MHZ)

    @wall.setter
    def wall(self, time: int) -> None:
        self._waited += time - self.wall

    def wait(self, until: int) -> None:
        """The CPU waits for a time."""
        self._waited += max(0, until - self.wall)

    def check_system_info(self) -> None:
        """There is no gateware to compare with."""

    def load(self, library: bytes) -> None:
        self._program = Program(library, self._processor, {"now": NOW_AT})

    def run(self) -> None:
        """It runs while it is served."""

    def serve(self, embedding_map: Any, symbolizer: Callable, demangler: Callable) -> None:
        """Run the loaded kernel to its end; raises what it did not catch."""
        values = KernelValues(self._processor, embedding_map)
        unwinder = Unwinder(self._processor, self._program, values, EXCEPTIONS_AT)
        firmware = Firmware(
            self._processor, Rpcs(values), unwinder, self.rtio, lambda: self.wall, self.wait, self._heard, NOW_AT
        )
        self.outputs.clear()
        self.calls.clear()
        self._began = self.instructions
        for hook in self.on_kernel:
            hook(True)
        try:
            self._execute(firmware)
        except Uncaught:
            raise python_exception(unwinder.in_flight, unwinder.trace[:-1], embedding_map, symbolizer) from None
        finally:
            for hook in self.on_kernel:
                hook(False)
        if "typeinfo" in self._program.symbols:
            write_back(self._program.symbols["typeinfo"], values)

    def _execute(self, firmware: Firmware) -> None:
        processor, doors = self._processor, self._program.doors
        processor.x[STACK_POINTER], processor.x[RETURN_ADDRESS] = NOW_AT - 64, DOORS
        processor.pc = self._program.symbols["__modinit__"]
        while True:
            processor.run()
            if processor.pc == DOORS:
                return
            name = doors[processor.pc]
            self._charged += COSTS.get(name, 0)
            if name.startswith(("rtio", "rpc")):
                self._note(name)
            firmware.call(name)

    def _note(self, name: str) -> None:
        argument = 0 if name.startswith("rtio_output") else CHANNEL_ARGUMENT.get(name)
        place = -1 if argument is None else self._processor.x[ARGUMENTS + argument]
        self.calls.append(CountedCall(name, place, self.instructions - self._began))

    def _heard(self, time: int, slack: int, target: int) -> None:
        self.outputs.append(CountedOutput(time, slack, target))

    def close(self) -> None:
        """Nothing is held open."""


class CountedCore(artiq_core.Core):
    """Arguments as of ARTIQ's Core, plus the node whose boards and ions stand behind it; `host` is not used."""

    def __init__(self, dmgr: Any, node: str, **arguments: Any) -> None:
        super().__init__(dmgr, **(arguments | {"host": None, "target": "rv32g"}))
        self.rtio = Rtio()
        self.comm = CountedConnection(self.rtio)
        self.crate = BoardCrate(dmgr.get_device_db(), node, self.rtio, self.comm)

    @property
    def physics(self) -> NodePhysics:
        """The physics behind the boards."""
        return self.crate.physics

    def _run_compiled(self, *compiled: Any) -> None:
        self.comm.wall += KERNEL_START_MU
        super()._run_compiled(*compiled)

    def close(self) -> None:
        """Tell the laboratory that this node has gone."""
        self.crate.close()
        super().close()
