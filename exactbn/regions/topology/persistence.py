"""Sublevel persistence of a function of the outputs on a partition, exact.

In a bounded domain the sets {f <= c} have, with their inclusions, the homology of the closed sets
of the faces on which f is at most c throughout: f is affine on faces, and such a set is pushed
down into them. So faces enter at the greatest of the values at their vertices.

Without a box that fails where f goes to -oo. There {f <= c} is the union of what it has of each
face on which f is somewhere at most c. These pieces are convex, so it has the homology of the poset
of these faces: an open set of faces, and by duality (:mod:`.sets`) that of the dual cells of those
that are not in the boundary of the domain. So dual cells enter at the infimum of f on their faces,
-oo before all numbers. Both ways are right in a box, and tests compare them.

A discrete gradient that pairs only cells of one value leaves a small filtered complex with the same
barcode; its critical cells are those of f. Then comes elimination over the field.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import inf, isfinite
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from exactbn.exact.rational import to_fraction
from exactbn.exact.values import Value
from exactbn.model.arrays import read_only
from exactbn.regions.levels import some_vertex
from exactbn.regions.topology import kernels
from exactbn.regions.topology.chains import ChainComplex, chain_complex
from exactbn.regions.topology.homology import check_characteristic
from exactbn.regions.topology.morse import Gradient, MorseComplex, morse_complex
from exactbn.regions.topology.sets import boundary_faces
from exactbn.regions.topology.values import VertexValues, vertex_values

if TYPE_CHECKING:
    from exactbn.regions.partition import Partition

#: A value of f: a Fraction, or an infinity of float.
Number = Fraction | float
Levels = NDArray[np.int64]
Column = dict[int, Any]


@final
@dataclass(frozen=True, order=True)
class Bar(Value):
    """A class of homology of dimension ``dim`` that is there for birth <= c < death.

    ``birth`` is a Fraction or -infinity, ``death`` a Fraction or infinity.
    """

    dim: int
    birth: Number
    death: Number


@final
@dataclass(frozen=True, order=True)
class CriticalCell(Value):
    """A critical cell of dimension ``dim`` that enters at ``value``, and the face it stands for.

    In a bounded domain the cell is the face. Without a box it is the dual cell of the face, whose
    dimension is d - dim.
    """

    dim: int
    value: Number
    face: int


@final
@dataclass(frozen=True)
class Barcode(Value):
    """The barcode of the sets {f <= c} over a field of ``characteristic`` p, 0 that of Q.

    ``bars`` are ordered by dimension, birth and death; none is empty. ``critical`` are the critical
    cells of the discrete gradient, ordered in the same way. Of dimension k there are at least as
    many as bars that begin in dimension k or end in dimension k - 1, and the alternating sums of
    both are equal.
    """

    bars: tuple[Bar, ...]
    critical: tuple[CriticalCell, ...]
    characteristic: int
    dim: int

    def betti(self, level: object) -> tuple[int, ...]:
        """Return the Betti numbers of {f <= c} over the field, in dimensions 0 to d."""
        c = to_fraction(level, "the level")
        alive = [bar.dim for bar in self.bars if bar.birth <= c < bar.death]
        return tuple(alive.count(k) for k in range(self.dim + 1))

    def draw(self, ax: Any) -> None:
        """Draw the bars on axes of matplotlib, one colour a dimension; rounded to floats.

        Bars that begin at -oo or do not end reach to the edges of the axes; a dot stands where one
        begins, so that short ones are seen.
        """
        ends = [t for bar in self.bars for t in (float(bar.birth), float(bar.death)) if isfinite(t)]
        low, high = (min(ends), max(ends)) if ends else (0, 0)
        room = (high - low or 1) / 10
        low, high = low - room, high + room
        for k in sorted({bar.dim for bar in self.bars}):
            rows = [(i, bar) for i, bar in enumerate(self.bars) if bar.dim == k]
            places = [i for i, _ in rows]
            births = [max(float(bar.birth), low) for _, bar in rows]
            deaths = [min(float(bar.death), high) for _, bar in rows]
            ax.hlines(places, births, deaths, colors=f"C{k}", linewidth=2)
            ax.plot(births, places, "o", color=f"C{k}", markersize=4, label=f"dimension {k}")
        ax.set_xlim(low, high)
        ax.set_yticks([])
        ax.set_xlabel("c")
        ax.set_title("classes of {f <= c}")
        if self.bars:
            ax.legend(loc="upper left", bbox_to_anchor=(1, 1))


def sublevel_barcode(part: "Partition", output: object = None, characteristic: int = 0) -> Barcode:
    """Return the barcode of the sets {f <= c} in the domain of a partition, c from -oo to oo.

    Parameters
    ----------
    part : Partition
        With faces, of a box, a polytope or all of R^d. f need not be a neuron of it.
    output
        f, as for :func:`exactbn.regions.levels.level_partition`.
    characteristic : int
        0 for the field Q, or a prime p for GF(p).

    Returns
    -------
    Barcode
        Exact: births and deaths are the exact values of f at vertices, or infinite.

    Raises
    ------
    InputError, DimensionError
        If the partition is incomplete or has no faces, f is no function of the outputs, or the
        characteristic is neither 0 nor a prime.

    Examples
    --------
    ||x| - 2| has two valleys, and its upper parts are cut off at 3.

    >>> import exactbn
    >>> net = exactbn.Network.from_arrays([[[1]], [[1]], [[1]]], [[0], [-2], [0]], slope=-1)
    >>> for bar in sublevel_barcode(exactbn.partition(net, (-5, 5))).bars:
    ...     print(bar.dim, bar.birth, bar.death)
    0 0 2
    0 0 inf

    The plane, from below: x goes to -oo.

    >>> tilted = exactbn.Network.from_arrays([[[1, 0]]], [[0]])
    >>> sublevel_barcode(exactbn.partition(tilted)).bars
    (Bar(dim=0, birth=-inf, death=inf),)
    """
    check_characteristic(characteristic)
    values = vertex_values(part, output)
    chains, levels = _filtered(values)
    field = filtered_gradient(chains, levels)
    reduced = morse_complex(field)
    of_critical = levels[field.critical].tolist()
    pairs, essential = _paired(reduced, of_critical, characteristic)

    def number(rank: int) -> Number:
        return -inf if rank < 0 else values.levels[rank]

    bars = [Bar(k, number(b), number(d)) for k, b, d in pairs if b < d]
    bars += [Bar(k, number(b), inf) for k, b in essential]
    dims = np.repeat(np.arange(chains.dim + 1), field.counts).tolist()
    places = chains.cells[field.critical].tolist()
    critical = sorted(
        CriticalCell(k, number(t), face)
        for k, t, face in zip(dims, of_critical, places, strict=True)
    )
    return Barcode(tuple(sorted(bars)), tuple(critical), characteristic, chains.dim)


def _filtered(values: VertexValues) -> tuple[ChainComplex, Levels]:
    """Return the cells of the filtration and the ranks of the values at which they enter."""
    lattice = values.lattice
    if not lattice.is_at_infinity.any():
        return by_greatest(values)
    return by_least(values)


def by_greatest(values: VertexValues) -> tuple[ChainComplex, Levels]:
    """Return the faces of a bounded domain with the greatest of the values on each."""
    chains = chain_complex(values.lattice, np.ones(len(values.greatest), dtype=np.bool_))
    return chains, read_only(values.greatest[chains.cells])


def by_least(values: VertexValues) -> tuple[ChainComplex, Levels]:
    """Return the dual cells of the inner faces of any domain with the infimum of f on each."""
    lattice = values.lattice
    inner = some_vertex(lattice, ~lattice.is_at_infinity) & ~boundary_faces(lattice)
    chains = chain_complex(lattice, inner).transposed()
    return chains, read_only(values.least[chains.cells])


def filtered_gradient(chains: ChainComplex, levels: Levels) -> Gradient:
    """Return a discrete gradient that pairs only cells that enter at the same value.

    ``levels``, shape (cells,), rises from facets to cofaces. The gradients of all values together
    are one: paths go on within a value, or down to lower ones.
    """
    n = len(chains.cells)
    owners = np.repeat(np.arange(n), np.diff(chains.indptr))
    kept = np.flatnonzero(levels[owners] == levels[chains.indices])
    indptr = np.concatenate(([0], np.cumsum(np.bincount(owners[kept], minlength=n))))
    level_wise = ChainComplex(
        chains.starts, indptr.astype(np.int64), chains.indices[kept], chains.signs[kept],
        chains.cells,
    )  # fmt: skip
    partner, time = np.empty(n, np.int64), np.empty(n, np.int64)
    above, cofaces, _ = level_wise.cofaces
    kernels.match(level_wise.indptr, level_wise.indices, above, cofaces, partner, time)
    # First by value, then by time: the two of a pair have the same.
    place = time + np.unique(levels, return_inverse=True)[1] * np.int64(n + 1)
    return Gradient(chains, read_only(partner), read_only(place))


def _paired(
    reduced: MorseComplex, levels: list[int], p: int
) -> tuple[list[tuple[int, int, int]], list[tuple[int, int]]]:
    """Return (dimension, birth, death) of all pairs and (dimension, birth) of what stays, by ranks.

    Columns in the order in which cells enter, reduced from left to right.
    """
    divide = _division(p)
    starts = np.concatenate(([0], np.cumsum(reduced.counts))).tolist()
    pairs: list[tuple[int, int, int]] = []
    essential: list[tuple[int, int]] = []
    killed: set[int] = set()
    # From above: the lowest entry of a reduced column is a cell whose own column becomes zero.
    for k in range(len(reduced.counts) - 1, -1, -1):
        below = starts[k - 1] if k else 0
        own = levels[starts[k] : starts[k + 1]]
        order = sorted(range(len(own)), key=own.__getitem__)
        rank = {below + i: place for place, i in enumerate(sorted(
            range(reduced.counts[k - 1]), key=levels[below : starts[k]].__getitem__))} if k else {}
        pivots: dict[int, Column] = {}
        next_killed: set[int] = set()
        for j in order:
            if starts[k] + j in killed:
                continue
            column: Column = {below + i: t % p if p else Fraction(t)
                              for i, t in reduced.boundaries[k][j]}
            column = {i: t for i, t in column.items() if t}
            while column:
                low = max(column, key=rank.__getitem__)
                if low not in pivots:
                    break
                other = pivots[low]
                factor = divide(column[low], other[low])
                for i, t in other.items():
                    value = column.get(i, 0) - factor * t
                    value = value % p if p else value
                    if value:
                        column[i] = value
                    else:
                        del column[i]
            if column:
                pivots[low] = column
                next_killed.add(low)
                pairs.append((k - 1, levels[low], own[j]))
            else:
                essential.append((k, own[j]))
        killed = next_killed
    return pairs, essential


def _division(p: int) -> Callable[[Any, Any], Any]:
    """Return the division of a field."""
    if p == 0:
        return lambda a, b: a / b
    return lambda a, b: a * pow(int(b), -1, p) % p
