"""The exact path of regions along a segment, in time linear in the crossings.

On the segment a + t (b - a) the network is one of a single input, t. Between two parameters that
follow each other all features found so far are affine in t; a unit that has opposite signs at them
gets the parameter in between where it is 0, and there all features are interpolated, exactly. So
block by block the parameters become all those where a sign changes, and no others.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, final

import numpy as np
from flint import fmpz
from numpy.typing import NDArray

from exactbn.errors import InputError, LimitError
from exactbn.exact.rational import Vector, nearest_floats
from exactbn.exact.values import Value
from exactbn.model.arrays import read_only
from exactbn.model.asking import as_network
from exactbn.model.domain import Domain
from exactbn.model.evaluation import Features, IntegerBlock
from exactbn.model.labels import allowed_labels, labels_of
from exactbn.model.network import Network
from exactbn.regions.location import Location
from exactbn.regions.sides import domain_rows
from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.model.asking import NetworkLike

_Signs = NDArray[np.int8]


@final
@dataclass(frozen=True, eq=False, repr=False)
class Path(Value):
    """The pieces of a segment from ``start`` to ``end``, x(t) = start + t (end - start).

    Piece i is the open part between ``parameters[i]`` and ``parameters[i + 1]``, which begin with 0
    and end with 1; between them are just those t where a unit's label changes or comes to be tied,
    or where the domain of a partition begins or ends.
    ``patterns``, shape (pieces, units), are the labels on the pieces, as those of a partition: a
    unit that is 0 all along a piece is off. ``tied[i]`` are the units that have several labels
    there if its sign counts weakly: the piece lies in a zero set of theirs. A unit may be tied
    since it vanishes on a whole region, or since the piece lies on a boundary between regions.

    ``regions``, shape (pieces,), are the regions of a partition that hold the pieces: -1 outside
    its domain, and where a piece lies on a boundary between regions; None of a network alone.
    """

    start: Vector
    end: Vector
    parameters: tuple[Fraction, ...]
    patterns: NDArray[np.unsignedinteger]
    tied: tuple[tuple[int, ...], ...]
    regions: NDArray[np.int64] | None = None

    def __repr__(self) -> str:
        """Return one short line; the attributes have the numbers."""
        return f"<Path of {counted(len(self), 'piece')}>"

    def __len__(self) -> int:
        """Return the number of pieces."""
        return len(self.tied)

    @property
    def num_crossings(self) -> int:
        """Return the number of parameters between 0 and 1 where something changes."""
        return len(self) - 1

    @property
    def crossed(self) -> tuple[tuple[int, ...], ...]:
        """Return for each of these parameters the units that change their label or their tie.

        None where it is the domain that begins or ends.
        """
        result = []
        for i in range(1, len(self)):
            changed = set(np.flatnonzero(self.patterns[i - 1] != self.patterns[i]).tolist())
            result.append(tuple(sorted(changed | (set(self.tied[i - 1]) ^ set(self.tied[i])))))
        return tuple(result)

    @cached_property
    def midpoints(self) -> tuple[Vector, ...]:
        """Return the middle of each piece."""
        pairs = zip(self.parameters, self.parameters[1:])
        return tuple(self.point((s + t) / 2) for s, t in pairs)

    def point(self, t: Fraction) -> Vector:
        """Return x(t)."""
        return tuple(a + t * (b - a) for a, b in zip(self.start, self.end, strict=True))

    def as_float(self) -> NDArray[np.float64]:
        """Return the parameters as the nearest floats, shape (pieces + 1,)."""
        return read_only(np.array(nearest_floats(self.parameters)))


def along(
    network: "NetworkLike",
    a: Iterable[object],
    b: Iterable[object],
    *,
    max_pieces: int | None = None,
) -> Path:
    """Return the exact path of patterns along the segment from a to b, for networks of any size.

    Takes time in proportion to the crossings times the size of the network. What the network does
    off the segment does not matter, so that ``regions`` of the path are None.

    Parameters
    ----------
    network : Network
        Or a module of torch, or the name of a file.
    a, b : points of d exact numbers
        Floats are the dyadic rationals that they are.
    max_pieces : int, optional
        A budget: deep networks may have pieces exponential in their depth.

    Raises
    ------
    InputError
        If the points are equal, or have not d coordinates.
    LimitError
        When there are more pieces.

    Examples
    --------
    >>> net = Network.from_arrays([[[1, 0], [0, 1]], [[1, 1]]], [[0, "-1/3"], [0]])
    >>> path = along(net, (-1, 0), (1, 1))
    >>> path.parameters[1:-1], path.patterns.tolist()
    ((Fraction(1, 3), Fraction(1, 2)), [[0, 0], [0, 1], [1, 1]])
    """
    own = as_network(network)
    start, end = _ends(own, a, b)
    line = own.restrict(start, [tuple(t - s for s, t in zip(start, end, strict=True))])
    parameters, signs = _walk(line, max_pieces)
    return _path(own, start, end, parameters, signs, None)


def along_regions(location: Location, a: Iterable[object], b: Iterable[object]) -> Path:
    """Return the path through the regions of a partition, see :meth:`Partition.along`."""
    network, domain = location.network, location.domain
    start, end = _ends(network, a, b)
    step = tuple(t - s for s, t in zip(start, end, strict=True))
    parameters, signs = _walk(network.restrict(start, [step]), None)
    for t in _ends_in_domain(domain, start, step):
        if 0 < t < 1 and t not in parameters:
            after = next(k for k, s in enumerate(parameters) if s > t)
            parameters.insert(after, t)
            signs = np.insert(signs, after - 1, signs[after - 1], axis=0)
    middles = [
        tuple(s + (t + u) / 2 * w for s, w in zip(start, step, strict=True))
        for t, u in zip(parameters, parameters[1:])
    ]
    regions = np.full(len(signs), -1, dtype=np.int64)
    inside = np.array([domain.contains(x) for x in middles])
    regions[inside] = location.regions_of_signs(signs[inside])
    return _path(network, start, end, parameters, signs, regions)


def _ends(network: Network, a: Iterable[object], b: Iterable[object]) -> tuple[Vector, Vector]:
    """Return two different points."""
    start, end = network.point(a), network.point(b)
    if start == end:
        raise InputError("the ends of the segment are equal, expected two different points")
    return start, end


def _ends_in_domain(domain: Domain, start: Vector, step: Vector) -> list[Fraction]:
    """Return the parameters where the line crosses the hyperplane of a row or side of a domain."""
    found = set()
    for _, (constant, *g) in domain_rows(domain):
        slope = sum((a * t for a, t in zip(g, step, strict=True)), Fraction(0))
        if slope:
            found.add(-(constant + sum(a * t for a, t in zip(g, start, strict=True))) / slope)
    return sorted(found)


def _path(
    network: Network,
    start: Vector,
    end: Vector,
    parameters: Sequence[Fraction],
    signs: _Signs,
    regions: NDArray[np.int64] | None,
) -> Path:
    """Return the path of some pieces, those joined whose labels, ties and regions are the same."""
    positive = (signs > 0).astype(np.uint8)
    if not network.units:
        tied = [tuple(np.flatnonzero(row == 0).tolist()) for row in signs]
        patterns: NDArray[np.unsignedinteger] = positive
    else:
        patterns = labels_of(network.units, positive)
        tied = [
            tuple(k for k, unit in enumerate(network.units) if len(allowed_labels(unit, row)) > 1)
            for row in signs
        ]
    kept = [0]
    for i in range(1, len(signs)):
        is_same = tied[i] == tied[i - 1] and np.array_equal(patterns[i], patterns[i - 1])
        if not (is_same and (regions is None or regions[i] == regions[i - 1])):
            kept.append(i)
    chosen = None if regions is None else read_only(regions[kept])
    ends = (*(parameters[i] for i in kept), parameters[-1])
    own = read_only(np.ascontiguousarray(patterns[kept]))
    return Path(start, end, ends, own, tuple(tied[i] for i in kept), chosen)


@dataclass
class _Stop:
    """A parameter, and there: the features so far, their denominator first, and all signs."""

    t: Fraction
    features: list[fmpz]
    signs: list[int]


def _walk(line: Network, max_pieces: int | None) -> tuple[list[Fraction], _Signs]:
    """Return the parameters of a network of one input, and the signs between them."""
    integers = line.integers
    stops = [_Stop(Fraction(t), [fmpz(1), fmpz(t)], []) for t in (0, 1)]
    for index, block in enumerate(integers.blocks[:-1]):
        count = len(stops[0].features)
        columns = zip(*(stop.features for stop in stops), strict=True)
        denominators, *rows = map(list, columns)
        features = Features(denominators, ([t for row in rows for t in row],), (1, count))
        entries = integers.product(index, features).entries()
        values = [entries[i :: len(stops)] for i in range(len(stops))]
        found: list[_Stop] = []
        for i, stop in enumerate(stops):
            if i:
                found += _between(stops[i - 1], stop, values[i - 1], values[i], block)
            found.append(_extended(stop, values[i], block))
            if max_pieces is not None and len(found) > max_pieces + 1:
                raise LimitError(f"the segment has more than {counted(max_pieces, 'piece')}")
        stops = found
    signs = [
        [s or t for s, t in zip(p.signs, q.signs, strict=True)] for p, q in zip(stops, stops[1:])
    ]
    shape = (len(stops) - 1, line.num_hidden)
    return [stop.t for stop in stops], np.array(signs, dtype=np.int8).reshape(shape)


def _between(
    p: _Stop, q: _Stop, z_p: Sequence[fmpz], z_q: Sequence[fmpz], block: IntegerBlock
) -> list[_Stop]:
    """Return the stops between two where units of a block are zero, in order."""
    found: dict[Fraction, _Stop] = {}
    for s, t in zip(z_p, z_q, strict=True):
        if s * t >= 0:
            continue
        below, above = abs(t), abs(s)
        weight_p, weight_q = below * p.features[0], above * q.features[0]
        share = Fraction(int(weight_q), int(weight_p + weight_q))
        at = p.t + share * (q.t - p.t)
        if at not in found:
            features = [below * u + above * v for u, v in zip(p.features, q.features, strict=True)]
            values = [below * u + above * v for u, v in zip(z_p, z_q, strict=True)]
            signs = [u or v for u, v in zip(p.signs, q.signs, strict=True)]
            found[at] = _extended(_Stop(at, features, signs), values, block)
    return [found[at] for at in sorted(found)]


def _extended(stop: _Stop, values: Sequence[fmpz], block: IntegerBlock) -> _Stop:
    """Return a stop with the features of one more block, all in lowest terms."""
    above = block.above
    new = [
        t * (above if t > 0 else below) for t, below in zip(values, block.below, strict=True)
    ]
    features = [above * t for t in stop.features] if above != 1 else stop.features
    features = [*features, *new]
    divisor = fmpz(0)
    for t in features:
        divisor = divisor.gcd(t)
        if divisor == 1:
            break
    if divisor > 1:
        features = [t // divisor for t in features]
    return _Stop(stop.t, features, [*stop.signs, *((t > 0) - (t < 0) for t in values)])
