"""Certificates of homology for exactbn/topology_checker.py; the format is in docs/topology.md."""

from collections.abc import Iterator
from pathlib import Path
from textwrap import shorten

import numpy as np

from exactbn.engines.proofs.writing import certificate_file
from exactbn.regions.topology.chains import ChainComplex
from exactbn.regions.topology.homology import Homology, homology_of_boundaries
from exactbn.regions.topology.morse import Gradient, MorseComplex, gradient, morse_complex

#: The first line, as in the checker.
HEAD = "exactbn-topology 1"
# Characters of a remark.
_LONGEST = 10_000


def write_homology(
    path: Path, complex: ChainComplex, remark: str, *, force: bool = False
) -> Homology:
    """Write a certificate of the homology of a chain complex, compressed where it ends in .gz.

    ``remark`` says in a line of ASCII text what the complex is that of. Returns the homology.

    Raises
    ------
    InputError
        If the file exists and ``force`` is not set, or cannot be written.
    """
    field = gradient(complex)
    reduced = morse_complex(field)
    found = homology_of_boundaries(reduced.counts, reduced.boundaries)
    with certificate_file(path, force=force) as stream:
        for line in _lines(field, reduced, found, remark):
            stream.write(line + "\n")
    return found


def _lines(
    field: Gradient, reduced: MorseComplex, found: Homology, remark: str
) -> Iterator[str]:
    """Yield the lines of a certificate."""
    complex, starts = field.complex, field.complex.starts.tolist()
    yield HEAD
    yield f"of {shorten(remark, _LONGEST)}"
    yield " ".join(["cells", *map(str, complex.counts)])
    for k in range(1, complex.dim + 1):
        entries = complex.signs * (complex.indices.astype(np.int64) - starts[k - 1] + 1)
        for f in range(starts[k], starts[k + 1]):
            own = entries[complex.indptr[f] : complex.indptr[f + 1]].tolist()
            yield " ".join(["c", *map(str, own)])
    for k in range(1, complex.dim + 1):
        partner = field.partner[starts[k - 1] : starts[k]]
        lower = np.flatnonzero(partner >= starts[k])
        yield f"pairs {len(lower)}"
        for i, j in zip(lower.tolist(), (partner[lower] - starts[k]).tolist(), strict=True):
            yield f"p {i} {j}"
    for of_k in reduced.boundaries[1:]:
        for column in of_k:
            yield " ".join(["r", *(f"{i} {number}" for i, number in column)])
    yield " ".join(["betti", *map(str, found.betti)])
    for k, factors in enumerate(found.torsion):
        yield " ".join(["torsion", str(k), *map(str, factors)])
    yield "end"
