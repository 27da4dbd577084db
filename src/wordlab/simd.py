"""Products of small matrices in vector registers, and functions that loops can vectorise.

numba reads and writes each sum anew at every step of a product's inner loop. Here a tile of sums
stays in vector registers: on a core with AVX2, 46 G multiply-adds per second in a product of
32 x 40 x 112, against 12 G for the same loops in plain numba (benchmarks/machine.py) and 23 G for
NumPy's BLAS. Every element is summed in the order of `depth`, whatever the vector width. In
tests/test_simd.py, `add_product` equals NumPy's `a @ b` and each function its formula.
"""

from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

_HOST = llvmlite.binding.get_host_cpu_features()
LANES = 16 if _HOST.get("avx512f", False) else 8
"""Floats per vector; rows of matrices are padded to a multiple of 16, which both divide."""
TILE_ROWS = 4
"""Rows of a product that are held in registers at once; row counts must be multiples of it."""
_TILE_VECTORS = 4 if LANES == 16 else 3
"""Vectors of a product's row that are held at once: what 32 or 16 registers allow."""


@njit(nogil=True, cache=True)
def rounded_up(count: int, multiple: int) -> int:
    """Return the least multiple that is not below `count`."""
    return (count + multiple - 1) // multiple * multiple


def _tile_of(rows: int, vectors: int, wide: int = LANES) -> Any:
    """Return the intrinsic of `rows` rows and `vectors` * `wide` columns of out (+)= a @ b.

    Its arguments: out, out_row, column, a, a_row, a_column, b, b_row, b_column, depth, fresh; the
    arrays are float32 and two-dimensional, the last axis of out and b is contiguous. Adds to out,
    or replaces it if `fresh`.
    """

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        out, out_row, out_column, a, a_row, a_column, b, b_row, b_column, depth, fresh = arguments
        real, index = ir.FloatType(), ir.IntType(64)
        lanes = ir.VectorType(real, wide)
        fma = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(lanes, [lanes] * 3), f"llvm.fma.v{wide}f32"
        )

        def place(position: int, row: Any, column: Any) -> tuple[Any, Any, Any]:
            array = context.make_array(signature.args[position])(
                context, builder, value=arguments[position]
            )
            row_step, column_step = cgutils.unpack_tuple(builder, array.strides)
            base = builder.ptrtoint(array.data, index)
            offset = builder.add(builder.mul(row, row_step), builder.mul(column, column_step))
            return builder.add(base, offset), row_step, column_step

        def pointer(address: Any, kind: Any) -> Any:
            return builder.inttoptr(address, kind.as_pointer())

        def byte(amount: int) -> Any:
            return ir.Constant(index, amount)

        # where the three matrices begin, and how far it is to their next row or column
        builder.function.attributes.add("noinline")  # one copy for all calls: compiles faster
        out_at, out_step, _ = place(0, out_row, out_column)
        a_at, a_step, a_next = place(3, a_row, a_column)
        b_at, b_step, _ = place(6, b_row, b_column)
        cells = [
            builder.add(builder.add(out_at, builder.mul(out_step, byte(r))), byte(v * wide * 4))
            for r in range(rows)
            for v in range(vectors)
        ]
        zero = ir.Constant(lanes, [0.0] * wide)
        fresh = builder.trunc(fresh, ir.IntType(1)) if fresh.type.width > 1 else fresh
        start = [
            builder.select(fresh, zero, builder.load(pointer(cell, lanes), align=4))
            for cell in cells
        ]

        # the loop over `depth`; the sums live in registers from one turn to the next
        before = builder.block
        loop = builder.append_basic_block("depth")
        after = builder.append_basic_block("store")
        builder.branch(loop)
        builder.position_at_end(loop)
        k = builder.phi(index)
        sums = [builder.phi(lanes) for _ in cells]
        k.add_incoming(byte(0), before)
        for total, value in zip(sums, start, strict=True):
            total.add_incoming(value, before)
        b_line = builder.add(b_at, builder.mul(k, b_step))
        a_line = builder.add(a_at, builder.mul(k, a_next))
        b_values = [
            builder.load(pointer(builder.add(b_line, byte(v * wide * 4)), lanes), align=4)
            for v in range(vectors)
        ]
        # each row: its element of a, spread over all lanes, times the row of b
        new = []
        for r in range(rows):
            at = builder.add(a_line, builder.mul(a_step, byte(r)))
            scalar = builder.load(pointer(at, real), align=4)
            one = builder.insert_element(
                ir.Constant(lanes, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0)
            )
            spread = builder.shuffle_vector(
                one,
                ir.Constant(lanes, ir.Undefined),
                ir.Constant(ir.VectorType(ir.IntType(32), wide), [0] * wide),
            )
            for v in range(vectors):
                total = sums[r * vectors + v]
                new.append(builder.call(fma, [spread, b_values[v], total]))
        k_next = builder.add(k, byte(1))
        k.add_incoming(k_next, loop)
        for total, value in zip(sums, new, strict=True):
            total.add_incoming(value, loop)
        builder.cbranch(builder.icmp_signed("<", k_next, depth), loop, after)
        builder.position_at_end(after)
        for cell, value in zip(cells, new, strict=True):
            builder.store(value, pointer(cell, lanes), align=4)
        return context.get_dummy_value()

    @intrinsic
    def tile(
        typing_context: Any, out: Any, out_row: Any, out_column: Any, a: Any, a_row: Any,
        a_column: Any, b: Any, b_row: Any, b_column: Any, depth: Any, fresh: Any,
    ) -> Any:  # fmt: skip
        at = types.int64
        return types.void(out, at, at, a, at, at, b, at, at, at, types.boolean), emit

    return tile


