"""What the sampling check asks of a partition."""

from fractions import Fraction
from operator import index
from typing import Protocol, SupportsIndex, cast

import numpy as np
from numpy.typing import NDArray

from exactbn.errors import InputError
from exactbn.exact.rational import nearest_float
from exactbn.model.domain import Box
from exactbn.model.network import Network

# A region's expected number of hits is wrong by no more than this.
_HITS_LEFT_OPEN = 1e-3
# The volume of a box is rounded to a float with an error of 2^-53 of it at most between these.
_LEAST_VOLUME, _LARGEST_VOLUME = 2.0**-1000, 2.0**1000
# The sum of three quotients and products errs by less than this, where they are subnormal.
_SUBNORMAL_ERRORS = 2.0**-1070


class CheckedPartition(Protocol):
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

    @property
    def words(self) -> NDArray[np.uint64]:
        """Return the patterns as bits, shape (regions, words)."""

    def volumes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (middle, radius) of the volumes."""

    def volume(self, i: int) -> Fraction:
        """Return the exact volume of region i."""


def check_request(part: CheckedPartition, samples: int, seed: int) -> tuple[int, int]:
    """Return (samples, seed); raise InputError where these or the partition cannot be used."""
    if not hasattr(part, "volumes"):
        raise InputError(
            f"sampling got {_short(part)}, expected a partition: sample(partition(network, box), "
            "samples), as random points need a box and its exact regions"
        )
    _ = part.box  # says what the domain is where it is no box
    if not part.is_complete:
        raise InputError(
            "the partition is incomplete, so a point outside it says nothing; compute it without "
            "a budget, or with a larger one"
        )
    return to_integer("samples", samples, 1), to_integer("seed", seed)


def to_integer(name: str, value: object, least: int = -(1 << 63)) -> int:
    """Return ``value``, an integer of 64 bits from ``least`` on, or raise InputError."""
    try:
        number = index(cast(SupportsIndex, value))
    except TypeError:
        raise InputError(f"{name} is {_short(value)}, expected an integer") from None
    if not least <= number < 1 << 63:
        is_small = -(1 << 63) < number < least
        what = f"at least {least}" if is_small else "an integer of 64 bits"
        raise InputError(f"{name} is {number}, expected {what}")
    return number


def _short(value: object) -> str:
    """Return what an argument is, in a few words."""
    text = repr(value)
    return text if len(text) <= 80 and "\n" not in text else f"a {type(value).__name__}"


def shares_of_box(
    part: CheckedPartition, samples: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (middle, radius), shape (regions,): the share of the box that each region takes.

    Where the enclosure of a volume leaves open more than a thousandth of a hit, or says nothing
    since the volume is beyond the range of floats, the exact volume takes its place.
    """
    whole = part.box.volume
    size = nearest_float(whole.numerator, whole.denominator)
    volumes, radii = part.volumes()
    with np.errstate(all="ignore"):  # what is not a number is replaced below
        middle = volumes / size
        rounding = middle * 2.0**-50 + _SUBNORMAL_ERRORS
        radius = radii / size * (1 + 2.0**-40) + rounding
        vague = ~(radius * samples <= _HITS_LEFT_OPEN)
    if not _LEAST_VOLUME < size < _LARGEST_VOLUME:
        vague[:] = True
    for i in np.flatnonzero(vague).tolist():
        middle[i] = float(part.volume(i) / whole)
        radius[i] = middle[i] * 2.0**-52 + 2.0**-1074
    return middle, radius
