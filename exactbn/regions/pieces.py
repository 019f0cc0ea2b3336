"""Numbers of regions and faces, counted piece by piece: what a complex does not fit into memory."""

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.complex.chunks import Chunk, cut_in_chunks
from exactbn.engines.complex.seams import Seams
from exactbn.engines.pattern_table import distinct_rows
from exactbn.engines.run import Budget, Progress, checked_workers
from exactbn.errors import InternalError, LimitError
from exactbn.model.asking import as_domain, as_network
from exactbn.model.domain import Domain
from exactbn.model.network import Network
from exactbn.regions.merging import are_regions, joined_edges, labels_of_words
from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.model.asking import NetworkLike

#: Steps of the progress that is told.
STEPS = 100
_NO_WORDS = np.empty((0, 0), dtype=np.uint64)
_NO_FLAGS = np.empty(0, dtype=np.bool_)


class Regions(NamedTuple):
    """Patterns of regions, which are unbounded, and the pairs i < j that share a facet."""

    words: NDArray[np.uint64]
    is_unbounded: NDArray[np.bool_]
    edges: NDArray[np.int32]


@dataclass(frozen=True)
class FaceCounts:
    """How many regions a domain has, how many are unbounded, how many pairs of them share a facet.

    ``f_vector`` has the numbers of vertices, edges, ..., regions, the domain's own faces included;
    None where the complex is cut by more than the regions, as of a partition: in all of R^d, and
    where a region is several cells since a maximum compares entries that lose. ``pieces``
    says in how many it was cut; ``signs`` and ``exact_signs``, how many signs of preactivations
    were asked for, and how many of them needed integers.
    """

    regions: int
    unbounded: int
    adjacencies: int
    f_vector: tuple[int, ...] | None
    pieces: int
    signs: int
    exact_signs: int

    @property
    def euler_characteristic(self) -> int | None:
        """Return the alternating sum of the f-vector."""
        return None if self.f_vector is None else _alternating(self.f_vector)


def count_faces(
    network: "NetworkLike",
    box: object = None,
    *,
    rows: tuple[Any, Any] | None = None,
    workers: int = 1,
    max_seconds: float | None = None,
    progress: Progress | None = None,
) -> FaceCounts:
    """Return how many regions, adjacencies and faces a domain has, exactly, in little memory.

    The complex is cut piece by piece and let go; facets between pieces are joined by exact names.
    Each must have two sides, and Euler's relation must hold of all pieces together. Pieces begin
    once the first 64 neurons are cut; of all of R^d, and where units are maxima or clips, the
    patterns are kept, since a region may then be in several pieces.

    Parameters
    ----------
    network : Network
        d inputs; what :func:`exactbn.partition` takes for one.
    box, rows
        The domain, as for :func:`exactbn.partition`.
    workers : int
        Threads of this process; the result does not depend on it.
    max_seconds : optional
        A budget.
    progress : callable, optional
        Called with (done, all, remark), in hundredths of the work, as far as that can be foreseen.

    Raises
    ------
    LimitError
        When the budget is spent; nothing is known of the domain then.

    Examples
    --------
    >>> from exactbn import Network
    >>> net = Network.from_arrays([[[1, 0], [0, 1], [1, 1]], [[1, 1, 1]]], [[0, 0, 0], [0]])
    >>> counts = count_faces(net, (-1, 1))
    >>> counts.regions, counts.adjacencies, counts.f_vector
    (6, 6, (9, 14, 6))
    """
    workers = checked_workers(workers)
    network = as_network(network)
    domain = as_domain(box, network.num_inputs)
    if rows is not None:
        domain = Domain.cut(domain, rows)
    budget = Budget.asked(max_seconds=max_seconds)
    count = counting(network, domain)
    done = Fraction(0)
    if progress is not None:
        progress(0, STEPS, "the first neurons, in one piece")
    try:
        for chunk in cut_in_chunks(network, domain, workers=workers, budget=budget):
            count.add(chunk)
            done += chunk.share
            if progress is not None:
                progress(int(done * STEPS), STEPS, count.so_far)
    except LimitError as error:
        raise LimitError(
            f"{error}: {count.so_far} so far, about {int(done * STEPS)} % of the work; it goes "
            "further with a greater max_seconds"
        ) from None
    return count.result()


def regions_in_pieces(network: Network, domain: Domain, size: int) -> tuple[Regions, FaceCounts]:
    """Return the regions of a domain, cut in pieces that begin with about ``size`` faces."""
    count = _Joined(network, domain)
    for chunk in cut_in_chunks(network, domain, size=size):
        count.add(chunk)
    counts = count.result()
    return count.regions(), counts


