"""The certified LP engine: the compiled search, and exact answers to the questions it asks.

:func:`enumerate_regions` yields the regions in chunks; what it keeps is one path of the tree.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from flint import fmpz
from numpy.typing import NDArray

from exactbn.engines.first_use import announce
from exactbn.engines.lp import search
from exactbn.engines.lp.exact import Empty, Program, Row, decide, from_basis, value
from exactbn.engines.lp.forms import ExactForms
from exactbn.engines.lp.frame import is_exactly, make_forms, make_frame, make_rows
from exactbn.engines.lp.interior import first_witness
from exactbn.engines.lp.search import Found
from exactbn.engines.lp.simplex import Floats
from exactbn.engines.lp.stack import grown, make_stack
from exactbn.engines.lp.witnesses import between, moved, named
from exactbn.engines.run import UNLIMITED, Budget
from exactbn.errors import DimensionError, LimitError
from exactbn.exact.rational import Vector, nearest_floats
from exactbn.model.domain import Domain
from exactbn.model.network import Network
from exactbn.model.patterns import num_words

#: Regions of a chunk, and integers of its log.
CHUNK = 4096
_LOG = 1 << 18
# Questions after which a chunk is handed over, full or not.
_QUESTIONS = 200


@dataclass
class LpStatistics:
    """How many linear programs were solved in floats, and how many questions went to integers."""

    programs: int = 0
    exact: int = 0


@dataclass(frozen=True, eq=False)
class Chunk:
    """Regions in the order of the search, and the log of the tree between them.

    ``words`` are the patterns; ``x`` the witnesses: floats, to be read exactly; without a box with
    x_0 in front. ``exact`` holds those that no float is, by their place in the chunk. ``proofs``
    are the multipliers found in integers, by the names of their rows; the log refers to them.
    ``share`` is the share of the tree that is done, where the halves of a node count the same; 1 at
    the end only, so that less in the last chunk says that the seconds were spent. ``signs`` are
    those of the node at hand.
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
    budget: Budget
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
            np.zeros(max(_LOG, 4 * (neurons + 2) * (2 * len(self.frame.shift) + 8)), np.int64),
            self.keep_log,
        )
        self.stack.used[search.BASE] = len(self.domain_rows)
        x = first_witness(self.domain, self.exact, self.budget)
        self._place(0, x)
        self.stack.next_for[0] = -1
        search.look(self.frame, self.forms, self.stack, 0)

    def chunks(self) -> Iterator[Chunk]:
        """Yield the regions, chunk by chunk; a chunk ends after many questions too."""
        asked = self.statistics.exact
        while True:
            try:
                question = self._advance()
            except LimitError:
                yield self._emptied(self._share())
                return
            if question in (search.DONE, search.FULL):
                yield self._emptied(1.0 if question == search.DONE else self._share())
            if question == search.DONE:
                return
            if self.statistics.exact - asked > _QUESTIONS:
                asked = self.statistics.exact
                yield self._emptied(self._share())

    def _advance(self) -> int:
        """Search on, answer the question that arises, and return which it was.

        Raises
        ------
        LimitError
            When the seconds are spent; the node at hand is then as it was.
        """
        self.budget.check_time()
        self.stack.spent[0] = 0
        used = self.stack.used
        question = int(search.search(self.frame, self.forms, self.rows, self.stack, self.found))
        if question == search.SIGN:
            self._answer_sign(int(used[search.LEVEL]), int(used[search.ASKED]))
        elif question == search.SETTLE:
            self._answer_side(int(used[search.LEVEL]), int(used[search.ASKED]))
        elif question == search.ROOM:
            self.stack = grown(self.stack)
        return question

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
        answer = proof or decide(program, f, *self.exact.point(inside), self.budget)
        if isinstance(answer, Empty):
            S.state[level, neuron] = sign
            self._log_exact(neuron, sign, named(answer, neuron, names))
            return
        x = between(program, f, inside, answer, self.budget)
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
    budget: Budget = UNLIMITED,
) -> Iterator[Chunk]:
    """Yield the regions of a network in a domain, each with a proven witness, in chunks.

    Every neuron that is not split at a node has a proof there that it has one sign on the node, so
    the regions are all there are. Memory grows with the depth of the search, not with the regions.

    Parameters
    ----------
    network, domain
        The domain is a box or all of R^d, cut by rows or not, of dimension d.
    factor : float
        Multiplies the error bounds of the floats; infinity leaves every verdict to integers.
    keep_log : bool
        Whether the chunks hold the log of the tree, for a proof.
    room : int
        The most regions of a chunk.
    budget : Budget
        Its seconds are looked at all along, in integers too: when they are spent the chunk at hand
        is the last one, its ``share`` less than 1. The rest of it is the caller's to look at.

    Raises
    ------
    DimensionError
        If the domain has another dimension than the network has inputs.
    InputError
        If the domain has no interior.
    LimitError
        When the seconds are spent before there is a first witness.
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
    announce("lp")
    yield from _Run(network, domain, factor, keep_log, room, statistics, budget).chunks()


def _sign(t: fmpz) -> int:
    return int(t > 0) - int(t < 0)
