"""Evidence that lies in a folder: regions and adjacencies at hand, the rest read when asked for."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.run import Budget
from exactbn.exact.rational import Vector
from exactbn.regions.evidence import Evidence, Tables
from exactbn.regions.faces import Faces
from exactbn.regions.sides import Side


@final
@dataclass(frozen=True, eq=False)
class StoredEvidence:
    """What a folder tells at once, and how the whole of it is read.

    Whole evidence of 10^5 regions may be hundreds of megabytes of faces; how many regions there
    are and how they are joined is a hundredth of that. ``read`` is called once, when something is
    asked that only the whole can answer, and refuses what is damaged. What had not been proven
    when the folder was written is None, and left to the whole.
    """

    engine: str
    neurons_done: int
    stopped: str | None
    words: NDArray[np.uint64]
    known_edges: NDArray[np.int32] | None
    known_unbounded: NDArray[np.bool_] | None
    statistics: dict[str, int]
    read: Callable[[], Evidence]

    @cached_property
    def whole(self) -> Evidence:
        """Return the evidence as the engine handed it over."""
        return self.read()

    def __reduce__(self) -> str | tuple[Any, ...]:
        # A copy must not depend on the folder.
        return self.whole.__reduce__()

    @property
    def edges(self) -> NDArray[np.int32]:
        """Return the pairs (i, j), i < j, of regions that share a facet, each once, (E, 2)."""
        return self.whole.edges if self.known_edges is None else self.known_edges

    @property
    def is_unbounded(self) -> NDArray[np.bool_]:
        """Return which regions are unbounded, shape (regions,)."""
        return self.whole.is_unbounded if self.known_unbounded is None else self.known_unbounded

    @property
    def unproven(self) -> tuple[str, ...]:
        """Return which of ``edges`` and ``is_unbounded`` would be proven when asked for."""
        is_known = self.known_edges is not None and self.known_unbounded is not None
        return () if is_known else self.whole.unproven

    def proven(self, budget: Budget) -> Evidence:
        """Return the same evidence with as little unproven as the budget allows."""
        return self.whole.proven(budget) if self.unproven else self

    @property
    def faces(self) -> Faces | None:
        """Return the faces of the complex, None where the engine makes none."""
        return self.whole.faces

    @property
    def is_complete(self) -> bool:
        """Return whether the regions are established to fill the domain and to be all there are."""
        return self.stopped is None and self.whole.is_complete

    def fault(self) -> str | None:
        """Return the first thing that does not hold of the structure, None where all of it does."""
        return self.whole.fault()

    def witnesses(self, regions: Iterable[int]) -> list[Vector]:
        """Return an exact point strictly inside each of the regions."""
        return self.whole.witnesses(regions)

    def interior_points(self) -> NDArray[np.float64]:
        """Return a float point inside each region, for drawing; (regions, d)."""
        return self.whole.interior_points()

    def sides(self, region: int) -> tuple[Side, ...]:
        """Return the half-spaces that a region needs, in the order of their rows."""
        return self.whole.sides(region)

    def write_proof(self, path: Path, *, force: bool, budget: Budget) -> None:
        """Write the certificate of a complete partition."""
        self.whole.write_proof(path, force=force, budget=budget)

    def tables(self) -> Tables:
        """Return what is written of the evidence."""
        return self.whole.tables()
