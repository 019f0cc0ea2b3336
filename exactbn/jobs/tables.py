"""Regions and adjacencies of a job as two Parquet tables, written as they are put together."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path as FilePath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from exactbn.output import create_file

REGIONS, ADJACENCY = "regions.parquet", "adjacency.parquet"


class Tables:
    """A table with a row a region, and one with a row a pair i < j of regions that share a facet.

    Columns ``word0``, ``word1``, ... are the bits of a pattern, 64 neurons of one layer a word;
    ``unbounded`` says whether a region is. The number of a region is that of its row, from 0.
    """

    def __init__(self, regions: pq.ParquetWriter, adjacency: pq.ParquetWriter) -> None:
        self._regions, self._adjacency = regions, adjacency

    def add(
        self,
        words: NDArray[np.uint64],
        is_unbounded: NDArray[np.bool_],
        edges: NDArray[Any],
    ) -> None:
        """Append regions and pairs."""
        if len(words):
            arrays = [pa.array(np.ascontiguousarray(column)) for column in words.T]
            arrays.append(pa.array(is_unbounded))
            self._regions.write_table(pa.table(arrays, schema=self._regions.schema))
        if len(edges):
            pairs = [pa.array(np.ascontiguousarray(c, dtype=np.int64)) for c in edges.T]
            self._adjacency.write_table(pa.table(pairs, schema=self._adjacency.schema))


@contextmanager
def create_tables(folder: FilePath, num_words: int) -> Iterator[Tables]:
    """Yield the tables of a folder, which appear there if all goes well."""
    words = [pa.field(f"word{k}", pa.uint64()) for k in range(num_words)]
    schemas = {
        REGIONS: pa.schema([*words, pa.field("unbounded", pa.bool_())]),
        ADJACENCY: pa.schema([(name, pa.int64()) for name in ("source", "target")]),
    }
    with ExitStack() as stack:
        files = [stack.enter_context(create_file(folder / n, force=True)) for n in schemas]
        writers = [
            stack.enter_context(pq.ParquetWriter(file, schema, compression="zstd"))
            for file, schema in zip(files, schemas.values())
        ]
        yield Tables(*writers)