class Sink(Protocol):
    """What regions and adjacent pairs are handed to, in the order in which they are counted."""

    def add(
        self, words: NDArray[np.uint64], is_unbounded: NDArray[np.bool_], edges: NDArray[Any]
    ) -> None:
        """Take up regions, which follow those before, and pairs i < j of any regions."""


def counting(network: Network, domain: Domain, sink: Sink | None = None) -> "Counting":
    """Return what counts the chunks of a domain, and hands its regions on."""
    if are_regions(domain, network):
        return Counting(domain.dim, sink)
    return _Joined(network, domain, sink)


def _alternating(numbers: tuple[int, ...]) -> int:
    """Return the alternating sum of numbers."""
    return sum(numbers[::2]) - sum(numbers[1::2])


class Counting:
    """The numbers of what was seen so far, where every cell is a region, and bounded."""

    cell = "region"

    def __init__(self, dim: int, sink: Sink | None = None) -> None:
        self._sink = sink
        self.cells = self.pieces = 0
        self._pairs = self._signs = self._exact_signs = 0
        self._faces = np.zeros(dim + 1, dtype=np.int64)
        self._seams = Seams()

    @property
    def so_far(self) -> str:
        """Return how many cells were seen, in words."""
        return f"{counted(self.cells, self.cell)} in {counted(self.pieces, 'piece')}"

    def add(self, chunk: Chunk) -> None:
        """Count a chunk."""
        self.keep(chunk, chunk.edges.astype(np.int64) + self.cells)
        names, seams = chunk.names, chunk.seams.astype(np.int64) + self.cells
        self.keep(None, self._seams.add(names, seams))
        self.cells += chunk.num_regions
        self.pieces += 1
        self._faces += chunk.faces
        self._signs += chunk.statistics.signs
        self._exact_signs += chunk.statistics.exact_signs

    def keep(self, cells: Chunk | None, edges: NDArray[np.int64]) -> None:
        """Take up cells, in their order, and pairs of cells."""
        self._pairs += len(edges)
        if self._sink is not None and cells is not None:
            self._sink.add(cells.words, cells.is_unbounded, edges)
        elif self._sink is not None:
            self._sink.add(_NO_WORDS, _NO_FLAGS, edges)

    def result(self) -> FaceCounts:
        """Return the numbers, once all chunks are counted."""
        self.keep(None, self._seams.end())
        faces = tuple(self._faces.tolist())
        if (euler := _alternating(faces)) != 1:
            raise InternalError(
                f"Euler's relation fails: the alternating sum of {faces} is {euler}, expected 1; "
                "please report this network"
            )
        return self._counts(faces)

    def _counts(self, faces: tuple[int, ...]) -> FaceCounts:
        return FaceCounts(
            self.cells, 0, self._pairs, faces, self.pieces, self._signs, self._exact_signs
        )


class _Joined(Counting):
    """The same where cells of equal labels are one region: these are kept."""

    cell = "cell"

    def __init__(self, network: Network, domain: Domain, sink: Sink | None = None) -> None:
        super().__init__(domain.dim, sink)
        self._network = network
        self._is_box = domain.box is not None
        self._words: list[NDArray[np.uint64]] = []
        self._far: list[NDArray[np.bool_]] = []
        self._edges: list[NDArray[np.int64]] = []

    def keep(self, cells: Chunk | None, edges: NDArray[np.int64]) -> None:
        if cells is not None:
            self._words.append(cells.words)
            self._far.append(cells.is_unbounded)
        self._edges.append(edges)

    def regions(self) -> "Regions":
        """Return the regions that cells of equal labels are, in the order of their first cells.

        Their words are the same whichever cell comes first: what decides no maximum is off.
        """
        labels = labels_of_words(self._network, np.concatenate(self._words))
        first, of_cell = distinct_rows(labels)
        is_unbounded = np.zeros(len(first), dtype=bool)
        is_unbounded[of_cell[np.concatenate(self._far)]] = True
        edges = joined_edges(np.concatenate(self._edges), of_cell, len(first))
        return Regions(labels[first], is_unbounded, edges)

    def _counts(self, faces: tuple[int, ...]) -> FaceCounts:
        found = self.regions()
        if self._sink is not None:
            self._sink.add(*found)
        is_whole = self._is_box and len(found.words) == self.cells
        return FaceCounts(
            len(found.words), int(found.is_unbounded.sum()), len(found.edges),
            faces if is_whole else None, self.pieces, self._signs, self._exact_signs,
        )  # fmt: skip
