"""Which regions share a facet, and which are unbounded: compiled proofs, and exact ones.

A facet of region i on the hyperplane of neuron n leads to one neighbour. If no two forms of i are
multiples of each other and none is zero, the neighbour's pattern differs in n alone. Else it is
found by an exact pass through the network at a point of the facet and a step across it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from flint import fmpz
from numpy.typing import NDArray

from exactbn.engines.lp import facets, search
from exactbn.engines.lp.engine import LpStatistics
from exactbn.engines.lp.exact import Empty, Program, Row, decide, value
from exactbn.engines.lp.facets import EDGE, NO_BOX, NO_CONE, Pairs, Scratch, Table
from exactbn.engines.lp.forms import ExactForms
from exactbn.engines.lp.frame import make_forms, make_frame, make_rows
from exactbn.engines.lp.recession import Bounds, recession
from exactbn.engines.lp.redundancy import bounding_rows, classes_of
from exactbn.engines.lp.simplex import Floats, Polyhedron, Rows, Vertex
from exactbn.engines.lp.stack import make_stack
from exactbn.engines.lp.witnesses import between, named, over_common, value_at
from exactbn.engines.pattern_table import PatternTable, find_row
from exactbn.engines.pattern_table import make_table as make_pattern_table
from exactbn.engines.run import UNLIMITED, Budget
from exactbn.errors import InternalError
from exactbn.exact.rational import Vector
from exactbn.model.arrays import read_only
from exactbn.model.domain import Domain
from exactbn.model.network import Network
from exactbn.model.patterns import WORD, columns, pack, unpack

# Regions whose pairs are proven in one compiled call, and numbers that their pairs may take, if
# those of one region do not take more.
_BLOCK, _ROOM = 512, 1 << 21


@dataclass(frozen=True)
class Facet:
    """Proof that ``region`` has a facet on the hyperplane of ``neuron``: an exact point ``beyond``.

    There the neuron has its other sign, and all forms that are no multiples of its have theirs. So
    the segment from any point of the region crosses the facet in its relative interior.
    """

    region: int
    neuron: int
    beyond: Vector


@dataclass(frozen=True)
class NoFacet:
    """Proof that ``region`` has no facet on the hyperplane of ``neuron``.

    ``multipliers`` by neuron, that of ``neuron`` itself with its sign; or, where a cone is proven
    to be one, ``basis``: the rows from which they follow.
    """

    region: int
    neuron: int
    multipliers: dict[int, int] | None
    basis: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Adjacency:
    """The pairs i < j that share a facet, shape (E, 2), and the proofs if they were kept.

    Proofs in floats are ``pairs``, in the order of their regions; their rows begin with the
    ``rows`` of the domain, their last factors are those of the forms themselves. The others are
    ``proofs``.
    """

    edges: NDArray[np.int32]
    rows: int = 0
    pairs: Pairs | None = None
    proofs: tuple[Facet | NoFacet, ...] = ()


@dataclass(frozen=True, eq=False)
class Witnesses:
    """Patterns and witnesses of all regions: floats, and those that no float is."""

    words: NDArray[np.uint64]
    x: Floats
    exact: dict[int, Vector]

    def point(self, i: int) -> Vector:
        """Return the exact witness of region i, in the unknowns of the programs."""
        return self.exact[i] if i in self.exact else tuple(map(Fraction, self.x[i].tolist()))


def find_adjacency(
    network: Network,
    domain: Domain,
    regions: Witnesses,
    *,
    factor: float = 1.0,
    keep_proofs: bool = False,
    is_partial: bool = False,
    statistics: LpStatistics | None = None,
    budget: Budget = UNLIMITED,
) -> Adjacency:
    """Return the pairs of regions that share a facet, each pair and each non-pair proven.

    ``regions`` are all regions of the network in the domain, unless ``is_partial``.

    Raises
    ------
    LimitError
        When the seconds of the budget are spent.
    """
    if not network.hidden:
        return Adjacency(np.zeros((0, 2), dtype=np.int32))
    counts = statistics or LpStatistics()
    run = _Run(network, domain, regions, factor, keep_proofs, counts, budget)
    run.is_partial = is_partial
    run.prove(0, len(regions.words), trusted=False)
    for begin, end in run.suspect_groups():
        run.resolve(begin, end)
    pairs = np.array(run.edges, dtype=np.int64).reshape(-1, 2)
    pairs = np.concatenate([*run.blocks, pairs])
    keys = np.unique(pairs.min(axis=1) * len(regions.words) + pairs.max(axis=1))
    edges = np.stack(np.divmod(keys, len(regions.words)), axis=1).astype(np.int32)
    if not keep_proofs:
        return Adjacency(edges)
    proofs = tuple(sorted(run.proofs, key=lambda proof: proof.region))
    return Adjacency(edges, len(run.domain_rows), run.kept_pairs(), proofs)


class _Run:
    """The proofs of all pairs under way."""

    def __init__(
        self,
        network: Network,
        domain: Domain,
        regions: Witnesses,
        factor: float,
        keep_proofs: bool,
        statistics: LpStatistics,
        budget: Budget,
    ) -> None:
        self.network, self.regions, self.budget = network, regions, budget
        self.keep_proofs, self.statistics = keep_proofs, statistics
        self.frame, self.shift = make_frame(network, domain, factor)
        self.forms = make_forms(network, self.frame, self.shift)
        self.rows = make_rows(domain, self.frame, self.shift, network.num_hidden)
        self.exact = ExactForms(network, domain)
        self.domain_rows = self.exact.domain_rows()
        self.stack = make_stack(self.frame, 1)
        self.table = make_table(network, self.frame, regions)
        self.scratch = make_scratch(network.num_hidden, len(self.frame.shift), self.table)
        self.signs = unpack(regions.words, network.widths).astype(np.int8) * 2 - 1
        self.is_partial = False
        self.edges: list[tuple[int, int]] = []
        self.blocks: list[NDArray[np.int64]] = [np.zeros((0, 2), dtype=np.int64)]
        self.proofs: list[Facet | NoFacet] = []
        D, neurons = len(self.frame.shift), network.num_hidden
        block = min(_BLOCK, max(1, _ROOM // (neurons * (3 * D + 5))))
        self.pairs = make_pairs(neurons * block, D)
        self.kept = [make_pairs(0, D)]

    def prove(self, begin: int, end: int, *, trusted: bool) -> None:
        """Prove the pairs of a range of regions in floats, and in integers what that leaves."""
        pairs, base = self.pairs, len(self.domain_rows)
        while begin < end:
            self.budget.check_time()
            self.stack.spent[0] = 0
            count, begin = facets.prove(
                self.frame, self.forms, self.rows, base, self.table, self.stack,
                begin, end, trusted, pairs, self.scratch,
            )  # fmt: skip
            verdicts = pairs.verdict[:count]
            both = np.stack([pairs.i[:count], pairs.j[:count]], axis=1)
            self.blocks.append(both[verdicts == EDGE])
            for p in np.flatnonzero(verdicts == facets.OPEN).tolist():
                self._settle(int(pairs.i[p]), int(pairs.j[p]), int(pairs.neuron[p]))
            if self.keep_proofs:
                chosen = np.flatnonzero((verdicts == EDGE) | (verdicts == NO_BOX))
                self.kept.append(Pairs._make(column[chosen] for column in pairs))
                # Multipliers of forms instead of rows beyond.
                self.kept[-1].factors[:, -1] *= -self.signs[pairs.i[chosen], pairs.neuron[chosen]]
                for p in np.flatnonzero(verdicts == NO_CONE).tolist():
                    self._keep_basis(p)

    def kept_pairs(self) -> Pairs:
        """Return the pairs that are proven in floats, in the order of their regions."""
        columns = [np.concatenate(part) for part in zip(*self.kept, strict=True)]
        order = np.argsort(columns[0], kind="stable")
        return Pairs._make(column[order] for column in columns)

    def _keep_basis(self, p: int) -> None:
        """Keep the rows of a proof that a cone has no facet on a neuron's hyperplane."""
        names, rows = self.rows.name, self.pairs.rows[p].tolist()
        basis = tuple(int(names[r]) if r >= 0 else search.AT_INFINITY for r in rows)
        self.proofs.append(NoFacet(int(self.pairs.i[p]), int(self.pairs.neuron[p]), None, basis))

    def _settle(self, i: int, j: int, neuron: int) -> None:
        """Settle in integers whether two regions that differ in one neuron share a facet."""
        if self._facet(i, neuron) is not None:
            self.edges.append((i, j))

    def suspect_groups(self) -> Iterator[tuple[int, int]]:
        """Yield the ranges of suspect regions whose layers but the last have one pattern."""
        suspect = np.flatnonzero(self.table.suspect)
        if not len(suspect):
            return
        before = self.regions.words[suspect, : self.table.last]
        differs = np.any(before[1:] != before[:-1], axis=1) | (np.diff(suspect) > 1)
        starts = np.flatnonzero(np.concatenate(([True], differs)))
        for first, following in zip(starts, [*starts[1:], len(suspect)], strict=True):
            yield int(suspect[first]), int(suspect[following - 1]) + 1

    def resolve(self, begin: int, end: int) -> None:
        """Deal with regions whose forms may be zero or multiples of each other."""
        forms = self.forms_of(begin)
        classes, is_degenerate = classes_of(forms, int(self.exact.cone))
        if not is_degenerate:
            self.prove(begin, end, trusted=True)
            return
        for i in range(begin, end):
            for neuron, beyond in self._facets(i, forms, [members[0] for members in classes]):
                j = self._across(i, neuron, beyond)
                if j >= 0:
                    self.edges.append((i, j))
                elif not self.is_partial:
                    raise InternalError(f"region {i} lacks a neighbour; please report this network")

    def forms_of(self, i: int) -> list[Row]:
        """Return the forms of all neurons on region i."""
        signs = self.signs[i].tolist()
        layers = range(len(self.network.widths))
        return [row for layer in layers for row in self.exact.layer(signs, layer)]

    def _facets(
        self, i: int, forms: Sequence[Row], neurons: Sequence[int]
    ) -> Iterator[tuple[int, Vector]]:
        """Yield the neurons on whose hyperplanes region i has a facet, and a point beyond each.

        ``forms`` are those of the region, ``neurons`` one of every class of multiples.
        """
        self.statistics.exact += len(neurons)
        signs, inside = self.signs[i].tolist(), self.regions.point(i)
        rows = [forms[n] if signs[n] > 0 else tuple(-t for t in forms[n]) for n in neurons]
        names = [*(-1 - k for k in range(len(self.domain_rows))), *neurons]
        answers = bounding_rows(self.exact, rows, inside, self.budget)
        for k, (neuron, answer) in enumerate(zip(neurons, answers, strict=True)):
            if isinstance(answer, Empty):
                self._keep_empty(i, neuron, named(answer, neuron, names))
                continue
            others = self.exact.program([*self.domain_rows, *rows[:k], *rows[k + 1 :]])
            f = tuple(-t for t in rows[k])
            beyond = between(others, f, inside, answer, self.budget)
            if self.keep_proofs:
                self.proofs.append(Facet(i, neuron, beyond))
            yield neuron, beyond

    def _keep_empty(self, i: int, neuron: int, multipliers: dict[int, int]) -> None:
        """Keep the proof that region i has no facet on a neuron's hyperplane."""
        if self.keep_proofs:
            multipliers[neuron] *= -int(self.signs[i, neuron])
            self.proofs.append(NoFacet(i, neuron, multipliers))

    def _facet(self, i: int, neuron: int) -> Vector | None:
        """Return a point beyond a facet of region i on the hyperplane of a neuron, None if none.

        No other form is a multiple of that of the neuron.
        """
        self.statistics.exact += 1
        signs = self.signs[i].tolist()
        forms = self.forms_of(i)
        program, names = self.program(signs, forms, neuron)
        f = tuple(-signs[neuron] * t for t in forms[neuron])
        inside = self.regions.point(i)
        answer = decide(program, f, *self.exact.point(inside), self.budget)
        if isinstance(answer, Empty):
            self._keep_empty(i, neuron, named(answer, neuron, names))
            return None
        beyond = between(program, f, inside, answer, self.budget)
        if self.keep_proofs:
            self.proofs.append(Facet(i, neuron, beyond))
        return beyond

    def recession(self, i: int) -> Vector | Bounds:
        """Return a direction in which region i is unbounded, or the proofs that there is none."""
        signs, gradients = self.signs[i].tolist(), gradients_of(self.domain_rows)
        for neuron, (sign, row) in enumerate(zip(signs, self.forms_of(i), strict=True)):
            gradients[neuron] = [sign * t for t in row[2:]]
        return recession(gradients, self.network.num_inputs, self.budget)

    def program(
        self, signs: Sequence[int], forms: Sequence[Row], without: int
    ) -> tuple[Program, list[int]]:
        """Return the program of a whole pattern less one neuron, and the names of its rows."""
        rows: list[Row] = list(self.domain_rows)
        names = [-1 - k for k in range(len(rows))]
        for neuron, (sign, row) in enumerate(zip(signs, forms, strict=True)):
            if neuron != without and any(row):
                rows.append(tuple(sign * t for t in row))
                names.append(neuron)
        return self.exact.program(rows), names

    def _across(self, i: int, neuron: int, beyond: Vector) -> int:
        """Return the region across a facet of region i, -1 for one that is not known."""
        inside = self.regions.point(i)
        row = self.exact.row(self.signs[i].tolist(), neuron)
        here, there = value_at(row, inside), value_at(row, beyond)
        step = [t - s for s, t in zip(inside, beyond, strict=True)]
        point = [s + here / (here - there) * t for s, t in zip(inside, step, strict=True)]
        (at, common), (along, _) = over_common(point), over_common(step)
        signs: list[int] = []
        for layer in range(len(self.network.widths)):
            for row in self.exact.layer(signs, layer):
                side = value(row, at, common)
                if side == 0:
                    side = value(row, along, 0)
                signs.append(1 if side > 0 else -1)
        pattern = (np.array([signs]) > 0).astype(np.uint8)
        words = pack(pattern, self.network.widths)[0]
        return find_row(PatternTable(self.table.words, self.table.slots), words)


