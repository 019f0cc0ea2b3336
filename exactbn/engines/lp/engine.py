"""The certified LP engine: the compiled search, and exact answers to the questions it asks.

:func:`enumerate_regions` yields the regions in chunks; what it keeps is one path of the tree.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from flint import fmpz
from numpy.typing import NDArray

from exactbn.engines.lp import search
from exactbn.engines.lp.exact import Above, Empty, Program, Row, decide, from_basis, value
from exactbn.engines.lp.forms import ExactForms
from exactbn.engines.lp.frame import is_exactly, make_forms, make_frame, make_rows
from exactbn.engines.lp.search import Floats, Found, Frame, Stack
from exactbn.errors import DimensionError, InputError, InternalError
from exactbn.exact.rational import Vector, nearest_floats
from exactbn.model.domain import Domain
from exactbn.model.network import Network
from exactbn.model.patterns import num_words

#: Regions of a chunk, and integers of its log.
CHUNK = 4096
_LOG = 1 << 18
# Questions after which a chunk is handed over, full or not.
_QUESTIONS = 200
# Digits of a witness that is looked for in integers.
BITS = (4, 8, 12, 18, 26, 40, 60, 90, 140, 300, 700, 1500, 4000, 7000, 10000)


@dataclass
class LpStatistics:
    """How many linear programs were solved in floats, and how many questions went to integers."""

    programs: int = 0
    exact: int = 0


@dataclass(frozen=True, eq=False)
class Chunk:
    """Regions in the order of the search, and the log of the tree between them.

    ``words`` are the patterns; ``x`` the witnesses: floats, to be read exactly; in all of R^d with
    x_0 in front. ``exact`` holds those that no float is, by their place in the chunk. ``proofs``
    are the multipliers found in integers, by the names of their rows; the log refers to them.
    ``share`` is the share of the tree that is done, where the halves of a node count the same; 1 at
    the end only. ``signs`` are those of the node at hand.
    """

    words: NDArray[np.uint64]
    x: Floats
    exact: dict[int, Vector]
    log: NDArray[np.int64]
    proofs: list[dict[int, int]]
    share: float
    signs: list[int]


@dataclass
class _Run:
    """A search under way."""

    network: Network
    domain: Domain
    factor: float
    keep_log: bool
    room: int
    statistics: LpStatistics
    proofs: list[dict[int, int]] = field(default_factory=list)
    points: list[Vector] = field(default_factory=list)

    def __post_init__(self) -> None:
        network = self.network
        self.frame, self.shift = make_frame(network, self.domain, self.factor)
        self.forms = make_forms(network, self.frame, self.shift)
        neurons = network.num_hidden
        self.rows = make_rows(self.domain, self.frame, self.shift, neurons)
        self.exact = ExactForms(network, self.domain)
        self.domain_rows = self.exact.domain_rows()
        self.stack = make_stack(self.frame, neurons)
        self.found = Found(
            np.zeros((self.room, num_words(network.widths)), dtype=np.uint64),
            np.zeros((self.room, len(self.frame.shift))),
            np.zeros(self.room, dtype=np.int64),
            np.zeros(max(_LOG, 64 * (neurons + 2) * (2 * len(self.frame.shift) + 8)), np.int64),
            self.keep_log,
        )
        self.stack.used[search.BASE] = len(self.domain_rows)
        x = first_witness(self.domain, self.exact)
        self._place(0, x)
        self.stack.next_for[0] = -1
        search.look(self.frame, self.forms, self.stack, 0)

    def chunks(self) -> Iterator[Chunk]:
        """Yield the regions, chunk by chunk; a chunk ends after many questions too."""
        S, used = self.stack, self.stack.used
        asked = self.statistics.exact
        while True:
            if self.statistics.exact - asked > _QUESTIONS:
                asked = self.statistics.exact
                yield self._emptied(self._share())
            question = search.search(self.frame, self.forms, self.rows, S, self.found)
            if question == search.SIGN:
                self._answer_sign(int(used[search.LEVEL]), int(used[search.ASKED]))
            elif question == search.SETTLE:
                self._answer_side(int(used[search.LEVEL]), int(used[search.ASKED]))
            else:
                done = question == search.DONE
                yield self._emptied(1.0 if done else self._share())
                if done:
                    return

    def _share(self) -> float:
        """Return the share of the tree that lies before the node at hand, less than 1."""
        levels = int(self.stack.used[search.LEVEL])
        stages = self.stack.stage[:levels].tolist()
        return sum(0.5 ** (1 + level) for level, stage in enumerate(stages[:50]) if stage == 2)

    def _emptied(self, share: float) -> Chunk:
        """Take the regions and the log out of their room."""
        used, found = self.stack.used, self.found
        count, logged = int(used[search.REGIONS]), int(used[search.LOGGED])
        exact = {i: self.points[k] for i, k in enumerate(found.exact[:count].tolist()) if k >= 0}
        chunk = Chunk(
            found.words[:count].copy(), found.x[:count].copy(), exact,
            found.log[:logged].copy(), self.proofs, share,
            self.stack.state[int(used[search.LEVEL])].tolist(),
        )  # fmt: skip
        used[search.REGIONS] = used[search.LOGGED] = 0
        self.proofs = []
        self.statistics.programs = int(used[search.PROGRAMS])
        return chunk

    # -- answers in integers ---------------------------------------------------------------------

    def _answer_sign(self, level: int, neuron: int) -> None:
        """Settle the sign of a neuron at a node's witness; move the witness where it is zero."""
        self.statistics.exact += 1
        S = self.stack
        signs = S.state[level].tolist()
        row = self.exact.row(signs, neuron)
        if not any(row):
            S.state[level, neuron] = -1
            self._log_exact(neuron, -1, {neuron: 1})
            return
        x = self._witness(level)
        sign = _sign(value(row, *self.exact.point(x)))
        if sign:
            S.sign[level, neuron] = sign
            return
        program, _ = self._program(level, signs)
        self._place(level, moved(program, row, x))
        search.look(self.frame, self.forms, S, level)

    def _answer_side(self, level: int, neuron: int) -> None:
        """Find a witness beyond zero of a neuron, or the proof that there is none."""
        self.statistics.exact += 1
        S = self.stack
        signs = S.state[level].tolist()
        sign = int(S.sign[level, neuron])
        program, names = self._program(level, signs)
        f = tuple(-sign * t for t in self.exact.row(signs, neuron))
        inside = self._witness(level)
        basis = S.hint.tolist()
        proof = from_basis(program, f, basis) if max(basis) < len(names) else None
        answer = proof or decide(program, f, *self.exact.point(inside))
        if isinstance(answer, Empty):
            S.state[level, neuron] = sign
            self._log_exact(neuron, sign, named(answer, neuron, names))
            return
        x = between(program, f, inside, answer)
        self._place(level, x, following=True)
        S.next_for[level] = neuron

    def _log_exact(self, neuron: int, sign: int, multipliers: dict[int, int]) -> None:
        if self.keep_log:
            start = int(self.stack.used[search.LOGGED])
            self.found.log[start : start + 4] = search.EXACT, neuron, sign, len(self.proofs)
            self.stack.used[search.LOGGED] += 4
            self.proofs.append(multipliers)

    def _program(self, level: int, signs: Sequence[int]) -> tuple[Program, list[int]]:
        """Return the exact program of a node, and the names of its rows."""
        rows: list[Row] = list(self.domain_rows)
        names = [-1 - k for k in range(len(rows))]
        for neuron in self.stack.split[:level].tolist():
            row = self.exact.row(signs, neuron)
            rows.append(row if signs[neuron] > 0 else tuple(-t for t in row))
            names.append(neuron)
        return self.exact.program(rows), names

    def _witness(self, level: int) -> Vector:
        """Return the exact witness of a node."""
        number = int(self.stack.exact[level])
        if number >= 0:
            return self.points[number]
        return tuple(Fraction(t) for t in self.stack.x[level].tolist())

    def _place(self, level: int, x: Vector, *, following: bool = False) -> None:
        """Store a witness of a node, or of its half beyond the split that comes next."""
        S = self.stack
        floats = nearest_floats(x)
        number = -1
        if not all(map(is_exactly, floats, x)):
            number = len(self.points)
            self.points.append(x)
        if following:
            S.next_x[level], S.next_exact[level] = floats, number
        else:
            S.x[level], S.exact[level] = floats, number
            search.to_frame(self.frame, S.x[level], S.y[level])


