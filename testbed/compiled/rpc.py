"""The host's side of a kernel's RPCs, and what a kernel's exceptions become in Python and back."""

from __future__ import annotations

import builtins
import ctypes as ct
from collections.abc import Callable, Generator
from typing import Any

from artiq.coredevice import exceptions

from testbed.compiled.interface import DONE, FAILED, IN_EMBEDDING_MAP, KernelException, Slice
from testbed.compiled.values import Kind, parse_call, place, take, take_keyword

SET_ATTRIBUTE = 0  # the service that writes an attribute of a host object


class Rpcs:
    """Calls of one kernel.

    Args:
        embedding_map: of the kernel; its objects and strings by number.
    """

    def __init__(self, embedding_map: Any) -> None:
        self.embedding_map = embedding_map
        self._calls: dict[bytes, tuple[list[Kind], Kind]] = {}
        self._failure: Exception | None = None
        self._result: Any = None
        self._result_kind: Kind = ("n",)
        self._placing: Generator[int, int, None] | None = None

    def send(self, service: int, tag: bytes, arguments: int, is_async: bool) -> int:
        """Make the call; its result waits for `receive`, unless it is asynchronous."""
        call = self._calls.get(tag)
        if call is None:
            call = self._calls[tag] = parse_call(tag)
        kinds, self._result_kind = call
        values, keywords = self._arguments(kinds, arguments)
        function: Callable = setattr if service == SET_ATTRIBUTE else self.embedding_map.retrieve_object(service)
        if is_async:
            function(*values, **keywords)
            return DONE
        self._failure = self._placing = None
        try:
            self._result = function(*values, **keywords)
        except Exception as problem:
            self._failure = problem
        return DONE

    def _arguments(self, kinds: list[Kind], arguments: int) -> tuple[list, dict[str, Any]]:
        pointers = (ct.c_size_t * len(kinds)).from_address(arguments) if kinds else ()
        values, keywords = [], {}
        for kind, pointer in zip(kinds, pointers, strict=True):
            if kind[0] == "k":
                name, value = take_keyword(kind, pointer, self.embedding_map)
                keywords[name] = value
            else:
                values.append(take(kind, pointer, self.embedding_map))
        return values, keywords

    def receive(self, slot: int, failure: KernelException) -> int:
        """Put the result into a kernel's memory; returns octets wanted, DONE, or FAILED with `failure` filled in."""
        if self._failure is not None:
            self._describe(self._failure, failure)
            return FAILED
        try:
            if self._placing is None:
                self._placing = place(self._result_kind, self._result, slot)
                return next(self._placing)
            return self._placing.send(slot)
        except StopIteration:
            return DONE

    def _describe(self, problem: Exception, into: KernelException) -> None:
        """A Python exception, so that the kernel can catch it by its type."""
        known = getattr(problem, "artiq_core_exception", None)
        if known is not None:
            name, message, params = f"{known.id}:{known.name}", known.message, known.params
        else:
            name, message, params = self._name(type(problem)), str(problem), (0, 0, 0)
        store = self.embedding_map.store_str
        into.id = store(name)
        into.message = Slice(store(message), IN_EMBEDDING_MAP)
        into.file, into.function = Slice(store("(host)"), IN_EMBEDDING_MAP), Slice(store("RPC"), IN_EMBEDDING_MAP)
        into.line, into.column = 0, -1
        into.param = (ct.c_int64 * 3)(*params)

    def _name(self, kind: type) -> str:
        """As ARTIQ's own connection writes it: number of the type (0: the firmware knows it), then its name."""
        if vars(builtins).get(kind.__name__) is kind:
            return f"0:{kind.__qualname__}"
        number = 0 if hasattr(kind, "artiq_builtin") else self.embedding_map.store_object(kind)
        return f"{number}:{kind.__module__}.{kind.__qualname__}"


def python_exception(found: list[KernelException], frames: list[int], embedding_map: Any, symbolizer: Any) -> Exception:
    """What a kernel did not catch, with ARTIQ's own core-device traceback.

    Args:
        found: nested exceptions, the outermost first.
        frames: addresses in the kernel's file, the innermost first.
    """
    nested = [
        [
            embedding_map.retrieve_str(e.id),
            e.message.text(embedding_map),
            list(e.param),
            e.file.text(embedding_map),
            e.line,
            e.column,
            e.function.text(embedding_map),
        ]
        for e in found
    ]
    stack = [(0, 0, len(frames)) for _ in nested]
    described = exceptions.CoreException(nested, stack, list(symbolizer(frames)), list(range(1, len(frames) + 1)))
    if described.id == 0:
        kind = getattr(exceptions, described.name.split(".")[-1])
    else:
        kind = embedding_map.retrieve_object(described.id)
    problem = kind(nested[-1][1].format(*nested[0][2]))  # of the type raised first, with what was said last: as ARTIQ
    problem.artiq_core_exception = described
    return problem
