"""Values in a kernel's memory as ARTIQ's compiler lays them out, and the type tags of its RPCs."""

from __future__ import annotations

import ctypes as ct
import struct
from collections.abc import Generator, Sequence
from typing import Any, Protocol

import numpy as np

Kind = tuple  # a parsed tag: letter, then element kinds
Placing = Generator[int, int, None]  # yields sizes of memory it wants, is sent their addresses
SCALARS = {"b": ("?", 1), "i": ("<i", 4), "I": ("<q", 8), "f": ("<d", 8)}
NUMPY = {"b": np.dtype("?"), "i": np.dtype("<i4"), "I": np.dtype("<i8"), "f": np.dtype("<f8")}
STRINGS, POINTERS = "sBA", "lO"
IN_EMBEDDING_MAP = -1  # length of a string whose address is a number there
NOWHERE = 8  # address of what has no bytes


class KernelMemory(Protocol):
    """Where a kernel's values are; `pointer` is the size of an address in bytes."""

    pointer: int

    def read(self, address: int, length: int) -> bytes: ...

    def write(self, address: int, content: bytes) -> None: ...


class HostMemory:
    """This process's own."""

    pointer = 8

    def read(self, address: int, length: int) -> bytes:
        return ct.string_at(address, length)

    def write(self, address: int, content: bytes) -> None:
        ct.memmove(address, content, len(content))


def parse(tag: bytes, at: int = 0) -> tuple[Kind, int]:
    """(kind, index after it) of the type that begins at `at`."""
    letter = chr(tag[at])
    if letter == "t":
        elements, end = [], at + 2
        for _ in range(tag[at + 1]):
            element, end = parse(tag, end)
            elements.append(element)
        return ("t", tuple(elements)), end
    if letter == "a":
        element, end = parse(tag, at + 2)
        return ("a", tag[at + 1], element), end
    if letter in "lrk":
        element, end = parse(tag, at + 1)
        return (letter, element), end
    return (letter,), at + 1


def parse_call(tag: bytes) -> tuple[list[Kind], Kind]:
    """(kinds of the arguments, kind of the result) of an RPC's tag, which is `arguments:result`."""
    kinds, at = [], 0
    while tag[at] != ord(":"):
        kind, at = parse(tag, at)
        kinds.append(kind)
    return kinds, parse(tag, at + 1)[0]


