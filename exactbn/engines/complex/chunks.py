"""The complex engine piece by piece: what fits a cache, or a core, is cut further by itself.

After a layer the regions so far are dealt out in pieces; each is cut by the layers that are left as
if it were alone, and dealt out again where it has grown too much. What is kept of a finished piece,
a :class:`Chunk`, are its regions and which of them share a facet; its seams are joined by name, see
:mod:`.parts`. The memory is that of the pieces in work. Exact: the regions, the pairs of them and
the numbers of faces are those of the complex made in one piece.
"""

import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from fractions import Fraction
from threading import Event, RLock, local
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.complex.cutting import Late, Run, SignStatistics
from exactbn.engines.complex.engine import check_inputs
from exactbn.engines.complex.kernels import SEAMS
from exactbn.engines.complex.parts import WHOLE, in_order_of_halves, unmarked
from exactbn.engines.complex.records import collect_owners, spread_far
from exactbn.engines.complex.signs import FloatNetwork
from exactbn.engines.complex.start import in_plain_units
from exactbn.engines.complex.units import Layer, layers_of
from exactbn.engines.first_use import announce
from exactbn.engines.run import Budget, one_blas_thread
from exactbn.errors import InputError
from exactbn.model.domain import Domain
from exactbn.model.network import Network

Numbers = NDArray[np.int64]
Words = NDArray[np.uint64]
#: Which piece of which piece of the domain, from the whole on.
Path = tuple[int, ...]

#: Faces of a piece when it begins; it is dealt out again when it has twice as many.
SIZE = 1 << 13
# Bits of a code.
_BITS = 64
#: Pieces that are dealt out and remembered, so that what they are dealt into is found again.
REMEMBERED = 32
#: Seconds for which a thread may hold the interpreter's lock while another one waits for it.
SWITCH_INTERVAL = 5 / 10**5


@dataclass(frozen=True, eq=False)
class Chunk:
    """Regions of a piece of the domain, and how they meet each other and what is around them.

    ``words``, shape (regions, words), are their patterns, and ``is_unbounded`` says which have a
    direction at infinity; ``edges``, shape (E, 2), the pairs that
    share a facet. A facet between pieces has the name ``names[s]``, a row of words, and the region
    ``seams[s]``: where the facets of two chunks have equal names they are one. ``faces`` counts the
    faces of each dimension, those of a seam in one chunk of all that have them. ``path`` says which
    piece of which piece it is, from the whole domain on; ``share`` is the piece's of the work, as
    far as that can be foreseen: those of all chunks are 1 together. Path, contents and names are
    the same wherever and in whatever order pieces are cut: they depend on exact signs alone.
    """

    words: Words
    is_unbounded: NDArray[np.bool_]
    edges: NDArray[np.int32]
    names: Words
    seams: NDArray[np.int32]
    faces: Numbers
    statistics: SignStatistics
    path: Path
    share: Fraction

    @property
    def num_regions(self) -> int:
        """Return the number of regions."""
        return len(self.words)


@dataclass(frozen=True)
class Stoppable(Budget):
    """A budget that is spent as well once somebody says so."""

    is_stopped: Event = field(default_factory=Event, compare=False)

    @classmethod
    def of(cls, budget: Budget | None) -> "Stoppable":
        """Return a budget of the same seconds."""
        limits = budget or Budget()
        return cls(max_seconds=limits.max_seconds, started=limits.started)

    def is_late(self) -> bool:
        return self.is_stopped.is_set() or super().is_late()

    def check_time(self) -> None:
        if not self.is_stopped.is_set():
            super().check_time()


class Vertices(NamedTuple):
    """Vertices of a run as a :class:`.lattice.FaceLattice` has them, and who counts each.

    The parents of those that were there when the run began as a piece are (-1, 0, the row that the
    vertex had in what was dealt out).
    """

    parents: NDArray[np.int32]
    x: NDArray[np.float64]
    ex: NDArray[np.float64]
    own: NDArray[np.int8]


