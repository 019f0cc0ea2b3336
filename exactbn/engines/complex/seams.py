"""Seams are joined: which regions of different chunks share a facet, by the name of that facet."""

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.pattern_table import first_rows
from exactbn.errors import InternalError

Numbers = NDArray[np.int64]
Words = NDArray[np.uint64]

# Facets that wait for their other side, from which on it is looked for.
_MANY = 1 << 17


class Seams:
    """The facets between chunks of which one side was seen, and the region that has it.

    Names are compared as a whole: a hash only says where to look.
    """

    def __init__(self) -> None:
        self._names: list[Words] = []
        self._regions: list[Numbers] = []
        self._count = 0
        self._next = _MANY

    def add(self, names: Words, regions: Numbers) -> Numbers:
        """Take up the facets of a chunk; return pairs i < j of regions, shape (pairs, 2).

        They are looked for now and then, not at every call.
        """
        if len(names):
            self._names.append(names)
            self._regions.append(regions)
            self._count += len(names)
        if self._count < self._next:
            return np.empty((0, 2), dtype=np.int64)
        return self._joined()

    def end(self) -> Numbers:
        """Return the pairs that are left.

        Raises
        ------
        InternalError
            If a facet has one side only.
        """
        pairs = self._joined()
        if self._count:
            raise InternalError(
                f"{self._count} facets between pieces have one side only; please report this "
                "network"
            )
        return pairs

    def _joined(self) -> Numbers:
        """Return the pairs of regions whose facets have equal names, and let these go."""
        if not self._count:
            return np.empty((0, 2), dtype=np.int64)
        names, regions = np.concatenate(self._names), np.concatenate(self._regions)
        first = first_rows(names)
        sides = np.bincount(first, minlength=len(names))
        if sides.max() > 2:
            raise InternalError("a facet has more than two sides; please report this network")
        second = np.flatnonzero(first != np.arange(len(first)))
        pairs = np.sort(np.stack((regions[first[second]], regions[second]), axis=1), axis=1)
        left = np.flatnonzero(sides == 1)
        self._names, self._regions, self._count = [names[left]], [regions[left]], len(left)
        self._next = max(_MANY, 2 * self._count)
        return pairs
