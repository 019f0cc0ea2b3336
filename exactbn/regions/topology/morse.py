"""Discrete gradients, and the small complex of their critical cells over Z (Forman).

A gradient pairs cells with facets of theirs so that no path of pairs is closed; the cells that are
left are critical. The complex of the critical cells, whose boundary counts the paths with their
signs, has the homology of the whole one: over Z, since every incidence number of a pair is 1 or -1.
"""

import heapq
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from exactbn.exact.values import Value
from exactbn.model.arrays import read_only
from exactbn.regions.topology import kernels
from exactbn.regions.topology.chains import ChainComplex

Ids = NDArray[np.int64]
Column = dict[int, int]


@final
@dataclass(frozen=True, eq=False)
class Gradient(Value):
    """A discrete gradient on a chain complex.

    ``partner``, shape (cells,), is the cell with which each is paired, itself where it is critical.
    ``time``: along a path of the gradient it falls, which proves that none is closed.
    """

    complex: ChainComplex
    partner: Ids
    time: Ids

    @property
    def critical(self) -> Ids:
        """Return the critical cells, ascending and so by dimension."""
        return np.flatnonzero(self.partner == np.arange(len(self.partner)))

    @property
    def counts(self) -> tuple[int, ...]:
        """Return how many critical cells of dimension 0, 1, ... there are."""
        return tuple(np.diff(np.searchsorted(self.critical, self.complex.starts)).tolist())


@final
@dataclass(frozen=True)
class MorseComplex(Value):
    """The complex of critical cells: ``counts[k]`` of dimension k, ``boundaries[k]`` of each.

    ``boundaries[k][j]`` is the boundary of the j-th critical k-cell: pairs (i, number), i that of a
    critical (k-1)-cell, ascending.
    """

    counts: tuple[int, ...]
    boundaries: tuple[tuple[tuple[tuple[int, int], ...], ...], ...]


def gradient(complex: ChainComplex) -> Gradient:
    """Return a discrete gradient, by coreductions: few critical cells, not the fewest."""
    n = len(complex.cells)
    partner, time = np.empty(n, np.int64), np.empty(n, np.int64)
    above, cofaces, _ = complex.cofaces
    kernels.match(complex.indptr, complex.indices, above, cofaces, partner, time)
    return Gradient(complex, read_only(partner), read_only(time))


def morse_complex(field: Gradient, *, largest: int = kernels.LARGEST) -> MorseComplex:
    """Return the complex of the critical cells of a gradient, exact.

    Paths are counted in int64 as long as no sum exceeds ``largest``, else in integers of any
    length; the result does not depend on it.
    """
    chains = field.complex
    starts, critical = chains.starts, field.critical
    number = np.full(len(chains.cells), -1, dtype=np.int64)
    first = np.searchsorted(critical, starts)
    dims = np.repeat(np.arange(chains.dim + 1), np.diff(first))
    number[critical] = np.arange(len(critical)) - first[dims]
    sums = np.zeros(len(chains.cells), dtype=np.int64)
    boundaries = []
    for k in range(chains.dim + 1):
        of_k = critical[first[k] : first[k + 1]].tolist()
        columns = []
        for cell in of_k:
            # Of a chain complex without (k-1)-cells nothing is left to be asked.
            cells, numbers = kernels.flow(
                chains.indptr, chains.indices, chains.signs, field.partner, field.time, sums, cell,
                largest,
            )  # fmt: skip
            if len(cells) and cells[0] < 0:
                column = _flow(field, cell)
            else:
                column = dict(zip(cells.tolist(), numbers.tolist(), strict=True))
            columns.append(tuple(sorted((int(number[c]), t) for c, t in column.items() if t)))
        boundaries.append(tuple(columns))
    return MorseComplex(tuple(np.diff(first).tolist()), tuple(boundaries))


def _flow(field: Gradient, cell: int) -> Column:
    """Return the boundary of a critical cell along all paths in integers of any length."""
    chains, partner, time = field.complex, field.partner, field.time

    def facets(f: int) -> list[tuple[int, int]]:
        own = slice(int(chains.indptr[f]), int(chains.indptr[f + 1]))
        return list(zip(chains.indices[own].tolist(), chains.signs[own].tolist(), strict=True))

    sums: Column = {}
    heap: list[tuple[int, int]] = []
    found: Column = {}

    def add(g: int, number: int) -> None:
        if partner[g] >= g:  # critical, or the lower one of a pair
            if g not in sums:
                heapq.heappush(heap, (-int(time[g]), g))
            sums[g] = sums.get(g, 0) + number

    for g, sign in facets(cell):
        add(g, sign)
    while heap:
        g = heapq.heappop(heap)[1]
        number = sums.pop(g)
        if partner[g] == g:
            found[g] = number
            continue
        upper = facets(int(partner[g]))
        own = dict(upper)[g]
        for h, sign in upper:
            if h != g:
                add(h, -number * own * sign)
    return found
