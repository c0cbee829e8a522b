"""The RV32 processor against Python, on code that LLVM compiles for it; single instructions against the manual."""

import ctypes as ct
import io
import math
import struct
from unittest.mock import patch

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given
from hypothesis import strategies as st
from llvmlite import binding

from testbed.counted.processor import ARGUMENTS, BASE, DOORS, RETURN_ADDRESS, BadInstruction, Processor

INT = st.integers(-(2**31), 2**31 - 1)
EDGES = st.sampled_from([0, 1, -1, 2, 2**31 - 1, -(2**31), 0x55555555])
INTS = INT | EDGES
DOUBLES = st.floats(allow_subnormal=True)

INTEGERS = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
}
SHIFTS = {
    "shl": lambda a, b: a << b,
    "lshr": lambda a, b: (a & 0xFFFFFFFF) >> b,
    "ashr": lambda a, b: a >> b,
}
COMPARED = {
    "icmp slt": lambda a, b: a < b,
    "icmp ult": lambda a, b: a & 0xFFFFFFFF < b & 0xFFFFFFFF,
    "icmp sge": lambda a, b: a >= b,
    "icmp eq": lambda a, b: a == b,
}
FLOATS = {
    "fadd": lambda a, b: a + b,
    "fsub": lambda a, b: a - b,
    "fmul": lambda a, b: a * b,
    "fdiv": lambda a, b: float(np.float64(a) / np.float64(b)),
}


def signed(value):
    return (value + 2**31) % 2**32 - 2**31


class Compiled:
    """One function of LLVM's language, compiled for rv32imfd and placed in memory."""

    def __init__(self, text):
        binding.initialize_all_targets()
        binding.initialize_all_asmprinters()
        target = binding.Target.from_triple("riscv32-unknown-linux")
        machine = target.create_target_machine(features="+m,+f,+d", opt=1, reloc="pic")
        with patch.object(binding.context, "opaque_pointers_enabled", True, create=True):  # old llvmlite knows `ptr` so
            context = binding.create_context()
        module = binding.parse_assembly('target triple = "riscv32-unknown-linux"\n' + text, context)
        elf = ELFFile(io.BytesIO(machine.emit_object(module)))
        self.processor = Processor()
        self.processor.write(BASE, elf.get_section_by_name(".text").data())

    def call(self, *arguments):
        """Integers in a0 ..., doubles in fa0 ...; returns (a0 signed, fa0)."""
        processor, whole, broken = self.processor, 0, 0
        for argument in arguments:
            if isinstance(argument, float):
                (processor.f[ARGUMENTS + broken],) = struct.unpack("<Q", struct.pack("<d", argument))
                broken += 1
            else:
                processor.x[ARGUMENTS + whole] = argument & 0xFFFFFFFF
                whole += 1
        processor.x[2], processor.x[RETURN_ADDRESS], processor.pc = BASE + 0x10000, DOORS, BASE
        processor.run()
        double = struct.unpack("<d", struct.pack("<Q", processor.f[ARGUMENTS]))[0]
        return signed(processor.x[ARGUMENTS]), double


def binary(operation, kind, result=None):
    result = result or kind
    return Compiled(f"define {result} @f({kind} %a, {kind} %b) {{ %c = {operation} {kind} %a, %b\nret {result} %c }}")


@pytest.mark.parametrize("operation", INTEGERS)
def test_integers(operation):
    compiled = binary(operation, "i32")

    @given(INTS, INTS)
    def check(a, b):
        assert compiled.call(a, b)[0] == signed(INTEGERS[operation](a, b))

    check()


@pytest.mark.parametrize("operation", SHIFTS)
def test_shifts(operation):
    compiled = binary(operation, "i32")

    @given(INTS, st.integers(0, 31))
    def check(a, b):
        assert compiled.call(a, b)[0] == signed(SHIFTS[operation](a, b))

    check()


@pytest.mark.parametrize("operation", ["sdiv", "srem", "udiv", "urem"])
def test_division(operation):
    """By zero and of the least number by -1 as the specification says; LLVM leaves both open."""
    compiled = binary(operation, "i32")

    @given(INTS, INTS)
    def check(a, b):
        u, v = a & 0xFFFFFFFF, b & 0xFFFFFFFF
        quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1) if b else -1
        expected = {
            "sdiv": quotient,
            "srem": a - b * quotient if b else a,
            "udiv": u // v if v else -1,
            "urem": u % v if v else u,
        }
        assert compiled.call(a, b)[0] == signed(expected[operation])

    check()


@pytest.mark.parametrize("operation", COMPARED)
def test_comparisons_and_branches(operation):
    compiled = Compiled(
        f"define i32 @f(i32 %a, i32 %b) {{ %c = {operation} i32 %a, %b\nbr i1 %c, label %yes, label %no\n"
        "yes:\nret i32 7\nno:\n%d = sub i32 %a, %b\nret i32 %d }"
    )

    @given(INTS, INTS)
    def check(a, b):
        assert compiled.call(a, b)[0] == (7 if COMPARED[operation](a, b) else signed(a - b))

    check()


