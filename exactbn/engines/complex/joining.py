"""One face lattice of all pieces: the faces on seams, which several pieces have, become one.

Pieces have their common faces from the complex from which they were dealt, and cut them by the same
neurons in the same order. So a vertex on a seam is, on both sides, a vertex that was there when the
pieces were dealt out, or the zero of the same neuron between the same two; an edge is known by its
two ends, and any other face by two of its facets, those of the least numbers: in a complex two
faces with two common facets are one. What only one piece has is not looked up.

Nothing rests on that: the lattice is judged as a whole, as if it had been made in one piece.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.compiled import inlined, kernel
from exactbn.engines.complex.chunks import (
    SIZE,
    Cutter,
    Dealt,
    Path,
    Stoppable,
    Task,
    Vertices,
    results,
)
from exactbn.engines.complex.cutting import Outcome, Run, SignStatistics
from exactbn.engines.complex.engine import check_inputs
from exactbn.engines.complex.lattice import FaceLattice, check_euler
from exactbn.engines.complex.parts import OWN
from exactbn.engines.first_use import announce
from exactbn.engines.run import Budget, Progress
from exactbn.model.domain import Domain
from exactbn.model.network import Network
from exactbn.wording import counted

Ints = NDArray[np.int32]
Numbers = NDArray[np.int64]

# Slots that a table begins with, a power of two.
_FEW = 1 << 10
_FIRST, _SECOND, _THIRD = map(
    np.uint64, (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)
)
_SHIFT = np.uint64(29)


class Leaf(NamedTuple):
    """A finished piece: its faces, who counts each, from what it was dealt, its share of all."""

    lattice: FaceLattice
    own: NDArray[np.int8]
    dealt: Dealt | None
    statistics: SignStatistics
    share: Fraction


def as_leaf(run: Run, task: Task) -> Leaf:
    """Return what is kept of the run of a task that has passed all blocks."""
    lattice = run.subdivision.freeze()
    own = run.subdivision.work.own[: lattice.starts[-1]]
    return Leaf(lattice, own, task.dealt, run.statistics, task.share)


def in_order(found: Iterable[tuple[Task, Leaf | list[Task]]]) -> Iterator[Leaf]:
    """Yield the leaves in the order of their paths, as soon as all before them are there."""
    leaves: dict[Path, Leaf] = {}
    dealt: dict[Path, int] = {}
    path: Path | None = ()
    for task, result in found:
        if isinstance(result, list):
            dealt[task.path] = len(result)
        else:
            leaves[task.path] = result
        while path is not None and (path in leaves or path in dealt):
            if path in dealt:
                path = (*path, 0)
            else:
                yield leaves.pop(path)
                while path and path[-1] + 1 == dealt[path[:-1]]:
                    path = path[:-1]
                path = (*path[:-1], path[-1] + 1) if path else None


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
    """The lattice of the pieces of a domain that were added so far."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.statistics = SignStatistics()
        self._known = [_Known() for _ in range(dim)]
        self._counts = [0] * (dim + 1)
        # The numbers of the vertices that were there when a piece was dealt out.
        self._dealt: dict[Dealt, Ints] = {}
        # Of each dimension k >= 1: the lists of facets, and how long each is.
        self._lists: list[list[Ints]] = [[] for _ in range(dim + 1)]
        self._sizes: list[list[Ints]] = [[] for _ in range(dim + 1)]
        self._parents: list[Ints] = []
        self._x: list[NDArray[np.float64]] = []
        self._ex: list[NDArray[np.float64]] = []
        self._words: list[NDArray[np.uint64]] = []

    @property
    def num_regions(self) -> int:
        """Return how many d-faces were added."""
        return self._counts[-1]

    def add(self, leaf: Leaf) -> None:
        """Add the faces of a piece."""
        lattice, d = leaf.lattice, self.dim
        starts, indptr = lattice.starts, lattice.indptr
        vertices = Vertices(lattice.parents, lattice.x, lattice.ex, leaf.own[: starts[1]])
        below = self._add_vertices(vertices, leaf.dealt)
        for k in range(1, d + 1):
            begin, end = int(starts[k]), int(starts[k + 1])
            first = indptr[begin : end + 1] - indptr[begin]
            facets = below[lattice.indices[indptr[begin] : indptr[end]] - starts[k - 1]]
            own = leaf.own[begin:end]
            ids = np.empty(end - begin, dtype=np.int32)
            is_new = np.ones(end - begin, dtype=np.bool_)
            if k < d:
                known = self._known[k]
                known.make_room(int(np.count_nonzero(own != OWN)))
                known.count += _identify(
                    first, facets, own, known.keys, known.values, np.int64(self._counts[k]), ids,
                    is_new,
                )  # fmt: skip
            sizes = np.diff(first)
            self._counts[k] += int(np.count_nonzero(is_new))
            self._lists[k].append(facets[np.repeat(is_new, sizes)])
            self._sizes[k].append(sizes[is_new].astype(np.int32))
            below = ids
        self._words.append(lattice.words)
        self.statistics.signs += leaf.statistics.signs
        self.statistics.exact_signs += leaf.statistics.exact_signs

    def _add_vertices(self, vertices: Vertices, dealt: Dealt | None) -> Ints:
        """Number vertices of a piece of what was dealt out: those that it began with have numbers.

        What was dealt out is numbered as a whole when the first of its pieces comes: all its
        vertices are in one of them.
        """
        parents = vertices.parents
        begun = int(np.count_nonzero(parents[:, 0] < 0))
        ids = np.empty(len(parents), dtype=np.int32)
        is_new = np.zeros(len(parents), dtype=np.bool_)
        if dealt is None:  # corners of the domain
            ids[:begun] = np.arange(begun)
            is_new[:begun] = True
            self._counts[0] = begun
        else:
            if dealt not in self._dealt:
                self._dealt[dealt] = self._add_vertices(dealt.vertices(), dealt.above)
            ids[:begun] = self._dealt[dealt][parents[:begun, 2]]
        known = self._known[0]
        known.make_room(int(np.count_nonzero(vertices.own[begun:] != OWN)))
        made = parents.copy()
        known.count += _identify_vertices(
            made, vertices.own, known.keys, known.values, np.int64(self._counts[0]),
            np.int64(begun), ids, is_new,
        )  # fmt: skip
        self._counts[0] += int(np.count_nonzero(is_new[begun:]))
        self._parents.append(made[is_new])
        self._x.append(vertices.x[is_new])
        self._ex.append(vertices.ex[is_new])
        return ids

    def lattice(self) -> FaceLattice:
        """Return the lattice, its vertices in the order of the neurons that made them."""
        parents = np.concatenate(self._parents)
        # A corner was made by none; its number is not that of a neuron.
        neurons = np.where(parents[:, 0] < 0, -1, parents[:, 2])
        order = np.argsort(neurons, kind="stable")
        number = np.empty(len(order), dtype=np.int32)
        number[order] = np.arange(len(order), dtype=np.int32)
        parents = parents[order]
        made = parents[:, 0] >= 0
        parents[made, :2] = number[parents[made, :2]]
        starts = np.concatenate(([0], np.cumsum(self._counts)))
        lists = [number[facets] for facets in self._lists[1]]
        for k in range(2, self.dim + 1):
            lists += (facets + np.int32(starts[k - 1]) for facets in self._lists[k])
        sizes = [np.zeros(len(order), dtype=np.int32)]
        sizes += (size for of_dim in self._sizes[1:] for size in of_dim)
        indices = np.concatenate(lists)
        indptr = np.concatenate(([0], np.cumsum(np.concatenate(sizes), dtype=np.int64)))
        return FaceLattice(
            starts=starts,
            indptr=indptr,
            indices=indices,
            parents=parents,
            x=np.concatenate(self._x)[order],
            ex=np.concatenate(self._ex)[order],
            words=np.concatenate(self._words),
            component=np.zeros(self._counts[-1], dtype=np.int32),
        )


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

    The faces are the same, in other numbers, which depend on the size of the pieces and not on the
    threads. Parameters are as for :func:`.chunks.cut_in_chunks`.

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
    cutter = Cutter(network, domain, limits, size, factor, as_leaf, are_alike=True)
    joining, total, share = Joining(domain.dim), network.num_hidden, Fraction(0)
    found: Iterator[tuple[Task, Leaf | list[Task]]] = results(cutter, workers)
    for leaf in in_order(found):
        joining.add(leaf)
        share += leaf.share
        if progress is not None:
            progress(int(share * total), total, counted(joining.num_regions, "cell"))
    lattice = joining.lattice()
    check_euler(lattice, 1)
    return Outcome(lattice, total, joining.statistics)
