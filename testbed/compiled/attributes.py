"""What a kernel left in the attributes of host objects, written back when it has ended."""

from __future__ import annotations

from collections.abc import Iterator

from testbed.compiled.values import KernelValues, parse

IS_ATTRIBUTE = 2  # a tag begins with two letters that say what it describes


def write_back(types: int, values: KernelValues) -> None:
    """Set every attribute that the kernel may have changed.

    Args:
        types: address of the kernel's `typeinfo`: pairs of (attributes, instances), as the compiler writes them.
    """
    for described in _until_null(types, values):
        attributes, instances = values.word(described), values.word(described + values.pointer)
        for instance in _until_null(instances, values):
            host_object = values.embedding_map.retrieve_object(values.int32(instance))
            for attribute in _until_null(attributes, values):
                _set(host_object, instance, attribute, values)


def _set(host_object: object, instance: int, attribute: int, values: KernelValues) -> None:
    """One attribute: its offset in an instance, its tag, its name."""
    tag, name = attribute + values.pointer, attribute + 3 * values.pointer
    where, length = values.slice(tag)
    if length:
        kind, _ = parse(values.memory.read(where, length), IS_ATTRIBUTE)
        setattr(host_object, values.text(name), values.take(kind, instance + values.int32(attribute)))


def _until_null(address: int, values: KernelValues) -> Iterator[int]:
    """The pointers of a table that ends with a null."""
    while pointer := values.word(address):
        yield pointer
        address += values.pointer
