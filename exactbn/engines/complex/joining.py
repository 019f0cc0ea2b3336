"""One face lattice of all pieces: the faces on seams, which several pieces have, become one.

Pieces have their common faces from the complex from which they were dealt, and cut them by the same
neurons in the same order. So a vertex on a seam is, on both sides, a vertex that was there when the
pieces were dealt out, or the zero of the same neuron between the same two; an edge is known by its
two ends, and any other face by two of its facets, those of the least numbers: in a complex two
faces with two common facets are one. What only one piece has is not looked up.

Nothing rests on that: the lattice is judged as a whole, as if it had been made in one piece.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.compiled import inlined, kernel
from exactbn.engines.complex.chunks import SIZE, Cutter, Dealt, Path, Stoppable, Task, results
from exactbn.engines.complex.cutting import Outcome, Run, SignStatistics
from exactbn.engines.complex.engine import check_inputs
from exactbn.engines.complex.lattice import FaceLattice, check_euler
from exactbn.engines.complex.parts import OWN
from exactbn.engines.complex.region_order import in_order_of_making
from exactbn.engines.complex.units import layers_of
from exactbn.engines.first_use import announce
from exactbn.engines.run import Budget, Progress
from exactbn.model.domain import Domain
from exactbn.model.network import Network
from exactbn.wording import counted

Ints = NDArray[np.int32]
Numbers = NDArray[np.int64]
Floats = NDArray[np.float64]

# Slots that a table begins with, a power of two.
_FEW = 1 << 10
_FIRST, _SECOND, _THIRD = map(
    np.uint64, (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)
)
_SHIFT = np.uint64(29)


@dataclass(frozen=True, eq=False)
class Fragment:
    """What is kept of a piece: all its faces, or, where it was dealt out, its vertices alone.

    The arrays are those of a :class:`.lattice.FaceLattice`; parents of vertices that were there
    when the piece began are (-1, 0, row), by the row in what the piece was dealt from, and those of
    the domain's corners as ever. ``own`` says who counts a face, see :mod:`.parts`, and ``begun``
    in which region of the whole, when that was dealt out, a region lies. ``path`` and ``share`` are
    as in a :class:`.chunks.Chunk`; what was dealt out has no share left.
    """

    starts: Numbers
    indptr: Numbers
    indices: Ints
    parents: Ints
    x: Floats
    ex: Floats
    words: NDArray[np.uint64]
    begun: Ints
    own: NDArray[np.int8]
    statistics: SignStatistics
    path: Path
    share: Fraction

    @property
    def is_dealt(self) -> bool:
        """Return whether the piece was dealt out."""
        return not len(self.starts)


def as_fragment(run: Run, task: Task) -> Fragment:
    """Return what is kept of the run of a task that has passed all blocks."""
    lattice = run.subdivision.freeze()
    begun = np.arange(lattice.num_regions, dtype=np.int32)
    return Fragment(
        lattice.starts, lattice.indptr, lattice.indices, lattice.parents, lattice.x, lattice.ex,
        lattice.words, lattice.component if task.path else begun,
        run.subdivision.work.own[: lattice.starts[-1]], run.statistics, task.path, task.share,
    )  # fmt: skip


def dealt_fragment(path: Path, dealt: Dealt) -> Fragment:
    """Return what is kept of a piece that was dealt out."""
    parents, x, ex, own = dealt.vertices()
    numbers, ids = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int32)
    words = np.empty((0, 0), dtype=np.uint64)
    return Fragment(
        numbers, numbers, ids, parents, x, ex, words, ids, own, SignStatistics(), path, Fraction(0)
    )


def in_order(found: Iterable[tuple[Task, Fragment | list[Task]]]) -> Iterator[Fragment]:
    """Yield fragments in the order of their paths, each as soon as all before it are there."""
    waiting: dict[Path, Fragment] = {}
    pieces: dict[Path, int] = {}
    path: Path | None = ()
    for task, result in found:
        if isinstance(result, list):
            pieces[task.path] = len(result)
            assert result[0].dealt is not None
            waiting[task.path] = dealt_fragment(task.path, result[0].dealt)
        else:
            waiting[task.path] = result
        while path is not None and path in waiting:
            yield waiting.pop(path)
            path = _next_path(path, pieces)


def _next_path(path: Path, pieces: dict[Path, int]) -> Path | None:
    """Return the path after one, where each piece of ``pieces`` was dealt into so many."""
    if path in pieces:
        return (*path, 0)
    while path and path[-1] + 1 == pieces[path[:-1]]:
        path = path[:-1]
    return (*path[:-1], path[-1] + 1) if path else None


class _Known:
    """Numbers of faces by keys of three numbers, which compiled loops enter."""

    def __init__(self) -> None:
        self.keys = np.full((_FEW, 3), -1, dtype=np.int64)
        self.values = np.empty(_FEW, dtype=np.int32)
        self.count = 0

    def make_room(self, more: int) -> None:
        """Let so many more be entered into a table that stays half empty."""
        size = len(self.values)
        while size < 2 * (self.count + more):
            size *= 4
        if size > len(self.values):
            keys, values = self.keys, self.values
            self.keys = np.full((size, 3), -1, dtype=np.int64)
            self.values = np.empty(size, dtype=np.int32)
            _enter_again(keys, values, self.keys, self.values)


class Joining:
    """The lattice of the pieces of a domain, added in the order of their paths."""

    def __init__(self, network: Network, domain: Domain) -> None:
        self.dim = domain.dim
        self.statistics = SignStatistics()
        self._network = network
        self._known = [_Known() for _ in range(self.dim)]
        self._counts = [0] * (self.dim + 1)
        # The numbers of the vertices of what was dealt out, along the path of the last piece.
        self._dealt: dict[Path, Ints] = {}
        # Of each dimension k >= 1: the lists of facets, and how long each is.
        self._lists: list[list[Ints]] = [[] for _ in range(self.dim + 1)]
        self._sizes: list[list[Ints]] = [[] for _ in range(self.dim + 1)]
        self._parents: list[Ints] = []
        self._x: list[Floats] = []
        self._ex: list[Floats] = []
        self._words: list[NDArray[np.uint64]] = []
        self._begun: list[Ints] = []

    @property
    def num_regions(self) -> int:
        """Return how many d-faces were added."""
        return self._counts[-1]

    def add(self, fragment: Fragment) -> None:
        """Add the faces of a piece, or the vertices of one of which the pieces come next."""
        path = fragment.path
        self._dealt = {own: ids for own, ids in self._dealt.items() if own == path[: len(own)]}
        below = self._add_vertices(fragment)
        if fragment.is_dealt:
            self._dealt[path] = below
            return
        starts, indptr, d = fragment.starts, fragment.indptr, self.dim
        for k in range(1, d + 1):
            begin, end = int(starts[k]), int(starts[k + 1])
            first = indptr[begin : end + 1] - indptr[begin]
            facets = below[fragment.indices[indptr[begin] : indptr[end]] - starts[k - 1]]
            own = fragment.own[begin:end]
            ids = np.empty(end - begin, dtype=np.int32)
            is_new = np.ones(end - begin, dtype=np.bool_)
            known = self._known[k] if k < d else _Known()
            known.make_room(int(np.count_nonzero(own != OWN)))
            known.count += _identify(
                first, facets, own, known.keys, known.values, np.int64(self._counts[k]), ids, is_new
            )
            sizes = np.diff(first)
            self._counts[k] += int(np.count_nonzero(is_new))
            self._lists[k].append(facets[np.repeat(is_new, sizes)])
            self._sizes[k].append(sizes[is_new].astype(np.int32))
            below = ids
        self._words.append(fragment.words)
        self._begun.append(fragment.begun)
        self.statistics.signs += fragment.statistics.signs
        self.statistics.exact_signs += fragment.statistics.exact_signs

    def _add_vertices(self, fragment: Fragment) -> Ints:
        """Number the vertices of a piece: those that it began with have numbers."""
        parents, path = fragment.parents, fragment.path
        own = fragment.own[: len(parents)]
        begun = int(np.count_nonzero(parents[:, 0] < 0))
        ids = np.empty(len(parents), dtype=np.int32)
        is_new = np.zeros(len(parents), dtype=np.bool_)
        if path:
            ids[:begun] = self._dealt[path[:-1]][parents[:begun, 2]]
        else:  # corners of the domain
            ids[:begun] = np.arange(begun)
            is_new[:begun] = True
            self._counts[0] = begun
        known = self._known[0]
        known.make_room(int(np.count_nonzero(own[begun:] != OWN)))
        made = parents.copy()
        known.count += _identify_vertices(
            made, own, known.keys, known.values, np.int64(self._counts[0]), np.int64(begun), ids,
            is_new,
        )  # fmt: skip
        self._counts[0] += int(np.count_nonzero(is_new[begun:]))
        self._parents.append(made[is_new])
        self._x.append(fragment.x[is_new])
        self._ex.append(fragment.ex[is_new])
        return ids

    def lattice(self) -> FaceLattice:
        """Return the lattice, its vertices in the order of the neurons that made them.

        The regions have the numbers that they have in a complex made in one piece.

        Raises
        ------
        InternalError
            If Euler's relation does not hold, or regions are not there once each.
        """
        parents = np.concatenate(self._parents)
        # A corner was made by none; its number is not that of a neuron.
        order = np.argsort(np.where(parents[:, 0] < 0, -1, parents[:, 2]), kind="stable")
        number = np.empty(len(order), dtype=np.int32)
        number[order] = np.arange(len(order), dtype=np.int32)
        parents = parents[order]
        made = parents[:, 0] >= 0
        parents[made, :2] = number[parents[made, :2]]
        words = np.concatenate(self._words)
        begun = np.concatenate(self._begun).astype(np.int64)
        widths = [block.width for layer in layers_of(self._network) for block in layer.blocks]
        regions = in_order_of_making(words, begun, widths)
        starts = np.concatenate(([0], np.cumsum(self._counts)))
        lists, sizes = _joined(self._lists, self.dim), _joined(self._sizes, self.dim)
        lists[0] = number[lists[0]]
        lists[-1] = _rows_in_order(lists[-1], sizes[-1], regions)
        sizes[-1] = sizes[-1][regions]
        for below, of_dim in zip(starts[1:], lists[1:]):
            of_dim += np.int32(below)
        sizes.insert(0, np.zeros(len(order), dtype=np.int32))
        lattice = FaceLattice(
            starts=starts,
            indptr=np.concatenate(([0], np.cumsum(np.concatenate(sizes), dtype=np.int64))),
            indices=np.concatenate(lists),
            parents=parents,
            x=np.concatenate(self._x)[order],
            ex=np.concatenate(self._ex)[order],
            words=words[regions],
            component=np.zeros(self._counts[-1], dtype=np.int32),
        )
        check_euler(lattice, 1)
        return lattice


def _joined(arrays: list[list[Ints]], dim: int) -> list[Ints]:
    """Return the arrays of dimensions 1 to d, each in one, letting the single ones go."""
    result = []
    for k in range(1, dim + 1):
        result.append(np.concatenate(arrays[k]))
        arrays[k].clear()
    return result


def _rows_in_order(entries: Ints, sizes: Ints, order: Numbers) -> Ints:
    """Return lists that follow each other in another order."""
    ends = np.cumsum(sizes, dtype=np.int64)
    lengths = sizes[order].astype(np.int64)
    shift = (ends - sizes)[order] - (np.cumsum(lengths) - lengths)
    result: Ints = entries[np.repeat(shift, lengths) + np.arange(len(entries))]
    return result


@inlined
def _slot_of(keys, a, b, c):  # type: ignore[no-untyped-def]
    """Return the slot that holds a key, or the empty one where it would be entered."""
    mask = np.uint64(len(keys) - 1)
    mixed = (np.uint64(a) * _FIRST ^ np.uint64(b)) * _SECOND ^ np.uint64(c)
    mixed *= _THIRD
    slot = (mixed ^ mixed >> _SHIFT) & mask
    while keys[slot, 0] >= 0 and not (
        keys[slot, 0] == a and keys[slot, 1] == b and keys[slot, 2] == c
    ):
        slot = (slot + np.uint64(1)) & mask
    return slot


@kernel
def _enter_again(keys, values, new_keys, new_values):  # type: ignore[no-untyped-def]
    """Enter all keys of a table into a larger one."""
    for i in range(len(values)):
        if keys[i, 0] >= 0:
            a, b, c = keys[i, 0], keys[i, 1], keys[i, 2]
            slot = _slot_of(new_keys, a, b, c)
            new_keys[slot, 0], new_keys[slot, 1], new_keys[slot, 2] = a, b, c
            new_values[slot] = values[i]


@kernel
def _identify_vertices(made, own, keys, values, count, begun, ids, is_new):  # type: ignore[no-untyped-def]
    """Number the vertices that a piece has made, from ``count`` on where they are new.

    Their parents become numbers of the whole. Returns how many were entered into the table.
    """
    entered = 0
    for v in range(begun, len(ids)):
        a, b, neuron = np.int64(ids[made[v, 0]]), np.int64(ids[made[v, 1]]), np.int64(made[v, 2])
        made[v, 0], made[v, 1] = a, b
        if own[v] == OWN:
            ids[v] = count
        else:
            low, high = min(a, b), max(a, b)
            slot = _slot_of(keys, low, high, neuron)
            if keys[slot, 0] >= 0:
                ids[v] = values[slot]
                continue
            keys[slot, 0], keys[slot, 1], keys[slot, 2] = low, high, neuron
            values[slot] = count
            ids[v] = count
            entered += 1
        is_new[v] = True
        count += 1
    return entered


@kernel
def _identify(first, facets, own, keys, values, count, ids, is_new):  # type: ignore[no-untyped-def]
    """Number the faces of one dimension of a piece, from ``count`` on where they are new.

    Returns how many were entered into the table.
    """
    entered = 0
    for f in range(len(ids)):
        if own[f] == OWN:
            ids[f] = count
        else:
            low, high = np.int64(facets[first[f]]), np.int64(facets[first[f] + 1])
            if low > high:
                low, high = high, low
            for i in range(first[f] + 2, first[f + 1]):
                g = np.int64(facets[i])
                if g < low:
                    low, high = g, low
                elif g < high:
                    high = g
            slot = _slot_of(keys, low, high, np.int64(0))
            if keys[slot, 0] >= 0:
                ids[f] = values[slot]
                is_new[f] = False
                continue
            keys[slot, 0], keys[slot, 1], keys[slot, 2] = low, high, 0
            values[slot] = count
            ids[f] = count
            entered += 1
        count += 1
    return entered


def subdivide_in_pieces(
    network: Network,
    domain: Domain,
    *,
    workers: int,
    size: int = SIZE,
    budget: Budget | None = None,
    progress: Progress | None = None,
    factor: float = 1,
) -> Outcome:
    """Return the complex of :func:`.engine.subdivide`, cut in pieces on threads and joined.

    The faces are the same; regions have the same numbers, and the other faces numbers that depend
    on the size of the pieces and not on the threads. Parameters are as for
    :func:`.chunks.cut_in_chunks`.

    Raises
    ------
    DimensionError, InputError, InternalError
        As for :func:`.engine.subdivide`.
    LimitError
        When the seconds of the budget are spent; nothing is known then.
    """
    check_inputs(network, [domain])
    announce("complex")
    limits = Stoppable.of(budget)
    cutter: Cutter[Fragment] = Cutter(
        network, domain, limits, size, factor, as_fragment, are_alike=True
    )
    joining, total, share = Joining(network, domain), network.num_hidden, Fraction(0)
    found = results(cutter, workers)
    for fragment in in_order(found):
        joining.add(fragment)
        share += fragment.share
        if progress is not None:
            progress(int(share * total), total, counted(joining.num_regions, "cell"))
    return Outcome(joining.lattice(), total, joining.statistics)
