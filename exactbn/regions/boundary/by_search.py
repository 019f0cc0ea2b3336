"""Exact distances to a decision boundary in any dimension, from patterns alone.

The LP engine finds the patterns of the network and its contests (:mod:`.classes`), and knows no
faces. Let P be the closure of the points of one pattern, of the class a > 0. On it the greatest of
f_0, ..., f_(a-1) is affine, and the last contest that is won, f_a minus it, is >= 0; the points of
P with a lower class are those where that contest is 0. So the boundary is the union over all P of

    {y in P : the last contest that is won is 0 at y},

each given by half-spaces: nothing of a lower dimension is lost, and no face is needed for the
nearest point, which is found exactly (:mod:`.foot_of_rows`).
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import Any, final

import numpy as np
from flint import fmpq, fmpz
from numpy.typing import NDArray

from exactbn.errors import InputError
from exactbn.exact.rational import Vector, nearest_float
from exactbn.exact.values import Value
from exactbn.model.domain import Domain
from exactbn.model.network import Network
from exactbn.model.patterns import unpack
from exactbn.regions.boundary.approach import Distances
from exactbn.regions.boundary.foot import to_row
from exactbn.regions.boundary.foot_of_rows import RowFoot, nearest_by_rows
from exactbn.regions.partition import Partition

Floats = NDArray[np.float64]
IntegerRow = tuple[int, ...]


@final
@dataclass(frozen=True, eq=False, repr=False)
class SearchedBoundary(Distances, Value):
    """The decision boundary of ``network`` in a domain, of which exact distances are known.

    ``partition``, by the LP engine, is that by the hidden neurons and the contests; the pieces are
    not known as faces, so they are neither counted nor joined to components. Take
    ``engine="complex"`` for that.
    """

    what: str
    network: Network
    partition: Partition

    def __repr__(self) -> str:
        """Return one short line."""
        return (
            f"<SearchedBoundary, {self.what} of a {self.network.architecture} network: "
            "distances only>"
        )

    def __getattr__(self, name: str) -> Any:
        """Say of what the complex engine knows that this one does not."""
        if name in ("num_pieces", "num_components", "betti", "f_vector", "component_of", "bends"):
            raise InputError(
                f"engine 'lp' makes no faces of the boundary, so it has no {name}; use "
                "engine='complex', which does"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def domain(self) -> Domain:
        """Return the domain that the boundary is in."""
        return self.partition.domain

    @property
    def is_complete(self) -> bool:
        """Return whether all patterns of the domain are known, so that no piece lacks."""
        return self.partition.is_complete

    def proof(self, x: object) -> tuple[RowFoot, list[list[fmpq]]]:
        """Return the nearest point with multipliers, and the rows of the set that it is in.

        The first row is the equation; see
        :func:`exactbn.regions.boundary.foot_of_rows.is_nearest_by_rows`.

        Raises
        ------
        InputError
            If there is no boundary.
        """
        foot, cell = self._foot(self.network.point(x))  # type: ignore[arg-type]
        if foot is None:
            raise InputError(f"there is no {self.what} in {self.domain}, so nothing is nearest")
        return foot, [list(map(fmpq, row)) for row in self._cells[cell]]

    def _nearest(self, x: Vector) -> tuple[Fraction, Vector] | None:
        foot, _ = self._foot(x)
        return None if foot is None else (foot.squared_distance, foot.point)

    def _foot(self, x: Vector) -> tuple[RowFoot | None, int]:
        """Return the nearest point, and the set that it is in.

        Of every set one row is taken that floats say x is farthest from. Its exact distance is a
        lower bound; a set is passed over where that is more than the least distance found.
        """
        best: RowFoot | None = None
        at = -1
        row = to_row(x)
        denominator = lcm(*(t.denominator for t in x))
        whole = (denominator, *(int(t * denominator) for t in x))
        for i, k in self._order(x):
            if best is not None:
                form = self._cells[i][k]
                value = sum(s * t for s, t in zip(form, whole, strict=True))
                norm = sum(t * t for t in form[1:])
                if norm and (value < 0 or k == 0):
                    if Fraction(value * value, norm * denominator**2) > best.squared_distance:
                        continue
            foot = nearest_by_rows(row, [list(map(fmpq, own)) for own in self._cells[i]], 1)
            if foot is not None and (best is None or _key(foot) < _key(best)):
                best, at = foot, i
        return best, at

    def _order(self, x: Vector) -> list[tuple[int, int]]:
        """Return the sets in the order in which they seem to be near, each with its farthest row.

        Nothing rests on it.
        """
        point = np.array([1, *(nearest_float(t.numerator, t.denominator) for t in x)])
        with np.errstate(all="ignore"):
            ways = [-(rows @ point) for rows in self._float_rows]
        for way in ways:
            way[0] = abs(way[0])
        farthest = [int(np.nan_to_num(way).argmax()) for way in ways]
        length = [float(np.nan_to_num(way)[k]) for way, k in zip(ways, farthest)]
        return [(int(i), farthest[i]) for i in np.argsort(length, kind="stable")]

    @cached_property
    def _cells(self) -> list[tuple[IntegerRow, ...]]:
        """Return the rows (c, a) of every set: the equation, then the half-spaces a y + c >= 0."""
        network = self.partition.network
        patterns = unpack(self.partition.words, network.widths)
        first = self.network.num_hidden
        border = [tuple(map(int, row)) for row in _border(self.domain)]
        found = []
        for pattern in patterns:
            won = np.flatnonzero(pattern[first:])
            if not len(won):
                continue
            last = first + int(won[-1])
            forms = [row for z in network.integers.forms(pattern.tolist())[:-1] for row in _rows(z)]
            halves = [
                tuple(t if on else -t for t in form)
                for form, on in zip(forms, pattern.tolist(), strict=True)
                if any(form[1:])
            ]
            rows = dict.fromkeys([*halves, *border])
            found.append((forms[last], *rows))
        return found

    @cached_property
    def _float_rows(self) -> list[Floats]:
        """Return the rows of every set as floats, of length about one."""
        result = []
        for rows in self._cells:
            sizes = [max(1, *map(abs, row[1:])) for row in rows]
            floats = np.array(
                [[nearest_float(t, size) for t in row] for row, size in zip(rows, sizes)]
            )
            lengths = np.linalg.norm(floats[:, 1:], axis=1, keepdims=True)
            result.append(floats / np.where(lengths > 0, lengths, 1))
        return result


def _rows(matrix: object) -> list[IntegerRow]:
    """Return the rows of an integer matrix, each without the common divisor of its entries."""
    rows = []
    for row in matrix.tolist():  # type: ignore[attr-defined]
        content = fmpz(0)
        for t in row:
            content = content.gcd(t)
        rows.append(tuple(int(t // content) if content != 0 else 0 for t in row))
    return rows


def _border(domain: Domain) -> list[list[Fraction]]:
    """Return the rows (c, a) of a domain, a y + c >= 0, as integers."""
    rows = [[b, *(-t for t in a)] for a, b in zip(domain.matrix, domain.bounds, strict=True)]
    if domain.box is not None:
        for axis, (lo, hi) in enumerate(zip(domain.box.lo, domain.box.hi, strict=True)):
            unit = [Fraction(int(k == axis)) for k in range(domain.dim)]
            rows += [[-lo, *unit], [hi, *(-t for t in unit)]]
    scales = [lcm(*(t.denominator for t in row)) for row in rows]
    return [[t * scale for t in row] for row, scale in zip(rows, scales, strict=True)]


def _key(foot: RowFoot) -> tuple[Fraction, Vector]:
    return foot.squared_distance, foot.point
