"""The half-spaces that a region needs: its rows, and where each of them comes from.

A region is a convex polyhedron, whatever cells it consists of (:mod:`exactbn.model.labels`). Its
facets lie on the hyperplanes of its units and of the domain. Which of these it needs the complex
tells by its faces, of dimension d - 1 and with another region or nothing beyond, and the search by
the exact programs of :mod:`exactbn.engines.lp.redundancy`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from math import lcm

import numpy as np
from flint import fmpz, fmpz_mat
from numpy.typing import NDArray

from exactbn.engines.complex.lattice import FaceLattice
from exactbn.engines.lp.exact import Empty, Optimum, Row, maximise
from exactbn.engines.lp.forms import ExactForms
from exactbn.engines.lp.redundancy import bounding_rows
from exactbn.engines.run import UNLIMITED
from exactbn.errors import InternalError
from exactbn.exact.rational import Vector
from exactbn.exact.stages import Clip, Contest, Max, Unit
from exactbn.model.domain import Domain
from exactbn.model.network import Network
from exactbn.model.patterns import unpack
from exactbn.regions.faces import Faces
from exactbn.regions.polyhedra import Form, integers, primitive

Words = NDArray[np.uint64]


@dataclass(frozen=True)
class Side:
    """A half-space {x : c + g x >= 0} that a region needs, its ``row`` (c, g) in coprime integers.

    ``units`` are the user's units whose preactivation is a multiple of it on the region, ascending;
    of a clip one of its two bounds, of a maximum the lead of the argument over another entry.
    ``domain`` names what of the domain is that half-space: ``"lo[i]"`` and ``"hi[i]"`` the sides of
    its box on axis i, ``"row[k]"`` row k of its matrix.
    """

    row: Form
    units: tuple[int, ...] = ()
    domain: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Row:
    """A row of a cell, times ``turn`` >= 0 in it, and where it comes from."""

    entries: list[fmpz]
    turn: int
    unit: int | None
    domain: str | None

    def form(self) -> Form:
        """Return the row, >= 0 in the cell, in coprime integers."""
        return primitive(self.turn * int(t) for t in self.entries)


@dataclass
class _Origin:
    """Where a row comes from, while that is gathered."""

    units: set[int] = field(default_factory=set)
    domain: set[str] = field(default_factory=set)

    def add(self, row: _Row) -> None:
        """Add where another row of the same form comes from."""
        if row.unit is not None:
            self.units.add(row.unit)
        if row.domain is not None:
            self.domain.add(row.domain)

    def merge(self, other: "_Origin") -> None:
        """Add all that is known of the same form elsewhere."""
        self.units |= other.units
        self.domain |= other.domain


_Rows = dict[Form, _Origin]


def sides_of_faces(faces: Faces, region: int, neurons_done: int) -> tuple[Side, ...]:
    """Return the half-spaces of a region of the complex engine, in the order of their rows."""
    lattice, cells = faces.lattice, faces.cells
    found: _Rows = {}
    for cell in cells.members(region).tolist():
        outer = list(_outer_facets(lattice, cells.of_cell, cell))
        if not outer:
            continue
        numbers = sorted({v for facet in outer for v in facet})
        column = {v: k for k, v in enumerate(numbers)}
        rows = list(_rows_of_cell(faces.network, faces.domain, lattice.words[cell], neurons_done))
        points = fmpz_mat([list(point) for point in faces.points(numbers)]).transpose()
        values = fmpz_mat([row.entries for row in rows]) * points
        is_zero = np.array([t == 0 for t in values.entries()]).reshape(len(rows), len(numbers))
        for facet in outer:
            on = np.flatnonzero(is_zero[:, [column[v] for v in facet]].all(axis=1)).tolist()
            forms = {rows[k].form() for k in on}
            if len(forms) != 1:
                raise InternalError(
                    f"a facet of region {region} lies on {len(forms)} hyperplanes, expected 1; "
                    "please report this network"
                )
            origin = found.setdefault(forms.pop(), _Origin())
            for k in on:
                origin.add(rows[k])
    return _sorted_sides(found)


def sides_of_cells(
    network: Network, domain: Domain, words: Words, points: Sequence[Vector]
) -> tuple[Side, ...]:
    """Return the half-spaces of a region of the LP engine, in the order of their rows.

    ``words`` are the patterns of the cells that it consists of, ``points`` one strictly inside of
    each. A row that a cell needs is one of the region's if it is >= 0 on all its cells.
    """
    exact = ExactForms(network, Domain.space(domain.dim))
    needed: list[_Rows] = []
    for word, x in zip(words, points, strict=True):
        rows: _Rows = {}
        for own in _rows_of_cell(network, domain, word, network.num_hidden, every=True):
            rows.setdefault(own.form(), _Origin()).add(own)
        cone = [(fmpz(0), *map(fmpz, row)) for row in rows]
        answers = bounding_rows(exact, cone, (Fraction(1), *x), UNLIMITED)
        kept = zip(rows.items(), answers, strict=True)
        needed.append({form: own for (form, own), a in kept if not isinstance(a, Empty)})
    found: _Rows = {}
    for number, rows in enumerate(needed):
        others = [k for k in range(len(needed)) if k != number]
        for form, origin in rows.items():
            if all(is_within(form, list(needed[k]), points[k]) for k in others):
                found.setdefault(form, _Origin()).merge(origin)
    return _sorted_sides(found)


def is_within(row: Form, rows: Sequence[Form], x: Vector) -> bool:
    """Return whether ``row`` is >= 0 wherever ``rows`` are, which are positive at x."""
    least = greatest(_as_row([-t for t in row]), [_as_row(own) for own in rows], x)
    return least is not None and least.value <= 0


def greatest(f: Row, rows: Sequence[Row], x: Vector) -> Optimum | None:
    """Return where a form is greatest if all rows are >= 0, as they are at x; None for nowhere."""
    common = lcm(*(t.denominator for t in x))
    inside = [fmpz(t.numerator * (common // t.denominator)) for t in x]
    return maximise(rows, f, inside, fmpz(common))


def _as_row(form: Sequence[int]) -> Row:
    return tuple(map(fmpz, form))


def _sorted_sides(found: _Rows) -> tuple[Side, ...]:
    return tuple(
        Side(form, tuple(sorted(found[form].units)), tuple(sorted(found[form].domain)))
        for form in sorted(found)
    )


def _outer_facets(
    lattice: FaceLattice, of_cell: NDArray[np.int64], cell: int
) -> Iterator[list[int]]:
    """Yield the vertices of those facets of a cell that are no part of another cell's region."""
    d = lattice.dim
    face = int(lattice.starts[d]) + cell
    for facet in lattice.indices[lattice.indptr[face] : lattice.indptr[face + 1]].tolist():
        one, other = lattice.owners[facet - int(lattice.starts[d - 1])].tolist()
        beyond = other if one == cell else one
        if beyond >= 0 and of_cell[beyond] == of_cell[cell]:
            continue
        vertices = [facet]
        for _ in range(d - 1):
            below = (lattice.indices[slice(*lattice.indptr[[f, f + 1]])].tolist() for f in vertices)
            vertices = sorted({v for own in below for v in own})
        if not lattice.is_at_infinity[vertices].all():
            yield vertices


