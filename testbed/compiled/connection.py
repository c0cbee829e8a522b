"""In place of ARTIQ's connection to a core device: loads a kernel, runs it, serves it."""

from __future__ import annotations

import _ctypes
import ctypes as ct
import logging
import os
import signal
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

import numpy as np

from testbed.boards.rtio import Rtio
from testbed.c_library import runtime_library
from testbed.compiled.attributes import write_back
from testbed.compiled.interface import (
    ABORT,
    ABORTED,
    CALLBACKS,
    DONE,
    EVENT,
    OWN_EXCEPTIONS,
    QUEUE_LENGTH,
    UNCAUGHT,
    Host,
    KernelException,
    SliceInMemory,
)
from testbed.compiled.rpc import FAILED, ExceptionImage, Rpcs, python_exception
from testbed.compiled.values import HostMemory, KernelValues
from testbed.drivers.core import RESET_MARGIN_MU
from testbed.drivers.cpu_time import INPUTS, OUTPUTS, READ_CLOCK_MU, RPC_MU, SEND_MU, TTL_MU, cpu_mu

log = logging.getLogger(__name__)

# ns of CPU time, RTIO as in testbed.drivers; the Python emulation cannot see an RPC go to the host and back.
COSTS = {
    "cost_clock": READ_CLOCK_MU,
    "reset_margin": RESET_MARGIN_MU,
    "cost_rpc": RPC_MU,
    "cost_async_rpc": SEND_MU,
}
CHANNELS, ADDRESSES = 256, 256
MOST_FRAMES, MOST_NESTED = 128, 16
EXCEPTION = ExceptionImage(HostMemory.pointer)


class _Symbol(ct.Structure):
    _fields_ = (("file", ct.c_char_p), ("base", ct.c_void_p), ("name", ct.c_char_p), ("address", ct.c_void_p))


