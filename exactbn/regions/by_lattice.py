"""Evidence of the complex engine: regions with all their faces."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.complex.cutting import Outcome
from exactbn.engines.complex.engine import subdivide
from exactbn.engines.complex.joining import subdivide_in_pieces
from exactbn.engines.complex.lattice import FaceLattice
from exactbn.engines.proofs.complex_proof import write_complex
from exactbn.engines.run import Budget, Progress
from exactbn.errors import InternalError
from exactbn.exact.rational import Vector, nearest_floats
from exactbn.exact.values import Value
from exactbn.model.arrays import read_only
from exactbn.model.domain import Domain
from exactbn.model.network import Network
from exactbn.regions.evidence import Tables
from exactbn.regions.faces import Faces
from exactbn.regions.location import Location
from exactbn.regions.sides import Side, sides_of_faces
from exactbn.regions.structure import first_fault
from exactbn.wording import counted

# Binary digits after the point that a witness is tried with, the shortest first.
_WITNESS_BITS = (4, 8, 12, 16, 24, 36, 52, 80)


@final
@dataclass(frozen=True, eq=False)
class LatticeEvidence(Value):
    """The face lattice of the complex that subdivides the domain.

    ``neurons_done`` is less than the number of hidden neurons when a budget ended the run, and the
    regions are then those of the first neurons only. ``signs`` and ``exact_signs`` count how many
    signs were asked for, and how many of them needed integers.
    """

    faces: Faces
    neurons_done: int
    signs: int = 0
    exact_signs: int = 0

    engine: ClassVar[str] = "complex"
    unproven: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def of(
        cls, network: Network, domain: Domain, lattice: FaceLattice, outcome: Outcome
    ) -> "LatticeEvidence":
        """Return the result of the engine in one of the domains of its run, from its lattice."""
        counts = outcome.statistics
        faces = Faces(network, domain, lattice)
        return cls(faces, outcome.neurons_done, counts.signs, counts.exact_signs)

    @property
    def stopped(self) -> str | None:
        """Return why a budget ended the run early, None where none did."""
        total = self.faces.network.num_hidden
        if self.neurons_done == total:
            return None
        return f"the budget is spent after {self.neurons_done} of {counted(total, 'neuron')}"

    @property
    def words(self) -> NDArray[np.uint64]:
        """Return the patterns as bits, (regions, words)."""
        return self.faces.words

    @property
    def edges(self) -> NDArray[np.int32]:
        """Return the pairs (i, j), i < j, of regions that share a facet, (E, 2)."""
        return self.faces.cells.edges

    @property
    def is_unbounded(self) -> NDArray[np.bool_]:
        """Return which regions are unbounded, shape (regions,); none in a box."""
        return self.faces.cells.is_unbounded

    @property
    def statistics(self) -> dict[str, int]:
        """Return how many signs were asked for, and how many needed exact arithmetic."""
        return {"signs": self.signs, "exact_signs": self.exact_signs}

    @cached_property
    def is_complete(self) -> bool:
        """Return whether the regions are established to fill the domain and to be all there are.

        True when all hidden neurons were processed and the faces prove it: see
        :func:`exactbn.regions.structure.first_fault`.
        """
        return self.stopped is None and self._structure_fault is None

    def proven(self, budget: Budget) -> "LatticeEvidence":
        """Return this evidence: the faces tell all of it."""
        return self

    def fault(self) -> str | None:
        """Return the first thing that does not hold of the complex, None where all of it does."""
        return self._structure_fault or self.faces.fault()

    def witnesses(self, regions: Iterable[int]) -> list[Vector]:
        """Return an exact point strictly inside each of the regions.

        Candidates are rounded float points, shortest first, and last the exact centroid of a
        simplex of the region; each is checked in integers before it is believed.
        """
        wanted = list(regions)
        found: dict[int, Vector] = {}
        rest = list(dict.fromkeys(wanted))
        for bits in _WITNESS_BITS:
            middles = zip(rest, self.faces.middles[rest].tolist(), strict=True)
            candidates = {i: _rounded(x, bits) for i, x in middles if all(map(isfinite, x))}
            found |= self._location.confirmed(candidates)
            rest = [i for i in rest if i not in found]
            if not rest:
                break
        found |= self._location.confirmed({i: self.faces.centroid(i) for i in rest})
        if len(found) < len(set(wanted)):
            lacking = next(i for i in wanted if i not in found)
            raise InternalError(f"region {lacking} has no witness; please report this network")
        return [found[i] for i in wanted]

    def interior_points(self) -> NDArray[np.float64]:
        """Return a float point near the middle of each region, for drawing.

        Where the mean of its vertices leaves the range of floats it is a witness, rounded; a
        coordinate of that which is beyond the range itself is not a number.
        """
        points = self.faces.middles.copy()
        for i in np.flatnonzero(~np.isfinite(points).all(axis=1)).tolist():
            points[i] = nearest_floats(self.witnesses([i])[0])
        return read_only(np.where(np.isfinite(points), points, np.nan))

    def sides(self, region: int) -> tuple[Side, ...]:
        """Return the half-spaces that a region needs, in the order of their rows."""
        return sides_of_faces(self.faces, region, self.neurons_done)

    def write_proof(self, path: Path, *, force: bool, budget: Budget) -> None:
        """Write the complex as a certificate that it tiles the domain."""
        faces, counts = self.faces, (len(self.words), len(self.edges))
        write_complex(
            path, faces.network, faces.domain, faces.lattice, counts, force=force, budget=budget
        )

    def tables(self) -> Tables:
        """Return the faces, vertices and cells as they were computed."""
        lattice = self.faces.lattice
        cells: dict[str, NDArray[np.generic]] = {"region": self.faces.cells.of_cell}
        if self.faces.network.units:  # cells of one region have patterns of their own
            cells["word"] = lattice.words
        return {
            "faces": {"first": lattice.indptr},
            "facets": {"face": lattice.indices},
            "vertices": {"parent": lattice.parents, "x": lattice.x, "error": lattice.ex},
            "cells": cells,
        }

    @cached_property
    def _structure_fault(self) -> str | None:
        faces = self.faces
        return first_fault(faces.network, faces.domain, faces.lattice, self.neurons_done)

    @cached_property
    def _location(self) -> Location:
        faces = self.faces
        return Location(faces.network, faces.domain, self.words, self.neurons_done)


def cut_lattice(
    network: Network,
    domain: Domain,
    *,
    budget: Budget,
    progress: Progress | None = None,
    factor: float = 1,
    workers: int = 1,
) -> LatticeEvidence:
    """Return the partition that the complex engine makes within a budget.

    On several threads it is cut in pieces, unless there is a budget: pieces end early as no
    partition of the first neurons.
    """
    if workers > 1 and not budget.is_limited:
        outcome = subdivide_in_pieces(
            network, domain, workers=workers, progress=progress, factor=factor
        )
    else:
        outcome = subdivide(network, [domain], budget=budget, progress=progress, factor=factor)
    return LatticeEvidence.of(network, domain, outcome.lattice, outcome)


def joined_lattice(network: Network, domain: Domain, size: int) -> LatticeEvidence:
    """Return the same, cut in pieces that begin with about ``size`` faces."""
    outcome = subdivide_in_pieces(network, domain, workers=1, size=size)
    return LatticeEvidence.of(network, domain, outcome.lattice, outcome)


def _rounded(point: Sequence[float], bits: int) -> Vector:
    """Return a float point rounded to ``bits`` binary digits after the point."""
    return tuple(Fraction(round(Fraction(t) * 2**bits), 2**bits) for t in point)
