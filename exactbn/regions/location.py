"""Where a point lies: which region holds it, and whether it is strictly inside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from flint import fmpz_mat
from numpy.typing import NDArray

from exactbn.engines.pattern_table import PatternTable, find_rows, make_table
from exactbn.exact.rational import Matrix, Vector
from exactbn.model.domain import Domain
from exactbn.model.evaluation import homogeneous
from exactbn.model.labels import Labels, are_consistent, labels_of
from exactbn.model.network import Network
from exactbn.model.patterns import pack, unpack
from exactbn.regions.filter import PatternFilter, Reads, units_read
from exactbn.regions.merging import labels_of_words


# Points whose integers are held at the same time.
_TOGETHER = 1 << 12
# Points whose floats are.
_FLOATS_TOGETHER = 1 << 16


@dataclass(frozen=True, eq=False)
class Location:
    """The regions of a network in a domain, known by their patterns, as sets of points.

    ``words`` are the patterns of the regions by the first ``neurons_done`` hidden neurons. Exact.
    """

    network: Network
    domain: Domain
    words: NDArray[np.uint64]
    neurons_done: int

    @cached_property
    def _table(self) -> PatternTable:
        return make_table(labels_of_words(self.network, self.words))

    @cached_property
    def _reads(self) -> Reads:
        return units_read(self.network)

    @cached_property
    def _labels(self) -> Labels:
        """Return the labels of the regions, of a network that has units of more pieces."""
        return labels_of(self.network.units, unpack(self.words, self.network.widths))

    def region_of(self, x: Vector) -> int | None:
        """Return the region that holds x, or None outside the domain or between regions."""
        found = int(self.regions_of([x])[0])
        return None if found < 0 else found

    def regions_of(self, points: Sequence[Vector]) -> NDArray[np.int64]:
        """Return the region that holds each point, -1 outside the domain or between regions."""
        found = np.full(len(points), -1, dtype=np.int64)
        inside = [i for i, x in enumerate(points) if self.domain.contains(x)]
        for start in range(0, len(inside), _TOGETHER):
            places = np.array(inside[start : start + _TOGETHER])
            found[places] = self.regions_of_signs(self.signs([points[i] for i in places]))
        return found

    def regions_of_floats(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the same for many points of finite floats, shape (m, d): most of them by floats.

        A float decides a sign only by a proven bound, see :mod:`.filter`; points of which it leaves
        one open are looked at in integers.
        """
        found = np.full(len(x), -1, dtype=np.int64)
        points = PatternFilter(self.network, self.domain, self.neurons_done, self._reads)
        for start in range(0, len(x), _FLOATS_TOGETHER):
            told = points.decide(x[start : start + _FLOATS_TOGETHER])
            is_plain = ~(told.is_open | told.is_outside | told.zero.any(axis=1))
            place = start + np.flatnonzero(is_plain)
            found[place] = find_rows(
                self._table, labels_of_words(self.network, told.on[is_plain])
            )
            rows = np.flatnonzero(told.zero.any(axis=1) & ~told.is_open & ~told.is_outside)
            on, zero = (unpack(words[rows], self.network.widths) for words in (told.on, told.zero))
            signs = np.where(zero > 0, 0, 2 * on.astype(np.int8) - 1).astype(np.int8)
            signs[:, self.neurons_done :] = -1
            found[start + rows] = self.regions_of_signs(signs)
            rest = start + np.flatnonzero(told.is_open)
            exact = [tuple(map(Fraction, point)) for point in x[rest].tolist()]
            found[rest] = self.regions_of(exact)
        return found

    def regions_of_signs(self, signs: NDArray[np.int8]) -> NDArray[np.int64]:
        """Return the region that holds points of the domain of these signs, -1 between regions."""
        found = np.full(len(signs), -1, dtype=np.int64)
        is_strict = signs.all(axis=1)
        found[is_strict] = self._rows_of(signs[is_strict])
        rows = np.flatnonzero(~is_strict)
        if len(rows):
            kinds, which = np.unique(signs[rows], axis=0, return_inverse=True)
            matches = [self.regions_at(kind) for kind in kinds]
            own = np.array([m[0] if len(m) == 1 else -1 for m in matches], dtype=np.int64)
            found[rows] = own[which.ravel()]
        return found

    def regions_at(self, signs: NDArray[np.int8]) -> NDArray[np.int64]:
        """Return the regions whose closure holds a point of the domain with these signs.

        They are the regions whose pattern agrees with the signs wherever these are not zero: at
        such a point the affine pieces of all of them have the same preactivations, layer by
        layer, since a preactivation of zero is mapped to zero whether on or off.
        """
        if signs.all():
            found = self._rows_of(signs[None])
            return found[found >= 0]
        if self.network.units:  # the labels that hold weakly at the point
            return np.flatnonzero(are_consistent(self.network.units, self._labels, signs))
        positive = pack((signs > 0)[None].astype(np.uint8), self.network.widths)
        decided = pack((signs != 0)[None].astype(np.uint8), self.network.widths)
        return np.flatnonzero(~np.any((self.words ^ positive) & decided, axis=1))

    def _rows_of(self, signs: NDArray[np.int8]) -> NDArray[np.int64]:
        """Return the region of each row of signs, none of them zero, -1 where there is none."""
        on = pack((signs > 0).astype(np.uint8), self.network.widths)
        return find_rows(self._table, labels_of_words(self.network, on))

    def signs(self, points: Sequence[Vector]) -> NDArray[np.int8]:
        """Return the signs of the hidden neurons at points, shape (points, neurons).

        Neurons that a budget left out count as off, as they do in the patterns.
        """
        signs = np.full((len(points), self.network.num_hidden), -1, dtype=np.int8)
        last = len(self.network.widths) - 1
        if last < 0 or not points:
            return signs
        column = 0
        for z in self.network.integers.preactivations(homogeneous(points), last):
            values = np.array([(t > 0) - (t < 0) for t in z.entries()], dtype=np.int8)
            signs[:, column : column + z.nrows()] = values.reshape(z.nrows(), -1).T
            column += z.nrows()
        signs[:, self.neurons_done :] = -1
        return signs

    def confirmed(self, candidates: Mapping[int, Vector]) -> dict[int, Vector]:
        """Return those points that lie strictly inside the region which they are said to be in.

        Strictly inside means: in the interior of the domain, and every preactivation of the strict
        sign of the pattern, but for those that vanish on the whole region.
        """
        inside = {i: x for i, x in candidates.items() if self.domain.has_inside(x)}
        signs = self.signs(list(inside.values()))
        on = unpack(self.words[list(inside)], self.network.widths) > 0
        wrong = np.any((on & (signs < 0)) | (~on & (signs > 0)), axis=1)
        confirmed = {}
        for row, (i, x) in enumerate(inside.items()):
            zeros = np.flatnonzero(signs[row] == 0)
            if not wrong[row] and (len(zeros) == 0 or self._vanish(i, zeros)):
                confirmed[i] = x
        return confirmed

    def affine_map(self, i: int) -> tuple[Matrix, Vector]:
        """Return (A, b): the network maps x in region i to A x + b."""
        return self.network.integers.affine_map(self._pattern(i))

    def map_key(self, i: int) -> tuple[object, ...]:
        """Return what is equal for two regions just if their affine maps are."""
        return tuple(self._forms(i)[-1].entries())

    def _vanish(self, i: int, neurons: NDArray[np.int64]) -> bool:
        """Return whether all the given preactivations are identically zero on region i."""
        rows = [
            [z[k, c] for c in range(z.ncols())] for z in self._forms(i) for k in range(z.nrows())
        ]
        return all(entry == 0 for neuron in neurons for entry in rows[neuron])

    def _forms(self, i: int) -> list[fmpz_mat]:
        """Return the integer forms of all layers on region i, see IntegerNetwork.forms."""
        return self.network.integers.forms(self._pattern(i))

    def _pattern(self, i: int) -> list[int]:
        """Return the pattern of region i, one entry a unit of the layers."""
        pattern: list[int] = unpack(self.words[i : i + 1], self.network.widths)[0].tolist()
        return pattern