@given(INTS, INTS)
def test_wide_products(a, b):
    for extend, sign in (("sext", 1), ("zext", 0)):
        compiled = Compiled(
            f"define i32 @f(i32 %a, i32 %b) {{ %x = {extend} i32 %a to i64\n%y = {extend} i32 %b to i64\n"
            "%z = mul i64 %x, %y\n%s = lshr i64 %z, 32\n%t = trunc i64 %s to i32\nret i32 %t }"
        )
        u, v = (a, b) if sign else (a & 0xFFFFFFFF, b & 0xFFFFFFFF)
        assert compiled.call(a, b)[0] == signed(u * v >> 32)


@pytest.mark.parametrize("operation", FLOATS)
def test_doubles(operation):
    compiled = binary(operation, "double")

    @given(DOUBLES, DOUBLES)
    def check(a, b):
        with np.errstate(all="ignore"):
            expected, found = FLOATS[operation](a, b), compiled.call(a, b)[1]
        assert struct.pack("<d", found) == struct.pack("<d", expected) or (math.isnan(found) and math.isnan(expected))

    check()


@given(st.floats(-(2.0**31), 2.0**31 - 1), INTS)
def test_conversions(a, b):
    back = Compiled("define i32 @f(double %a) { %c = fptosi double %a to i32\nret i32 %c }")
    forth = Compiled("define double @f(i32 %a) { %c = sitofp i32 %a to double\nret double %c }")
    assert back.call(a)[0] == int(a)
    assert forth.call(b)[1] == float(b)


@given(DOUBLES, DOUBLES)
def test_comparisons_of_doubles(a, b):
    compiled = Compiled(
        "define i32 @f(double %a, double %b) { %c = fcmp olt double %a, %b\n%d = zext i1 %c to i32\nret i32 %d }"
    )
    assert compiled.call(a, b)[0] == int(a < b)


@given(st.floats(width=32), st.floats(width=32))
def test_singles(a, b):
    compiled = Compiled(
        "define double @f(double %a, double %b) { %x = fptrunc double %a to float\n%y = fptrunc double %b to float\n"
        "%z = fmul float %x, %y\n%w = fpext float %z to double\nret double %w }"
    )
    with np.errstate(all="ignore"):
        expected = float(np.float32(a) * np.float32(b))
    found = compiled.call(a, b)[1]
    assert found == expected or (math.isnan(found) and math.isnan(expected))


@given(st.lists(INT, min_size=1, max_size=20))
def test_memory_of_all_widths(numbers):
    compiled = Compiled(
        "define i32 @f(ptr %p, i32 %n) { entry:\nbr label %loop\nloop:\n%i = phi i32 [0, %entry], [%j, %loop]\n"
        "%s = phi i32 [0, %entry], [%t, %loop]\n%q = getelementptr i32, ptr %p, i32 %i\n%v = load i32, ptr %q\n"
        "%h = load i16, ptr %q\n%w = sext i16 %h to i32\n%b = load i8, ptr %q\n%z = zext i8 %b to i32\n"
        "%a1 = add i32 %v, %w\n%a2 = add i32 %a1, %z\nstore i32 %a2, ptr %q\n%t = add i32 %s, %a2\n"
        "%j = add i32 %i, 1\n%e = icmp eq i32 %j, %n\nbr i1 %e, label %end, label %loop\nend:\nret i32 %t }"
    )
    at = BASE + 0x8000
    compiled.processor.write(at, struct.pack(f"<{len(numbers)}i", *numbers))
    halves = [struct.unpack("<h", struct.pack("<I", n & 0xFFFFFFFF)[:2])[0] for n in numbers]
    changed = [signed(n + half + (n & 0xFF)) for n, half in zip(numbers, halves, strict=True)]
    assert compiled.call(at, len(numbers))[0] == signed(sum(changed))
    assert list(struct.unpack(f"<{len(numbers)}i", compiled.processor.read(at, 4 * len(numbers)))) == changed


def test_x0_stays_zero_and_instructions_are_counted():
    processor = Processor()
    processor.write(BASE, struct.pack("<3I", 0x00500013, 0x00000513, 0x00008067))  # addi x0, x0, 5; mv a0, x0; ret
    processor.x[RETURN_ADDRESS], processor.x[ARGUMENTS], processor.pc = DOORS, 9, BASE
    processor.run()
    assert processor.x[0] == 0 and processor.x[ARGUMENTS] == 0 and processor.instructions == 3


@pytest.mark.parametrize(("word", "complaint"), [(0xFFFFFFFF, "knows"), (0x00002503, "outside")])
def test_what_it_cannot_do_is_said(word, complaint):
    processor = Processor()
    processor.write(BASE, struct.pack("<I", word))  # no instruction; lw a0, 0(x0)
    processor.pc = BASE
    with pytest.raises(BadInstruction, match=complaint):
        processor.run()
    with pytest.raises(BadInstruction, match="outside"):
        processor.read(BASE - 1, 1)
    assert ct.sizeof(ct.c_void_p) == 8
