"""The host's side of a kernel's RPCs, and what a kernel's exceptions become in Python and back."""

from __future__ import annotations

import builtins
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from artiq.coredevice import exceptions

from testbed.compiled.values import KernelValues, Kind, Placing, parse_call

SET_ATTRIBUTE = 0  # the service that writes an attribute of a host object
DONE, FAILED = 0, -1


class Raised(NamedTuple):
    """An exception as kernels know it; texts are numbers in the embedding map when they come from the host."""

    name: str
    message: str
    params: tuple[int, int, int]
    file: str = "(host)"
    line: int = 0
    column: int = -1
    function: str = "RPC"


class Rpcs:
    """Calls of one kernel.

    Attributes:
        failure: what the last call raised, as the kernel is to see it.
    """

    def __init__(self, values: KernelValues) -> None:
        self.values, self.embedding_map = values, values.embedding_map
        self.failure: Raised | None = None
        self._calls: dict[bytes, tuple[list[Kind], Kind]] = {}
        self._result: Any = None
        self._result_kind: Kind = ("n",)
        self._placing: Placing | None = None

    def send(self, service: int, tag: bytes, arguments: int, is_async: bool) -> None:
        """Make the call; its result waits for `receive`, unless it is asynchronous."""
        call = self._calls.get(tag)
        if call is None:
            call = self._calls[tag] = parse_call(tag)
        kinds, self._result_kind = call
        values, keywords = self._arguments(kinds, arguments)
        function: Callable = setattr if service == SET_ATTRIBUTE else self.embedding_map.retrieve_object(service)
        if is_async:
            function(*values, **keywords)
            return
        self.failure = self._placing = None
        try:
            self._result = function(*values, **keywords)
        except Exception as problem:
            self.failure = self._described(problem)

    def _arguments(self, kinds: list[Kind], arguments: int) -> tuple[list, dict[str, Any]]:
        known, pointer = self.values, self.values.pointer
        values, keywords = [], {}
        for i, kind in enumerate(kinds):
            address = known.word(arguments + i * pointer)
            if kind[0] == "k":
                name, value = known.take_keyword(kind, address)
                keywords[name] = value
            else:
                values.append(known.take(kind, address))
        return values, keywords

    def receive(self, slot: int) -> int:
        """Put the result into a kernel's memory; returns bytes wanted, DONE, or FAILED (see `failure`)."""
        if self.failure is not None:
            return FAILED
        try:
            if self._placing is None:
                self._placing = self.values.place(self._result_kind, self._result, slot)
                return next(self._placing)
            return self._placing.send(slot)
        except StopIteration:
            return DONE

    def _described(self, problem: Exception) -> Raised:
        """A Python exception, so that the kernel can catch it by its type."""
        known = getattr(problem, "artiq_core_exception", None)
        if known is not None:
            return Raised(f"{known.id}:{known.name}", known.message, tuple(known.params))
        return Raised(self._name(type(problem)), str(problem), (0, 0, 0))

    def _name(self, kind: type) -> str:
        """As ARTIQ's own connection writes it: number of the type (0: the firmware knows it), then its name."""
        if vars(builtins).get(kind.__name__) is kind:
            return f"0:{kind.__qualname__}"
        number = 0 if hasattr(kind, "artiq_builtin") else self.embedding_map.store_object(kind)
        return f"{number}:{kind.__module__}.{kind.__qualname__}"


class ExceptionImage:
    """The compiler's C.Exception in memory, for either size of pointers."""

    def __init__(self, pointer: int) -> None:
        text = "Qi4x" if pointer == 8 else "Ii"
        head = "i4x" if pointer == 8 else "i"
        self._form = struct.Struct(f"<{head}{text}ii{text}{text}{'' if pointer == 8 else '4x'}qqq")
        self.size = self._form.size

    def packed(self, raised: Raised, embedding_map: Any) -> bytes:
        """With every text in the embedding map."""
        store = embedding_map.store_str
        return self._form.pack(
            store(raised.name), store(raised.file), -1, raised.line, raised.column,
            store(raised.function), -1, store(raised.message), -1, *raised.params,
        )  # fmt: skip

    def read(self, address: int, values: KernelValues) -> Raised:
        """What stands at an address."""
        found = self._form.unpack(values.memory.read(address, self.size))
        name, (line, column), params = values.embedding_map.retrieve_str(found[0]), found[3:5], found[9:]
        pointer = values.pointer
        file, function = address + pointer, address + 3 * pointer + 8
        return Raised(
            name, values.text(function + 2 * pointer), params, values.text(file), line, column, values.text(function)
        )


def python_exception(found: list[Raised], frames: list[int], embedding_map: Any, symbolizer: Any) -> Exception:
    """What a kernel did not catch, with ARTIQ's own core-device traceback.

    Args:
        found: nested exceptions, the outermost first.
        frames: addresses in the kernel's file, the innermost first.
    """
    nested: list[list[Any]] = [[e.name, e.message, list(e.params), e.file, e.line, e.column, e.function] for e in found]
    stack = [(0, 0, len(frames)) for _ in nested]
    described = exceptions.CoreException(nested, stack, list(symbolizer(frames)), list(range(1, len(frames) + 1)))
    if described.id == 0:
        kind = getattr(exceptions, described.name.split(".")[-1])
    else:
        kind = embedding_map.retrieve_object(described.id)
    problem = kind(nested[-1][1].format(*nested[0][2]))  # of the type raised first, with what was said last: as ARTIQ
    problem.artiq_core_exception = described
    return problem
