"""What the sampling check asks of a partition."""

from collections.abc import Callable
from fractions import Fraction
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from exactbn.errors import InputError
from exactbn.exact.rational import nearest_float
from exactbn.model.domain import Box
from exactbn.model.network import Network

Progress = Callable[[int, int, str], None]

# A region's expected number of hits is wrong by no more than this.
_HITS = 1e-3
# Powers of two between which the volume of a box is divided by as a float.
_LEAST, _LARGEST = 2.0**-1000, 2.0**1000


class Regions(Protocol):
    """What the check asks of a partition; :class:`exactbn.Partition` has it."""

    @property
    def network(self) -> Network:
        """Return the network."""

    @property
    def box(self) -> Box:
        """Return the box."""

    @property
    def sigma_policy(self) -> str:
        """Return how sigma entered the network."""

    @property
    def num_regions(self) -> int:
        """Return the number of regions."""

    @property
    def is_complete(self) -> bool:
        """Return whether these are all regions of the box."""

    @property
    def patterns(self) -> NDArray[np.uint8]:
        """Return the patterns, shape (regions, neurons)."""

    def volumes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (middle, radius) of the volumes."""

    def volume(self, i: int) -> Fraction:
        """Return the exact volume of region i."""


def check_regions(part: Regions, samples: int, seed: int) -> None:
    """Raise InputError where a partition, a number of samples or a seed cannot be used."""
    if not part.is_complete:
        raise InputError(
            "the partition is incomplete, so a point outside it says nothing; compute it without "
            "a budget, or with a larger one"
        )
    if samples < 1:
        raise InputError(f"samples is {samples}, expected at least 1")
    if not -(1 << 63) <= seed < 1 << 63:
        raise InputError(f"seed is {seed}, expected an integer of 64 bits")


def shares_of_box(part: Regions, samples: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (middle, radius), shape (regions,): the share of the box that each region takes.

    Where the enclosure of a volume leaves open more than a thousandth of a hit, or says nothing
    since the volume is beyond the range of floats, the exact volume takes its place.
    """
    whole = part.box.volume
    size = nearest_float(whole.numerator, whole.denominator)
    volumes, radii = part.volumes()
    with np.errstate(all="ignore"):  # what is not a number is replaced below
        middle = volumes / size
        radius = radii / size * (1 + 2.0**-40) + middle * 2.0**-50
        vague = ~(radius * samples <= _HITS)
    if not _LEAST < size < _LARGEST:
        vague[:] = True
    for i in np.flatnonzero(vague).tolist():
        middle[i] = float(part.volume(i) / whole)
        radius[i] = middle[i] * 2.0**-52 + 2.0**-1074
    return middle, radius
