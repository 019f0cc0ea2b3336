"""Bounds of the number of regions in the literature, from widths alone.

``widths`` are the inputs d and the hidden layers n_1, ..., n_L. The statements are restated;
numbers of theorems are left out, since the bodies of the papers were not all at hand.
"""

from collections.abc import Sequence
from functools import cache
from math import comb, prod

from exactbn.claims.tools.arrangements import central_count, generic_count


def product_bound(widths: Sequence[int]) -> int:
    """Return prod_l of the most cells of n_l hyperplanes in R^(d_l), d_l = min(d, n_1, ..., n_l).

    A layer cuts every region of the layers before it by hyperplanes of a space of dimension d_(l-1)
    at most; the factor is no greater for d_l. As in Montufar 2017 and Raghu et al. 2017.
    """
    return prod(generic_count(n, min(widths[: i + 2])) for i, n in enumerate(widths[1:]))


def dimension_bound(widths: Sequence[int]) -> int:
    """Return Serra, Tjandraatmadja and Ramalingam's (2018) bound.

    The sum over (j_1, ..., j_L), j_l at most d, n_l, and n_k - j_k for each k < l, of the product
    of C(n_l, j_l): units that are off lower the dimension of what follows.
    """
    layers = tuple(widths[1:])

    @cache
    def count(index: int, room: int) -> int:
        if index == len(layers):
            return 1
        n = layers[index]
        return sum(
            comb(n, j) * count(index + 1, min(room, n - j)) for j in range(min(room, n) + 1)
        )

    return count(0, widths[0])


def construction_bound(widths: Sequence[int]) -> int:
    """Return Montufar, Pascanu, Cho and Bengio's (2014) lower bound of the maximum.

    prod over l < L of floor(n_l / d)^d, times the most cells of n_L hyperplanes in R^d; for widths
    of at least d.
    """
    d, *layers = widths
    parts: list[int] = [(n // d) ** d for n in layers[:-1]]
    return prod(parts) * generic_count(layers[-1], d)


def centred_bound(widths: Sequence[int]) -> int:
    """Return the product bound of a centred network: layer 1's arrangement is central."""
    d, first, *others = widths
    rest = [generic_count(n, min(widths[: i + 3])) for i, n in enumerate(others)]
    return central_count(first, d) * prod(rest)
