"""Partitions of the LP engine: regions with witnesses and adjacencies, in any dimension."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.lp.adjacency import Witnesses, find_adjacency, find_unbounded
from exactbn.engines.lp.engine import CHUNK, LpStatistics, enumerate_regions
from exactbn.engines.proofs.tree import write_tree
from exactbn.engines.run import Budget, Progress
from exactbn.exact.rational import Vector, nearest_floats
from exactbn.model.domain import Domain
from exactbn.model.network import Network
from exactbn.regions.partition import Partition


@dataclass(frozen=True, repr=False)
class SearchPartition(Partition):
    """A partition found by the search over patterns; adjacencies are proven when asked for.

    ``is_finished`` is False when a budget ended the search: the regions are then some of those of
    the whole network, and the adjacencies those among them.
    """

    regions: Witnesses
    is_finished: bool
    counts: LpStatistics
    factor: float = 1
    is_reordered: bool = False

    engine: ClassVar[str] = "lp"

    def reordered(self, order: NDArray[np.int64]) -> "SearchPartition":
        """Return the same partition with region order[i] as region i."""
        places = {int(old): new for new, old in enumerate(order)}
        regions = Witnesses(
            self.regions.words[order],
            self.regions.x[order],
            {places[i]: point for i, point in self.regions.exact.items()},
        )
        return replace(self, regions=regions, is_reordered=True)

    @property
    def words(self) -> NDArray[np.uint64]:
        """Return the patterns as bits, shape (regions, words)."""
        return self.regions.words

    @cached_property
    def edges(self) -> NDArray[np.int32]:
        """Return the adjacent pairs (i, j), i < j, shape (num_adjacencies, 2)."""
        return find_adjacency(
            self.network,
            self.domain,
            self.regions,
            factor=self.factor,
            is_partial=not self.is_finished,
            statistics=self.counts,
        ).edges

    @cached_property
    def is_unbounded(self) -> NDArray[np.bool_]:
        """Return which regions are unbounded, shape (regions,); none in a box."""
        if not self.domain.is_space:
            return np.zeros(self.num_regions, dtype=np.bool_)
        found = find_unbounded(self.network, self.domain, self.regions, factor=self.factor)
        return found.is_unbounded

    @property
    def is_complete(self) -> bool:
        """Return whether the regions are established to fill the domain and to be all there are.

        The search proves at every node that the neurons which it does not split have one sign
        there; so when it has ended, it has seen every pattern that has interior points.
        """
        return self.is_finished

    @property
    def statistics(self) -> dict[str, int]:
        """Return how many linear programs were solved, and how many questions took integers."""
        return {"programs": self.counts.programs, "exact_questions": self.counts.exact}

    def witnesses(self, regions: Iterable[int] | None = None) -> list[Vector]:
        """Return an exact point strictly inside each region (all of them by default)."""
        points = (self.regions.point(self._checked(i)) for i in self._all(regions))
        if not self.domain.is_space:
            return list(points)
        return [tuple(t / x[0] for t in x[1:]) for x in points]

    def interior_points(self) -> NDArray[np.float64]:
        """Return a float point inside each region, for drawing."""
        points = [nearest_floats(x) for x in self.witnesses()]
        return np.array(points).reshape(-1, self.network.num_inputs)

    def _write_proof(self, path: Path, *, force: bool) -> None:
        network, domain, factor, regions = self.network, self.domain, self.factor, self.regions
        if self.is_reordered:  # the proof has the order of the search
            regions = search_partition(network, domain, budget=Budget(), factor=factor).regions
        adjacency = find_adjacency(network, domain, regions, factor=factor, keep_proofs=True)
        recession = None
        if domain.is_space:
            recession = find_unbounded(network, domain, regions, factor=factor)
        write_tree(
            path, network, domain, adjacency=adjacency, recession=recession, words=regions.words,
            factor=factor, force=force,
        )  # fmt: skip

    @property
    def _is_done(self) -> bool:
        return self.is_finished


def search_partition(
    network: Network,
    domain: Domain,
    *,
    budget: Budget,
    progress: Progress | None = None,
    factor: float = 1,
) -> SearchPartition:
    """Return the partition that the LP engine finds within a budget."""
    counts = LpStatistics()
    gathered = Gathering()
    room = CHUNK if budget.max_regions is None else min(CHUNK, budget.max_regions + 1)
    is_finished = True
    for chunk in enumerate_regions(
        network, domain, factor=factor, room=room, statistics=counts
    ):
        gathered.add(chunk.words, chunk.x, chunk.exact)
        if progress is not None:
            done = int(chunk.share * network.num_hidden)
            progress(done, network.num_hidden, f"{gathered.count} regions")
        if chunk.share < 1 and budget.is_spent(gathered.count, 0):
            is_finished = False
            break
    done = network.num_hidden
    return SearchPartition(network, domain, done, gathered.all(), is_finished, counts, factor)


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
