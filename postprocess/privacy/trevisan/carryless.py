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
TOGETHER = 4
"""Rows for which a block is read at once, with 512 bits; half of them where processors have half the registers."""

_WORD, _INDEX = ir.IntType(64), ir.IntType(32)


def _multiply(builder, a, b, lanes: int, halves: int):
    """Carry-less product in each 128-bit lane; `halves` picks the words as the instruction's immediate byte does."""
    vector = ir.VectorType(_WORD, 2 * lanes)
    name = "llvm.x86.pclmulqdq" + ("" if lanes == 1 else f".{128 * lanes}")
    signature = ir.FunctionType(vector, [vector, vector, ir.IntType(8)])
    function = cgutils.get_or_insert_function(builder.module, signature, name)
    return builder.call(function, [a, b, ir.Constant(ir.IntType(8), halves)])


def _splat(builder, word, lanes: int):
    """A word in all places of a vector."""
    vector = ir.VectorType(_WORD, 2 * lanes)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), word, ir.Constant(_INDEX, 0))
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(_INDEX, 2 * lanes), [0] * 2 * lanes))


class _Elements:
    """Elements of three words in vectors, one row in each place: their products and the field's polynomial.

    The arithmetic of words.py, vector by vector. `field`: its seven words.
    """

    def __init__(self, builder, field, lanes: int) -> None:
        self.builder, self.lanes = builder, lanes
        degree, *middle = field[:4]
        self.masks = [_splat(builder, word, lanes) for word in field[4:]]
        self.beyond = [builder.icmp_unsigned(">=", degree, ir.Constant(_WORD, bits)) for bits in (64, 128)]
        self.degree = self._places(degree)
        self.middle = [(builder.icmp_unsigned("<", e, ir.Constant(_WORD, 64)), self._places(e)) for e in middle]
        self.one, self.zero = (ir.Constant(ir.VectorType(_WORD, 2 * lanes), [k] * 2 * lanes) for k in (1, 0))

    def _places(self, count):
        """(bits, 63 - bits) of a shift within words."""
        bits = self.builder.and_(count, ir.Constant(_WORD, 63))
        rest = self.builder.sub(ir.Constant(_WORD, 63), bits)
        return _splat(self.builder, bits, self.lanes), _splat(self.builder, rest, self.lanes)

    def add(self, first, *more):
        for other in more:
            first = self.builder.xor(first, other)
        return first

    def _word_products(self, a, b):
        """(low, high) words of the products of all places."""
        even, odd = (_multiply(self.builder, a, b, self.lanes, halves) for halves in (0x00, 0x11))
        width = 2 * self.lanes
        low = [place if place % 2 == 0 else width + place - 1 for place in range(width)]
        high = [place + 1 if place % 2 == 0 else width + place for place in range(width)]
        pick = ir.VectorType(_INDEX, width)
        return [self.builder.shuffle_vector(even, odd, ir.Constant(pick, order)) for order in (low, high)]

    def product(self, a, b):
        """Six words, unreduced (Karatsuba)."""
        pairs = [(a[i], b[i]) for i in range(3)]
        pairs += [(self.add(a[i], a[j]), self.add(b[i], b[j])) for i, j in ((0, 1), (0, 2), (1, 2))]
        p0, p1, p2, p01, p02, p12 = (self._word_products(*pair) for pair in pairs)
        add = self.add
        return [
            p0[0],
            add(p0[1], p01[0], p0[0], p1[0]),
            add(p01[1], p0[1], p1[1], p02[0], p0[0], p1[0], p2[0]),
            add(p02[1], p0[1], p1[1], p2[1], p12[0], p1[0], p2[0]),
            add(p12[1], p1[1], p2[1], p2[0]),
            p2[1],
        ]

    def _joined(self, low, high, bits, rest):
        """low >> bits with what comes down from the next word."""
        build = self.builder
        return build.or_(build.lshr(low, bits), build.shl(build.shl(high, self.one), rest))

    def _upper_part(self, p):
        """Bits from the degree on, three words."""
        build = self.builder
        p = [build.select(self.beyond[0], p[i + 1], p[i]) for i in range(4)] + [
            build.select(self.beyond[0], p[5], p[4])
        ]
        over = self.beyond[1]
        first = [build.select(over, p[i + 1], p[i]) for i in range(4)]
        return [self._joined(first[i], first[i + 1], *self.degree) for i in range(3)]

    def _fold(self, h):
        """h times the polynomial without its leading term, five words."""
        build, found = self.builder, [*h, self.zero, self.zero]
        for is_short, (bits, rest) in self.middle:
            down = [build.lshr(build.lshr(word, self.one), rest) for word in h]
            up = [build.shl(word, bits) for word in h]
            b = [up[0], build.or_(up[1], down[0]), build.or_(up[2], down[1]), down[2], self.zero]
            found = [self.add(found[i], build.select(is_short, b[i], b[i - 1] if i else self.zero)) for i in range(5)]
        return found

    def reduced(self, p):
        """Six words modulo the field polynomial, three words."""
        build = self.builder
        f = self._fold(self._upper_part(p))
        f = [self.add(f[i], build.and_(p[i], self.masks[i])) for i in range(3)] + f[3:]
        g = self._fold(self._upper_part([*f, self.zero]))
        return [self.add(g[i], build.and_(f[i], self.masks[i])) for i in range(3)]


