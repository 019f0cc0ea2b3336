"""The patterns of many float points at once, where floats decide them; integers are for the rest.

The float network of the complex engine evaluates points as it does vertices, with the bounds that
docs/error_analysis.md proves. A pattern counts where every sign is decided: the value is beyond its
bound, or is known to be 0. Whether a point is in the domain is asked in the same way of rows, and
of a box by comparison: a float is at least a rational bound just if it is at least the next float.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import inf, nextafter

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.compiled import kernel
from exactbn.engines.complex.float_blocks import CHUNK
from exactbn.engines.complex.signs import FloatNetwork
from exactbn.engines.complex.start import axis_exponents
from exactbn.exact.rational import nearest_float
from exactbn.model.domain import Domain
from exactbn.model.network import Layer, Network
from exactbn.model.patterns import WORD, columns, num_words, pack

Floats = NDArray[np.float64]
Words = NDArray[np.uint64]
Reads = list[tuple[Words, NDArray[np.bool_]]]

# Of a coordinate whose binary exponent, in the unit of its axis, is beyond this nothing is decided.
_MOST_EXPONENT = 400

_ONE = np.uint64(1)

# Points whose signs are written at once.
_AT_ONCE = 8 * CHUNK


@dataclass(frozen=True, eq=False)
class Decided:
    """What floats tell of m points: the signs of their units as bits.

    ``on`` says of each unit, shape (m, words), whether it is positive, ``zero`` whether it is
    exactly 0; both count where ``is_open``, shape (m,), is False. ``is_outside`` are points that
    are not in the domain, of which nothing more is told.
    """

    on: Words
    zero: Words
    is_open: NDArray[np.bool_]
    is_outside: NDArray[np.bool_]


class PatternFilter:
    """The float network of a network in a domain, and what it tells of points.

    To be used by one thread: it evaluates in room of its own. Units from ``neurons_done`` on are
    off.
    """

    def __init__(
        self, network: Network, domain: Domain, neurons_done: int, reads: Reads | None = None
    ) -> None:
        self.network, self.domain, self.neurons_done = network, domain, neurons_done
        self.floats = FloatNetwork(network, [domain])
        slopes = [[slope != 0 for block in network.blocks[:-1] for slope in block.slopes]]
        self.leaky: Words = pack(np.array(slopes, dtype=np.uint8), network.widths)[0]
        self.reads = units_read(network) if reads is None else reads

    def decide(self, x: Floats) -> Decided:
        """Return what floats tell of the points ``x``, shape (m, d), finite float64."""
        shape = len(x), num_words(self.network.widths)
        on, zero = np.zeros(shape, dtype=np.uint64), np.zeros(shape, dtype=np.uint64)
        is_outside = _outside_box(self.domain, x)
        inside = np.flatnonzero(~is_outside)
        h, is_open = _homogeneous(self.domain, x[inside])
        if self.domain.matrix:
            beyond, unsure = _outside_rows(self.domain, h)
            is_outside[inside[beyond]] = True
            is_open |= unsure
        told, nothing = np.zeros((2, len(h), shape[1]), dtype=np.uint64)
        for start in range(0, len(h), _AT_ONCE):
            rows = slice(start, start + _AT_ONCE)
            self._write_signs(h[rows], told[rows], nothing[rows], is_open[rows])
        on[inside], zero[inside] = told, nothing
        opened = np.zeros(len(x), dtype=bool)
        opened[inside] = is_open
        return Decided(on, zero, opened & ~is_outside, is_outside)

    def _write_signs(self, h: Floats, on: Words, zero: Words, is_open: NDArray[np.bool_]) -> None:
        """Write the signs of some points, block by block; mark the points left open."""
        exact, alive = np.zeros_like(h), np.zeros_like(on)
        before = word = 0
        for block, width in enumerate(self.network.widths):
            count = min(width, self.neurons_done - before)
            if count <= 0:
                return
            z, ez = np.empty((2, len(h), count))
            self.floats.preactivations(h, exact, block, slice(0, count), z, ez, alive)
            _take(z, ez, on, zero, (alive, self.leaky), self.reads[block], is_open, word)
            before += width
            word += -(-width // WORD)


def units_read(network: Network) -> Reads:
    """Return of each hidden block which earlier units its units read, as bits, and which are bare.

    A bare unit has no bias and reads no input, so that it is 0 where all that it reads is.
    """
    found: Reads = []
    at = columns(network.widths)
    d = network.num_inputs
    for block in network.blocks[:-1]:
        rows = [
            (bias, [f for f, weight in zip(reads, row, strict=True) if weight])
            for layer, reads in zip(block.layers, block.reads, strict=True)
            for row, bias in zip(layer.weight, layer.bias, strict=True)
        ]
        read = np.zeros((len(rows), num_words(network.widths)), dtype=np.uint64)
        for k, (_, features) in enumerate(rows):
            for place in (int(at[f - 1 - d]) for f in features if f > d):
                read[k, place // WORD] |= np.uint64(1 << place % WORD)
        bare = [bias == 0 and all(f > d for f in features) for bias, features in rows]
        found.append((read, np.array(bare)))
    return found


def _outside_box(domain: Domain, x: Floats) -> NDArray[np.bool_]:
    """Return which points are not in the closed box of a domain, exactly."""
    outside = np.zeros(len(x), dtype=bool)
    if domain.box is not None:
        for axis, (lo, hi) in enumerate(zip(domain.box.lo, domain.box.hi, strict=True)):
            least, most = _float_from(lo, inf), _float_from(hi, -inf)
            outside |= (x[:, axis] < least) | (x[:, axis] > most)
    return outside


def _float_from(bound: Fraction, towards: float) -> float:
    """Return the first float from a bound on in the direction of an infinity, itself counted."""
    nearest = nearest_float(*bound.as_integer_ratio())
    if nearest in (inf, -inf):
        return nearest
    is_short = nearest < bound if towards > 0 else nearest > bound
    return nextafter(nearest, towards) if is_short else nearest


def _homogeneous(domain: Domain, x: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the points as homogeneous coordinates of size one at most, exact but where open.

    In a box in the units of the axes; without one shortened by a power of two.
    """
    h = np.ones((len(x), 1 + x.shape[1]))
    exponents = axis_exponents([domain])[1:].astype(np.int64)
    own = np.frexp(x)[1] - exponents
    is_open = ((np.abs(own) > _MOST_EXPONENT) & (x != 0)).any(axis=1)
    h[:, 1:] = np.ldexp(x, -exponents)
    if domain.box is None:
        shift = np.maximum(own, 0).max(axis=1, initial=0, where=x != 0)
        h = np.ldexp(h, -shift[:, None])
    h[is_open] = 0
    return h, is_open


