"""The certificate of the complex engine: all faces, and how each vertex was constructed."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from exactbn.engines.complex.lattice import FaceLattice
from exactbn.engines.complex.start import corner_points
from exactbn.engines.proofs.printing import print_rows
from exactbn.engines.proofs.writing import certificate_file, write_head
from exactbn.engines.run import UNLIMITED, Budget
from exactbn.model.domain import Domain
from exactbn.model.network import Network

# Faces that are turned into text at once.
_CHUNK = 1 << 14


def write_complex(
    path: Path,
    network: Network,
    domain: Domain,
    lattice: FaceLattice,
    counts: tuple[int, int],
    *,
    force: bool = False,
    budget: Budget = UNLIMITED,
) -> None:
    """Write the complex as a certificate that it tiles the domain.

    A vertex is given by its parents, so that no long number is written. ``counts`` are the numbers
    of regions and of adjacencies that the certificate claims.

    Raises
    ------
    InputError
        If the file exists and ``force`` is not set, or cannot be written.
    LimitError
        When the seconds of the budget are spent; then there is no file.
    """
    with certificate_file(path, force=force) as stream:
        write_head(stream, network, domain, "complex")
        for text in _records(domain, lattice):
            budget.check_time()
            stream.write(text)
        stream.write(f"end {counts[0]} {counts[1]}\n")


def _records(domain: Domain, lattice: FaceLattice) -> Iterator[str]:
    """Yield the text of the records in pieces of many lines."""
    corners = int(np.count_nonzero(lattice.parents[:, 0] < 0))
    at = corner_points(domain)
    for _, _, corner in lattice.parents[:corners].tolist():
        yield " ".join(["v", *map(str, at(corner))]) + "\n"
    for start in range(corners, len(lattice.parents), _CHUNK):
        made = lattice.parents[start : start + _CHUNK]
        yield print_rows("c", np.arange(len(made) + 1) * 3, made.reshape(-1), 0)
    for k in range(1, lattice.dim + 1):
        yield f"dim {k}\n"
        below, first, last = (int(lattice.starts[k + i]) for i in (-1, 0, 1))
        for start in range(first, last, _CHUNK):
            rows = lattice.indptr[start : min(start + _CHUNK, last) + 1]
            yield print_rows("f", rows, lattice.indices, below)
