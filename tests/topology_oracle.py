"""Homology of sets of faces by another way: order complexes, and ranks over GF(p) or gudhi.

Of a complex only the lists of facets are taken. A set of faces, ordered by inclusion, has the order
complex of all its chains, a simplicial complex; incidence numbers, gradients, Smith's form and
duality are not used. A closed set, or an open one, has the homology of the order complex of all
its faces that are not at infinity. A closed set relative to infinity, or with its point, has that
of the order complex of its closure, with a cone over its faces at infinity.
"""

from collections.abc import Iterable
from itertools import combinations

import numpy as np

from exactbn.engines.complex.lattice import FaceLattice

Simplex = tuple[int, ...]

#: The apex of the cone over the faces at infinity.
APEX = -1


def below(lattice: FaceLattice) -> list[frozenset[int]]:
    """Return the proper faces of every face."""
    found: list[frozenset[int]] = []
    for f in range(int(lattice.starts[-1])):
        facets = lattice.indices[lattice.indptr[f] : lattice.indptr[f + 1]].tolist()
        found.append(frozenset(facets).union(*(found[g] for g in facets)))
    return found


def chains(faces: Iterable[int], lower: list[frozenset[int]]) -> set[Simplex]:
    """Return all chains of some faces, each ascending; the empty one is left out."""
    faces = sorted(faces)
    own = set(faces)
    ending: dict[int, list[Simplex]] = {}
    for f in faces:
        ending[f] = [(f,), *((*chain, f) for g in lower[f] & own for chain in ending[g])]
    return {chain for of_f in ending.values() for chain in of_f}


def order_complex(lattice: FaceLattice, is_in: np.ndarray, at_infinity: str) -> set[Simplex]:
    """Return the simplices of a complex with the homology of a set of faces."""
    lower = below(lattice)
    ends = lattice.is_at_infinity
    vertices = [{v for v in (*lower[f], f) if v < len(ends)} for f in range(len(lower))]
    infinite = {f for f, of_f in enumerate(vertices) if all(ends[v] for v in of_f)}
    finite = {int(f) for f in np.flatnonzero(is_in)} - infinite
    closed = finite.union(*(lower[f] for f in finite)) if finite else set()
    if at_infinity == "open" or not closed & infinite:
        return chains(finite, lower)
    found = chains(closed, lower)
    return found | {(APEX, *chain) for chain in chains(closed & infinite, lower)} | {(APEX,)}


def betti_over(simplices: set[Simplex], p: int, dim: int) -> tuple[int, ...]:
    """Return the Betti numbers over GF(p) of dimension 0 to ``dim``, by elimination."""
    ranks = [0]
    by_dim = [sorted(s for s in simplices if len(s) == k + 1) for k in range(dim + 2)]
    for k in range(1, dim + 2):
        rows = []
        for s in by_dim[k]:
            rows.append({t: (-1) ** (k - i) % p
                         for i, t in enumerate(combinations(s, k))})  # fmt: skip
        ranks.append(_rank(rows, p))
    return tuple(len(by_dim[k]) - ranks[k] - ranks[k + 1] for k in range(dim + 1))


def _rank(rows: list[dict[Simplex, int]], p: int) -> int:
    """Return the rank of a sparse matrix over GF(p)."""
    pivots: dict[Simplex, dict[Simplex, int]] = {}
    for row in rows:
        while row:
            lead = max(row)
            if lead not in pivots:
                inverse = pow(row[lead], -1, p)
                pivots[lead] = {c: t * inverse % p for c, t in row.items()}
                break
            factor = row[lead]
            for c, t in pivots[lead].items():
                value = (row.get(c, 0) - factor * t) % p
                if value:
                    row[c] = value
                else:
                    row.pop(c, None)
    return len(pivots)


def betti_by_gudhi(simplices: set[Simplex], p: int, dim: int) -> tuple[int, ...]:
    """Return the Betti numbers over GF(p) of dimension 0 to ``dim``, as gudhi has them."""
    import gudhi

    tree = gudhi.SimplexTree()
    for s in sorted(simplices, key=len):
        tree.insert([v + 1 for v in s])
    assert tree.num_simplices() == len(simplices)
    tree.compute_persistence(homology_coeff_field=p, persistence_dim_max=True)
    found = tree.betti_numbers()
    return tuple(found[k] if k < len(found) else 0 for k in range(dim + 1))
