"""The numbers of a region as floats, each the float64 nearest to the exact one."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf, nan
from typing import final

import numpy as np
from numpy.typing import NDArray

from exactbn.exact.rational import Vector, nearest_float, nearest_floats
from exactbn.model.arrays import read_only
from exactbn.regions.region import Region

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False, repr=False)
class RegionFloats:
    """A region in floats, correctly rounded; infinite beyond the range of floats.

    What has no exact number (the volume and the centroid of an unbounded region, a bound that is
    not there) is infinite, or not a number.
    """

    exact: Region

    def __repr__(self) -> str:
        """Return one short line."""
        return f"<floats of {self.exact!r}>"

    @property
    def witness(self) -> Floats:
        """Return a point inside, shape (d,); rounding may take it outside of a narrow region."""
        return _array(self.exact.witness)

    @property
    def halfspaces(self) -> tuple[Floats, Floats]:
        """Return (A, b), shapes (m, d) and (m,)."""
        matrix, bounds = self.exact.halfspaces
        return self._rows(matrix), _array(bounds)

    @property
    def vertices(self) -> Floats:
        """Return the vertices, shape (V, d)."""
        return self._rows(self.exact.vertices)

    @property
    def rays(self) -> Floats:
        """Return the extreme directions, shape (R, d)."""
        return self._rows(self.exact.rays)

    @property
    def lines(self) -> Floats:
        """Return the directions of whole lines, shape (L, d)."""
        return self._rows(self.exact.lines)

    @property
    def volume(self) -> float:
        """Return the volume, infinite for an unbounded region."""
        if not self.exact.is_bounded:
            return inf
        return nearest_float(*self.exact.volume.as_integer_ratio())

    @property
    def centroid(self) -> Floats:
        """Return the centroid, shape (d,), not a number for an unbounded region."""
        if not self.exact.is_bounded:
            return read_only(np.full(self.exact.dim, nan))
        return _array(self.exact.centroid)

    @property
    def bounding_box(self) -> tuple[Floats, Floats]:
        """Return (lo, hi), each of shape (d,), infinite where there is no bound."""
        lo, hi = self.exact.bounding_box
        return _ends(lo, -inf), _ends(hi, inf)

    @property
    def affine_map(self) -> tuple[Floats, Floats]:
        """Return (A, b), shapes (outputs, d) and (outputs,)."""
        matrix, constant = self.exact.affine_map
        return self._rows(matrix), _array(constant)

    def lipschitz(self, norm: object = "inf") -> float:
        """Return the Lipschitz constant; of the norm 2 the middle of its enclosure."""
        if norm in (2, "2"):
            return self.exact.lipschitz_enclosure().middle
        return nearest_float(*self.exact.lipschitz(norm).as_integer_ratio())

    def inradius(self, norm: object = "inf") -> float:
        """Return the radius of a greatest ball; of the norm 2 the middle of its enclosure."""
        return self.exact.inscribed_ball(norm).enclosure().middle

    def _rows(self, rows: Sequence[Vector]) -> Floats:
        found = np.array([nearest_floats(row) for row in rows])
        return read_only(found.reshape(-1, self.exact.dim))


def _array(values: Vector) -> Floats:
    return read_only(np.array(nearest_floats(values), dtype=np.float64))


def _ends(values: Sequence[Fraction | None], lacking: float) -> Floats:
    found = [lacking if t is None else nearest_float(*t.as_integer_ratio()) for t in values]
    return read_only(np.array(found))
