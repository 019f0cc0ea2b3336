"""Euler integrals of a function of the outputs, exact (Baryshnikov and Ghrist).

The Euler characteristic with compact supports is additive, chi of a face without its boundary being
(-1)^dim, so it is a measure of sets that are made of faces. A real function has two integrals with
respect to it, the limits of those of floor(n f) / n and ceil(n f) / n:

    lower  = integral over s > 0 of chi{f >= s} - chi{f < -s},
    upper  = integral over s > 0 of chi{f > s} - chi{f <= -s}.

On the inside of a face f is affine: the lower one is (-1)^dim times its infimum there, the upper
one times its supremum, and these are values at vertices. upper(f) = -lower(-f).
"""

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from exactbn.errors import InputError
from exactbn.regions.levels import face_dimensions
from exactbn.regions.topology.values import vertex_values

if TYPE_CHECKING:
    from exactbn.regions.partition import Partition


def euler_integrals(part: "Partition", output: object = None) -> tuple[Fraction, Fraction]:
    """Return (lower, upper), the Euler integrals of f over a bounded domain, exact.

    ``output`` says what f is, as for :func:`exactbn.regions.levels.level_partition`.

    Raises
    ------
    InputError, DimensionError
        If the domain is unbounded, the partition is incomplete or has no faces, or f is no function
        of the outputs.

    Examples
    --------
    Of |x| on [-1, 1]: two edges with the infimum 0 and the supremum 1, and the values 1, 0, 1.

    >>> import exactbn
    >>> net = exactbn.Network.from_arrays([[[1]], [[1]]], [[0], [0]], slope=-1)
    >>> euler_integrals(exactbn.partition(net, (-1, 1)))
    (Fraction(2, 1), Fraction(0, 1))
    """
    values = vertex_values(part, output)
    lattice = values.lattice
    if lattice.is_at_infinity.any():
        raise InputError(
            f"the domain {part.domain} is unbounded, expected a bounded one: an Euler integral is "
            "one of a function with bounded support"
        )
    signs = 1 - 2 * (face_dimensions(lattice).astype(np.int64) % 2)

    def integral(ranks: np.ndarray) -> Fraction:
        weights = np.zeros(len(values.levels), dtype=np.int64)
        np.add.at(weights, ranks, signs)
        terms = zip(weights.tolist(), values.levels, strict=True)
        return sum((weight * value for weight, value in terms if weight), Fraction(0))

    return integral(values.least), integral(values.greatest)
