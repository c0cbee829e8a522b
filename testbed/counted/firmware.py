"""What a Kasli's firmware offers to kernels, and what it costs in instructions."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

from testbed.boards.rtio import ARRIVED, FOREVER, RAN_OVER, RESET, Rtio
from testbed.compiled.rpc import FAILED, Raised, Rpcs
from testbed.counted.processor import ARGUMENTS, RETURN_ADDRESS, Processor
from testbed.counted.unwinder import Unwinder
from testbed.drivers.cpu_time import RPC_MU

# Instructions of the firmware's own functions, estimated from their source (release-8); what is not here is free.
COSTS = {
    "rtio_output": 40,
    "rtio_output_wide": 60,
    "rtio_input_data": 40,
    "rtio_input_timestamp": 40,
    "rtio_input_timestamped_data": 50,
    "rtio_get_counter": 30,
    "rpc_send_async": 2000,
    "__divdi3": 60,
    "__moddi3": 60,
    "__udivdi3": 60,
    "__umoddi3": 60,
    "__muldi3": 10,
    "__fixdfdi": 20,
    "__floatdidf": 20,
    "round": 30,
    "floor": 20,
    "fmod": 100,
    "sin": 200,
    "cos": 200,
    "pow": 400,
    "__powidf2": 100,
}
RESET_NS = 125_000
EXCEPTIONS = "0:artiq.coredevice.exceptions."


class NotInTheFirmware(RuntimeError):
    """A function that the counted level does not have."""


class Firmware:
    """Answers calls of one kernel.

    Args:
        wall: what the RTIO counter says, ns.
        wait: lets time pass while the CPU waits.
        heard: called with (time, slack, target) of every output.
    """

    def __init__(
        self,
        processor: Processor,
        rpcs: Rpcs,
        unwinder: Unwinder,
        rtio: Rtio,
        wall: Callable[[], int],
        wait: Callable[[int], None],
        heard: Callable[[int, int, int], None],
        now_at: int,
    ) -> None:
        self.processor, self.rpcs, self.unwinder, self.rtio = processor, rpcs, unwinder, rtio
        self.wall, self.wait, self.heard, self.now_at = wall, wait, heard, now_at

    def call(self, name: str) -> None:
        """Do what the kernel asks for and go back to it, or to a landing pad.

        Raises:
            NotInTheFirmware: unknown to this level.
        """
        function = getattr(self, "do_" + name.strip("_"), None)
        if function is None:
            raise NotInTheFirmware(f"{name}: the counted level has no such function; use `diqkd lab up --compiled`")
        self.processor.pc = self.processor.x[RETURN_ADDRESS]
        function()

    # Arguments and results

    def a(self, number: int) -> int:
        return self.processor.x[ARGUMENTS + number]

    def a64(self, number: int) -> int:
        return struct.unpack("<q", struct.pack("<II", self.a(number), self.a(number + 1)))[0]

    def d(self, number: int) -> float:
        return struct.unpack("<d", struct.pack("<Q", self.processor.f[ARGUMENTS + number]))[0]

    def give(self, value: int) -> None:
        self.processor.x[ARGUMENTS] = value & 0xFFFFFFFF

    def give64(self, value: int) -> None:
        self.give(value)
        self.processor.x[ARGUMENTS + 1] = value >> 32 & 0xFFFFFFFF

    def give_double(self, value: float) -> None:
        (self.processor.f[ARGUMENTS],) = struct.unpack("<Q", struct.pack("<d", value))

    # Exceptions

    def raise_own(self, name: str, message: str, *params: int) -> None:
        a, b, c = (*params, 0, 0, 0)[:3]
        self.unwinder.raise_new(Raised(EXCEPTIONS + name, message, (a, b, c), "(firmware)", function="(firmware)"))

    def do_artiq_raise(self) -> None:
        self.unwinder.raise_at(self.a(0))

    def do_artiq_resume(self) -> None:
        self.unwinder.go_on()

    do_Unwind_Resume = do_artiq_resume

    def do_artiq_end_catch(self) -> None:
        self.unwinder.end_catch()

    # RTIO

    def cursor(self) -> int:
        high, low = struct.unpack("<I4xI", self.processor.read(self.now_at, 12))
        return struct.unpack("<q", struct.pack("<II", low, high))[0]

    def do_rtio_output(self) -> None:
        self._output(self.a(0), [self.a(1)])

    def do_rtio_output_wide(self) -> None:
        values = self.rpcs.values
        where, length = values.slice(self.a(1))
        self._output(self.a(0), list(struct.unpack(f"<{length}I", self.processor.read(where, 4 * length))))

    def _output(self, target: int, words: list[int]) -> None:
        time, wall = self.cursor(), self.wall()
        self.heard(time, time - wall, target)
        if time < wall:
            message = "RTIO underflow at {1} mu, channel {0}, slack {2} mu"
            self.raise_own("RTIOUnderflow", message, target >> 8, time, time - wall)
            return
        self.rtio.take([(time, wall, target if i == 0 else -1, word) for i, word in enumerate(words)])

    def do_rtio_init(self) -> None:
        self.wait(self.wall() + RESET_NS)
        self.rtio.take([(self.wall(), self.wall(), RESET, 0)])

    def do_rtio_get_counter(self) -> None:
        self.give64(self.wall() & ~7)

    def do_rtio_get_destination_status(self) -> None:
        self.give(int(self.a(0) == 0))

    def _input(self, timeout: int, channel: int) -> tuple[int, int] | None:
        """(time or -1, data); None if an exception was raised instead."""
        status, time, data = self.rtio.input(timeout, channel)
        if status == RAN_OVER:
            self.raise_own("RTIOOverflow", "RTIO input overflow on channel {0}", channel)
            return None
        self.wait(time if status == ARRIVED else timeout)
        return (time if status == ARRIVED else -1), data

    def do_rtio_input_data(self) -> None:
        found = self._input(FOREVER, self.a(0))
        if found is not None:
            self.give(found[1])

    def do_rtio_input_timestamp(self) -> None:
        found = self._input(self.a64(0), self.a(2))
        if found is not None:
            self.give64(found[0])

    def do_rtio_input_timestamped_data(self) -> None:
        into, timeout = self.a(0), self.a64(1)
        found = self._input(timeout if timeout >= 0 else FOREVER, self.a(3))
        if found is not None:
            self.processor.write(into, struct.pack("<qi", *found))

    # RPCs

    def do_rpc_send(self, is_async: bool = False) -> None:
        values = self.rpcs.values
        tag = self.processor.read(*values.slice(self.a(1)))
        self.rpcs.send(self.a(0), tag, self.a(2), is_async)
        if not is_async:
            self.wait(self.wall() + RPC_MU)

    def do_rpc_send_async(self) -> None:
        self.do_rpc_send(True)

    def do_rpc_recv(self) -> None:
        size = self.rpcs.receive(self.a(0))
        if size == FAILED and self.rpcs.failure is not None:
            self.unwinder.raise_new(self.rpcs.failure)
        else:
            self.give(size)

    # I2C, and the functions of a C library

    def _i2c(self, what: int) -> int:
        return self.rtio.i2c(what, self.a(0), self.a(1), self.a(2))

    def do_i2c_start(self) -> None:
        self._i2c(0)

    def do_i2c_restart(self) -> None:
        self._i2c(1)

    def do_i2c_stop(self) -> None:
        self._i2c(2)

    def do_i2c_write(self) -> None:
        self.give(self._i2c(3))

    def do_i2c_read(self) -> None:
        self.give(self._i2c(4))

    def do_i2c_switch_select(self) -> None:
        self._i2c(5)

    def do_memcpy(self) -> None:
        self.processor.write(self.a(0), self.processor.read(self.a(1), self.a(2)))

    do_memmove = do_memcpy

    def do_memset(self) -> None:
        self.processor.write(self.a(0), bytes([self.a(1) & 0xFF]) * self.a(2))

    def do_memcmp(self) -> None:
        first, second = (self.processor.read(self.a(i), self.a(2)) for i in range(2))
        self.give((first > second) - (first < second))

    def do_divdi3(self) -> None:
        a, b = self.a64(0), self.a64(2)
        self.give64(abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1))

    def do_moddi3(self) -> None:
        a, b = self.a64(0), self.a64(2)
        self.give64(abs(a) % abs(b) * (-1 if a < 0 else 1))

    def do_muldi3(self) -> None:
        self.give64(self.a64(0) * self.a64(2))

    def do_fixdfdi(self) -> None:
        self.give64(int(self.d(0)))

    def do_floatdidf(self) -> None:
        self.give_double(float(self.a64(0)))

    def do_round(self) -> None:
        self.give_double(math.copysign(math.floor(abs(self.d(0)) + 0.5), self.d(0)))

    def do_floor(self) -> None:
        self.give_double(float(math.floor(self.d(0))))

    def do_sin(self) -> None:
        self.give_double(math.sin(self.d(0)))

    def do_cos(self) -> None:
        self.give_double(math.cos(self.d(0)))

    def do_pow(self) -> None:
        self.give_double(math.pow(self.d(0), self.d(1)))

    def do_fmod(self) -> None:
        self.give_double(math.fmod(self.d(0), self.d(1)))

    def do_powidf2(self) -> None:
        exponent: Any = struct.unpack("<i", struct.pack("<I", self.a(0)))[0]
        self.give_double(self.d(0) ** exponent)