def _products_of_rows(lanes: int):
    """Intrinsic (a, b, plus, field, out) -> None for a vector width: out = a b + plus in the field, row by row.

    Args of the intrinsic:
        a, b, out: uint64 (3, rows), rows a multiple of 2 * lanes; `out` may be one of the others.
        plus: uint64 (6, rows), unreduced.
        field: words.field_words.
    """
    width = 2 * lanes
    vector = ir.VectorType(_WORD, width)

    def codegen(context, builder, signature, arguments):
        kinds = zip(signature.args, arguments, strict=True)
        a, b, plus, field, out = (context.make_array(kind)(context, builder, value) for kind, value in kinds)
        rows = builder.extract_value(a.shape, 1)
        size = rows.type
        words = [builder.load(builder.gep(field.data, [ir.Constant(size, i)])) for i in range(7)]
        elements = _Elements(builder, words, lanes)

        def place(array, word, row):
            offset = builder.add(builder.mul(rows, ir.Constant(size, word)), row)
            return builder.bitcast(builder.gep(array.data, [offset]), vector.as_pointer())

        with cgutils.for_range(builder, builder.udiv(rows, ir.Constant(size, width))) as loop:
            row = builder.mul(loop.index, ir.Constant(size, width))
            x, y = ([builder.load(place(array, word, row), align=8) for word in range(3)] for array in (a, b))
            p = elements.product(x, y)
            p = [elements.add(p[word], builder.load(place(plus, word, row), align=8)) for word in range(6)]
            for word, value in enumerate(elements.reduced(p)):
                builder.store(value, place(out, word, row), align=8)
        return context.get_dummy_value()

    @intrinsic
    def products_of_rows(typingctx, a, b, plus, field, out):
        return types.void(a, b, plus, field, out), codegen

    return products_of_rows


def _sums_of_products(lanes: int):
    """Intrinsic (x, y, sums) -> None for a vector width.

    Args of the intrinsic:
        x: uint64 (blocks, groups, POINTS, 2 * lanes).
        y: uint64 (rows, groups, POINTS, 2 * lanes), rows a multiple of TOGETHER.
        sums: uint64 (blocks, POINTS, 2, rows), written: low times high word of x + y, summed over groups and lanes.
    """
    vector = ir.VectorType(_WORD, 2 * lanes)
    together = TOGETHER if lanes == 4 else TOGETHER // 2

    def load(builder, base, offset):
        return builder.load(builder.bitcast(builder.gep(base, [offset]), vector.as_pointer()), align=8)

    def add_group(builder, x, y, x_offset, y_offsets, totals):
        for point in range(POINTS):
            skip = ir.Constant(x_offset.type, point * 2 * lanes)
            of_block = load(builder, x, builder.add(x_offset, skip))
            for y_offset, total in zip(y_offsets, totals, strict=True):
                z = builder.xor(of_block, load(builder, y, builder.add(y_offset, skip)))
                product = _multiply(builder, z, z, lanes, halves=0x10)
                builder.store(builder.xor(builder.load(total[point]), product), total[point])

    def codegen(context, builder, signature, arguments):
        kinds = zip(signature.args, arguments, strict=True)
        x, y, sums = (context.make_array(kind)(context, builder, value) for kind, value in kinds)
        rows, blocks, groups = (builder.extract_value(a.shape, axis) for a, axis in ((y, 0), (x, 0), (x, 1)))
        words, several = (ir.Constant(groups.type, number) for number in (POINTS * 2 * lanes, together))
        stride = builder.mul(groups, words)
        # LLVM turns these cells into registers.
        totals = [[cgutils.alloca_once(builder, vector) for _ in range(POINTS)] for _ in range(together)]
        with (
            cgutils.for_range(builder, builder.udiv(rows, several)) as loop,
            cgutils.for_range(builder, blocks) as block,
        ):
            first = builder.mul(loop.index, several)
            at = [builder.add(first, ir.Constant(rows.type, number)) for number in range(together)]
            for total in (cell for row in totals for cell in row):
                builder.store(ir.Constant(vector, None), total)
            with cgutils.for_range(builder, groups) as group:
                step = builder.mul(group.index, words)
                x_offset = builder.add(builder.mul(block.index, stride), step)
                y_offsets = [builder.add(builder.mul(row, stride), step) for row in at]
                add_group(builder, x.data, y.data, x_offset, y_offsets, totals)
            cell = builder.mul(block.index, ir.Constant(rows.type, 2 * POINTS))
            for row, row_totals in zip(at, totals, strict=True):
                for point, total in enumerate(row_totals):
                    for half, word in enumerate(_sum_of_lanes(builder, builder.load(total), lanes)):
                        offset = builder.mul(builder.add(cell, ir.Constant(cell.type, 2 * point + half)), rows)
                        builder.store(word, builder.gep(sums.data, [builder.add(offset, row)]))
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


_products_128, _products_256, _products_512 = (_products_of_rows(lanes) for lanes in (1, 2, 4))


@njit(cache=True, nogil=True)
def products_128(a, b, plus, field, out):
    """Products in the field with 128-bit PCLMULQDQ; see `_products_of_rows`."""
    _products_128(a, b, plus, field, out)


@njit(cache=True, nogil=True)
def products_256(a, b, plus, field, out):
    """Products in the field with 256-bit VPCLMULQDQ; see `_products_of_rows`."""
    _products_256(a, b, plus, field, out)


@njit(cache=True, nogil=True)
def products_512(a, b, plus, field, out):
    """Products in the field with 512-bit VPCLMULQDQ; see `_products_of_rows`."""
    _products_512(a, b, plus, field, out)
