"""What the sampling check asks of a partition."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from exactbn.domain import Box
from exactbn.errors import InputError
from exactbn.network import Network

Progress = Callable[[int, int, str], None]


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
