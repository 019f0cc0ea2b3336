"""Linear regions: the connected sets on which a network is one affine map, exactly.

Two adjacent activation regions may have the same affine map: the unit between them has the weight
0 further on, or what it adds is taken away by another one. A *linear region* is a set of activation
regions that hang together by facets and have one map. (Regions that touch in less than a facet do
not hang together here, and two linear regions may well have the same map.)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, final

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from exactbn.exact.rational import Matrix, Vector
from exactbn.exact.values import Value
from exactbn.model.arrays import read_only
from exactbn.model.asking import as_index
from exactbn.regions.location import Location
from exactbn.regions.polyhedra import Form
from exactbn.regions.region import Region
from exactbn.regions.sides import is_within
from exactbn.wording import counted

Numbers = NDArray[np.int64]


class Regions(Protocol):
    """What is asked of a partition; :class:`exactbn.Partition` has it."""

    @property
    def edges(self) -> NDArray[np.int32]:
        """Return the adjacent pairs, shape (E, 2)."""

    @property
    def num_regions(self) -> int:
        """Return the number of regions."""

    def region(self, i: int) -> Region:
        """Return a region."""

    def affine_map(self, i: int) -> tuple[Matrix, Vector]:
        """Return the affine map of a region."""


@final
@dataclass(frozen=True, eq=False, repr=False)
class LinearRegions(Value):
    """The linear regions of a partition.

    ``labels``, shape (regions,), is the linear region of each activation region, numbered in the
    order of their first ones; ``maps``, shape (linear regions,), is the map of each, equal where
    the maps are.
    """

    partition: Regions
    labels: Numbers
    maps: Numbers

    def __repr__(self) -> str:
        """Return one short line."""
        return (
            f"<{counted(len(self), 'linear region')} of {self.partition.num_regions} activation "
            f"regions, {counted(self.num_maps, 'affine map')}>"
        )

    def __len__(self) -> int:
        """Return the number of linear regions."""
        return len(self.maps)

    @property
    def num_maps(self) -> int:
        """Return how many different affine maps there are."""
        return len(np.unique(self.maps))

    @property
    def sizes(self) -> Numbers:
        """Return of how many activation regions each consists."""
        return read_only(np.bincount(self.labels, minlength=len(self)))

    @cached_property
    def is_convex(self) -> NDArray[np.bool_]:
        """Return which of them are convex, exactly; shape (linear regions,).

        A closed set that is a union of polyhedra hanging together by facets is convex if and only
        if it lies, for each facet between it and another region, on one side of that facet's
        hyperplane. (If so let H be what is cut out by all these half-spaces and the domain, which
        is convex. A segment from an interior point of the set to one of H outside of it, that
        avoids all faces of dimension below d - 1, leaves the set in such a facet, and so H.)
        """
        borders: dict[int, list[tuple[int, int]]] = {}
        sizes = self.sizes
        for i, j in self.partition.edges.tolist():
            for own, other in ((i, j), (j, i)):
                label = int(self.labels[own])
                if sizes[label] > 1 and label != self.labels[other]:
                    borders.setdefault(label, []).append((own, other))
        convex = np.ones(len(self), dtype=bool)
        for label, pairs in borders.items():
            convex[label] = self._is_convex(np.flatnonzero(self.labels == label).tolist(), pairs)
        return read_only(convex)

    def affine_map(self, label: int) -> tuple[Matrix, Vector]:
        """Return (A, b) of a linear region, exact."""
        label = as_index(label, len(self.maps), "linear region")
        return self.partition.affine_map(int(np.flatnonzero(self.labels == label)[0]))

    def _is_convex(self, members: Sequence[int], pairs: Sequence[tuple[int, int]]) -> bool:
        """Return whether the regions ``members`` are on one side of all facets to others."""
        regions = {i: self.partition.region(i) for i in members}
        rows = dict.fromkeys(_rows_between(regions, pairs))
        return all(
            is_within(row, [side.row for side in region.sides], region.witness)
            for row in rows
            for region in regions.values()
        )


def _rows_between(
    regions: dict[int, Region], pairs: Sequence[tuple[int, int]]
) -> Iterator[Form]:
    """Yield the rows, >= 0 on the first region, between pairs of regions."""
    for own, other in pairs:
        yield regions[own].facet(other).row


def linear_regions(partition: Regions, location: Location) -> LinearRegions:
    """Return the linear regions of a partition whose patterns know all neurons."""
    count = partition.num_regions
    known: dict[tuple[object, ...], int] = {}
    maps = np.empty(count, dtype=np.int64)
    for i in range(count):
        maps[i] = known.setdefault(location.map_key(i), len(known))
    edges = partition.edges
    same = edges[maps[edges[:, 0]] == maps[edges[:, 1]]]
    graph = scipy.sparse.coo_array(
        (np.ones(len(same), dtype=np.int8), (same[:, 0], same[:, 1])), shape=(count, count)
    )
    _, found = scipy.sparse.csgraph.connected_components(graph, directed=False)
    # In the order of their first regions, whatever scipy does.
    _, first, labels = np.unique(found, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    own = rank[labels.ravel()].astype(np.int64)
    return LinearRegions(partition, read_only(own), read_only(maps[np.sort(first)]))