@dataclass(frozen=True, eq=False)
class Recession:
    """Which regions are unbounded where there is no box, and why.

    ``directions`` of unbounded regions: floats to be read exactly, or exact ones. ``bases`` of
    bounded regions: for each of d + 1 functions the neurons, or -1 - k for row k of the domain,
    whose gradients combine to its negative; or ``multipliers``, by the same names.
    """

    is_unbounded: NDArray[np.bool_]
    directions: Floats
    exact: dict[int, Vector]
    bases: NDArray[np.int64]
    multipliers: dict[int, Bounds]


def find_unbounded(
    network: Network,
    domain: Domain,
    regions: Witnesses,
    *,
    factor: float = 1.0,
    budget: Budget = UNLIMITED,
) -> Recession:
    """Return which regions are unbounded in a domain without a box, each with a proof.

    A region is unbounded if and only if some direction v != 0 has A v >= 0 for the gradients A of
    its rows, those of the domain among them. It is bounded if none of v_1, ..., v_d and
    -v_1 - ... - v_d is positive for such v.

    Raises
    ------
    LimitError
        When the seconds of the budget are spent.
    """
    count, d = len(regions.words), domain.dim
    verdict, directions = np.zeros(count, dtype=np.int8), np.zeros((count, d))
    bases = np.zeros((count, d + 1, d), dtype=np.int64)
    exact: dict[int, Vector] = {}
    multipliers: dict[int, Bounds] = {}
    # Where the domain is bounded so are all regions, by its rows alone.
    whole = recession(gradients_of(ExactForms(network, domain).domain_rows()), d, budget)
    if isinstance(whole, list) or not network.hidden:
        _keep(dict.fromkeys(range(count), whole), verdict, exact, multipliers)
        return Recession(verdict == facets.UNBOUNDED, directions, exact, bases, multipliers)
    run = _Run(network, domain, regions, factor, False, LpStatistics(), budget)
    base = len(run.domain_rows)
    gradients = make_gradients(run.rows, base + network.num_hidden, d)
    far = np.full(d, facets.FAR)
    inside = Polyhedron(
        gradients.a, gradients.c, gradients.norm, gradients.dead, len(gradients.a), -far, far,
        run.stack.spent,
    )  # fmt: skip
    vertex = Vertex(np.zeros(d), np.zeros((d, d)), np.zeros(d, dtype=np.int64))
    begin = 0
    while begin < count:
        budget.check_time()
        run.stack.spent[0] = 0
        begin = facets.recede(
            run.frame, run.forms, run.rows, base, run.table, run.stack, gradients, inside, vertex,
            run.scratch, begin, count, verdict, directions, bases,
        )  # fmt: skip
    bases = np.where(bases < base, -1 - bases, bases - base)
    answers = {i: run.recession(i) for i in np.flatnonzero(verdict == facets.OPEN).tolist()}
    _keep(answers, verdict, exact, multipliers)
    return Recession(verdict == facets.UNBOUNDED, directions, exact, bases, multipliers)