def enumerate_regions(
    network: Network,
    domain: Domain,
    *,
    factor: float = 1.0,
    keep_log: bool = False,
    room: int = CHUNK,
    statistics: LpStatistics | None = None,
) -> Iterator[Chunk]:
    """Yield the regions of a network in a domain, each with a proven witness, in chunks.

    Every neuron that is not split at a node has a proof there that it has one sign on the node, so
    the regions are all there are. Memory grows with the depth of the search, not with the regions.

    Parameters
    ----------
    network, domain
        The domain is a box, a polytope in a box, or all of R^d, of dimension d.
    factor : float
        Multiplies the error bounds of the floats; infinity leaves every verdict to integers.
    keep_log : bool
        Whether the chunks hold the log of the tree, for a proof.
    room : int
        The most regions of a chunk.

    Raises
    ------
    DimensionError
        If the domain has another dimension than the network has inputs.
    InputError
        If the domain has no interior.
    """
    if domain.dim != network.num_inputs:
        raise DimensionError(
            f"the box has dimension {domain.dim} and the network {network.num_inputs} inputs, "
            "expected the same"
        )
    statistics = statistics or LpStatistics()
    if not network.hidden:
        x = first_witness(domain, ExactForms(network, domain))
        log = np.array([search.LEAF], dtype=np.int64)
        words, floats = np.zeros((1, 0), np.uint64), np.array([nearest_floats(x)])
        yield Chunk(words, floats, {0: x}, log, [], 1.0, [])
        return
    yield from _Run(network, domain, factor, keep_log, room, statistics).chunks()


