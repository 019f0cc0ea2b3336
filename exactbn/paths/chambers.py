"""Chambers: the open intervals of a straight line of networks in which nothing changes.

docs/following.md proves what is used here. The *type* of a partition is the set of the sign vectors
of its vertices: the signs of all walls and hidden units there. Two partitions of one domain are of
one type where each vertex of one has its sign vector at some point of the other. A vertex v moves
as the meet of d forms that vanish at it, (X_0(s), ..., X_d(s)) without a common zero; its
*certificates* are the values of all forms there, polynomials in s. Up to the next zero of a
certificate that is not 0 for all s the type stays, and at that zero it is another one.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from flint import fmpq, fmpz_poly
from numpy.typing import NDArray

from exactbn.engines.complex.start import corner_points
from exactbn.engines.complex.vertex_signs import vertex_signs
from exactbn.errors import InternalError
from exactbn.model.domain import Domain
from exactbn.model.network import Network
from exactbn.paths.forms import Forms, independent, meet, value, wall_rows
from exactbn.paths.path import mixed
from exactbn.paths.zeros import Zero, order, simplest, to_fraction, zeros_of
from exactbn.regions.partition import Partition
from exactbn.regions.partitioning import partition

Signs = NDArray[np.int8]

#: Samples of one gap, each of which may happen to be an event; there are only finitely many.
_SAMPLES = 233


@dataclass(frozen=True, eq=False)
class Shape:
    """What of a partition is compared: patterns, adjacencies, and the name of its type."""

    words: NDArray[np.uint64]
    edges: NDArray[np.int32]
    type: bytes

    @classmethod
    def of(cls, part: Partition, signs: Signs) -> "Shape":
        """Return that of a partition with the signs of its vertices."""
        name = hashlib.sha256()
        for row in sorted(row.tobytes() for row in signs):
            name.update(row)
        return cls(part.words, part.edges, name.digest())


@dataclass(frozen=True, eq=False)
class Chamber:
    """An open interval of s, a sample in it, and the zeros that end it.

    ``left`` and ``right`` are all zeros of certificates at an end of the interval, and empty where
    that is an end of [0, 1] at which there is none. The tag of each is (signs, form): the vertex at
    which that form vanishes.
    """

    sample: fmpq
    shape: Shape
    left: list[Zero]
    right: list[Zero]


class Line:
    """A straight line of networks from s = 0 to s = 1, and what is known of its vertices."""

    def __init__(self, start: Network, end: Network, domain: Domain) -> None:
        self.start, self.end, self.domain = start, end, domain
        self.forms = Forms(start, end, domain)
        self.partitions = 0
        self._zeros: dict[bytes, list[Zero]] = {}

    def chambers(self, report: Callable[[float], None] | None = None) -> list[Chamber]:
        """Return all chambers in order; each ends where the next begins.

        A gap between chambers has a sample, whose chamber is found, which leaves two gaps or less.
        """
        found: list[Chamber] = []
        gaps: list[tuple[Zero, Zero]] = [(_end(0), _end(1))]
        while gaps:
            lo, hi = gaps.pop()
            chamber = self._between(lo, hi)
            found.append(chamber)
            if chamber.right and order(chamber.right[0], hi) < 0:
                gaps.append((chamber.right[0], hi))
            if chamber.left and order(lo, chamber.left[0]) < 0:
                gaps.append((lo, chamber.left[0]))
            if report is not None:
                rest = sum((gap[1].lo - gap[0].hi for gap in gaps), fmpq(0))
                report(1 - int(rest.p) / int(rest.q))
        found.sort(key=lambda chamber: to_fraction(chamber.sample))
        for a, b in zip(found, found[1:]):
            if not (a.right and b.left) or order(a.right[0], b.left[0]):
                raise InternalError("two chambers do not meet; please report these networks")
        return found

    def _between(self, lo: Zero, hi: Zero) -> Chamber:
        """Return a chamber between two numbers."""
        while lo.hi >= hi.lo:
            lo.halve()
            hi.halve()
        width = hi.lo - lo.hi
        for k in range(1, _SAMPLES):
            begin = lo.hi + width * fmpq(k * 144 % _SAMPLES, _SAMPLES)
            chamber = self._around(simplest(begin, begin + width / _SAMPLES))
            if chamber is not None:
                return chamber
        raise InternalError("every sample is an event; please report these networks")

    def _around(self, s: fmpq) -> Chamber | None:
        """Return the chamber of a sample, None where it happens to be an event."""
        part = partition_of(mixed(self.start, self.end, to_fraction(s)), self.domain)
        self.partitions += 1
        signs = signs_of(part)
        left: list[Zero] = []
        right: list[Zero] = []
        for row in signs:
            key = row.tobytes()
            if key not in self._zeros:
                zeros = self._zeros_of(row, s)
                if zeros is None:
                    return None
                self._zeros[key] = zeros
            for zero in self._zeros[key]:
                # Most are farther away than the nearest so far, which their intervals tell.
                if right and zero.lo >= right[0].hi > right[0].lo:
                    continue
                if left and zero.hi <= left[0].lo < left[0].hi:
                    continue
                side = zero.side(s)
                if side == 0:
                    raise InternalError(f"a vertex is lost at s = {s}; please report this")
                if side < 0:
                    left = _kept(left, zero, -1)
                else:
                    right = _kept(right, zero, 1)
        return Chamber(s, Shape.of(part, signs), left, right)

    def _zeros_of(self, signs: Signs, s: fmpq) -> list[Zero] | None:
        """Return the zeros in [0, 1] of the certificates of a vertex, None where s is an event.

        It is where a form vanishes at the vertex only at s.
        """
        point = self.moving(signs, s)
        walls = len(self.forms.walls)
        forms = self.forms.under((signs[walls:] > 0).tobytes())
        key = signs.tobytes()
        zeros: list[Zero] = []
        for index, (form, sign) in enumerate(zip(forms, signs.tolist(), strict=True)):
            certificate = value(form, point)
            if sign == 0:
                if certificate:
                    return None
                continue
            at = certificate(s)
            if (at > 0) - (at < 0) != sign:
                raise InternalError(
                    f"form {index} has another sign at a vertex for s = {s}; please report "
                    "these networks"
                )
            if certificate.degree() > 0:
                zeros += zeros_of(certificate, (key, index))
        return zeros

    def moving(self, signs: Signs, s: fmpq) -> list[fmpz_poly]:
        """Return the homogeneous coordinates of a vertex of the partition at s, polynomials.

        They have no common zero in [0, 1], and X_0 > 0 at s.
        """
        walls = len(self.forms.walls)
        forms = self.forms.under((signs[walls:] > 0).tobytes())
        own = [form for form, sign in zip(forms, signs.tolist(), strict=True) if sign == 0]
        chosen = independent(own, s, self.forms.dim)
        if len(chosen) < self.forms.dim:
            raise InternalError(f"a vertex is no point at s = {s}; please report these networks")
        point = meet([own[i] for i in chosen])
        if zeros_of(point[0]):
            common = point[0]
            for x in point[1:]:
                common = common.gcd(x)
            point = [x // common for x in point]
        return point if point[0](s) > 0 else [-x for x in point]


def _kept(best: list[Zero], zero: Zero, direction: int) -> list[Zero]:
    """Return the nearest zeros in a direction, from those so far and one more."""
    compared = direction * order(zero, best[0]) if best else 0
    if compared == 0:
        return [*best, zero]
    return [zero] if compared < 0 else best


def partition_of(network: Network, domain: Domain) -> Partition:
    """Return the partition by the complex engine, which is established to be complete.

    Raises
    ------
    InternalError
        If its faces do not prove it.
    """
    part = partition(network, domain, engine="complex")
    if not part.is_complete:
        raise InternalError("a partition is not complete; please report this network")
    return part


def signs_of(part: Partition) -> Signs:
    """Return the exact signs of all walls and hidden units at all vertices, shape (V, forms)."""
    parents = part.lattice.parents
    columns = []
    for block in vertex_signs(part.network, part.domain, parents, part.network.num_hidden):
        bits = np.arange(block.width, dtype=np.uint64)
        signs = [(words[:, None] >> bits & np.uint64(1)) for words in (block.pos, block.neg)]
        columns.append(signs[0].astype(np.int8) - signs[1].astype(np.int8))
    return np.ascontiguousarray(np.hstack((_off_walls(part), *columns)))


def _off_walls(part: Partition) -> Signs:
    """Return for every vertex which walls it is off: those that one of its parents is off."""
    rows, at = wall_rows(part.domain), corner_points(part.domain)
    parents = part.lattice.parents
    off = np.zeros((len(parents), len(rows)), dtype=np.int8)
    for v, (a, b, number) in enumerate(parents.tolist()):
        if a < 0:
            point = at(number)
            values = (sum(c * x for c, x in zip(row, point, strict=True)) for row in rows)
            off[v] = [value != 0 for value in values]
        else:
            off[v] = off[a] | off[b]
    return off


def _end(s: int) -> Zero:
    """Return an end of [0, 1]."""
    return Zero(fmpz_poly([-s, 1]), fmpq(s), fmpq(s))
