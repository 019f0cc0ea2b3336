"""Evidence of the LP engine: regions with witnesses and adjacencies, in any dimension.

The search finds cells, where all units of the layers have one pattern; where a maximum compares
entries that lose, several of them are one region.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.lp.adjacency import Witnesses, find_adjacency, find_unbounded
from exactbn.engines.lp.engine import CHUNK, LpStatistics, enumerate_regions
from exactbn.engines.pattern_table import equal_rows
from exactbn.engines.proofs.tree import write_tree
from exactbn.engines.run import UNLIMITED, Budget, Progress
from exactbn.errors import LimitError
from exactbn.exact.rational import Vector, nearest_floats, to_text
from exactbn.exact.values import Value
from exactbn.model.arrays import read_only
from exactbn.model.domain import Domain
from exactbn.model.network import Network
from exactbn.regions.evidence import Tables
from exactbn.regions.location import Location
from exactbn.regions.merging import grouped, joined_edges
from exactbn.regions.sides import Side, sides_of_cell
from exactbn.wording import counted


@final
@dataclass(frozen=True, eq=False)
class SearchEvidence(Value):
    """The cells found by a search over patterns; adjacencies are proven when asked for.

    Where a budget ended the search, ``stopped`` says so: the cells are then some of those of the
    whole network, and the adjacencies those among them. ``known_edges`` and ``known_unbounded``
    are there where they were proven before; both are of regions.
    """

    network: Network
    domain: Domain
    cells: Witnesses
    stopped: str | None
    counts: LpStatistics
    factor: float = 1
    known_edges: NDArray[np.int32] | None = None
    known_unbounded: NDArray[np.bool_] | None = None

    engine: ClassVar[str] = "lp"
    faces: ClassVar[None] = None

    @property
    def neurons_done(self) -> int:
        """Return the number of hidden neurons: the patterns of a search know all of them."""
        return self.network.num_hidden

    @property
    def words(self) -> NDArray[np.uint64]:
        """Return the patterns of the first cells of the regions as bits, (regions, words)."""
        first, _ = self._grouped
        if len(first) == len(self.cells.words):
            return read_only(self.cells.words)
        return read_only(self.cells.words[first])

    @cached_property
    def edges(self) -> NDArray[np.int32]:
        """Return the pairs (i, j), i < j, of regions that share a facet, (E, 2)."""
        known = self.known_edges
        return self._proven_edges(self.counts) if known is None else read_only(known)

    @cached_property
    def is_unbounded(self) -> NDArray[np.bool_]:
        """Return which regions are unbounded, shape (regions,); none in a box."""
        if self.known_unbounded is not None:
            return read_only(self.known_unbounded)
        return self._proven_unbounded()

    @property
    def unproven(self) -> tuple[str, ...]:
        """Return which of ``edges`` and ``is_unbounded`` would be proven when asked for."""
        known = {"edges": self.known_edges, "is_unbounded": self.known_unbounded}
        if self.domain.box is not None:
            del known["is_unbounded"]
        # What has been asked for is kept beside the fields.
        return tuple(n for n, array in known.items() if array is None and n not in vars(self))

    def proven(self, budget: Budget) -> "SearchEvidence":
        """Return the same evidence with as little unproven as the budget allows."""
        if budget.max_seconds is None:  # What is proven is then kept here as well.
            return replace(self, known_edges=self.edges, known_unbounded=self.is_unbounded)
        if budget.is_late():
            return self
        counts, edges, unbounded = replace(self.counts), None, None
        with suppress(LimitError):
            lacking = "edges" in self.unproven
            edges = self._proven_edges(counts, budget) if lacking else self.edges
        with suppress(LimitError):
            lacking = "is_unbounded" in self.unproven
            unbounded = self._proven_unbounded(budget) if lacking else self.is_unbounded
        return replace(self, counts=counts, known_edges=edges, known_unbounded=unbounded)

    @property
    def is_complete(self) -> bool:
        """Return whether the regions are established to fill the domain and to be all there are.

        The search proves at every node that the neurons which it does not split have one sign
        there; so when it has ended, it has seen every pattern that has interior points.
        """
        return self.stopped is None

    @property
    def statistics(self) -> dict[str, int]:
        """Return how many linear programs were solved, and how many questions took integers."""
        return {"programs": self.counts.programs, "exact_questions": self.counts.exact}

    def fault(self) -> str | None:
        """Return the first thing that does not hold, None where all of it does.

        Patterns differ, witnesses lie strictly inside their regions, and adjacencies and unbounded
        regions come out again. (That no region is missing only another search can tell.)
        """
        words = self.cells.words
        location = Location(self.network, self.domain, words, self.neurons_done)
        pair, name = equal_rows(words), "cell" if self.network.units else "region"
        if pair is not None:
            return f"{name}s {pair[0]} and {pair[1]} have the same pattern"
        inside = location.confirmed(dict(enumerate(self._points(range(len(words))))))
        if len(inside) < len(words):
            lacking = min(set(range(len(words))) - set(inside))
            return f"the witness of {name} {lacking} is not strictly inside it"
        if not np.array_equal(self.edges, self._proven_edges(LpStatistics())):
            return "the adjacencies are not those of the regions"
        if not np.array_equal(self.is_unbounded, self._proven_unbounded()):
            return "the unbounded regions are not those that are marked so"
        return None

    def witnesses(self, regions: Iterable[int]) -> list[Vector]:
        """Return an exact point strictly inside each of the regions."""
        first, _ = self._grouped
        return self._points(first[list(regions)].tolist())

    def _points(self, cells: Iterable[int]) -> list[Vector]:
        """Return an exact point strictly inside each of the cells."""
        points = map(self.cells.point, cells)
        if self.domain.box is not None:
            return list(points)
        return [tuple(t / x[0] for t in x[1:]) for x in points]

    def interior_points(self) -> NDArray[np.float64]:
        """Return a float point inside each region, for drawing."""
        points = [nearest_floats(x) for x in self.witnesses(range(len(self.words)))]
        return read_only(np.array(points).reshape(-1, self.network.num_inputs))

    def sides(self, region: int) -> tuple[Side, ...]:
        """Return the half-spaces that a region needs, in the order of their rows."""
        cell = int(self._grouped[0][region])
        (x,) = self._points([cell])
        return sides_of_cell(self.network, self.domain, self.cells.words[cell], x)

    def write_proof(self, path: Path, *, force: bool, budget: Budget) -> None:
        """Write the tree of the search, with a proof at every leaf and of every adjacency."""
        network, domain, factor, cells = self.network, self.domain, self.factor, self.cells
        adjacency = find_adjacency(
            network, domain, cells, factor=factor, keep_proofs=True, budget=budget
        )
        recession = None
        if domain.box is None:
            recession = find_unbounded(network, domain, cells, factor=factor, budget=budget)
        first, of_cell = self._grouped
        edges = joined_edges(adjacency.edges, of_cell, len(first))
        write_tree(
            path, network, domain, adjacency=adjacency, recession=recession, words=cells.words,
            counts=(len(first), len(edges)), factor=factor, force=force, budget=budget,
        )  # fmt: skip

    def tables(self) -> Tables:
        """Return the witnesses: floats, and as text those that no float is.

        They are those of the cells, which are told where regions may have several.
        """
        exact = sorted(self.cells.exact.items())
        texts = [" ".join(map(to_text, point)) for _, point in exact]
        tables: Tables = {
            "witnesses": {"x": self.cells.x},
            "exact_witnesses": {
                "region": np.array([i for i, _ in exact], dtype=np.int64),
                "point": np.array(texts, dtype=np.object_),
            },
        }
        if self.network.units:
            tables["cells"] = {"region": self._grouped[1], "word": self.cells.words}
        return tables

    @cached_property
    def _grouped(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the first cell of each region, and the region of each cell."""
        return grouped(self.network, self.cells.words)

    def _proven_edges(
        self, counts: LpStatistics, budget: Budget = UNLIMITED
    ) -> NDArray[np.int32]:
        found = find_adjacency(
            self.network,
            self.domain,
            self.cells,
            factor=self.factor,
            is_partial=self.stopped is not None,
            statistics=counts,
            budget=budget,
        )
        first, of_cell = self._grouped
        if len(first) == len(of_cell):
            return read_only(found.edges)
        return read_only(joined_edges(found.edges, of_cell, len(first)))

    def _proven_unbounded(self, budget: Budget = UNLIMITED) -> NDArray[np.bool_]:
        first, of_cell = self._grouped
        unbounded = np.zeros(len(first), dtype=np.bool_)
        if self.domain.box is None:
            found = find_unbounded(
                self.network, self.domain, self.cells, factor=self.factor, budget=budget
            )
            unbounded[of_cell[found.is_unbounded]] = True
        return read_only(unbounded)


