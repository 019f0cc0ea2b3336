"""Compile loops once, before the tests: ``python -m tests.warm complex lp sampling``.

Their compiled code is kept on the disk. Otherwise each worker compiles all of it, and the first
test that needs a loop seems slow.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

import exactbn
from exactbn.engines.complex.chunks import cut_in_chunks
from exactbn.model.domain import Box, Domain
from exactbn.regions.by_lattice import joined_lattice
from exactbn.sampling import sample


def main(parts: list[str]) -> None:
    """Do a little of everything in these parts of the package that has compiled loops."""
    network = exactbn.Network.from_arrays(
        [[[1, 0], [0, 1], [1, 1]], [[1, -1, 1], [2, 1, -1]], [[1, 1]]], [[0, 0, -1], [1, -1], [0]]
    )
    with tempfile.TemporaryDirectory() as folder:
        for engine in {"complex", "lp"} & set(parts):
            for box in ((-1, 1), None):
                part = exactbn.partition(network, box, engine=engine)
                part.check()
                part.regions_of(np.zeros((100, 2)))
                part.write_certificate(Path(folder) / f"{engine}-{box}.txt")
                if part.has_faces:
                    part.volumes()
                    part.interior_points()
                    if box is not None:
                        part.polygons()
    if "complex" in parts:
        square = Domain.of(Box.of(-1, 1, 2))
        list(cut_in_chunks(network, square, size=1))
        joined_lattice(network, square, 1)
    for dtype in ("float32", "float64") if "sampling" in parts else ():
        sample(exactbn.partition(network, (-1, 1)), 1000, device="cpu", dtype=dtype)


if __name__ == "__main__":
    main(sys.argv[1:])
