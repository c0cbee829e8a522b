"""Carry-less products on x86 through the processor's own instructions (numba intrinsics).

PCLMULQDQ multiplies two polynomials of 64 bits; its 256- and 512-bit forms (VPCLMULQDQ) do so for two and four pairs at
once. LLVM ends the process when asked for an instruction that the target lacks, so `paths` looks before these functions
are compiled.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from postprocess.support.compile_cache import njit

POINTS = 6
"""Products per pair of three-word elements (Karatsuba): at words 0, 1, 2 and their sums 0+1, 0+2, 1+2."""

_WORD, _INDEX = ir.IntType(64), ir.IntType(32)


def _multiply(builder, a, b, lanes: int, halves: int):
    """Carry-less product in each 128-bit lane; `halves` picks the words as the instruction's immediate byte does."""
    vector = ir.VectorType(_WORD, 2 * lanes)
    name = "llvm.x86.pclmulqdq" + ("" if lanes == 1 else f".{128 * lanes}")
    signature = ir.FunctionType(vector, [vector, vector, ir.IntType(8)])
    function = cgutils.get_or_insert_function(builder.module, signature, name)
    return builder.call(function, [a, b, ir.Constant(ir.IntType(8), halves)])


@intrinsic
def carryless_product(typingctx, a, b):
    """Both halves (low, high) of the carry-less product of two words."""

    def codegen(context, builder, signature, arguments):
        both = ir.Constant(ir.VectorType(_WORD, 2), ir.Undefined)
        for place, word in enumerate(arguments):
            both = builder.insert_element(both, word, ir.Constant(_INDEX, place))
        product = _multiply(builder, both, both, lanes=1, halves=0x10)
        halves = [builder.extract_element(product, ir.Constant(_INDEX, place)) for place in (0, 1)]
        return cgutils.pack_array(builder, halves)

    return types.UniTuple(types.uint64, 2)(types.uint64, types.uint64), codegen


def _sums_of_products(lanes: int):
    """Intrinsic (x, y, sums) -> None for a vector width.

    Args of the intrinsic:
        x: uint64 (blocks, groups, POINTS, 2 * lanes).
        y: uint64 (rows, groups, POINTS, 2 * lanes).
        sums: uint64 (rows, blocks, POINTS, 2), written: low times high word of x + y, summed over groups and lanes.
    """
    vector = ir.VectorType(_WORD, 2 * lanes)

    def load(builder, base, offset):
        return builder.load(builder.bitcast(builder.gep(base, [offset]), vector.as_pointer()), align=8)

    def add_group(builder, x, y, x_offset, y_offset, totals):
        for point, total in enumerate(totals):
            skip = ir.Constant(x_offset.type, point * 2 * lanes)
            z = builder.xor(
                load(builder, x, builder.add(x_offset, skip)), load(builder, y, builder.add(y_offset, skip))
            )
            product = _multiply(builder, z, z, lanes, halves=0x10)
            builder.store(builder.xor(builder.load(total), product), total)

    def codegen(context, builder, signature, arguments):
        kinds = zip(signature.args, arguments, strict=True)
        x, y, sums = (context.make_array(kind)(context, builder, value) for kind, value in kinds)
        rows, blocks, groups = (builder.extract_value(a.shape, axis) for a, axis in ((y, 0), (x, 0), (x, 1)))
        words = ir.Constant(groups.type, POINTS * 2 * lanes)
        stride = builder.mul(groups, words)
        # LLVM turns these cells into registers.
        totals = [cgutils.alloca_once(builder, vector) for _ in range(POINTS)]
        with cgutils.for_range(builder, rows) as row, cgutils.for_range(builder, blocks) as block:
            for total in totals:
                builder.store(ir.Constant(vector, None), total)
            with cgutils.for_range(builder, groups) as group:
                step = builder.mul(group.index, words)
                x_offset = builder.add(builder.mul(block.index, stride), step)
                y_offset = builder.add(builder.mul(row.index, stride), step)
                add_group(builder, x.data, y.data, x_offset, y_offset, totals)
            cell = builder.add(builder.mul(row.index, blocks), block.index)
            for point, total in enumerate(totals):
                for half, word in enumerate(_sum_of_lanes(builder, builder.load(total), lanes)):
                    offset = builder.mul(cell, ir.Constant(cell.type, 2 * POINTS))
                    offset = builder.add(offset, ir.Constant(cell.type, 2 * point + half))
                    builder.store(word, builder.gep(sums.data, [offset]))
        return context.get_dummy_value()

    @intrinsic
    def sums_of_products(typingctx, x, y, sums):
        return types.void(x, y, sums), codegen

    return sums_of_products


def _sum_of_lanes(builder, value, lanes: int):
    """Low and high word of the sum of all 128-bit lanes."""
    for half in (0, 1):
        word = builder.extract_element(value, ir.Constant(_INDEX, half))
        for lane in range(1, lanes):
            word = builder.xor(word, builder.extract_element(value, ir.Constant(_INDEX, 2 * lane + half)))
        yield word


_sums_128, _sums_256, _sums_512 = (_sums_of_products(lanes) for lanes in (1, 2, 4))


@njit(cache=True, nogil=True)
def sums_128(x, y, sums):
    """Sums of products with 128-bit PCLMULQDQ; see `_sums_of_products`."""
    _sums_128(x, y, sums)


@njit(cache=True, nogil=True)
def sums_256(x, y, sums):
    """Sums of products with 256-bit VPCLMULQDQ; see `_sums_of_products`."""
    _sums_256(x, y, sums)


@njit(cache=True, nogil=True)
def sums_512(x, y, sums):
    """Sums of products with 512-bit VPCLMULQDQ; see `_sums_of_products`."""
    _sums_512(x, y, sums)
