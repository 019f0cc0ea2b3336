"""Exact polyhedral partitions of small ReLU networks, with batch normalization.

Names are loaded when first used, so that importing the package is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "Box",
    "Domain",
    "ExactBNError",
    "Network",
    "Partition",
    "along",
    "center",
    "count_faces",
    "count_regions",
    "euler_integrals",
    "follow",
    "level_partition",
    "load",
    "partition",
    "partition_many",
    "record",
    "sample",
    "save_json",
    "standardize",
    "sublevel_barcode",
    "symbolic",
]

if TYPE_CHECKING:
    from exactbn import symbolic as symbolic
    from exactbn.errors import ExactBNError as ExactBNError
    from exactbn.model.batchnorm import center as center
    from exactbn.model.batchnorm import standardize as standardize
    from exactbn.model.domain import Box as Box
    from exactbn.model.domain import Domain as Domain
    from exactbn.model.files import load as load
    from exactbn.model.asking import save_json as save_json
    from exactbn.model.network import Network as Network
    from exactbn.paths.following import follow as follow
    from exactbn.regions.counting import count_regions as count_regions
    from exactbn.regions.counting import partition_many as partition_many
    from exactbn.regions.levels import level_partition as level_partition
    from exactbn.regions.pieces import count_faces as count_faces
    from exactbn.regions.partitioning import Partition as Partition
    from exactbn.regions.partitioning import partition as partition
    from exactbn.regions.topology.euler import euler_integrals as euler_integrals
    from exactbn.regions.topology.persistence import sublevel_barcode as sublevel_barcode
    from exactbn.regions.walking import along as along
    from exactbn.sampling import sample as sample
    from exactbn.study.recording import record as record

_HOMES = {
    "Box": "model.domain",
    "Domain": "model.domain",
    "ExactBNError": "errors",
    "Network": "model.network",
    "Partition": "regions.partitioning",
    "along": "regions.walking",
    "center": "model.batchnorm",
    "count_faces": "regions.pieces",
    "count_regions": "regions.counting",
    "euler_integrals": "regions.topology.euler",
    "follow": "paths.following",
    "level_partition": "regions.levels",
    "load": "model.files",
    "partition": "regions.partitioning",
    "partition_many": "regions.counting",
    "record": "study.recording",
    "sample": "sampling",
    "save_json": "model.asking",
    "standardize": "model.batchnorm",
    "sublevel_barcode": "regions.topology.persistence",
    "symbolic": "symbolic",  # a module
}


def __getattr__(name: str) -> object:
    """Load a public name from its module."""
    if name not in _HOMES:
        raise AttributeError(f"module 'exactbn' has no attribute {name!r}")
    home = import_module(f"exactbn.{_HOMES[name]}")
    value = home if name == _HOMES[name] else getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