def _rows_of_cell(
    network: Network, domain: Domain, words: Words, neurons_done: int, *, every: bool = False
) -> Iterator[_Row]:
    """Yield all rows of a cell that are no constants.

    Those of contests of entries that lose are left out, unless ``every`` one is asked for; then
    they come without a unit.
    """
    pattern = unpack(words[None], network.widths)[0].tolist()
    owner = _owners(network.units or range(len(pattern)), pattern)
    unit = 0
    for z in network.integers.forms(pattern)[:-1]:
        for entries in z.tolist():
            if unit < neurons_done and (every or unit in owner) and any(entries[1:]):
                yield _Row(entries, 1 if pattern[unit] else -1, owner.get(unit), None)
            unit += 1
    for name, row in domain_rows(domain):
        yield _Row(list(map(fmpz, row)), 1, None, name)


@lru_cache(maxsize=64)
def domain_rows(domain: Domain) -> tuple[tuple[str, Form], ...]:
    """Return the rows of a domain, >= 0 in it, in coprime integers, with their names."""
    rows = []
    if domain.box is not None:
        for i, (lo, hi) in enumerate(zip(domain.box.lo, domain.box.hi, strict=True)):
            axis = [Fraction(int(k == i)) for k in range(domain.dim)]
            rows.append((f"lo[{i}]", integers([-lo, *axis])))
            rows.append((f"hi[{i}]", integers([hi, *(-t for t in axis)])))
    for k, (a, b) in enumerate(zip(domain.matrix, domain.bounds, strict=True)):
        rows.append((f"row[{k}]", integers([b, *(-t for t in a)])))
    return tuple(rows)


def _owners(units: Sequence[Unit], pattern: Sequence[int]) -> dict[int, int]:
    """Return the user's unit of every unit of the layers, but for contests of entries that lose."""
    owner: dict[int, int] = {}
    for number, unit in enumerate(units):
        if isinstance(unit, Max):
            at: Contest | int = unit.contest
            while isinstance(at, Contest):
                owner[at.unit] = number
                at = at.second if pattern[at.unit] else at.first
        elif isinstance(unit, Clip):
            owner[unit.low] = owner[unit.high] = number
        else:
            owner[unit] = number
    return owner
