"""Homology over Z of chain complexes: Betti numbers over Q and over GF(p), and torsion.

First a discrete gradient leaves few cells (:mod:`.morse`), then the boundary matrices of these are
brought to Smith's form in integers: pivots 1 and -1 one by one, and what is left by python-flint.
Betti numbers over GF(p) follow from those over Q and the torsion by universal coefficients.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from flint import fmpz, fmpz_mat

from exactbn.errors import InputError
from exactbn.exact.values import Value
from exactbn.regions.topology.chains import ChainComplex
from exactbn.regions.topology.morse import gradient, morse_complex

Rows = Sequence[Sequence[tuple[int, int]]]


@final
@dataclass(frozen=True)
class Homology(Value):
    """The homology groups H_k = Z^betti[k] + the sum of Z / t for t in torsion[k], k = 0, ..., d.

    ``betti`` are the Betti numbers over Q. The t of ``torsion[k]`` are > 1, and each divides the
    next. ``euler_characteristic`` is the alternating sum, of cells as of Betti numbers.
    """

    betti: tuple[int, ...]
    torsion: tuple[tuple[int, ...], ...]

    @property
    def euler_characteristic(self) -> int:
        """Return the alternating sum of the Betti numbers."""
        return sum((-1) ** k * b for k, b in enumerate(self.betti))

    @property
    def is_free(self) -> bool:
        """Return whether there is no torsion, so that the Betti numbers are those of any field."""
        return not any(self.torsion)

    def betti_over(self, p: int) -> tuple[int, ...]:
        """Return the Betti numbers over the field of p elements, p a prime; of Q for p = 0.

        >>> plane = Homology((1, 0, 0), ((), (2,), ()))  # the projective plane
        >>> plane.betti_over(2), plane.betti_over(3)
        ((1, 1, 1), (1, 0, 0))
        """
        check_characteristic(p)
        if p == 0:
            return self.betti
        cyclic = [sum(t % p == 0 for t in of_k) for of_k in self.torsion]
        return tuple(
            b + own + below
            for b, own, below in zip(self.betti, cyclic, [0, *cyclic[:-1]], strict=True)
        )


def check_characteristic(p: object) -> None:
    """Raise InputError unless p is 0 or a prime: the characteristic of a field."""
    if isinstance(p, int) and not isinstance(p, bool):
        if p == 0 or (p > 1 and fmpz(p).is_prime()):
            return
    raise InputError(f"p is {p!r}, expected a prime number, or 0 for the rational numbers")


def homology_of(complex: ChainComplex) -> Homology:
    """Return the homology over Z of a chain complex, exact.

    Examples
    --------
    The boundary of a square, and its inside alone.

    >>> import exactbn, numpy as np
    >>> from exactbn.regions.topology.chains import chain_complex
    >>> net = exactbn.Network.from_arrays([[[1, 0]], [[1]]], [[0], [0]])
    >>> lattice = exactbn.partition(net, (1, 2)).lattice
    >>> boundary = np.arange(9) < 8
    >>> [homology_of(chain_complex(lattice, faces)).betti for faces in (boundary, ~boundary)]
    [(1, 1, 0), (0, 0, 1)]
    """
    reduced = morse_complex(gradient(complex))
    return homology_of_boundaries(reduced.counts, reduced.boundaries)


def homology_of_boundaries(counts: Sequence[int], boundaries: Sequence[Rows]) -> Homology:
    """Return the homology of a complex of free groups of ranks ``counts``, k = 0, 1, ...

    ``boundaries[k][j]`` lists (i, number): the boundary of the j-th generator of dimension k.
    """
    factors = [invariant_factors(rows) for rows in boundaries]
    factors.append([])
    ranks = [len(of_k) for of_k in factors]
    return Homology(
        tuple(n - ranks[k] - ranks[k + 1] for k, n in enumerate(counts)),
        tuple(tuple(t for t in factors[k + 1] if t > 1) for k in range(len(counts))),
    )


def invariant_factors(rows: Rows) -> list[int]:
    """Return the positive invariant factors of an integer matrix, each a divisor of the next.

    Rows are lists of (column, number), columns once each. Exact.

    >>> invariant_factors([[(0, 2), (1, 4)], [(0, 6), (1, 8)]])
    [2, 4]
    """
    left = {i: dict(row) for i, row in enumerate(rows) if any(t for _, t in row)}
    units = _eliminate_units(left)
    if not left:
        return [1] * units
    columns = sorted({c for row in left.values() for c in row})
    place = {c: j for j, c in enumerate(columns)}
    matrix = fmpz_mat(len(left), len(columns))
    for i, row in enumerate(left.values()):
        for c, number in row.items():
            matrix[i, place[c]] = number
    form = matrix.snf()
    diagonal = [abs(int(form[i, i])) for i in range(min(len(left), len(columns)))]
    return [1] * units + sorted(t for t in diagonal if t)


def _eliminate_units(rows: dict[int, dict[int, int]]) -> int:
    """Take out pivots 1 and -1 as long as there are any; return how many.

    A row with such an entry is subtracted from all others with the column and then left out, the
    column with it: what is left has the other invariant factors.
    """
    of_column: dict[int, set[int]] = {}
    for i, row in rows.items():
        for c in row:
            of_column.setdefault(c, set()).add(i)
    count = 0
    queue = list(rows)
    while queue:
        i = queue.pop()
        if i not in rows:
            continue
        row = rows[i]
        units = [c for c, number in row.items() if abs(number) == 1]
        if not units:
            continue
        pivot = min(units, key=lambda c: len(of_column[c]))
        sign = row[pivot]
        del rows[i]
        for c in row:
            of_column[c].discard(i)
        for other in of_column.pop(pivot):
            target = rows[other]
            factor = target[pivot] * sign
            for c, number in row.items():
                value = target.get(c, 0) - factor * number
                if value:
                    target[c] = value
                    of_column.setdefault(c, set()).add(other)
                elif c in target:
                    del target[c]
                    of_column.get(c, set()).discard(other)
            if not target:
                del rows[other]
            queue.append(other)
        count += 1
    return count
