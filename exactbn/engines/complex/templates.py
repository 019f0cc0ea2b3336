"""The faces of a domain as lists: those of a cube, and of a fan that fills R^d."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Word = tuple[int, ...]


class Lists(NamedTuple):
    """Lists of numbers, one after the other: list f is ``entries[first[f]:first[f + 1]]``."""

    first: Ids
    entries: Ids

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]] | Ids) -> "Lists":
        """Return the lists that are given as rows."""
        sizes = [len(row) for row in rows]
        entries = np.concatenate([np.asarray(row, dtype=np.int64) for row in rows])
        return cls(np.concatenate(([0], np.cumsum(sizes))).astype(np.int64), entries)

    @property
    def owners(self) -> Ids:
        """Return of every entry the list that it is in."""
        return np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))

    def any(self, flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which of the lists, none of them empty, hold a number that has a flag."""
        result: NDArray[np.bool_] = np.logical_or.reduceat(flags[self.entries], self.first[:-1])
        return result


@dataclass(frozen=True, eq=False)
class Template:
    """The faces of one domain of dimension d, numbered within each dimension.

    ``facets[k - 1]`` lists for every k-face its facets as numbers of (k-1)-faces; ``corners`` are
    the numbers by which exact coordinates are asked for.
    """

    sizes: tuple[int, ...]
    facets: tuple[Lists, ...]
    corners: Ids


@cache
def cube(d: int) -> Template:
    """Return the faces of the cube.

    A face is a word over {0, 1, *}: its stars are its free axes, and its facets replace one star
    by 0 or by 1. With the digit 2 for the star, words are numbers in base 3.
    """
    places = 3 ** np.arange(d)[::-1]
    digits = (np.arange(3**d)[:, None] // places % 3).astype(np.int8)
    dims = (digits == 2).sum(axis=1)
    words = [np.flatnonzero(dims == k) for k in range(d + 1)]
    number = np.empty(3**d, dtype=np.int64)
    for of_dim in words:
        number[of_dim] = np.arange(len(of_dim))
    facets = []
    for k in range(1, d + 1):
        stars = np.nonzero(digits[words[k]] == 2)[1].reshape(-1, k)
        # The digit 2 becomes 0 or 1.
        steps = np.multiply.outer(places[stars], (2, 1))
        lists = number[words[k][:, None] - steps.reshape(len(stars), -1)]
        facets.append(Lists(np.arange(len(lists) + 1) * (2 * k), lists.reshape(-1)))
    corners = digits[words[0]].astype(np.int64) @ 2 ** np.arange(d)
    return Template(tuple(map(len, words)), tuple(facets), corners)


@cache
def fan(d: int) -> Template:
    """Return the faces of the fan: a k-face is a set of k + 1 rays that lacks a direction.

    Ray 0 is the origin, the others are the directions; the facets of a face drop one ray.
    """
    words = [
        [rays for rays in combinations(range(d + 2), k + 1) if k < d or rays[0] == 0]
        for k in range(d + 1)
    ]

    def facets(word: Word) -> list[Word]:
        return [word[:i] + word[i + 1 :] for i in range(len(word))]

    index = [{word: i for i, word in enumerate(of_dim)} for of_dim in words]
    lists = tuple(
        Lists.of([[index[k - 1][facet] for facet in facets(word)] for word in words[k]])
        for k in range(1, len(words))
    )
    return Template(tuple(map(len, words)), lists, np.array([word[0] for word in words[0]]))
