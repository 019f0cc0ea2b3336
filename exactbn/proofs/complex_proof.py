"""The certificate of the complex engine: all faces, and how each vertex was constructed."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from exactbn.complex.lattice import FaceLattice
from exactbn.complex.start import corner_point
from exactbn.domain import Domain
from exactbn.network import Network
from exactbn.proofs.writing import certificate_file, write_head

# Faces that are turned into text at once.
_CHUNK = 1 << 15


def write_complex(
    path: Path,
    network: Network,
    domain: Domain,
    lattice: FaceLattice,
    counts: tuple[int, int],
    *,
    force: bool = False,
) -> None:
    """Write the complex as a certificate that it tiles the domain.

    A vertex is given by its parents, so that no long number is written. ``counts`` are the numbers
    of regions and of adjacencies that the certificate claims.

    Raises
    ------
    InputError
        If the file exists and ``force`` is not set, or cannot be written.
    """
    with certificate_file(path, force=force) as stream:
        write_head(stream, network, domain, "complex")
        for text in _records(domain, lattice):
            stream.write(text)
        stream.write(f"end {counts[0]} {counts[1]}\n")


def _records(domain: Domain, lattice: FaceLattice) -> Iterator[str]:
    """Yield the text of the records in pieces of many lines."""
    for start in range(0, len(lattice.parents), _CHUNK):
        lines = []
        for a, b, n in lattice.parents[start : start + _CHUNK].tolist():
            if a >= 0:
                lines.append(f"c {a} {b} {n}")
            else:
                lines.append(" ".join(["v", *map(str, corner_point(domain, n))]))
        yield "\n".join([*lines, ""])
    for k in range(1, lattice.dim + 1):
        yield f"dim {k}\n"
        below = int(lattice.starts[k - 1])
        names = [str(i) for i in range(int(lattice.starts[k]) - below)]
        for first in range(int(lattice.starts[k]), int(lattice.starts[k + 1]), _CHUNK):
            last = min(first + _CHUNK, int(lattice.starts[k + 1]))
            bounds = lattice.indptr[first : last + 1]
            begin = int(bounds[0])
            texts = [names[i] for i in (lattice.indices[begin : int(bounds[-1])] - below).tolist()]
            ends = (bounds - begin).astype(np.int64).tolist()
            yield "".join(
                f"f {' '.join(texts[a:b])}\n" for a, b in zip(ends, ends[1:], strict=False)
            )
