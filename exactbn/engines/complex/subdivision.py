"""The growing face lattice of a subdivision: arrays that compiled loops fill."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.complex import kernels, numbering, records
from exactbn.engines.complex.kernels import (
    ARENA,
    BLOCK,
    ENTRIES,
    FACES,
    REGIONS,
    SEAMS,
    VERTICES,
    WIDEST,
    Work,
)
from exactbn.engines.complex.lattice import FaceLattice
from exactbn.engines.complex.parts import OWN, WHOLE, Sorted, spread, take
from exactbn.engines.complex.signs import Pause
from exactbn.engines.complex.start import (
    axis_exponents,
    corner_coordinates,
    in_plain_units,
    template,
)
from exactbn.errors import InternalError
from exactbn.model.domain import Domain

Numbers = NDArray[np.int64]
Words = NDArray[np.uint64]

# Ids are 32-bit integers.
_MOST = 2**31 - 1
# Rows that a grown array has at least, so that small complexes are seldom copied.
_LEAST = 8000
# Rows from which on an array counts as large.
_SMALL = 50_000
# Faces that are looked through between two looks at the clock: some tenths of a second.
_FACES_AT_ONCE = 1_000_000


class Subdivision:
    """The growing lattice: arrays that the kernels fill, grown before each step as it needs."""

    def __init__(
        self, work: Work, starts: Numbers, exponents: NDArray[np.int32], *, keeps_signs: bool
    ) -> None:
        self.dim = len(starts) - 2
        self.exponents = exponents
        self._keeps_signs = keeps_signs
        self.work, self.starts = work, starts
        self._sorted = True
        self._has_old_roots = False
        self._needs = np.zeros(len(self.work.used), dtype=np.int64)
        self._state = np.zeros(kernels.LOOKED + 1, dtype=np.int64)
        self._room = np.empty(0, dtype=np.int32)

    @classmethod
    def of(
        cls, domains: Sequence[Domain], num_words: int, *, keeps_signs: bool = False
    ) -> "Subdivision":
        """Return the faces of disjoint copies of the domains."""
        exponents = axis_exponents(domains)
        work, starts = _start(domains, num_words, num_words * keeps_signs, exponents)
        return cls(work, starts, exponents, keeps_signs=keeps_signs)

    def in_pieces(self, of_cell: NDArray[np.int32]) -> Sorted:
        """Return the faces after a block, each with the pieces in which it is.

        ``of_cell``, shape (regions,), numbers the piece of each region.
        """
        self._sort(roots=False, renew=False)
        work, count = self.work, int(self.work.used[FACES])
        lowest, highest = np.empty((2, count), dtype=np.int32)
        faces = Sorted(
            self.starts, work.first[:count], work.size[:count], work.slot[:count],
            work.own[:count], work.arena, lowest, highest,
        )  # fmt: skip
        spread(faces, of_cell)
        return faces

    def piece(
        self, faces: Sorted, own: NDArray[np.int32], number: int, code: int, mark: NDArray[np.int32]
    ) -> "Subdivision":
        """Return a piece of the d-faces ``own`` as a subdivision of its own.

        ``faces`` are those of :meth:`in_pieces`, ``number`` the number of the piece. A facet f that
        gets a name now is called (``code``, f). ``mark`` is room for :func:`take`. The component of
        a region is the number of that of the whole, dealt out once, in which it lies.
        """
        piece = take(faces, own, number, mark)
        cells = faces.slot[own]
        work, count = self.work, len(piece.faces)
        rows = piece.faces[: piece.starts[1]]
        names = np.zeros((len(piece.seams), kernels.ROOT + work.words.shape[1]), dtype=np.uint64)
        is_old = piece.seams[:, 0] >= 0
        names[is_old, : work.names.shape[1]] = work.names[piece.seams[is_old, 0]]
        names[~is_old, 0], names[~is_old, 1] = code, piece.seams[~is_old, 1]
        parents = np.empty((len(rows), 3), dtype=np.int32)
        parents[:] = -1, 0, 0
        parents[:, 2] = rows
        used = np.zeros_like(work.used)
        used[[FACES, ARENA, VERTICES]] = count, len(piece.arena), len(rows)
        used[[REGIONS, SEAMS]] = len(cells), len(names)
        begun = Work(
            dim=piece.dim,
            first=piece.first,
            size=piece.size,
            word=np.zeros((count, 4), dtype=np.uint64),
            slot=piece.slot,
            own=piece.own,
            arena=piece.arena,
            x=work.x[rows],
            ex=work.ex[rows],
            z=np.empty((len(rows), 0)),
            ez=np.empty((len(rows), 0), dtype=np.float32),
            parents=parents,
            place=np.zeros((len(rows), 2)),
            face=np.arange(len(rows), dtype=np.int32),
            open=np.zeros(len(rows), dtype=np.uint64),
            words=work.words[cells],
            component=(cells if code == WHOLE else work.component[cells]).astype(np.int32),
            names=names,
            alive=work.alive[rows],
            head=np.empty((self.dim + 1, 0), dtype=np.int32),
            link=np.empty(0, dtype=np.int32),
            entry=np.empty(0, dtype=np.int32),
            used=used,
        )
        return Subdivision(begun, piece.starts, self.exponents, keeps_signs=self._keeps_signs)

    @property
    def num_regions(self) -> int:
        """Return the number of d-faces so far."""
        return int(self.work.used[REGIONS])

    @property
    def words(self) -> NDArray[np.uint64]:
        """Return the patterns of the regions by the blocks that are finished."""
        return self.work.words[: self.num_regions]

    @property
    def num_faces(self) -> int:
        """Return the number of faces of all dimensions so far."""
        return int(self.work.used[FACES])

    @property
    def num_vertices(self) -> int:
        """Return the number of vertices so far."""
        return int(self.work.used[VERTICES])

    @property
    def first_edge(self) -> int:
        """Return the id of the first face that is not a vertex, when a block begins."""
        return int(self.starts[1])

    def begin_layer(self, num_words: int) -> None:
        """Begin a layer, on whose edges of now all its neurons are affine: they are its roots.

        Exact signs are kept of its ``num_words`` words, or of all layers.
        """
        self._has_old_roots = True
        if not self._keeps_signs:
            rows = len(self.work.x)
            self.work = self.work._replace(alive=np.zeros((rows, num_words), dtype=np.uint64))

    def record_idle(self, first: int, positive: Words, alive: Words) -> None:
        """Record neurons that cut no face: bits of words of a layer that begins with ``first``.

        ``positive`` are those that are positive everywhere, ``alive`` those whose activations are
        not zero anywhere.
        """
        place = np.int64(first), np.int64(first * self._keeps_signs)
        records.record_idle(self.work, place, positive, alive)

    def begin_block(self, width: int) -> None:
        """Make room for the preactivations of ``width`` neurons at every vertex."""
        if not self._sorted:
            self._sort(roots=True, renew=self._has_old_roots)
        self._has_old_roots = False
        rows = len(self.work.x)
        self.work = self.work._replace(
            z=np.empty((rows, width)),
            ez=np.empty((rows, width), dtype=np.float32),
            head=np.full((self.dim + 1, width), -1, dtype=np.int32),
        )
        self.work.used[ENTRIES] = 0

    def fill_buckets(self, pause: Pause) -> None:
        """Compute the words of all faces from those of the vertices, and fill the buckets."""
        faces = int(self.work.used[FACES])
        starts = range(self.first_edge, faces, _FACES_AT_ONCE)
        entries = 0
        for begin in starts:
            pause()
            end = min(begin + _FACES_AT_ONCE, faces)
            entries += int(kernels.collect_words(self.work, begin, end))
        self._reserve_entries(entries)
        for begin in reversed(starts):
            pause()
            kernels.fill_buckets(self.work, begin, min(begin + _FACES_AT_ONCE, faces))

    @property
    def size_of_step(self) -> int:
        """Return how many entries of lists the step that was prepared last makes, at most."""
        return int(self._needs[ARENA])

    def measure(self, j: int) -> int:
        """Return the same of the step of neuron ``j``."""
        kernels.measure(self.work, j, self.dim, self._needs)
        return self.size_of_step

    def start_at(self, j: int) -> None:
        """Let neuron ``j`` of the block be the next one to be cut by."""
        self._state[[kernels.NEXT, kernels.IS_SPLIT]] = j, 0

    @property
    def next_neuron(self) -> int:
        """Return which neuron of the block is the next one."""
        return int(self._state[kernels.NEXT])

    @property
    def signs_looked_at(self) -> int:
        """Return at how many signs of new vertices was looked so far."""
        return int(self._state[kernels.LOOKED])

    def cut(
        self, neurons: NDArray[np.int32], factor: float, *, keeps: bool, most: int
    ) -> Numbers | None:
        """Cut by the next neuron and those after it, while lists get less than ``most`` entries.

        Neuron j of the block is ``neurons[j]`` of all. New vertices get the preactivations of the
        later neurons of the block, or with ``keeps`` those of all. Returns None when that is done.
        Otherwise the vertices that have open signs: the faces are cut once these are settled, and
        this is called again.
        """
        columns = self.dim, 0 if keeps else -1
        while True:
            why = kernels.cut_neurons(
                self.work, self._state, self._needs, self._room, columns, neurons, factor, most,
            )  # fmt: skip
            if why == kernels.DONE:
                return None
            if why == kernels.OPEN:
                before = self._state[kernels.BEFORE]
                left = self.work.open[before : self.num_vertices]
                vertices: Numbers = before + np.flatnonzero(left)
                return vertices
            if why == kernels.BROKEN:
                raise InternalError("a face has no proper middle; please report this network")
            self._make_room()

    def _make_room(self) -> None:
        """Grow what is too small for the step that was measured last."""
        needs, used, work = self._needs, self.work.used, self.work
        self.work = work._replace(
            **_grown(work, _FACE_ARRAYS, used[FACES], needs[FACES]),
            **_grown(work, ("arena",), used[ARENA], needs[ARENA]),
            **_grown(work, _VERTEX_ARRAYS, used[VERTICES], needs[VERTICES]),
            **_grown(work, _REGION_ARRAYS, used[REGIONS], needs[REGIONS]),
            **_grown(work, ("names",), used[SEAMS], needs[SEAMS]),
        )
        self._reserve_entries(int(needs[ENTRIES]))
        if needs[WIDEST] > len(self._room):
            self._room = np.empty(2 * int(needs[WIDEST]), dtype=np.int32)

    def end_block(self, first: int, units: Numbers, leaky: int = 0) -> None:
        """Record the patterns of a block's neurons; ``leaky`` are those with a slope below.

        They are the ``units`` of a layer that begins with word ``first``.
        """
        face = records.record_patterns(self.work, self.dim, np.int64(first), units)
        if face >= 0:
            raise InternalError(f"region {face} was left uncut; please report this network")
        if self.work.alive.shape[1]:
            word = np.int64(first * self._keeps_signs)
            records.record_alive(self.work, word, units, np.uint64(leaky))
        self._sorted = False
        # The largest arrays, of no use until the next block begins.
        rows = len(self.work.x)
        self.work = self.work._replace(z=np.empty((rows, 0)), ez=np.empty((rows, 0), np.float32))

    def freeze(self) -> FaceLattice:
        """Return the finished lattice."""
        self._sort(roots=False, renew=False)
        work = self.work
        faces, arena, vertices, regions = (
            int(work.used[i]) for i in (FACES, ARENA, VERTICES, REGIONS)
        )
        x, ex = in_plain_units(work.x[:vertices], work.ex[:vertices], self.exponents)
        return FaceLattice(
            starts=self.starts,
            indptr=np.append(work.first[:faces], arena),
            indices=work.arena[:arena],
            parents=work.parents[:vertices].copy(),
            x=x,
            ex=ex,
            words=work.words[:regions].copy(),
            component=work.component[:regions].copy(),
        )

    def _reserve_entries(self, more: int) -> None:
        used = self.work.used[ENTRIES]
        self.work = self.work._replace(**_grown(self.work, ("link", "entry"), used, more))

    def _sort(self, *, roots: bool, renew: bool) -> None:
        """Renumber the faces by dimension with tight lists; edges get new, the old or no roots."""
        work, d = self.work, self.dim
        faces = int(work.used[FACES])
        new_id = np.empty(faces, dtype=np.int32)
        starts = np.empty(d + 2, dtype=np.int64)
        numbering.renumber(work, d, starts, new_id)
        room = len(work.dim)
        dim = np.empty(room, dtype=np.int8)
        size = np.empty(room, dtype=np.int32)
        slot = np.empty(room, dtype=np.int32)
        own = np.empty(room, dtype=np.int8)
        numbering.sort_by_dimension(work, new_id, dim, size, slot, own)
        lengths = size[:faces].astype(np.int64)
        lengths[starts[1] : starts[2]] += 2 * roots
        first = np.empty(room, dtype=np.int64)
        first[:1] = 0
        np.cumsum(lengths[:-1], out=first[1:faces])
        total = int(lengths.sum())
        arena = np.empty(max(total, 1), dtype=np.int32)
        numbering.copy_lists(work, new_id, first, arena, roots, renew)
        face = np.arange(len(work.face), dtype=np.int32)
        work.used[ARENA] = total
        work.word[:faces, kernels.PARTS] = 0
        self.starts = starts
        self.work = work._replace(
            dim=dim, first=first, size=size, slot=slot, own=own, arena=arena, face=face
        )
        self._sorted = True


_FACE_ARRAYS = ("dim", "first", "size", "word", "slot", "own")
_VERTEX_ARRAYS = ("x", "ex", "z", "ez", "parents", "place", "face", "open", "alive")
_REGION_ARRAYS = ("words", "component")


def _grown(work: Work, names: Sequence[str], used: int, more: int) -> dict[str, Any]:
    """Return the named arrays enlarged to hold ``more`` rows beyond ``used``, if they must be."""
    size = int(used) + int(more)
    if size <= len(getattr(work, names[0])):
        return {}
    if size > _MOST and names[0] != "arena":
        raise InternalError(f"{size} faces exceed the range of 32-bit ids; use a smaller box")
    rows = max(size * 4, _LEAST) if size < _SMALL else size * 2
    return {name: _moved(getattr(work, name), int(used), rows) for name in names}


def _moved(array: NDArray[Any], used: int, rows: int) -> NDArray[Any]:
    """Return the array with room for ``rows`` rows; room that is not used costs no memory."""
    moved = np.empty((rows, *array.shape[1:]), dtype=array.dtype)
    moved[:used] = array[:used]
    return moved


def _start(
    domains: Sequence[Domain],
    num_words: int,
    kept_words: int,
    exponents: NDArray[np.int32],
) -> tuple[Work, NDArray[np.int64]]:
    """Return the lattice of the faces of disjoint copies of the domains, sorted by dimension."""
    d, m = domains[0].dim, len(domains)
    templates = list(map(template, domains))
    is_same = all(faces_of is templates[0] for faces_of in templates)
    kinds = templates[:1] if is_same else templates
    times = m if is_same else 1
    # (domains, dimensions): how many faces there are before those of a domain and a dimension.
    sizes = np.array([faces_of.sizes for faces_of in templates])
    starts = np.concatenate(([0], np.cumsum(sizes.sum(axis=0)))).astype(np.int64)
    shift = starts[:-1] + np.cumsum(sizes, axis=0) - sizes
    arena, counts = [], [np.zeros(starts[1], dtype=np.int64)]
    for k in range(1, d + 1):
        lists = [faces_of.facets[k - 1] for faces_of in kinds]
        lengths = np.concatenate([np.diff(each.first) for each in lists])
        counts.append(np.tile(lengths, times))
        entries = np.tile(np.concatenate([each.entries for each in lists]), times)
        ids = entries + np.repeat(shift[:, k - 1], [len(each.entries) for each in lists * times])
        if k == 1:
            ids = np.tile(ids.reshape(-1, 2), 2)  # an edge is its own root
        arena.append(ids.reshape(-1))
    count = np.concatenate(counts)
    lengths = count.copy()
    lengths[starts[1] : starts[2]] += 2
    first = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    faces, vertices, regions = int(starts[-1]), int(starts[1]), int(starts[-1] - starts[-2])
    dim = np.repeat(np.arange(d + 1, dtype=np.int8), np.diff(starts))
    slot = np.full(faces, -1, dtype=np.int32)
    slot[:vertices] = np.arange(vertices)
    slot[starts[d] :] = np.arange(regions)
    groups = [list(domains)] if is_same else [[domain] for domain in domains]
    x, ex = map(np.concatenate, zip(*(
        corner_coordinates(group, faces_of.corners.tolist(), exponents)
        for group, faces_of in zip(groups, kinds, strict=True)
    )))  # fmt: skip
    number = np.arange(m)
    parents = np.empty((vertices, 3), dtype=np.int32)
    parents[:, 0] = -1
    parents[:, 1] = np.repeat(number, sizes[:, 0])
    parents[:, 2] = np.tile(np.concatenate([faces_of.corners for faces_of in kinds]), times)
    used = np.zeros(WIDEST + 1, dtype=np.int64)
    flat = np.concatenate(arena).astype(np.int32)
    used[[FACES, ARENA, VERTICES, REGIONS]] = faces, len(flat), vertices, regions
    work = Work(
        dim=dim,
        first=first.astype(np.int64),
        size=count.astype(np.int32),
        word=np.zeros((faces, 4), dtype=np.uint64),
        slot=slot,
        own=np.full(faces, OWN, dtype=np.int8),
        arena=flat,
        x=x,
        ex=ex,
        z=np.empty((vertices, BLOCK)),
        ez=np.empty((vertices, BLOCK), dtype=np.float32),
        parents=parents,
        place=np.empty((vertices, 2)),
        face=np.arange(vertices, dtype=np.int32),
        open=np.zeros(vertices, dtype=np.uint64),
        words=np.zeros((regions, num_words), dtype=np.uint64),
        component=np.repeat(number, sizes[:, d]).astype(np.int32),
        names=np.zeros((0, 0), dtype=np.uint64),
        alive=np.zeros((vertices, kept_words), dtype=np.uint64),
        head=np.full((d + 1, BLOCK), -1, dtype=np.int32),
        link=np.empty(0, dtype=np.int32),
        entry=np.empty(0, dtype=np.int32),
        used=used,
    )
    return work, starts