class Dealt:
    """A run whose regions are dealt out in pieces, which go on from there."""

    def __init__(self, run: Run, of_cell: NDArray[np.int32], code: int) -> None:
        self._run = run
        self._code = code
        self._faces = run.subdivision.in_pieces(of_cell)
        starts = self._faces.starts
        pieces = of_cell[self._faces.slot[starts[-2] : starts[-1]]]
        order = np.argsort(pieces, kind="stable").astype(np.int32)
        self._cells = order + np.int32(starts[-2])
        self._first = np.concatenate(([0], np.cumsum(np.bincount(pieces))))
        # Threads take pieces at the same time; none marks faces in the room of another.
        self._own = local()

    @property
    def num_pieces(self) -> int:
        """Return how many pieces there are."""
        return len(self._first) - 1

    def vertices(self) -> "Vertices":
        """Return the vertices of the run."""
        division = self._run.subdivision
        work, count = division.work, division.num_vertices
        x, ex = in_plain_units(work.x[:count], work.ex[:count], division.exponents)
        return Vertices(work.parents[:count].copy(), x, ex, self._faces.own[:count].copy())

    def begin(self, piece: int, floats: FloatNetwork) -> Run:
        """Return a run that goes on with a piece, ``floats`` as for :meth:`Run.piece`."""
        if not hasattr(self._own, "mark"):
            self._own.mark = unmarked(self._faces)
        cells = self._cells[self._first[piece] : self._first[piece + 1]]
        own = self._run.subdivision.piece(self._faces, cells, piece, self._code, self._own.mark)
        return self._run.piece(own, floats)


@dataclass(frozen=True, eq=False)
class Task:
    """A piece that is to be cut by the layers from ``layer`` on; all of the domain if of none.

    Of that layer it is cut by ``units`` alone, ascending: None for all.

    ``code`` is its path as one number: 1, and for each step as many bits as the greatest piece has
    there, at least one. Two paths part at some step, whose bits are at the same place and differ,
    or one goes on where the other ends, and is longer: so no two have the same code.
    """

    layer: int = 0
    units: Numbers | None = None
    dealt: Dealt | None = None
    path: Path = ()
    code: int = WHOLE
    share: Fraction = Fraction(1)

    def has_codes(self, count: int) -> bool:
        """Return whether as many pieces of this one still have codes of 64 bits."""
        return self.code.bit_length() + _width(count) <= _BITS

    def pieces(self, layer: int, units: Numbers | None, dealt: Dealt) -> list["Task"]:
        """Return the pieces in which this one is dealt out."""
        count = dealt.num_pieces
        width = _width(count)
        return [
            Task(layer, units, dealt, (*self.path, k), self.code << width | k, self.share / count)
            for k in range(count)
        ]


def _width(count: int) -> int:
    """Return how many bits of a code say which of so many pieces it is."""
    return max(1, (count - 1).bit_length())


Kept = TypeVar("Kept")


