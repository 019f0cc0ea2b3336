"""The faces of the complex of regions, in every domain: without the walls that no region has.

The complex engine cuts a domain by more than the regions: without a box by the walls of its first
fan, and where a network has maxima by comparisons of entries that lose. What is counted here is the
complex of the network's own: two points lie in the same face if every unit has the same sign at
both (a maximum: the same entries that are greatest), and if they lie on the same sides of the
domain. Each face is convex and open in its affine hull, a union of faces of the engine's complex,
and has the greatest dimension of these.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from flint import fmpz_mat
from numpy.typing import NDArray

from exactbn.engines.complex.vertex_signs import vertex_signs
from exactbn.engines.pattern_table import distinct_rows
from exactbn.errors import InputError, InternalError
from exactbn.exact.stages import Contest, Max
from exactbn.model.domain import Domain
from exactbn.model.network import Network
from exactbn.model.patterns import columns, num_words
from exactbn.regions.faces import Faces
from exactbn.regions.polyhedra import polyhedron
from exactbn.regions.sides import domain_rows

Words = NDArray[np.uint64]

# Entries of a maximum that one word tells.
_MOST_ENTRIES = 64
# Vertices whose exact coordinates are looked at together.
_CHUNK = 4096


@dataclass(frozen=True)
class FaceCounts:
    """How many faces the complex of regions has, by dimension, those in the domain's sides too.

    ``f_vector`` are the numbers of vertices, edges, ..., regions, points at infinity not among
    them; ``bounded`` those of them that are bounded. ``expected`` is what Euler's relation says of
    their alternating sum: 1 for a bounded domain; (-1)^k for one that is a bounded set plus k
    lines, as (-1)^d for R^d; 0 for any other one.
    """

    f_vector: tuple[int, ...]
    bounded: tuple[int, ...]
    expected: int

    @property
    def euler_characteristic(self) -> int:
        """Return the alternating sum of the f-vector."""
        return sum((-1) ** k * count for k, count in enumerate(self.f_vector))


def face_counts(faces: Faces, neurons_done: int) -> FaceCounts:
    """Return the numbers of faces of the complex of regions.

    Raises
    ------
    InputError
        If a maximum has more than 64 entries.
    InternalError
        If Euler's relation does not hold.
    """
    network, domain, lattice = faces.network, faces.domain, faces.lattice
    d, starts, indptr = lattice.dim, lattice.starts, lattice.indptr
    total, words = int(starts[-1]), num_words(network.widths)
    pos, neg = np.zeros((2, total, words), dtype=np.uint64)
    vertices = slice(0, int(starts[1]))
    blocks = vertex_signs(network, domain, lattice.parents, neurons_done)
    for word, block in enumerate(blocks):
        pos[vertices, word], neg[vertices, word] = block.pos, block.neg
    rows = [row for _, row in domain_rows(domain)]
    off = np.zeros((total, -(-len(rows) // 64)), dtype=np.uint64)
    _write_off(faces, rows, off)
    is_finite = np.zeros(total, dtype=bool)
    reaches = np.zeros(total, dtype=bool)
    is_finite[vertices], reaches[vertices] = ~lattice.is_at_infinity, lattice.is_at_infinity
    for k in range(1, d + 1):
        begin, end = int(starts[k]), int(starts[k + 1])
        below = lattice.indices[indptr[begin] : indptr[end]]
        at = indptr[begin:end] - indptr[begin]
        for array in (pos, neg, off):
            if array.shape[1]:
                array[begin:end] = np.bitwise_or.reduceat(array[below], at, axis=0)
        for flags in (is_finite, reaches):
            flags[begin:end] = np.logical_or.reduceat(flags[below], at)
    keys = np.concatenate((*_without_losers(network, pos, neg), off), axis=1)[is_finite]
    dims = np.repeat(np.arange(d + 1), np.diff(starts))[is_finite]
    # One more column, so that there is one where nothing cuts the domain.
    keys = np.column_stack((keys, np.zeros(len(keys), dtype=np.uint64)))
    first, of_face = distinct_rows(keys)
    own, is_unbounded = np.zeros(len(first), dtype=np.int64), np.zeros(len(first), dtype=bool)
    np.maximum.at(own, of_face, dims)
    np.logical_or.at(is_unbounded, of_face, reaches[is_finite])
    every, bounded = (
        tuple(np.bincount(some, minlength=d + 1).tolist()) for some in (own, own[~is_unbounded])
    )
    found = FaceCounts(every, bounded, _expected(domain))
    if found.euler_characteristic != found.expected:
        raise InternalError(
            f"Euler's relation fails: the alternating sum of {found.f_vector} is "
            f"{found.euler_characteristic}, expected {found.expected}; please report this"
        )
    return found


def _expected(domain: Domain) -> int:
    """Return the Euler characteristic, with compact supports, of a closed convex domain."""
    whole = polyhedron([row for _, row in domain_rows(domain)], domain.dim)
    return 0 if whole.rays else (-1) ** len(whole.lines)


def _write_off(faces: Faces, rows: Sequence[tuple[int, ...]], off: Words) -> None:
    """Set the bits of the rows of the domain on which a vertex does not lie."""
    if not rows:
        return
    matrix, count = fmpz_mat([list(row) for row in rows]), int(faces.lattice.starts[1])
    for begin in range(0, count, _CHUNK):
        numbers = range(begin, min(begin + _CHUNK, count))
        points = fmpz_mat([list(point) for point in faces.points(numbers)]).transpose()
        entries = (matrix * points).entries()
        flags = np.array([t != 0 for t in entries], dtype=bool).reshape(len(rows), -1)
        for k, flag in enumerate(flags):
            off[begin : numbers.stop, k // 64] |= flag.astype(np.uint64) << np.uint64(k % 64)


def _without_losers(network: Network, pos: Words, neg: Words) -> tuple[Words, Words, Words]:
    """Return the signs without those of contests, and of each maximum its greatest entries."""
    maxima = [unit.contest for unit in network.units if isinstance(unit, Max)]
    bits = columns(network.widths)
    pos, neg = pos.copy(), neg.copy()
    winners = np.zeros((len(pos), len(maxima)), dtype=np.uint64)
    contests: list[Contest] = []
    for number, contest in enumerate(maxima):
        winners[:, number] = _greatest(contest, pos, neg, bits, contests)
    for contest in contests:
        word, bit = divmod(int(bits[contest.unit]), 64)
        mask = ~(np.uint64(1) << np.uint64(bit))
        pos[:, word] &= mask
        neg[:, word] &= mask
    return pos, neg, winners


def _greatest(
    contest: Contest | int,
    pos: Words,
    neg: Words,
    bits: NDArray[np.int64],
    contests: list[Contest],
) -> Words:
    """Return which entries of a maximum are the greatest, as bits, at every face."""
    if not isinstance(contest, Contest):
        if contest >= _MOST_ENTRIES:
            raise InputError(
                f"a maximum has over {_MOST_ENTRIES} entries, expected no more to count faces"
            )
        return np.full(len(pos), 1 << contest, dtype=np.uint64)
    contests.append(contest)
    first = _greatest(contest.first, pos, neg, bits, contests)
    second = _greatest(contest.second, pos, neg, bits, contests)
    word, bit = divmod(int(bits[contest.unit]), 64)
    is_second = pos[:, word] >> np.uint64(bit) & np.uint64(1) > 0
    is_first = neg[:, word] >> np.uint64(bit) & np.uint64(1) > 0
    return np.where(is_second, second, np.where(is_first, first, first | second))
