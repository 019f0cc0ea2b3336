"""The regions of a partition of the plane as exact polygons, their sides with what made them."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from exactbn.drawing.windows import Point
from exactbn.exact.rational import Vector
from exactbn.model.patterns import columns
from exactbn.regions.geometry import chains
from exactbn.regions.merging import labels_of_words

if TYPE_CHECKING:
    from exactbn.regions.partition import Partition

Numbers = NDArray[np.int64]

#: Units of one colour each that a legend names; with more of them they are told apart by colour
#: only, which begins anew.
MOST_NAMED = 16


@dataclass(frozen=True, eq=False)
class Seen:
    """What a picture shows: pairs of neighbours, the last layer of a side of each region, corners.

    ``deepest`` counts layers from 1 and is 0 where no layer has a side of the region; ``corners``
    are homogeneous points of the input space.
    """

    pairs: Sequence[tuple[int, int]]
    deepest: Sequence[int]
    corners: Sequence[Point]


@dataclass(frozen=True, eq=False)
class Planar:
    """The cells of a plane complex as polygons, and the edges between regions.

    ``points`` are the vertices in homogeneous integers; ``cells[c]`` the numbers of the corners of
    a cell in order, and ``of_cell[c]`` its region, -1 for one that the partition does not know.
    ``sides``, shape (S, 2), are the ends of edges, and ``regions``, shape (S, 2), what they are
    between: -1 in the second place at the border of the domain. ``neurons``, shape (S,), is the
    first hidden neuron in which the patterns on both sides differ, -1 at the border.
    """

    points: list[Point]
    cells: list[list[int]]
    of_cell: list[int]
    sides: Numbers
    regions: Numbers
    neurons: Numbers

    @cached_property
    def corners(self) -> list[Vector]:
        """Return the vertices where a picture has something to show.

        Corners of the domain, and where three regions or more meet; where there is none of them
        the ends of sides. Without a box the complex has vertices of its own beside these.
        """
        around: list[set[int]] = [set() for _ in self.points]
        at_border = set(self.sides[self.regions[:, 1] < 0].ravel().tolist())
        for ends, both in zip(self.sides.tolist(), self.regions.tolist(), strict=True):
            for end in ends:
                around[end].update(both)
        finite = [v for v, point in enumerate(self.points) if point[0] != 0]
        chosen = [v for v in finite if v in at_border or len(around[v]) > 2]
        chosen = chosen or [v for v in finite if around[v]]
        return [point_of(self.points[v]) for v in chosen]

    def polygon(self, cell: int) -> list[Point]:
        """Return the corners of a cell in order."""
        return [self.points[v] for v in self.cells[cell]]

    def layers(self, widths: Sequence[int]) -> Numbers:
        """Return the layer of the neuron of each side, counted from 0, -1 at the border."""
        found = np.searchsorted(np.cumsum(widths), self.neurons, side="right")
        return np.where(self.neurons < 0, -1, found)


def point_of(point: Point) -> Vector:
    """Return a homogeneous point that is no direction as exact numbers."""
    return tuple(Fraction(int(t), int(point[0])) for t in point[1:])


def planar(part: "Partition", known: "Partition") -> Planar:
    """Return the polygons of a partition of one or two inputs that has faces.

    They have the numbers of the regions of ``known``, of the same network and domain. One input is
    drawn in the plane: intervals times [0, 1], as vertices 2 v at the height 0 and 2 v + 1 at 1.
    """
    faces = part.evidence.faces
    assert faces is not None
    lattice, network = faces.lattice, part.network
    number = _numbers(part, known)
    owners = lattice.owners.astype(np.int64)
    inner = owners[:, 1] >= 0
    regions = faces.cells.of_cell[owners]
    regions[~inner, 1] = -1
    # Edges between cells of one region are no sides of it.
    is_side = regions[:, 0] != regions[:, 1]
    words = labels_of_words(network, lattice.words)
    differing = (words[owners[:, 0]] ^ words[owners[:, 1]])[is_side]
    regions = regions[is_side]
    regions[regions >= 0] = number[regions[regions >= 0]]
    points = [tuple(int(t) for t in point) for point in faces.points(range(len(lattice.x)))]
    begin, end = (int(lattice.indptr[lattice.starts[k]]) for k in (1, 2))
    ends = lattice.indices[begin:end].reshape(-1, 2).astype(np.int64)
    if lattice.dim == 1:
        points = [(*point, height * point[0]) for point in points for height in (0, 1)]
        cells = [[2 * a, 2 * b, 2 * b + 1, 2 * a + 1] for a, b in ends.tolist()]
        ends = np.arange(len(points)).reshape(-1, 2)
    else:
        cells = [chain.tolist() for chain in chains(lattice)]
    return Planar(
        points,
        cells,
        number[faces.cells.of_cell].tolist(),
        ends[is_side],
        regions,
        np.where(inner[is_side], _first_neurons(differing, network.widths), -1),
    )


def _numbers(part: "Partition", known: "Partition") -> Numbers:
    """Return the number in ``known`` of each region of ``part``, -1 where it is not there."""
    if part is known:
        return np.arange(part.num_regions)
    rows = labels_of_words(known.network, known.words)
    table = {row.tobytes(): i for i, row in enumerate(rows)}
    found = labels_of_words(part.network, part.words)
    return np.array([table.get(row.tobytes(), -1) for row in found], dtype=np.int64)


def _first_neurons(words: NDArray[np.uint64], widths: Sequence[int]) -> Numbers:
    """Return the first neuron whose bit is set in each row of words, -1 where there is none."""
    bits = np.unpackbits(
        np.ascontiguousarray(words, dtype="<u8").view(np.uint8), axis=1, bitorder="little"
    )
    bits = bits[:, columns(widths)]
    if not bits.shape[1]:
        return np.full(len(bits), -1, dtype=np.int64)
    return np.where(bits.any(axis=1), bits.argmax(axis=1), -1)


def seen_of(count: int, regions: Numbers, layers: Numbers, corners: Sequence[Point]) -> Seen:
    """Return what is seen of so many regions, from the sides between them."""
    deepest = [0] * count
    pairs = set()
    for (i, j), layer in zip(regions.tolist(), layers.tolist(), strict=True):
        for k in (i, j):
            if k >= 0:
                deepest[k] = max(deepest[k], layer + 1)
        if i >= 0 and j >= 0:
            pairs.add((min(i, j), max(i, j)))
    return Seen(sorted(pairs), deepest, corners)


def kinds_of(
    pieces: Planar, widths: Sequence[int], bent: bool | str
) -> tuple[list[int], tuple[str, ...]]:
    """Return the kind of each side, -1 at the border, and the names of the kinds."""
    if not bent or (bent != "unit" and len(widths) < 2):
        return np.where(pieces.neurons < 0, -1, 0).tolist(), ()
    if bent != "unit":
        names = tuple(f"layer {k + 1}" for k in range(len(widths)))
        return pieces.layers(widths).tolist(), names
    units = [(layer, k) for layer, width in enumerate(widths) for k in range(width)]
    # What begins with a line is in no legend.
    start = "" if len(units) <= MOST_NAMED else "_"
    names = tuple(f"{start}layer {layer + 1}, unit {k + 1}" for layer, k in units)
    return pieces.neurons.tolist(), names
