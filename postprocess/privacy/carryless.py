"""Carry-less products on x86 through the processor's own instructions (numba intrinsics).

PCLMULQDQ multiplies two polynomials of 64 bits; its 256- and 512-bit forms (VPCLMULQDQ) do so for two and four pairs at
once. LLVM ends the process when asked for an instruction that the target lacks, so `paths` looks before these functions
are compiled.
"""

from __future__ import annotations

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

POINTS = 6
"""Products per pair of three-word elements (Karatsuba): at words 0, 1, 2 and their sums 0+1, 0+2, 1+2."""
ROWS_TOGETHER = 2
"""Rows whose sums are kept in registers at once, sharing each load of the source."""

_WORD = ir.IntType(64)


def _multiply(builder, a, b, lanes: int, halves: int):
    """Carry-less product in each 128-bit lane; `halves` picks the words as the instruction's immediate octet does."""
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
            both = builder.insert_element(both, word, ir.Constant(ir.IntType(32), place))
        product = _multiply(builder, both, both, lanes=1, halves=0x10)
        halves = [builder.extract_element(product, ir.Constant(ir.IntType(32), place)) for place in (0, 1)]
        return cgutils.pack_array(builder, halves)

    return types.UniTuple(types.uint64, 2)(types.uint64, types.uint64), codegen


def _sums_of_products(lanes: int):
    """Intrinsic (x, y, sums) -> None for a vector width.

    Args of the intrinsic:
        x: uint64 (blocks, groups, POINTS, 2 * lanes).
        y: uint64 (rows, groups, POINTS, 2 * lanes), rows a multiple of ROWS_TOGETHER.
        sums: uint64 (rows, blocks, POINTS, 2), written: over groups and lanes, the sum of low word times high word of x
            + y.
    """
    vector = ir.VectorType(_WORD, 2 * lanes)
    words = POINTS * 2 * lanes

    def codegen(context, builder, signature, arguments):
        arrays = [
            context.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args, arguments, strict=True)
        ]
        x, y, sums = (array.data for array in arrays)
        rows = builder.extract_value(arrays[1].shape, 0)
        groups = builder.extract_value(arrays[1].shape, 1)
        blocks = builder.extract_value(arrays[0].shape, 0)
        stride = builder.mul(groups, ir.Constant(groups.type, words))
        together = ir.Constant(rows.type, ROWS_TOGETHER)
        totals = [[cgutils.alloca_once(builder, vector) for _ in range(POINTS)] for _ in range(ROWS_TOGETHER)]

        def load(base, offset, point):
            place = builder.add(offset, ir.Constant(offset.type, point * 2 * lanes))
            pointer = builder.bitcast(builder.gep(base, [place]), ir.PointerType(vector))
            return builder.load(pointer, align=8)

        def add_group(x_offset, y_offsets):
            for point in range(POINTS):
                c = load(x, x_offset, point)
                for total, y_offset in zip(totals, y_offsets, strict=True):
                    z = builder.xor(c, load(y, y_offset, point))
                    product = _multiply(builder, z, z, lanes, halves=0x10)
                    builder.store(builder.xor(builder.load(total[point]), product), total[point])

        def store_total(total, offset):
            for point in range(POINTS):
                value = builder.load(total[point])
                for half in (0, 1):
                    word = builder.extract_element(value, ir.Constant(ir.IntType(32), half))
                    for lane in range(1, lanes):
                        place = ir.Constant(ir.IntType(32), 2 * lane + half)
                        word = builder.xor(word, builder.extract_element(value, place))
                    place = builder.add(offset, ir.Constant(offset.type, 2 * point + half))
                    builder.store(word, builder.gep(sums, [place]))

        with cgutils.for_range(builder, builder.udiv(rows, together)) as row_loop:
            first = builder.mul(row_loop.index, together)
            rows_now = [builder.add(first, ir.Constant(first.type, i)) for i in range(ROWS_TOGETHER)]
            y_starts = [builder.mul(row, stride) for row in rows_now]
            with cgutils.for_range(builder, blocks) as block_loop:
                x_start = builder.mul(block_loop.index, stride)
                for total in totals:
                    for cell in total:
                        builder.store(ir.Constant(vector, None), cell)
                with cgutils.for_range(builder, groups) as group_loop:
                    step = builder.mul(group_loop.index, ir.Constant(groups.type, words))
                    add_group(builder.add(x_start, step), [builder.add(start, step) for start in y_starts])
                for row, total in zip(rows_now, totals, strict=True):
                    cell = builder.add(builder.mul(row, blocks), block_loop.index)
                    store_total(total, builder.mul(cell, ir.Constant(cell.type, 2 * POINTS)))
        return context.get_dummy_value()

    @intrinsic
    def sums_of_products(typingctx, x, y, sums):
        return types.void(x, y, sums), codegen

    return sums_of_products


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
