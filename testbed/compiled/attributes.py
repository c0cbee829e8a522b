"""What a kernel left in the attributes of host objects, written back when it has ended."""

from __future__ import annotations

import ctypes as ct
from typing import Any

from testbed.compiled.interface import Slice
from testbed.compiled.values import parse, take

TAG, NAME = 8, 24  # offsets in an attribute's description: after its own offset come tag and name
IS_ATTRIBUTE = 2  # a tag begins with two letters that say what it describes


def write_back(library: ct.CDLL, embedding_map: Any) -> None:
    """Set every attribute the kernel may have changed; a precompiled kernel describes none."""
    try:
        types = ct.c_void_p.in_dll(library, "typeinfo")
    except ValueError:
        return
    for described in _until_null(ct.addressof(types)):
        attributes, objects = _word(described), _word(described + 8)
        for instance in _until_null(objects):
            host_object = embedding_map.retrieve_object(ct.c_int32.from_address(instance).value)
            for attribute in _until_null(attributes):
                _set(host_object, instance, attribute, embedding_map)


def _set(host_object: Any, instance: int, attribute: int, embedding_map: Any) -> None:
    tag = Slice.from_address(attribute + TAG)
    if not tag.len:
        return
    kind, _ = parse(ct.string_at(tag.ptr, tag.len), IS_ATTRIBUTE)
    name = Slice.from_address(attribute + NAME).text(embedding_map)
    offset = ct.c_int32.from_address(attribute).value
    setattr(host_object, name, take(kind, instance + offset, embedding_map))


def _word(address: int) -> int:
    return ct.c_size_t.from_address(address).value


def _until_null(address: int):
    """The pointers of a table that ends with a null."""
    while pointer := _word(address):
        yield pointer
        address += 8