class HostConnection:
    """What ARTIQ's Core asks of its connection: `load`, `run`, `serve`.

    Attributes:
        on_kernel: hooks called with True before a kernel and False after it. on_break: called when it asks the host.
    """

    def __init__(self, rtio: Rtio) -> None:
        self.rtio = rtio
        self.runtime = ct.CDLL(str(runtime_library()), mode=ct.RTLD_GLOBAL)
        for name in ("uncaught", "frames_left"):
            self.runtime[name].argtypes = [ct.c_void_p, ct.c_int]
        self.runtime["run_kernel"].argtypes = [ct.c_void_p]
        for name, cost in COSTS.items():
            ct.c_int64.in_dll(self.runtime, name).value = cost
        self._output_costs = self._array("cost_output", ct.c_int32 * (CHANNELS * ADDRESSES), np.int32)
        self._input_costs = self._array("cost_input", ct.c_int32 * (2 * CHANNELS), np.int32)
        self._output_costs[:] = self._input_costs[:] = TTL_MU
        self._wall = ct.c_int64.in_dll(self.runtime, "wall")
        self._queued = ct.c_int64.in_dll(self.runtime, "queued")
        self._queue = self._array("queue", ct.c_char * (EVENT.itemsize * QUEUE_LENGTH), EVENT)
        self._callbacks = {name: kind(self._guarded(name, kind)) for name, kind in CALLBACKS.items()}
        host = Host.in_dll(self.runtime, "host")
        for name, callback in self._callbacks.items():
            setattr(host, name, callback)
        self.on_kernel: list[Callable[[bool], None]] = []
        self.on_break: list[Callable[[], None]] = []
        self._library: ct.CDLL | None = None
        self._problem: BaseException | None = None
        self._cache: dict[str, list[int]] = {}
        self._rows: list[Any] = []  # rows of the cache that a kernel may still look at

    def _array(self, name: str, kind: Any, dtype: Any) -> np.ndarray:
        return np.frombuffer(kind.in_dll(self.runtime, name), dtype)

    def charge(self, table: dict[str, Any]) -> None:
        """Let the CPU take its time, by the devices at the channels of a device table."""
        outputs, inputs = self._output_costs.reshape(CHANNELS, -1), self._input_costs.reshape(2, -1)
        for entry in table.values():
            channel = entry.get("arguments", {}).get("channel") if isinstance(entry, dict) else None
            if channel is None:
                continue
            for (name, address), call in OUTPUTS.items():
                if name == entry["class"]:
                    outputs[channel, address] = cpu_mu(call)
            if entry["class"] in INPUTS:
                inputs[:, channel] = [cpu_mu(call) for call in INPUTS[entry["class"]]]

    @property
    def wall(self) -> int:
        """What the RTIO counter says, ns."""
        return self._wall.value

    @wall.setter
    def wall(self, time: int) -> None:
        self._wall.value = time

    def _guarded(self, name: str, kind: Any) -> Callable:
        """No exception crosses the kernel's frames: it ends the kernel, and is raised when that has ended."""
        function, answers = getattr(self, "_" + name), kind._restype_ is not None

        def call(*arguments: Any) -> Any:
            try:
                found = function(*arguments)
            except BaseException as problem:
                self._problem = self._problem or problem
            else:
                if self._problem is None or not answers:
                    return found
            return (0 if name == "cache_get" else ABORT) if answers else None

        return call

    # What the runtime calls

    def _rpc_send(self, service: int, tag: int, length: int, arguments: int, is_async: int) -> int:
        self._drain()
        if not is_async:
            for hook in self.on_break:
                hook()
        self._rpcs.send(service, ct.string_at(tag, length), arguments, bool(is_async))
        return DONE

    def _rpc_recv(self, slot: int, failure: Any) -> int:
        size = self._rpcs.receive(slot)
        if size == FAILED and self._rpcs.failure is not None:
            image = EXCEPTION.packed(self._rpcs.failure, self._rpcs.embedding_map)
            ct.memmove(failure, image, len(image))
        return size

    def _drain(self) -> int:
        count = self._queued.value
        if count:
            self._queued.value = 0
            self.rtio.take(self._queue[:count].tolist())
        return DONE

    def _input(self, timeout: int, channel: int, found: Any) -> int:
        self._drain()
        status, found.contents.time, found.contents.data = self.rtio.input(timeout, channel)
        return status

    def _log(self, text: int, length: int) -> None:
        log.info("kernel: %s", ct.string_at(text, length).decode(errors="replace").rstrip("\n"))

    def _i2c(self, what: int, bus: int, a: int, b: int) -> int:
        return self.rtio.i2c(what, bus, a, b)

    def _cache_get(self, key: int, length: int) -> int:
        words = self._cache.get(ct.string_at(key, length).decode(), [])
        row = (ct.c_int32 * max(1, len(words)))(*words)
        piece = SliceInMemory(ct.addressof(row), len(words))
        self._rows += [row, piece]
        return ct.addressof(piece)

    def _cache_put(self, key: int, length: int, words: int, count: int) -> None:
        self._cache[ct.string_at(key, length).decode()] = list((ct.c_int32 * count).from_address(words))

    # What ARTIQ's Core calls

    def check_system_info(self) -> None:
        """There is no gateware to compare with."""

    def load(self, library: bytes) -> None:
        """Take a kernel's shared object; nothing of the one before is referred to any more."""
        if self._library is not None:
            handle, self._library = self._library._handle, None
            _ctypes.dlclose(handle)
        with tempfile.NamedTemporaryFile(suffix=".so") as file:
            file.write(library)
            file.flush()
            self._library = ct.CDLL(file.name, mode=os.RTLD_NOW)

    def run(self) -> None:
        """It runs while it is served."""

    def serve(self, embedding_map: Any, symbolizer: Callable, demangler: Callable) -> None:
        """Run the loaded kernel to its end; raises what it did not catch, or what ended it from outside."""
        assert self._library is not None
        values = KernelValues(HostMemory(), embedding_map)
        self._rpcs, self._problem = Rpcs(values), None
        self._rows.clear()
        ids = (ct.c_int32 * len(OWN_EXCEPTIONS)).in_dll(self.runtime, "exception_ids")
        for i, name in enumerate(OWN_EXCEPTIONS):
            ids[i] = embedding_map.store_str(f"0:artiq.coredevice.exceptions.{name}")
        for hook in self.on_kernel:
            hook(True)
        try:
            left = self._execute(ct.cast(self._library["__modinit__"], ct.c_void_p))
        finally:
            for hook in self.on_kernel:
                hook(False)
        if self._problem is not None:
            raise self._problem
        if left == UNCAUGHT:
            raise self._uncaught(values, symbolizer)
        with suppress(ValueError):  # a precompiled kernel has none
            write_back(ct.addressof(ct.c_void_p.in_dll(self._library, "typeinfo")), values)

    def _execute(self, entry: ct.c_void_p) -> int:
        """Ctrl-C ends the kernel at its next call: a handler that raised would raise before a callback's `try`."""
        here = threading.current_thread() is threading.main_thread()
        before = signal.signal(signal.SIGINT, self._interrupt) if here else None
        try:
            left = self.runtime["run_kernel"](entry)
        finally:
            if here:
                signal.signal(signal.SIGINT, before)
        if left != ABORTED:
            self._drain()
        return left

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self._problem = KeyboardInterrupt()

    def _uncaught(self, values: KernelValues, symbolizer: Callable) -> Exception:
        found = (KernelException * MOST_NESTED)()
        depth = self.runtime["uncaught"](found, MOST_NESTED)
        addresses = (ct.c_size_t * MOST_FRAMES)()
        count = self.runtime["frames_left"](addresses, MOST_FRAMES)
        base, length = self._place()
        frames = [address - base for address in addresses[:count] if 0 <= address - base < length]
        raised = [EXCEPTION.read(ct.addressof(e), values) for e in found[:depth]]
        return python_exception(raised, frames, values.embedding_map, symbolizer)

    def _place(self) -> tuple[int, int]:
        """(where the loader put the kernel's file, more bytes than it has)."""
        assert self._library is not None
        symbol = _Symbol()
        ct.CDLL(None).dladdr(ct.cast(self._library["__modinit__"], ct.c_void_p), ct.byref(symbol))
        return symbol.base, 1 << 26

    def close(self) -> None:
        """Nothing is held open."""