def first_witness(domain: Domain, exact: ExactForms) -> Vector:
    """Return a point strictly inside the domain, found row by row.

    Raises
    ------
    InputError
        If the rows leave no interior.
    """
    box = domain.box
    if box is None:
        return (Fraction(1), *(Fraction(0),) * domain.dim)
    x = tuple((lo + hi) / 2 for lo, hi in zip(box.lo, box.hi, strict=True))
    x = next(
        point for bits in (0, 2, 5, 10, 20, 40, None)
        if box.has_inside(point := on_grid(x, bits))
    )  # fmt: skip
    rows: list[Row] = []
    for k, row in enumerate(exact.domain_rows()):
        if not any(row[1:]) and row[0] >= 0:
            continue
        program = exact.program(rows)
        answer = decide(program, row, *exact.point(x))
        if isinstance(answer, Empty):
            raise InputError(f"row {k} leaves no interior of the box and the rows before it")
        if not value(row, *exact.point(x)) > 0:
            x = between(program, row, x, answer)
        rows.append(row)
    return x


def between(program: Program, f: Row, inside: Vector, above: Above) -> Vector:
    """Return a point strictly inside with f > 0, short where that is possible.

    It lies between a point inside where f <= 0 and a point of the closed polyhedron where f > 0,
    in the middle of what is beyond zero.
    """
    far = [Fraction(int(t), int(above.denominator)) for t in above.point]
    here, there = (
        int(f[0]) + sum((int(a) * t for a, t in zip(f[1:], x, strict=True)), Fraction(0))
        for x in (inside, far)
    )
    t = (1 - here / (there - here)) / 2
    middle = tuple(a + t * (b - a) for a, b in zip(inside, far, strict=True))
    rows = (*program.rows, f)
    for bits in BITS:
        x = on_grid(middle, bits)
        if is_strictly_inside(program, rows, x):
            return x
    if not is_strictly_inside(program, rows, middle):
        raise InternalError("a witness found in integers is none; please report this network")
    return middle


