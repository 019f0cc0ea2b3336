"""The regions of a partition as a table of pandas."""

from typing import TYPE_CHECKING, Protocol

import numpy as np

from exactbn.errors import InputError
from exactbn.exact.rational import nearest_floats
from exactbn.regions.graph import Regions as GraphRegions
from exactbn.regions.graph import node_table

if TYPE_CHECKING:
    import pandas
    import scipy.sparse

    from exactbn.regions.region import Region


class Regions(GraphRegions, Protocol):
    """What the table asks of a partition; :class:`exactbn.Partition` has it."""

    def adjacency(self) -> "scipy.sparse.csr_array":
        """Return the symmetric 0/1 adjacency matrix."""

    def region(self, i: int) -> "Region":
        """Return a region."""


def region_columns(partition: Regions, *, exact: bool) -> dict[str, object]:
    """Return the columns of the table by name, each with one entry a region."""
    witnesses = partition.witnesses()
    bounded = ~partition.is_unbounded
    nodes = node_table(partition)
    columns: dict[str, object] = {
        "pattern": nodes["pattern"].to_pylist(),
        "neighbours": np.diff(partition.adjacency().indptr).astype(np.int64),
        "is_bounded": bounded,
    }
    if partition.has_faces:
        columns["volume"] = partition.volumes()[0]
    floats = np.array(list(map(nearest_floats, witnesses))).reshape(len(witnesses), -1)
    columns |= {f"x{axis}": column for axis, column in enumerate(floats.T)}
    if exact:
        regions = range(partition.num_regions)
        columns["exact_witness"] = witnesses
        columns["exact_volume"] = [
            partition.region(i).volume if bounded[i] else None for i in regions
        ]
    return columns


def to_pandas(partition: Regions, *, exact: bool = False) -> "pandas.DataFrame":
    """Return one row a region, see :meth:`exactbn.Partition.to_pandas`.

    Raises
    ------
    InputError
        If pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise InputError("pandas is not installed; pip install 'exactbn[pandas]'") from None
    frame = pandas.DataFrame(region_columns(partition, exact=exact))
    frame.index.name = "region"
    return frame
