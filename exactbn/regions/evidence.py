"""What an engine hands over, and a partition is made of."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.run import Budget
from exactbn.exact.rational import Vector
from exactbn.regions.faces import Faces
from exactbn.regions.sides import Side

#: Named tables of named columns: what is written of the evidence, see :mod:`.storage`.
Tables = dict[str, dict[str, NDArray[np.generic]]]


class Evidence(Protocol):
    """The regions of a network in a domain as an engine has found them, and how it knows.

    Regions are numbered from 0 in the order of their making. Arrays are not to be written to.
    """

    @property
    def engine(self) -> str:
        """Return the engine's name."""

    @property
    def neurons_done(self) -> int:
        """Return how many hidden neurons the patterns know, in order."""

    @property
    def stopped(self) -> str | None:
        """Return why a budget ended the run early, None where none did."""

    @property
    def words(self) -> NDArray[np.uint64]:
        """Return the patterns as bits, (regions, words), see :mod:`exactbn.model.patterns`."""

    @property
    def edges(self) -> NDArray[np.int32]:
        """Return the pairs (i, j), i < j, of regions that share a facet, each once, (E, 2)."""

    @property
    def is_unbounded(self) -> NDArray[np.bool_]:
        """Return which regions are unbounded, shape (regions,)."""

    @property
    def unproven(self) -> tuple[str, ...]:
        """Return which of ``edges`` and ``is_unbounded`` would be proven when asked for."""

    def proven(self, budget: Budget) -> "Evidence":
        """Return the same evidence with as little unproven as the budget allows."""

    @property
    def statistics(self) -> dict[str, int]:
        """Return how much the engine did in floats, and how much needed exact arithmetic."""

    @property
    def faces(self) -> Faces | None:
        """Return the faces of the complex, None where the engine makes none."""

    @property
    def is_complete(self) -> bool:
        """Return whether the regions are established to fill the domain and to be all there are."""

    def fault(self) -> str | None:
        """Return the first thing that does not hold of the structure, None where all of it does."""

    def witnesses(self, regions: Iterable[int]) -> list[Vector]:
        """Return an exact point strictly inside each of the regions."""

    def interior_points(self) -> NDArray[np.float64]:
        """Return a float point inside each region, for drawing; (regions, d)."""

    def sides(self, region: int) -> tuple[Side, ...]:
        """Return the half-spaces that a region needs, in the order of their rows."""

    def write_proof(self, path: Path, *, force: bool, budget: Budget) -> None:
        """Write the certificate of a complete partition."""

    def tables(self) -> Tables:
        """Return what is written of the evidence."""