def _aligned(address: int, align: int) -> int:
    return -(-address // align) * align


class KernelValues:
    """Reads and writes values of one kernel.

    Args:
        embedding_map: of the kernel; its objects and strings by number.
    """

    def __init__(self, memory: KernelMemory, embedding_map: Any) -> None:
        self.memory, self.embedding_map = memory, embedding_map
        self.pointer = memory.pointer
        self._word = "<Q" if self.pointer == 8 else "<I"
        self._slice = "<Qi" if self.pointer == 8 else "<Ii"

    def layout(self, kind: Kind) -> tuple[int, int]:
        """(size, alignment) in bytes.

        Raises:
            NotImplementedError: a type that no RPC of ARTIQ carries.
        """
        letter, pointer = kind[0], self.pointer
        if letter in SCALARS:
            return SCALARS[letter][1], SCALARS[letter][1]
        if letter == "n":
            return 0, 1
        if letter in STRINGS:
            return 2 * pointer, pointer
        if letter in POINTERS:
            return pointer, pointer
        if letter == "r":
            size, align = self.layout(kind[1])
            return 3 * size, align
        if letter == "a":
            return _aligned(pointer + 4 * kind[1], pointer), pointer
        if letter == "t":
            size, most = 0, 1
            for element in kind[1]:
                own, align = self.layout(element)
                size, most = _aligned(size, align) + own, max(most, align)
            return _aligned(size, most), most
        raise NotImplementedError(f"RPC type '{letter}'")

    # Reading

    def word(self, address: int) -> int:
        """The pointer at an address."""
        return struct.unpack(self._word, self.memory.read(address, self.pointer))[0]

    def int32(self, address: int) -> int:
        """The integer at an address."""
        return struct.unpack("<i", self.memory.read(address, 4))[0]

    def slice(self, address: int) -> tuple[int, int]:
        """(address, length) of the string or list described at an address."""
        return struct.unpack(self._slice, self.memory.read(address, self.pointer + 4))

    def text(self, address: int) -> str:
        """The string described at an address; it may stand in the embedding map."""
        where, length = self.slice(address)
        if length == IN_EMBEDDING_MAP:
            return self.embedding_map.retrieve_str(where)
        return self.memory.read(where, length).decode()

    def take(self, kind: Kind, address: int) -> Any:
        """The Python value at an address; lists are copied."""
        letter = kind[0]
        if letter in SCALARS:
            (value,) = struct.unpack(SCALARS[letter][0], self.memory.read(address, SCALARS[letter][1]))
            return np.int32(value) if letter == "i" else np.int64(value) if letter == "I" else value
        if letter == "n":
            return None
        if letter == "l":
            return self._take_elements(kind[1], *self.slice(self.word(address)))
        if letter == "s":
            return self.text(address)
        if letter in STRINGS:
            return (bytes if letter == "B" else bytearray)(self.memory.read(*self.slice(address)))
        if letter == "a":
            shape = [self.int32(address + self.pointer + 4 * i) for i in range(kind[1])]
            flat = self._take_elements(kind[2], self.word(address), int(np.prod(shape)))
            return np.array(flat, NUMPY.get(kind[2][0])).reshape(shape)
        if letter == "r":
            size = self.layout(kind[1])[0]
            return range(*(self.take(kind[1], address + i * size) for i in range(3)))
        if letter == "t":
            return tuple(self.take(element, address + offset) for element, offset in self._places(kind[1]))
        if letter == "O":
            return self.embedding_map.retrieve_object(self.int32(self.word(address)))
        raise NotImplementedError(f"RPC type '{letter}'")

    def take_keyword(self, kind: Kind, address: int) -> tuple[str, Any]:
        """(name, value) of a keyword argument."""
        return self.text(address), self.take(kind[1], address + 2 * self.pointer)

    def _take_elements(self, kind: Kind, address: int, count: int) -> list:
        letter = kind[0]
        if letter not in NUMPY:
            size = self.layout(kind)[0]
            return [self.take(kind, address + i * size) for i in range(count)]
        if not count:
            return []
        flat = np.frombuffer(self.memory.read(address, count * NUMPY[letter].itemsize), NUMPY[letter])
        return list(flat) if letter in "iI" else flat.tolist()

    def _places(self, kinds: Sequence[Kind]) -> list[tuple[Kind, int]]:
        """(kind, offset) of a tuple's elements."""
        found, offset = [], 0
        for element in kinds:
            size, align = self.layout(element)
            offset = _aligned(offset, align)
            found.append((element, offset))
            offset += size
        return found

    # Writing

    def place(self, kind: Kind, value: Any, address: int) -> Placing:
        """Write a value at an address, with memory of the kernel's stack for what it points to.

        Raises:
            TypeError: the value is not of this kind.
        """
        letter, write = kind[0], self.memory.write
        if letter in SCALARS:
            write(address, struct.pack(SCALARS[letter][0], value))
        elif letter == "n":
            if value is not None:
                raise TypeError(f"an RPC declared to return nothing returned {value!r}")
        elif letter in STRINGS:
            data = value.encode() if letter == "s" else bytes(value)
            where = (yield len(data)) if data else NOWHERE
            if data:
                write(where, data)
            write(address, struct.pack(self._slice, where, len(data)))
        elif letter == "l":
            where = yield 2 * self.pointer + self.layout(kind[1])[0] * len(value)
            write(address, struct.pack(self._word, where))
            write(where, struct.pack(self._slice, where + 2 * self.pointer, len(value)))
            yield from self._place_elements(kind[1], value, where + 2 * self.pointer)
        elif letter == "a":
            where = (yield self.layout(kind[2])[0] * value.size) if value.size else NOWHERE
            write(address, struct.pack(self._word, where))
            write(address + self.pointer, struct.pack(f"<{kind[1]}i", *value.shape))
            yield from self._place_elements(kind[2], value.reshape(-1), where)
        elif letter == "t":
            for (element, offset), part in zip(self._places(kind[1]), value, strict=True):
                yield from self.place(element, part, address + offset)
        else:
            raise NotImplementedError(f"RPC type '{letter}' as a result")

    def _place_elements(self, kind: Kind, values: Any, address: int) -> Placing:
        if kind[0] in NUMPY:
            data = np.asarray(values, NUMPY[kind[0]]).tobytes()
            if data:
                self.memory.write(address, data)
            return
        size = self.layout(kind)[0]
        for i, value in enumerate(values):
            yield from self.place(kind, value, address + i * size)