class Cutter(Generic[Kept]):
    """What cuts pieces of one complex, on as many threads as may be.

    ``keep`` makes of a run that has passed all blocks what is kept of it. With ``are_alike`` all
    pieces are dealt out at the ends of layers alone, but the whole: then a vertex on a seam has the
    same parents on both sides.
    """

    def __init__(
        self,
        network: Network,
        domain: Domain,
        budget: Stoppable,
        size: int,
        factor: float,
        keep: Callable[[Run, Task], Kept],
        *,
        are_alike: bool = False,
    ) -> None:
        self._keep, self._are_alike = keep, are_alike
        self._network = network
        self._domain = domain
        self._factor = factor
        self._size = size
        self._layers = layers_of(network)
        self._dealt: OrderedDict[Path, list[Task]] = OrderedDict()
        self._finding = RLock()
        # Floats are computed in rooms that belong to the network in floats.
        self._own = local()
        self.budget = budget

    def advance(self, task: Task) -> Kept | list[Task]:
        """Cut a piece by the layers that are left, or until it is large enough to be dealt out."""
        run = self._begun(task)
        try:
            for layer in self._layers[task.layer :]:
                units = task.units if layer.number == task.layer else None
                left = self._pass_through(run, layer, units, task)
                if left is not None:
                    return self._dealt_out(run, layer, left, task)
        except Late:
            self.budget.check_time()
            raise
        return self._keep(run, task)

    def _pass_through(
        self, run: Run, layer: Layer, units: Numbers | None, task: Task
    ) -> Numbers | None:
        """Cut by a layer, or by some units of it; return what is left of it to be dealt out for.

        None where the run goes on as it is.
        """
        if units is None:
            run.begin_layer(layer)
        else:
            run.go_on(layer)
        every = np.arange(layer.width) if units is None else units
        # The whole by all units, in words of 64: so its regions are numbered, see .region_order.
        blocks = run.cutting_blocks(layer, every) if task.path else layer.blocks_and_rest
        for block, left in blocks:
            run.pass_through(block)
            # Amid a deep layer a vertex does not know what later blocks read.
            may_stop = layer.number == 0 and not (self._are_alike and task.path)
            if len(left) and may_stop and self._num_pieces(run, task) > 1:
                return left
        run.end_layer(layer)
        is_last = layer.number + 1 == len(self._layers)
        return None if is_last or self._num_pieces(run, task) == 1 else every[:0]

    def find(self, path: Path) -> Task:
        """Return the piece at a path, dealing out again what is not remembered on the way to it.

        Raises
        ------
        InputError
            If there is no such piece.
        """
        task = Task()
        with self._finding:
            for depth, number in enumerate(path):
                pieces = self._dealt.get(path[:depth])
                if pieces is None:
                    result = self.advance(task)
                    pieces = result if isinstance(result, list) else []
                self.remember(task.path, pieces)
                if number >= len(pieces):
                    raise InputError(f"there is no piece {path}: {task.path} has {len(pieces)}")
                task = pieces[number]
        return task

    def remember(self, path: Path, pieces: list[Task]) -> None:
        """Keep what a piece is dealt into, for :meth:`find`, in the place of the oldest."""
        with self._finding:
            self._dealt[path] = pieces
            self._dealt.move_to_end(path)
            while len(self._dealt) > REMEMBERED:
                self._dealt.popitem(last=False)

    def _begun(self, task: Task) -> Run:
        """Return the run that goes on with a piece."""
        if task.dealt is None:
            return Run(self._network, [self._domain], self._factor, self.budget)
        if not hasattr(self._own, "floats"):
            self._own.floats = FloatNetwork(self._network, [self._domain])
        return task.dealt.begin(task.path[-1], self._own.floats)

    def _num_pieces(self, run: Run, task: Task) -> int:
        """Return in how many pieces a run is dealt out now; 1 where it is not.

        One region is not, however large: it would be the same piece under a longer name. Nor is a
        piece so deep that names have no bits for its pieces.
        """
        faces = run.subdivision.num_faces
        if self._domain.dim == 1:
            return 1
        pieces = min(run.subdivision.num_regions, -(-faces // self._size))
        return pieces if faces >= 2 * self._size and task.has_codes(pieces) else 1

    def _dealt_out(self, run: Run, layer: Layer, left: Numbers, task: Task) -> list[Task]:
        """Return the pieces of a run, of about equally many regions that lie near each other.

        ``left`` are the units of the layer that they are still to be cut by; of none, the next
        layer follows.
        """
        regions, pieces = run.subdivision.num_regions, self._num_pieces(run, task)
        rank = np.empty(regions, dtype=np.int64)
        rank[in_order_of_halves(run.subdivision.words)] = np.arange(regions)
        run.fill()
        of_cell = (rank * pieces // regions).astype(np.int32)
        dealt = Dealt(run, of_cell, task.code)
        if len(left):
            return task.pieces(layer.number, left, dealt)
        return task.pieces(layer.number + 1, None, dealt)


def as_chunk(run: Run, task: Task) -> Chunk:
    """Return what is kept of the run of a task that has passed all blocks."""
    division = run.subdivision
    work, d = division.work, division.dim
    used = division.num_faces
    facets = int(np.count_nonzero(work.dim[:used] == d - 1))
    owners = np.full(used, -1, dtype=np.int32)
    pairs = np.empty((facets, 2), dtype=np.int32)
    seams = np.empty(int(work.used[SEAMS]), dtype=np.int32)
    faces = np.zeros(d + 1, dtype=np.int64)
    edges = collect_owners(work, d, owners, pairs, seams, faces)
    return Chunk(
        words=division.words.copy(),
        is_unbounded=_far_cells(run),
        edges=pairs[:edges].copy(),
        names=work.names[: len(seams)].copy(),
        seams=seams,
        faces=faces,
        statistics=run.statistics,
        path=task.path,
        share=task.share,
    )


def _far_cells(run: Run) -> NDArray[np.bool_]:
    """Return which regions have a vertex that is a direction at infinity: its x_0 is exactly 0."""
    division = run.subdivision
    work, regions = division.work, np.zeros(division.num_regions, dtype=bool)
    if run.is_fan:
        vertices, faces = division.num_vertices, division.num_faces
        is_far = (work.x[:vertices, 0] == 0) & (work.ex[:vertices, 0] == 0)
        far = np.zeros(faces, dtype=bool)
        far[work.face[:vertices]] = is_far
        spread_far(work, division.dim, far)
        cells = np.flatnonzero(work.dim[:faces] == division.dim)
        regions[work.slot[cells]] = far[cells]
    return regions


def cut_in_chunks(
    network: Network,
    domain: Domain,
    *,
    workers: int = 1,
    size: int = SIZE,
    budget: Budget | None = None,
    factor: float = 1,
) -> Iterator[Chunk]:
    """Yield the complex into which a network cuts a box, in chunks; in no order.

    Parameters
    ----------
    network : Network
        d >= 2 inputs.
    domain : Domain
        In a box, cut by rows or not.
    workers : int
        Threads of this process that cut pieces; none of them holds the interpreter's lock for long.
    size : int
        About how many faces a piece begins with.

    factor : float
        As for :func:`.engine.subdivide`.

    Raises
    ------
    DimensionError, InputError
        As for :func:`.engine.subdivide`.
    LimitError
        When the seconds of the budget are spent.
    """
    check_inputs(network, [domain])
    announce("complex")
    cutter = Cutter(network, domain, Stoppable.of(budget), size, factor, as_chunk)
    for _, result in results(cutter, workers):
        if isinstance(result, Chunk):
            yield result


def results(
    cutter: Cutter[Kept], workers: int
) -> Iterator[tuple[Task, Kept | list[Task]]]:
    """Yield every task and what came of it, cut on so many threads."""
    with one_blas_thread():
        if workers == 1:
            yield from _one_by_one(cutter)
        else:
            yield from _on_threads(cutter, workers)


def _one_by_one(cutter: Cutter[Kept]) -> Iterator[tuple[Task, Kept | list[Task]]]:
    """Yield the results of the tasks, cut on this thread."""
    tasks = [Task()]
    while tasks:
        task = tasks.pop()
        result = cutter.advance(task)
        if isinstance(result, list):
            tasks += reversed(result)
        yield task, result


def _on_threads(
    cutter: Cutter[Kept], workers: int
) -> Iterator[tuple[Task, Kept | list[Task]]]:
    """Yield the results, cut on several threads; tasks are handed out by this one."""
    pool, interval = ThreadPoolExecutor(workers), sys.getswitchinterval()
    # Loops come back for the lock every millisecond or so: nobody should hold it long.
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        waiting, running = [Task()], dict[Future[Kept | list[Task]], Task]()
        while waiting or running:
            # The last ones first, so that what is begun is finished and let go.
            while waiting and len(running) < 2 * workers:
                task = waiting.pop()
                running[pool.submit(cutter.advance, task)] = task
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                task, result = running.pop(future), future.result()
                if isinstance(result, list):
                    waiting += reversed(result)
                yield task, result
    finally:
        # However this ends: what still runs looks up after a step.
        cutter.budget.is_stopped.set()
        sys.setswitchinterval(interval)
        pool.shutdown(cancel_futures=True)