def moved(program: Program, row: Row, x: Vector) -> Vector:
    """Return a point strictly inside near x where the row, which is zero at x, is not zero."""
    cone = int(program.cone)
    # Unequal steps, so that few other forms that vanish at x vanish at the new point.
    steps = [Fraction(0)] * cone + [
        Fraction(16 + (7 * i * i + 5 * i + 3) % 16, 16) for i in range(len(x) - cone)
    ]
    if _slope(row, steps) == 0:
        lead = next(i for i in range(cone, len(x)) if row[1 + i] != 0)
        steps[lead] += Fraction(1, 32)
    # Half of the way to the first row that becomes zero, as a power of two.
    limit = max([Fraction(1), *map(abs, x)])
    for other in _strict_rows(program, program.rows):
        slope = _slope(other, steps)
        if slope < 0:
            limit = min(limit, value_at(other, x) / -slope)
    exponent = limit.numerator.bit_length() - limit.denominator.bit_length() - 2
    length = Fraction(2) ** exponent
    new = tuple(s + length * t for s, t in zip(x, steps, strict=True))
    if value_at(row, new) == 0 or not is_strictly_inside(program, program.rows, new):
        raise InternalError("a witness could not be moved; please report this network")
    return new


def is_strictly_inside(program: Program, rows: Sequence[Row], x: Vector) -> bool:
    """Return whether rows and bounds are positive at x (of a cone only x_0 > 0 is asked)."""
    return all(value_at(row, x) > 0 for row in _strict_rows(program, rows))


def _strict_rows(program: Program, rows: Sequence[Row]) -> list[Row]:
    """Return the rows and bounds that must be positive strictly inside."""
    bounds = program.bounds[:1] if program.cone else program.bounds
    return [row for row in (*bounds, *rows) if any(row[1:]) or row[0] <= 0]


def _slope(row: Row, step: Sequence[Fraction]) -> Fraction:
    return sum((int(a) * t for a, t in zip(row[1:], step, strict=True)), Fraction(0))


def named(proof: Empty, neuron: int, names: Sequence[int]) -> dict[int, int]:
    """Return multipliers by the names of their rows."""
    return {neuron: proof.factor} | {names[r]: t for r, t in proof.multipliers.items()}


def value_at(row: Row, x: Sequence[Fraction]) -> Fraction:
    return int(row[0]) + _slope(row, x)


def on_grid(x: Vector, bits: int | None) -> Vector:
    """Return a point rounded to binary digits after the point; None rounds nothing."""
    return x if bits is None else tuple(Fraction(round(t * 2**bits), 2**bits) for t in x)


def _sign(t: fmpz) -> int:
    return int(t > 0) - int(t < 0)


def make_stack(frame: Frame, neurons: int) -> Stack:
    """Return room for the deepest path there can be."""
    D, width, layers = len(frame.shift), int(frame.widths.max()), len(frame.widths)
    levels = neurons + 2
    pool = (levels + layers) * (width + search.VERTICES) + 2
    return Stack(
        np.zeros(levels, dtype=np.int64), np.zeros(levels, dtype=np.int64),
        np.zeros(levels, dtype=np.int64),
        np.zeros((levels, neurons), dtype=np.int8), np.zeros((levels, neurons), dtype=np.int8),
        np.full((levels, neurons), -1, dtype=np.int64),
        np.zeros((levels, D)), np.zeros((levels, D)), np.full(levels, -1, dtype=np.int64),
        np.zeros((levels, D)), np.full(levels, -1, dtype=np.int64),
        np.full(levels, -1, dtype=np.int64),
        np.zeros(levels, dtype=np.int64), np.zeros((levels, search.VERTICES), dtype=np.int64),
        np.zeros(levels, dtype=np.int64),
        np.zeros((pool, D)), np.zeros((pool, D, D)), np.zeros((pool, D), dtype=np.int64),
        np.zeros((pool, width)),
        np.zeros(8, dtype=np.int64), np.zeros(D, dtype=np.int64), np.zeros(D, dtype=np.int64),
        np.zeros((2 * D + 14, D + 1)),
    )  # fmt: skip
