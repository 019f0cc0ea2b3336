"""The inner step of a layer on a CPU, spelled out in vectors of sixteen points.

Left to itself the compiler would have to prove that the rows of a layer do not overlap before it
handles several of them in one pass; here nothing has to be proven. The vectors are those of the
compiler's own language, whatever the width of the machine's. No operation is contracted to
another: products and sums are rounded one by one.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Bits = NDArray[np.unsignedinteger]

#: Points of a step. Buffers end with so many columns that nobody reads.
LANES = 16
#: Signs of a word of a code.
SIGNS = 32
#: A first layer of at most so many inputs is summed in the step, in place of a product.
FEW_INPUTS = 3


def _step(
    _: Any, rows: Any, inputs: Any, is_hidden: Any, z: Any, bias: Any, weight: Any, x: Any,
    code: Any, joined: Any, z_row: Any, weight_row: Any, x_row: Any, floor: Any,
) -> Any:  # fmt: skip
    """Finish ``rows`` neurons at :data:`LANES` points; in compiled loops only.

    The arguments are rows, inputs and is_hidden, which must be literals; the addresses of the
    first preactivation, bias, weight, coordinate, code and joined bits; the bytes from one row to
    the next of preactivations, weights and coordinates; and the floor.

    With ``inputs`` > 0 the preactivations are first summed from so many coordinates. The bias is
    added; the sign is shifted into the code, the bits are joined by *and*; and, where it is
    hidden, max(preactivation, floor) is written.
    """
    signature = types.void(rows, inputs, is_hidden, *[types.intp] * 9, floor)

    def generate(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
        scalar = context.get_value_type(floor)
        bits = 8 * np.dtype(str(floor)).itemsize
        floats = ir.VectorType(scalar, LANES)
        integers = ir.VectorType(ir.IntType(bits), LANES)
        z, bias, weight, x, code, joined, z_row, weight_row, x_row, lowest = arguments[3:]

        def move(address: Any, number: int, size: Any) -> Any:
            """Return the address ``number`` times ``size`` bytes on."""
            size = ir.Constant(address.type, size) if isinstance(size, int) else size
            return builder.add(address, builder.mul(size, ir.Constant(address.type, number)))

        def load(address: Any, kind: Any) -> Any:
            return builder.load(builder.inttoptr(address, kind.as_pointer()), align=bits // 8)

        def store(value: Any, address: Any) -> None:
            pointer = builder.inttoptr(address, value.type.as_pointer())
            builder.store(value, pointer, align=bits // 8)

        def spread(value: Any) -> Any:
            undefined = ir.Constant(floats, ir.Undefined)
            places = ir.VectorType(ir.IntType(32), LANES)
            one = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
            return builder.shuffle_vector(one, undefined, ir.Constant(places, [0] * LANES))

        def every(value: int) -> Any:
            return ir.Constant(integers, [value] * LANES)

        words, both = load(code, integers), load(joined, integers)
        coordinates = [load(move(x, j, x_row), floats) for j in range(inputs.literal_value)]
        least = spread(lowest)
        for k in range(rows.literal_value):
            place = move(z, k, z_row)
            total = None if coordinates else load(place, floats)
            for j, coordinate in enumerate(coordinates):
                factor = load(move(move(weight, k, weight_row), j, bits // 8), scalar)
                product = builder.fmul(spread(factor), coordinate)
                total = product if total is None else builder.fadd(total, product)
            total = builder.fadd(total, spread(load(move(bias, k, bits // 8), scalar)))
            own = builder.bitcast(total, integers)
            sign = builder.lshr(own, every(bits - 1))
            words = builder.or_(builder.shl(words, every(1)), sign)
            both = builder.and_(both, own)
            if is_hidden.literal_value:
                is_above = builder.fcmp_ordered(">", total, least)
                store(builder.select(is_above, total, least), place)
        store(words, code)
        store(both, joined)
        return context.get_dummy_value()

    return signature, generate


#: The step as compiled loops call it.
step: Any = intrinsic(prefer_literal=True)(_step)


@njit(nogil=True, cache=True, error_model="numpy")
def finish_layer(
    m: int,
    z: Floats,
    bias: Floats,
    slope: float,
    is_hidden: bool,
    codes: Bits,
    joined: Bits,
    first: int,
    inputs: int,
    weight: Floats,
    x: Floats,
) -> None:
    """Add the bias to the first m columns of ``z``, and apply the activation in place.

    The signs, those of neurons ``first`` and on, are put to ``codes``, and ``joined`` is joined
    with all bits. ``z`` stays as it is where ``is_hidden`` is False: nothing comes after the last
    layer. With 0 < ``inputs`` <= :data:`FEW_INPUTS` the product of ``weight`` (n, inputs) and ``x``
    (inputs, m) takes the place of ``z``. Up to :data:`LANES` - 1 columns after the m-th are
    overwritten.
    """
    n, size = len(bias), z.itemsize
    zero, steep = z.dtype.type(0), z.dtype.type(slope)
    # max(z, floor) is z itself where the activation is not that of slope 0.
    floor = zero if slope == 0 else z.dtype.type(-np.inf)
    if first == 0:
        codes[:, :m] = joined.dtype.type(0)
        joined[:m] = ~joined.dtype.type(0)
    zr, wr, xr = z.strides[0], weight.strides[0], x.strides[0]
    k = 0
    while k < n:
        p, b = z.ctypes.data + k * zr, bias.ctypes.data + k * size
        w, q = weight.ctypes.data + k * wr, x.ctypes.data
        c = codes.ctypes.data + (first + k) // SIGNS * codes.strides[0]
        j = joined.ctypes.data
        # Eight neurons of one word together, else one.
        if min(n - k, SIGNS - (first + k) % SIGNS) >= 8:
            if inputs == 0 and is_hidden:
                for o in range(0, m * size, LANES * size):
                    step(8, 0, True, p + o, b, w, q, c + o, j + o, zr, wr, xr, floor)
            elif inputs == 0:
                for o in range(0, m * size, LANES * size):
                    step(8, 0, False, p + o, b, w, q, c + o, j + o, zr, wr, xr, floor)
            elif inputs == 1:
                for o in range(0, m * size, LANES * size):
                    step(8, 1, True, p + o, b, w, q + o, c + o, j + o, zr, wr, xr, floor)
            elif inputs == 2:
                for o in range(0, m * size, LANES * size):
                    step(8, 2, True, p + o, b, w, q + o, c + o, j + o, zr, wr, xr, floor)
            else:
                for o in range(0, m * size, LANES * size):
                    step(8, 3, True, p + o, b, w, q + o, c + o, j + o, zr, wr, xr, floor)
            k += 8
        else:
            if inputs == 0:
                for o in range(0, m * size, LANES * size):
                    step(1, 0, True, p + o, b, w, q, c + o, j + o, zr, wr, xr, floor)
            elif inputs == 1:
                for o in range(0, m * size, LANES * size):
                    step(1, 1, True, p + o, b, w, q + o, c + o, j + o, zr, wr, xr, floor)
            elif inputs == 2:
                for o in range(0, m * size, LANES * size):
                    step(1, 2, True, p + o, b, w, q + o, c + o, j + o, zr, wr, xr, floor)
            else:
                for o in range(0, m * size, LANES * size):
                    step(1, 3, True, p + o, b, w, q + o, c + o, j + o, zr, wr, xr, floor)
            k += 1
    if is_hidden and slope != 0:
        for k in range(n):
            row = z[k]
            for i in range(m):
                row[i] = max(row[i], zero) + steep * min(row[i], zero)