def _keep(
    answers: dict[int, Vector | Bounds],
    verdict: NDArray[np.int8],
    directions: dict[int, Vector],
    multipliers: dict[int, Bounds],
) -> None:
    """Keep what integers say of some regions."""
    for i, found in answers.items():
        if isinstance(found, tuple):
            directions[i], verdict[i] = found, facets.UNBOUNDED
        else:
            multipliers[i], verdict[i] = found, facets.BOUNDED


def gradients_of(domain_rows: Sequence[Row]) -> dict[int, Sequence[fmpz]]:
    """Return the gradients of a domain's rows along x, by their names."""
    return {-1 - k: row[2:] for k, row in enumerate(domain_rows)}


def make_pairs(count: int, D: int) -> Pairs:
    """Return room for pairs."""
    i, j, neuron = (np.zeros(count, dtype=np.int64) for _ in range(3))
    verdict, rows = np.zeros(count, dtype=np.int8), np.zeros((count, D), dtype=np.int64)
    return Pairs(i, j, neuron, verdict, np.zeros((count, D)), rows, np.zeros((count, D + 1)))


def make_scratch(neurons: int, D: int, table: Table) -> Scratch:
    """Return room for one region."""
    return Scratch(
        np.zeros(neurons, dtype=np.int8), np.zeros(table.words.shape[1], dtype=np.uint64),
        np.zeros(neurons), np.zeros(neurons), np.zeros((neurons, D + 1)), np.zeros(neurons),
        np.zeros((neurons, 2)), np.zeros(neurons, dtype=np.int64), np.zeros(D - 1),
    )  # fmt: skip


def make_gradients(rows: Rows, count: int, d: int) -> Rows:
    """Return room for the gradients of the first rows along x."""
    return Rows(
        np.zeros((count, d)), np.ones(count), np.zeros(count), np.ones(count), np.zeros(count),
        np.zeros(count), np.ones(count, dtype=np.bool_), rows.name,
        np.zeros(count, dtype=np.uint8),
    )  # fmt: skip


def make_table(network: Network, frame: search.Frame, regions: Witnesses) -> Table:
    """Return the regions for the compiled loops."""
    # A view of its own: whether its owner may write to it must not decide what is compiled.
    words = read_only(np.ascontiguousarray(regions.words).view())
    y = np.empty(regions.x.shape)
    facets.frame_points(frame, regions.x, y)
    slots = make_pattern_table(words).slots
    last = int(columns(network.widths)[-1]) // WORD - (network.widths[-1] - 1) // WORD
    return Table(words, regions.x, y, last, slots, np.zeros(len(words), dtype=np.uint8))