def search_patterns(
    network: Network,
    domain: Domain,
    *,
    budget: Budget,
    progress: Progress | None = None,
    factor: float = 1,
) -> SearchEvidence:
    """Return the partition that the LP engine finds within a budget."""
    counts = LpStatistics()
    gathered = Gathering()
    room = CHUNK if budget.max_regions is None else min(CHUNK, budget.max_regions + 1)
    stopped: str | None = "the budget is spent"
    for chunk in enumerate_regions(
        network, domain, factor=factor, room=room, statistics=counts, budget=budget
    ):
        gathered.add(chunk.words, chunk.x, chunk.exact)
        if progress is not None:
            done = int(chunk.share * network.num_hidden)
            name = "cell" if network.units else "region"
            progress(done, network.num_hidden, counted(gathered.count, name))
        if chunk.share == 1:
            stopped = None
        elif budget.is_spent(gathered.count, 0):
            break
    return SearchEvidence(network, domain, gathered.all(), stopped, counts, factor)


class Gathering:
    """The regions of several chunks, one after the other."""

    def __init__(self) -> None:
        self.count = 0
        self._words: list[NDArray[np.uint64]] = []
        self._x: list[NDArray[np.float64]] = []
        self._exact: dict[int, tuple[Fraction, ...]] = {}

    def add(
        self, words: NDArray[np.uint64], x: NDArray[np.float64], exact: dict[int, Vector]
    ) -> None:
        """Add the regions of a chunk."""
        self._exact |= {self.count + i: point for i, point in exact.items()}
        self._words.append(words)
        self._x.append(x)
        self.count += len(words)

    def all(self) -> Witnesses:
        """Return all regions."""
        return Witnesses(np.concatenate(self._words), np.concatenate(self._x), self._exact)
