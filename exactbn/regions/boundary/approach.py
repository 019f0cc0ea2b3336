"""Exact distances of points to a boundary, whatever way the nearest point is found."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from exactbn.errors import InputError
from exactbn.exact.rational import Vector, to_matrix
from exactbn.model.asking import as_index
from exactbn.model.arrays import read_only
from exactbn.model.domain import Domain
from exactbn.model.evaluation import homogeneous
from exactbn.model.network import Network
from exactbn.regions.boundary.lower_bounds import root_enclosure
from exactbn.regions.boundary.room import squared_room
from exactbn.wording import counted

Floats = NDArray[np.float64]


class Distances(ABC):
    """A boundary of a network in a domain that knows its nearest point to any other."""

    network: Network

    @property
    @abstractmethod
    def domain(self) -> Domain:
        """Return the domain that the boundary is in."""

    @abstractmethod
    def _nearest(self, x: Vector) -> tuple[Fraction, Vector] | None:
        """Return the least squared distance and the nearest point, None without boundary."""

    def squared_distance(self, x: Iterable[object]) -> Fraction | None:
        """Return the exact squared distance of a point to the boundary within the domain.

        None where there is no boundary. Whether the boundary might come nearer outside of the
        domain says :meth:`is_domain_nearer`.
        """
        found = self._nearest(self.network.point(x))
        return None if found is None else found[0]

    def distance(self, x: Iterable[object]) -> tuple[float, float]:
        """Return (middle, radius), floats: the distance is within radius of middle.

        (inf, 0) where there is no boundary.
        """
        return _root(self.squared_distance(x))

    def nearest(self, x: Iterable[object]) -> Vector | None:
        """Return the exact point of the boundary that is nearest to ``x``; None without boundary.

        Of several the least one, compared coordinate by coordinate.
        """
        found = self._nearest(self.network.point(x))
        return None if found is None else found[1]

    def squared_distances(self, points: Iterable[Iterable[object]]) -> list[Fraction | None]:
        """Return :meth:`squared_distance` of each of some points."""
        return [self._least(x) for x in self._checked_points(points)]

    def distances(self, points: Iterable[Iterable[object]]) -> tuple[Floats, Floats]:
        """Return (middle, radius), shape (m,) each: :meth:`distance` of each of some points."""
        found = [_root(squared) for squared in self.squared_distances(points)]
        middle, radius = np.array(found, dtype=np.float64).reshape(-1, 2).T
        return read_only(middle.copy()), read_only(radius.copy())

    def settled_squared_distances(
        self, points: Iterable[Iterable[object]]
    ) -> list[Fraction | None]:
        """Return the squared distances to the boundary in all of R^d, where the domain tells them.

        None where the border of the domain is nearer, so that what lies outside would matter, and
        for points outside of the domain.
        """
        rows = self._checked_points(points)
        inside = [self.domain.contains(x) for x in rows]
        found = [self._least(x) if is_in else None for x, is_in in zip(rows, inside)]
        return [
            None if t is None or self._is_cut_off(x, t) else t for x, t in zip(rows, found)
        ]

    def is_domain_nearer(self, x: Iterable[object]) -> bool:
        """Return whether the border of the domain is nearer to ``x`` than the boundary.

        Then the boundary of the network in all of R^d might be nearer too. So it might for a point
        outside of the domain, of which this is true as well.
        """
        point = self.network.point(x)
        return not self.domain.contains(point) or self._is_cut_off(point, self._least(point))

    def margins(
        self, points: Iterable[Iterable[object]], labels: Iterable[int]
    ) -> tuple[Floats, Floats]:
        """Return (middle, radius), shape (m,): the distance of each point, negative if it is wrong.

        A point is wrong where its class, the least index of a greatest output, is not its label; of
        one output the class is 1 where it is > 0, else 0.

        Raises
        ------
        InputError
            If there are not as many labels as points, or a label is no class.
        """
        rows, count = self._checked_points(points), max(self.network.num_outputs, 2)
        # Of two classes the labels may be truth values, as of ``y > 0``.
        told = [int(t) if isinstance(t, (bool, np.bool_)) else t for t in labels]
        wanted = [as_index(label, count, "label") for label in told]
        if len(wanted) != len(rows):
            raise InputError(f"got {counted(len(wanted), 'label')} of {len(rows)} points")
        middle, radius = self.distances(rows)
        right = [a == b for a, b in zip(classes_at(self.network, rows), wanted)]
        return read_only(np.where(right, middle, -middle)), radius

    def _least(self, x: Vector) -> Fraction | None:
        found = self._nearest(x)
        return None if found is None else found[0]

    def _checked_points(self, points: Iterable[Iterable[object]]) -> list[Vector]:
        return [self.network.point(x) for x in to_matrix(points, "the points")]

    def _is_cut_off(self, x: Vector, squared: Fraction | None) -> bool:
        """Return whether the border of the domain is nearer to a point of it than so much."""
        room = squared_room(self.domain, x)
        return room is not None and (squared is None or room < squared)


def classes_at(network: Network, points: Sequence[Vector]) -> list[int]:
    """Return the class of each point: the least index of a greatest output.

    Of one output it is 1 where it is > 0, else 0.
    """
    if not points:
        return []
    values = network.integers.values(homogeneous(points), len(network.blocks) - 1)
    if network.num_outputs == 1:
        return [int(value > 0) for (value,) in values]
    return [row.index(max(row)) for row in values]


def _root(squared: Fraction | None) -> tuple[float, float]:
    return (np.inf, 0) if squared is None else root_enclosure(squared)
