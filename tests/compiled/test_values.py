"""Values of RPCs in a kernel's memory, without a kernel: what is placed is what is taken."""

import ctypes as ct
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postprocess.errors import InvalidInput
from testbed.c_library import runtime_library
from testbed.compiled.values import HostMemory, KernelValues, parse, parse_call

VALUES = KernelValues(HostMemory(), None)
INT32, INT64 = st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1)


def there_and_back(tag, value):
    """Place a value as an RPC's result, giving the memory it asks for, and take it again."""
    kind, end = parse(tag)
    assert end == len(tag)
    slot = ct.create_string_buffer(max(1, VALUES.layout(kind)[0]))
    memory, placing = [], VALUES.place(kind, value, ct.addressof(slot))
    try:
        wanted = next(placing)
        while True:
            memory.append(ct.create_string_buffer(wanted))
            wanted = placing.send(ct.addressof(memory[-1]))
    except StopIteration:
        return VALUES.take(kind, ct.addressof(slot))


@given(INT32, INT64, st.booleans(), st.floats(allow_nan=False), st.text())
def test_tuples_of_scalars(narrow, wide, truth, number, text):
    assert there_and_back(b"t\x05iIbfs", (narrow, wide, truth, number, text)) == (narrow, wide, truth, number, text)


@given(st.lists(st.lists(INT64)))
def test_lists_of_lists(lists):
    assert there_and_back(b"llI", lists) == lists


@given(st.lists(st.tuples(INT32, st.text())))
def test_lists_of_tuples(pairs):
    assert there_and_back(b"lt\x02is", pairs) == pairs


@given(st.lists(st.floats(allow_nan=False), max_size=12), st.integers(1, 3))
def test_arrays(numbers, columns):
    array = np.array(numbers[: len(numbers) // columns * columns], float).reshape(-1, columns)
    back = there_and_back(b"a\x02f", array)
    assert back.shape == array.shape and np.array_equal(back, array)


def test_nothing_is_nothing():
    assert there_and_back(b"n", None) is None
    with pytest.raises(TypeError, match="returned 5"):
        there_and_back(b"n", 5)


def test_layout_is_that_of_a_c_compiler():
    class Structure(ct.Structure):
        _fields_ = (("a", ct.c_bool), ("b", ct.c_int64), ("c", ct.c_int32))

    assert VALUES.layout(parse(b"t\x03bIi")[0]) == (ct.sizeof(Structure), ct.alignment(Structure))


def test_a_call_has_arguments_and_a_result():
    assert parse_call(b"ilI:n") == ([("i",), ("l", ("I",))], ("n",))
    with pytest.raises(NotImplementedError, match="'q'"):
        VALUES.layout(("q",))


def test_the_runtime_builds_once(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    library = runtime_library()
    made = library.stat().st_mtime_ns
    assert runtime_library() == library and library.stat().st_mtime_ns == made
    assert ct.CDLL(str(library))["run_kernel"]
    assert [path.name for path in library.parent.iterdir()] == [library.name]


def test_without_a_compiler_one_line_says_so(monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(InvalidInput, match="no-such-compiler: no C compiler"):
        runtime_library()


def test_a_compiler_that_refuses_is_quoted(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CC", shutil.which("false"))
    with pytest.raises(InvalidInput, match="did not build: no message"):
        runtime_library()
    assert list((tmp_path / "diqkd" / "c").iterdir()) == []
