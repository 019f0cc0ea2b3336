"""Homology of sets in the domain, closed or open, bounded or not.

A set is given by the faces of the complex whose relative interiors make it up. Without a box faces
go to infinity, and there are three things to ask of a closed set K of R^d, by name:

``"open"``
    K itself. The faces of K that have no vertex at infinity have the homology of K: each face of
    the complex has a vertex that is a point, the bounded faces of such a polyhedron form a
    contractible complex, and so Quillen's fibre lemma applies to the inclusion of the bounded faces
    in all faces of K, ordered by inclusion.
``"point"``
    The closure of K in the one-point compactification of R^d, a sphere: K and the point at
    infinity if K is unbounded, K if it is bounded.
``"relative"``
    The closure of K relative to infinity, which is the homology of K with closed supports
    (Borel-Moore): the chain complex of all its faces but those at infinity.

A line has the Betti numbers (1, 0), (1, 1) and (0, 1). In a box the three are one.

An open set U, with a face all faces of the domain that it is in, is asked for by duality. The
domain is a manifold with boundary, and U without the boundary has the homology of U. Each of its
k-faces has a dual cell of dimension d - k, and these form a complex of the same homology
(Poincare): its boundary matrices are those of the faces, transposed. Here "relative" is the
homology with closed supports again, and there is no "point".
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.complex.lattice import FaceLattice
from exactbn.errors import DimensionError, InputError
from exactbn.regions.faces import Faces
from exactbn.regions.levels import closure, some_vertex
from exactbn.regions.topology.chains import ChainComplex, chain_complex
from exactbn.regions.topology.homology import Homology, homology_of

Mask = NDArray[np.bool_]

#: What becomes of infinity, by name.
AT_INFINITY = ("open", "point", "relative")


def homology(lattice: FaceLattice, is_in: Mask, at_infinity: str = "open") -> Homology:
    """Return the homology over Z of a set of faces of a complex, exact.

    Parameters
    ----------
    lattice : FaceLattice
        Of a partition or a level, ``part.lattice``.
    is_in : mask, shape (faces,)
        Which faces are in the set, with their relative interiors. Closed (with a face all its
        faces that are not at infinity) or open (with a face all faces that it is in); for
        "relative", what is between, too. Faces at infinity do not count.
    at_infinity : "open", "point" or "relative"
        See :mod:`.sets`; of no effect on closed sets in a box.

    Raises
    ------
    DimensionError
        If the mask has another length than there are faces.
    InputError
        If the set is neither closed nor open, or ``at_infinity`` is no such name or cannot serve.
    StructureError
        If the faces do not fit together.

    Examples
    --------
    The boundary of a square, and the square without it.

    >>> import exactbn
    >>> net = exactbn.Network.from_arrays([[[1, 0]], [[1]]], [[0], [0]])
    >>> lattice = exactbn.partition(net, (1, 2)).lattice
    >>> boundary = np.arange(9) < 8
    >>> homology(lattice, boundary).betti, homology(lattice, ~boundary).betti
    ((1, 1, 0), (1, 0, 0))
    """
    return homology_of(set_complex(lattice, is_in, at_infinity))


def check_at_infinity(name: str) -> None:
    """Raise InputError unless a text says what becomes of infinity."""
    if name not in AT_INFINITY:
        raise InputError(f"at_infinity is {name!r}, expected one of {', '.join(AT_INFINITY)}")


def set_complex(lattice: FaceLattice, is_in: Mask, at_infinity: str = "open") -> ChainComplex:
    """Return the chain complex by which :func:`homology` answers.

    For "point" it is that of "relative" and, where the set is unbounded, a vertex more, apart from
    all others: the closure has the homology relative to its point and that of a point.
    """
    check_at_infinity(at_infinity)
    faces = _finite(lattice, is_in)
    if at_infinity == "relative":
        return chain_complex(lattice, faces)
    unbounded = some_vertex(lattice, lattice.is_at_infinity)
    finite = _finite(lattice, np.ones_like(faces))
    is_closed = not (closure(lattice, faces) & finite & ~faces).any()
    if at_infinity == "point":
        if not is_closed:
            raise InputError("the set is not closed, so it is not asked for with its point")
        chains = chain_complex(lattice, faces)
        return chains.with_point() if (faces & unbounded).any() else chains
    if is_closed:
        return chain_complex(lattice, faces & ~unbounded)
    if (closure(lattice, finite & ~faces) & faces).any():
        raise InputError(
            "the set of faces is neither closed nor open in the domain; expected one that is, or "
            "at_infinity='relative' for homology with closed supports"
        )
    return chain_complex(lattice, faces & ~boundary_faces(lattice)).transposed()


def union_of_regions(faces: Faces, regions: Sequence[int]) -> Mask:
    """Return the faces of the union of some closed regions, shape (faces,)."""
    lattice = faces.lattice
    found = np.zeros(int(lattice.starts[-1]), dtype=np.bool_)
    found[lattice.starts[lattice.dim] :] = np.isin(faces.cells.of_cell, list(regions))
    return _finite(lattice, closure(lattice, found))


def boundary_faces(lattice: FaceLattice) -> Mask:
    """Return which faces are in the boundary of the domain, or at infinity, shape (faces,)."""
    d = lattice.dim
    outer = np.zeros(int(lattice.starts[-1]), dtype=np.bool_)
    outer[lattice.starts[d - 1] : lattice.starts[d]] = lattice.owners[:, 1] < 0
    return closure(lattice, outer)


def _finite(lattice: FaceLattice, is_in: Mask) -> Mask:
    """Return the faces of a set that are not at infinity."""
    is_in = np.asarray(is_in, dtype=np.bool_)
    faces = int(lattice.starts[-1])
    if is_in.shape != (faces,):
        raise DimensionError(
            f"the mask has shape {is_in.shape}, expected ({faces},), one entry a face"
        )
    return is_in & some_vertex(lattice, ~lattice.is_at_infinity)


def components(lattice: FaceLattice, is_in: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return of every face of a closed set the number of its connected component, -1 off it.

    Shape (faces,); components are numbered in the order of their first vertices. How many there are
    is the Betti number of dimension 0.

    >>> import exactbn
    >>> net = exactbn.Network.from_arrays([[[1, 0]], [[1]]], [[0], [0]])
    >>> lattice = exactbn.partition(net, (1, 2)).lattice
    >>> components(lattice, np.arange(9) < 4)[:5].tolist()
    [0, 1, 2, 3, -1]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    chains = chain_complex(lattice, is_in)
    n = len(chains.cells)
    owners = np.repeat(np.arange(n), np.diff(chains.indptr))
    links = coo_array((np.ones(len(owners), np.int8), (owners, chains.indices)), shape=(n, n))
    labels = connected_components(links, directed=False)[1] if n else np.empty(0, np.int64)
    _, first, label = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    found = np.full(int(lattice.starts[-1]), -1, dtype=np.int64)
    found[chains.cells] = rank[label]
    return found
