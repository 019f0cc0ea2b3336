"""Exact polyhedral partitions of small ReLU networks, with batch normalization.

Names are loaded when first used, so that importing the package is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "Box",
    "ExactBNError",
    "Network",
    "Partition",
    "center",
    "count_regions",
    "load",
    "partition",
    "sample",
    "standardize",
]

if TYPE_CHECKING:
    from exactbn.batchnorm import center as center
    from exactbn.batchnorm import standardize as standardize
    from exactbn.counting import count_regions as count_regions
    from exactbn.domain import Box as Box
    from exactbn.errors import ExactBNError as ExactBNError
    from exactbn.formats import load as load
    from exactbn.network import Network as Network
    from exactbn.partitioning import Partition as Partition
    from exactbn.partitioning import partition as partition
    from exactbn.sampling import sample as sample

_HOMES = {
    "Box": "domain",
    "ExactBNError": "errors",
    "Network": "network",
    "Partition": "partitioning",
    "center": "batchnorm",
    "count_regions": "counting",
    "load": "formats",
    "partition": "partitioning",
    "sample": "sampling",
    "standardize": "batchnorm",
}


def __getattr__(name: str) -> object:
    """Load a public name from its module."""
    if name not in _HOMES:
        raise AttributeError(f"module 'exactbn' has no attribute {name!r}")
    value = getattr(import_module(f"exactbn.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