def _outside_rows(domain: Domain, h: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which points break a row of a domain for certain, and for which that is open."""
    weight = tuple(tuple(-t for t in row) for row in domain.matrix)
    zero = Fraction(0)
    sum_of_all = Layer(((Fraction(1),) * len(weight),), (zero,), Fraction(1))
    rows = Network((Layer(weight, domain.bounds, zero), sum_of_all))
    floats = FloatNetwork(rows, [Domain(domain.dim, domain.box)])
    z, ez = np.empty((2, len(h), len(weight)))
    floats.preactivations(h, np.zeros_like(h), 0, slice(0, len(weight)), z, ez)
    beyond: NDArray[np.bool_] = np.any(z < -ez, axis=1)
    unsure: NDArray[np.bool_] = ~np.all((z > ez) | (z < -ez) | (ez == 0), axis=1)
    return beyond, unsure


@kernel
def _take(z, ez, on, zero, features, reads, is_open, word):  # type: ignore[no-untyped-def]
    """Enter the signs of the units of a block, in words from ``word`` on; mark what is open.

    ``features`` are the bits of the units that are not 0, and of those of another slope than 0;
    ``reads`` as :func:`units_read` has them.
    """
    alive, leaky = features
    read, bare = reads
    for i in range(z.shape[0]):
        for first in range(0, z.shape[1], 64):
            w = word + first // 64
            positive, nothing = np.uint64(0), np.uint64(0)
            for k in range(first, min(first + 64, z.shape[1])):
                bit = _ONE << np.uint64(k - first)
                value, bound = z[i, k], ez[i, k]
                if value > bound:
                    positive |= bit
                elif not value < -bound:
                    nothing |= bit
                    if value == 0 and bound == 0:
                        continue
                    some = not bare[k]
                    for j in range(word):
                        some |= alive[i, j] & read[k, j] != 0
                    is_open[i] |= some
            on[i, w], zero[i, w] = positive, nothing
            alive[i, w] = positive | (~(positive | nothing) & leaky[w])
