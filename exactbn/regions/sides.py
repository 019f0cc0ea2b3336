"""The half-spaces that a region needs: its rows, and where each of them comes from.

A region is {x in the domain : every unit has its label}, a convex polyhedron, whatever cells it
consists of (:mod:`exactbn.model.labels`): a plain unit is on or off, and the argument of a maximum
leads every other entry, where all of these are affine functions on the region, the same in every
cell of it. So the rows of one cell tell it. Which of them it needs the complex says by its faces,
those of dimension d - 1 with another region or nothing beyond, and the search by the exact programs
of :mod:`exactbn.engines.lp.redundancy`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
    """A row of a region, times ``turn`` >= 0 in it, and where it comes from."""

    entries: list[fmpz]
    turn: int
    unit: int | None
    domain: str | None

    def form(self) -> Form:
        """Return the row, >= 0 in the region, in coprime integers."""
        return primitive(self.turn * int(t) for t in self.entries)


def sides_of_faces(faces: Faces, region: int, neurons_done: int) -> tuple[Side, ...]:
    """Return the half-spaces of a region of the complex engine, in the order of their rows."""
    lattice, cells = faces.lattice, faces.cells
    members = cells.members(region).tolist()
    words = lattice.words[members[0]]
    outer = [f for cell in members for f in _outer_facets(lattice, cells.of_cell, cell)]
    rows = list(_rows_of(faces.network, faces.domain, words, neurons_done))
    if not outer:
        return ()
    numbers = sorted({v for facet in outer for v in facet})
    column = {v: k for k, v in enumerate(numbers)}
    points = fmpz_mat([list(point) for point in faces.points(numbers)]).transpose()
    values = fmpz_mat([row.entries for row in rows]) * points
    is_zero = np.array([t == 0 for t in values.entries()]).reshape(len(rows), len(numbers))
    found: dict[Form, list[_Row]] = {}
    for facet in outer:
        on = np.flatnonzero(is_zero[:, [column[v] for v in facet]].all(axis=1)).tolist()
        forms = {rows[k].form() for k in on}
        if len(forms) != 1:
            raise InternalError(
                f"a facet of region {region} lies on {len(forms)} hyperplanes, expected 1; please "
                "report this network"
            )
        found[forms.pop()] = [rows[k] for k in on]
    return _sorted_sides(found)


def sides_of_cell(
    network: Network, domain: Domain, words: Words, x: Vector
) -> tuple[Side, ...]:
    """Return the half-spaces of a region of the LP engine, in the order of their rows.

    ``words`` is the pattern of a cell of it, x a point strictly inside of that.
    """
    found: dict[Form, list[_Row]] = {}
    for row in _rows_of(network, domain, words, network.num_hidden):
        found.setdefault(row.form(), []).append(row)
    exact = ExactForms(network, Domain.space(domain.dim))
    cone = [(fmpz(0), *map(fmpz, form)) for form in found]
    answers = bounding_rows(exact, cone, (Fraction(1), *x), UNLIMITED)
    kept = zip(found.items(), answers, strict=True)
    return _sorted_sides({form: own for (form, own), a in kept if not isinstance(a, Empty)})


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


def _sorted_sides(found: dict[Form, list[_Row]]) -> tuple[Side, ...]:
    return tuple(
        Side(
            form,
            tuple(sorted({row.unit for row in found[form] if row.unit is not None})),
            tuple(sorted({row.domain for row in found[form] if row.domain is not None})),
        )
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


def _rows_of(
    network: Network, domain: Domain, words: Words, neurons_done: int
) -> Iterator[_Row]:
    """Yield all rows of the region of a pattern that are no constants."""
    pattern = unpack(words[None], network.widths)[0].tolist()
    matrices = network.integers.forms(pattern)[:-1]
    entries = [row for z in matrices for row in z.tolist()]
    owner, maxima = _owners(network.units or range(len(pattern)))
    for unit, number in owner.items():
        if unit < neurons_done and any(entries[unit][1:]):
            yield _Row(entries[unit], 1 if pattern[unit] else -1, number, None)
    if maxima:
        pairs = zip(entries, _scales(network), strict=True)
        rows = [[Fraction(int(t)) / scale for t in row] for row, scale in pairs]
        for number, contest in maxima.items():
            start = [Fraction(0)] * (1 + domain.dim)
            for lead in _leads(contest, start, rows[:neurons_done], pattern):
                if any(lead[1:]):
                    yield _Row(list(map(fmpz, integers(lead))), 1, number, None)
    for name, row in domain_rows(domain):
        yield _Row(list(map(fmpz, row)), 1, None, name)


def _scales(network: Network) -> list[Fraction]:
    """Return by what the integer rows of the units are greater than their preactivations."""
    scales: list[Fraction] = []
    factor = 1
    for block in network.integers.blocks[:-1]:
        scales += (scale * factor for scale in block.scales)
        factor *= int(block.above)
    return scales


def _leads(
    at: Contest | int,
    ahead: Sequence[Fraction],
    rows: Sequence[Sequence[Fraction]],
    pattern: Sequence[int],
) -> Iterator[Sequence[Fraction]]:
    """Yield by how much a maximum is greater than each of its entries, as affine functions.

    ``ahead`` is by how much it is greater than the winner of the contest at hand, and ``rows`` are
    the preactivations of the units that are done: of another contest the first side counts.
    """
    if not isinstance(at, Contest):
        yield ahead
    elif at.unit >= len(rows):
        yield from _leads(at.first, ahead, rows, pattern)
    else:
        winner, loser, turn = at.first, at.second, -1
        if pattern[at.unit]:
            winner, loser, turn = at.second, at.first, 1
        behind = [s + turn * t for s, t in zip(ahead, rows[at.unit], strict=True)]
        yield from _leads(winner, ahead, rows, pattern)
        yield from _leads(loser, behind, rows, pattern)


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


def _owners(units: Sequence[Unit]) -> tuple[dict[int, int], dict[int, Contest | int]]:
    """Return the user's unit of every unit of the layers, and the contests of the maxima.

    Those of contests are left out.
    """
    owner: dict[int, int] = {}
    maxima: dict[int, Contest | int] = {}
    for number, unit in enumerate(units):
        if isinstance(unit, Max):
            maxima[number] = unit.contest
        elif isinstance(unit, Clip):
            owner[unit.low] = owner[unit.high] = number
        else:
            owner[unit] = number
    return owner, maxima
