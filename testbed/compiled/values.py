"""Values as ARTIQ's compiler lays them out on a 64-bit machine, and the type tags of its RPCs."""

from __future__ import annotations

import ctypes as ct
import struct
from collections.abc import Generator, Sequence
from typing import Any

import numpy as np

from testbed.compiled.interface import Slice

Kind = tuple  # a parsed tag: letter, then element kinds
SCALARS = {"b": ("?", 1), "i": ("<i", 4), "I": ("<q", 8), "f": ("<d", 8)}
NUMPY = {"b": np.dtype("?"), "i": np.dtype("<i4"), "I": np.dtype("<i8"), "f": np.dtype("<f8")}
STRINGS, POINTERS = "sBA", "lO"
NOWHERE = 8  # address of what has no octets


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


def layout(kind: Kind) -> tuple[int, int]:
    """(size, alignment) in octets.

    Raises:
        NotImplementedError: a type that no RPC of ARTIQ carries.
    """
    letter = kind[0]
    if letter in SCALARS:
        return SCALARS[letter][1], SCALARS[letter][1]
    if letter == "n":
        return 0, 1
    if letter in STRINGS:
        return 16, 8
    if letter in POINTERS:
        return 8, 8
    if letter == "r":
        size, align = layout(kind[1])
        return 3 * size, align
    if letter == "a":
        return _aligned(8 + 4 * kind[1], 8), 8
    if letter == "k":
        return _aligned(16 + layout(kind[1])[0], 8), 8
    if letter == "t":
        size, most = 0, 1
        for element in kind[1]:
            own, align = layout(element)
            size, most = _aligned(size, align) + own, max(most, align)
        return _aligned(size, most), most
    raise NotImplementedError(f"RPC type '{letter}'")


def _aligned(address: int, align: int) -> int:
    return -(-address // align) * align


def take(kind: Kind, address: int, embedding_map: Any) -> Any:
    """The Python value at an address; lists are copied."""
    letter = kind[0]
    if letter in SCALARS:
        (value,) = struct.unpack(SCALARS[letter][0], ct.string_at(address, SCALARS[letter][1]))
        return np.int32(value) if letter == "i" else np.int64(value) if letter == "I" else value
    if letter == "n":
        return None
    if letter == "l":
        piece = Slice.from_address(_word(address))
        return _take_elements(kind[1], piece.ptr, piece.len, embedding_map)
    if letter in STRINGS:
        piece = Slice.from_address(address)
        if letter == "s":
            return piece.text(embedding_map)
        return (bytes if letter == "B" else bytearray)(ct.string_at(piece.ptr, piece.len))
    if letter == "a":
        shape = [ct.c_int32.from_address(address + 8 + 4 * i).value for i in range(kind[1])]
        flat = _take_elements(kind[2], _word(address), int(np.prod(shape)), embedding_map)
        return np.array(flat, NUMPY.get(kind[2][0])).reshape(shape)
    if letter == "r":
        size = layout(kind[1])[0]
        return range(*(take(kind[1], address + i * size, embedding_map) for i in range(3)))
    if letter == "t":
        return tuple(take(element, address + offset, embedding_map) for element, offset in _places(kind[1]))
    if letter == "O":
        return embedding_map.retrieve_object(ct.c_int32.from_address(_word(address)).value)
    raise NotImplementedError(f"RPC type '{letter}'")


def take_keyword(kind: Kind, address: int, embedding_map: Any) -> tuple[str, Any]:
    """(name, value) of a keyword argument."""
    return Slice.from_address(address).text(embedding_map), take(kind[1], address + 16, embedding_map)


def _word(address: int) -> int:
    return ct.c_size_t.from_address(address).value


def _places(kinds: Sequence[Kind]) -> list[tuple[Kind, int]]:
    """(kind, offset) of a tuple's elements."""
    found, offset = [], 0
    for element in kinds:
        size, align = layout(element)
        offset = _aligned(offset, align)
        found.append((element, offset))
        offset += size
    return found


def _take_elements(kind: Kind, address: int | None, count: int, embedding_map: Any) -> list:
    letter = kind[0]
    if letter not in NUMPY:
        size = layout(kind)[0]
        return [take(kind, (address or 0) + i * size, embedding_map) for i in range(count)]
    if not count:
        return []
    flat = np.frombuffer(ct.string_at(address or 0, count * NUMPY[letter].itemsize), NUMPY[letter])
    return list(flat) if letter in "iI" else flat.tolist()


def place(kind: Kind, value: Any, address: int) -> Generator[int, int, None]:
    """Write a value at an address: yields sizes of memory it wants of the kernel's stack, and is sent their addresses.

    Raises:
        TypeError: the value is not of this kind.
    """
    letter = kind[0]
    if letter in SCALARS:
        ct.memmove(address, struct.pack(SCALARS[letter][0], value), SCALARS[letter][1])
    elif letter == "n":
        if value is not None:
            raise TypeError(f"an RPC declared to return nothing returned {value!r}")
    elif letter in STRINGS:
        data = value.encode() if letter == "s" else bytes(value)
        where = (yield len(data)) if data else NOWHERE
        ct.memmove(where, data, len(data))
        _write_slice(address, where, len(data))
    elif letter == "l":
        where = yield 16 + layout(kind[1])[0] * len(value)
        ct.c_size_t.from_address(address).value = where
        _write_slice(where, where + 16, len(value))
        yield from _place_elements(kind[1], value, where + 16)
    elif letter == "a":
        where = (yield layout(kind[2])[0] * value.size) if value.size else NOWHERE
        ct.c_size_t.from_address(address).value = where
        for i, n in enumerate(value.shape):
            ct.c_int32.from_address(address + 8 + 4 * i).value = n
        yield from _place_elements(kind[2], value.reshape(-1), where)
    elif letter == "t":
        for (element, offset), part in zip(_places(kind[1]), value, strict=True):
            yield from place(element, part, address + offset)
    else:
        raise NotImplementedError(f"RPC type '{letter}' as a result")


def _write_slice(address: int, where: int, length: int) -> None:
    piece = Slice.from_address(address)
    piece.ptr, piece.len = where, length


def _place_elements(kind: Kind, values: Any, address: int) -> Generator[int, int, None]:
    if kind[0] in NUMPY:
        data = np.asarray(values, NUMPY[kind[0]]).tobytes()
        ct.memmove(address, data, len(data))
        return
    size = layout(kind)[0]
    for i, value in enumerate(values):
        yield from place(kind, value, address + i * size)