def _transposed_square() -> Any:
    """Return the intrinsic that sets a square of `out` to one of `rows`, transposed, LANES wide.

    Its arguments: rows, row, column, out, out_row, out_column; the last axes are contiguous.
    """

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        index, kind = ir.IntType(64), ir.VectorType(ir.FloatType(), LANES)

        def lines(position: int) -> list[Any]:
            array = context.make_array(signature.args[position])(
                context, builder, value=arguments[position]
            )
            row_step, column_step = cgutils.unpack_tuple(builder, array.strides)
            row, column = arguments[position + 1], arguments[position + 2]
            offset = builder.add(builder.mul(row, row_step), builder.mul(column, column_step))
            at = builder.add(builder.ptrtoint(array.data, index), offset)
            steps = [builder.mul(row_step, ir.Constant(index, k)) for k in range(LANES)]
            return [builder.inttoptr(builder.add(at, step), kind.as_pointer()) for step in steps]

        values = [builder.load(line, align=4) for line in lines(0)]
        half, numbers = LANES // 2, ir.VectorType(ir.IntType(32), LANES)
        masks = [
            ir.Constant(numbers, [n // 2 + LANES * (n % 2) + half * part for n in range(LANES)])
            for part in (0, 1)
        ]
        # rows k and k + half are dealt into one another, like two hands of cards, log2(LANES) times
        for _ in range(LANES.bit_length() - 1):
            values = [
                builder.shuffle_vector(values[k], values[k + half], mask)
                for k in range(half)
                for mask in masks
            ]
        for line, value in zip(lines(3), values, strict=True):
            builder.store(value, line, align=4)
        return context.get_dummy_value()

    @intrinsic
    def square(
        typing_context: Any, rows: Any, row: Any, column: Any, out: Any, out_row: Any,
        out_column: Any,
    ) -> Any:  # fmt: skip
        at = types.int64
        return types.void(rows, at, at, out, at, at), emit

    return square


def _sum_of_products() -> Any:
    """Return the intrinsic that gives the sum of a[k] * b[k], k < depth, of contiguous float32.

    depth: a multiple of 16, above 0. Element k adds to sum k % 16; these are added up by halves.
    Vectors of 8 are read, as processors hand on what was just written in vectors of 8 or of 16.
    """

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        index, lanes = ir.IntType(64), ir.VectorType(ir.FloatType(), 8)
        fma = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(lanes, [lanes] * 3), "llvm.fma.v8f32"
        )
        starts = [
            context.make_array(kind)(context, builder, value=value).data
            for kind, value in zip(signature.args[:2], arguments[:2], strict=True)
        ]
        before, loop = builder.block, builder.append_basic_block("depth")
        builder.branch(loop)
        builder.position_at_end(loop)
        k, *sums = builder.phi(index), builder.phi(lanes), builder.phi(lanes)
        k.add_incoming(ir.Constant(index, 0), before)
        added = []
        for first, total in zip((0, 8), sums, strict=True):
            total.add_incoming(ir.Constant(lanes, [0.0] * 8), before)
            place = builder.add(k, ir.Constant(index, first))
            ends = [builder.gep(start, [place]) for start in starts]
            factors = [builder.load(builder.bitcast(e, lanes.as_pointer()), align=4) for e in ends]
            added.append(builder.call(fma, [*factors, total]))
            total.add_incoming(added[-1], loop)
        following = builder.add(k, ir.Constant(index, 16))
        k.add_incoming(following, loop)
        after = builder.append_basic_block("add")
        more = builder.icmp_signed("<", following, arguments[2])
        builder.cbranch(more, loop, after)
        builder.position_at_end(after)
        total = builder.fadd(*added)
        for half in (4, 2, 1):
            turned = [(lane + half) % 8 for lane in range(8)]
            mask = ir.Constant(ir.VectorType(ir.IntType(32), 8), turned)
            total = builder.fadd(total, builder.shuffle_vector(total, total, mask))
        return builder.extract_element(total, ir.Constant(ir.IntType(32), 0))

    @intrinsic
    def sum_of_products(typing_context: Any, a: Any, b: Any, depth: Any) -> Any:
        return types.float32(a, b, types.int64), emit

    return sum_of_products


_products = _sum_of_products()


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def inner_product(a: Any, b: Any, depth: int) -> np.float32:
    """Return the sum of a[k] * b[k], k < depth, of contiguous float32: on any processor the same.

    numba's own loop would add up in an order that depends on the processor.
    """
    whole = depth - depth % 16
    total = _products(a, b, whole) if whole else np.float32(0)
    for k in range(whole, depth):
        total += a[k] * b[k]
    return total


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def inverse_root(x: np.float32) -> np.float32:
    """Return 1 / sqrt(x) within 5e-6 of its size, of a normal x above 0.

    Half of its exponent, then Newton's step twice: on any processor the same, as the estimates
    of a root that processors have are not, and in a loop faster than a root and a division.
    """
    half = np.float32(0.5) * x
    y = np.int32(0x5F3759DF - (np.float32(x).view(np.int32) >> 1)).view(np.float32)
    y = y * (np.float32(1.5) - (half * y) * y)
    return y * (np.float32(1.5) - (half * y) * y)


_square = _transposed_square()
_tile_1, _tile_2, _tile_3, _tile_4 = (_tile_of(TILE_ROWS, vectors) for vectors in (1, 2, 3, 4))
_tall_tile = _tile_of(2 * TILE_ROWS, 1)
_tall_tile_of_8 = _tile_of(2 * TILE_ROWS, 1, wide=8)


@njit(nogil=True, cache=True)
def add_product(
    out: Any, row: int, column: int, width: int, a: Any, a_row: int, a_column: int,
    b: Any, b_row: int, b_column: int, depth: int, fresh: bool,
) -> None:  # fmt: skip
    """Add a product of float32 matrices to TILE_ROWS rows of `out`, or replace them if `fresh`.

    out[row:row+4, column:column+width] (+)= a[a_row:a_row+4, a_column:a_column+depth]
    @ b[b_row:b_row+depth, b_column:b_column+width]. width is a multiple of 16, depth 1 or more;
    the last axis of out and b is contiguous, a may be a transposed view. Mutates out.
    """
    at = 0
    if _TILE_VECTORS == 4:
        while width - at >= 4 * LANES:
            _tile_4(
                out, row, column + at, a, a_row, a_column, b, b_row, b_column + at, depth, fresh
            )
            at += 4 * LANES
    while width - at >= 3 * LANES:
        _tile_3(out, row, column + at, a, a_row, a_column, b, b_row, b_column + at, depth, fresh)
        at += 3 * LANES
    if width - at >= 2 * LANES:
        _tile_2(out, row, column + at, a, a_row, a_column, b, b_row, b_column + at, depth, fresh)
        at += 2 * LANES
    if width - at >= LANES:
        _tile_1(out, row, column + at, a, a_row, a_column, b, b_row, b_column + at, depth, fresh)


@njit(nogil=True, cache=True)
def transpose(rows: Any, transposed: Any) -> None:
    """Set `transposed` (P, 16) to the first 16 of `rows` (R, P), 16 dividing P. Mutates it."""
    for d in range(0, rows.shape[1], LANES):
        for k in range(0, 16, LANES):
            _square(rows, k, d, transposed, d, k)


@njit(nogil=True, cache=True)
def narrow_product(out: Any, a: Any, b: Any, depth: int) -> None:
    """Set `out` to the product a[:, :depth] @ b[:depth] of float32 matrices, out 16 wide.

    The rows of out are a multiple of TILE_ROWS. Where 16 columns are one vector, twice as many
    rows as in add_product are held in registers, as four sums alone would wait for one another.
    Mutates out.
    """
    row = 0
    if LANES == 16:
        while len(out) - row >= 2 * TILE_ROWS:
            _tall_tile(out, row, 0, a, row, 0, b, 0, 0, depth, True)
            row += 2 * TILE_ROWS
    while row < len(out):
        add_product(out, row, 0, 16, a, row, 0, b, 0, 0, depth, True)
        row += TILE_ROWS


@njit(nogil=True, cache=True)
def slim_product(out: Any, row: int, a: Any, a_row: int, b: Any, b_column: int, depth: int) -> None:
    """Set 2 * TILE_ROWS rows of `out`, 8 columns wide, to a product of float32 matrices.

    out[row:row+8] = a[a_row:a_row+8, :depth] @ b[:depth, b_column:b_column+8]. Mutates out.
    """
    _tall_tile_of_8(out, row, 0, a, a_row, 0, b, 0, b_column, depth, True)


_ROUND = np.float32(1.5 * 2**23)
"""Added to a small float32, it leaves the nearest whole number in the lowest bits."""


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def vanishing(x: np.float32) -> np.float32:
    """Return e^-|x| within 1e-6 of it, at least 2^-60.

    It is 2^n times the Taylor polynomial of e^f, |f| <= log(2)/2. No branch, so that loops
    vectorise, and so it is with the functions below.
    """
    x = np.float32(-1.4426950408889634) * abs(x)
    x = np.float32(-60) if x < np.float32(-60) else x
    rounded = x + _ROUND
    f = (x - (rounded - _ROUND)) * np.float32(0.6931471805599453)
    power = np.float32(1 / 720) * f + np.float32(1 / 120)
    power = power * f + np.float32(1 / 24)
    power = power * f + np.float32(1 / 6)
    power = power * f + np.float32(0.5)
    power = power * f + np.float32(1)
    power = power * f + np.float32(1)
    exponent = np.int32((np.float32(rounded).view(np.int32) << 23) + 0x3F800000)
    return power * exponent.view(np.float32)


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def error_and_loss(score: np.float32) -> tuple[np.float32, np.float32]:
    """Return sigma(-score) and log(1 + exp(-score)), within 1e-6: a pair's error and its loss.

    log(1 + t) is the series of 2 atanh(t / (2 + t)).
    """
    t = vanishing(score)
    small = t / (np.float32(1) + t)
    z = t / (np.float32(2) + t)
    zz = z * z
    series = np.float32(2 / 11) * zz + np.float32(2 / 9)
    series = series * zz + np.float32(2 / 7)
    series = series * zz + np.float32(2 / 5)
    series = series * zz + np.float32(2 / 3)
    series = series * zz + np.float32(2)
    positive = score > np.float32(0)
    error = small if positive else np.float32(1) - small
    loss = z * series + (np.float32(0) if positive else -score)
    return error, loss


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def sigmoid(x: np.float32) -> np.float32:
    """Return 1 / (1 + e^-x), within 1e-6 of it; 0 or 1 beyond +-40, so that a gate can be shut."""
    t = vanishing(x)
    t = np.float32(0) if abs(x) > np.float32(40) else t
    small = t / (np.float32(1) + t)
    return np.float32(1) - small if x > np.float32(0) else small


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def tanh(x: np.float32) -> np.float32:
    """Return tanh(x), within 1e-6 of it and within 1e-5 of its size.

    Near 0, where the difference from 1 would lose digits, it is Taylor's polynomial.
    """
    t = vanishing(np.float32(2) * x)
    large = (np.float32(1) - t) / (np.float32(1) + t)
    large = large if x > np.float32(0) else -large
    xx = x * x
    series = np.float32(-17 / 315) * xx + np.float32(2 / 15)
    series = series * xx - np.float32(1 / 3)
    series = x + x * xx * series
    return series if xx < np.float32(0.04) else large
