"""Do the faces of a complex prove that its d-faces are all the regions of the domain?

The conditions are those of docs/completeness.md, "The structure": they follow from the face lists,
from the parents of the vertices and from exact signs, and no float is believed beyond its bound. No
dimension, domain or size of numbers is special. Of the engine nothing is assumed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.complex import numbering
from exactbn.engines.complex.lattice import FaceLattice
from exactbn.engines.complex.start import template
from exactbn.engines.complex.vertex_signs import vertex_signs
from exactbn.engines.pattern_table import equal_rows
from exactbn.engines.run import one_blas_thread
from exactbn.errors import StructureError
from exactbn.model.domain import Domain
from exactbn.model.network import Network
from exactbn.model.patterns import num_words
from exactbn.regions import structure_kernels as kernels

Words = NDArray[np.uint64]


def first_fault(
    network: Network, domain: Domain, lattice: FaceLattice, neurons_done: int | None = None
) -> str | None:
    """Return the first thing that does not hold of a complex, None where it proves completeness.

    With None, the patterns of the d-faces are exactly those of the regions of the domain by the
    first ``neurons_done`` hidden neurons (all by default), and two regions are adjacent exactly
    where they have d-faces with a common facet: Theorem 4 of docs/completeness.md.

    Parameters
    ----------
    network : Network
        d inputs.
    domain : Domain
        A box or all of R^d, of dimension d.
    lattice : FaceLattice
        Its coordinates and their bounds are not looked at.
    neurons_done : int, optional
        How many neurons cut the complex.
    """
    try:
        check_structure(network, domain, lattice, neurons_done)
    except StructureError as error:
        return str(error)
    return None


def check_structure(
    network: Network, domain: Domain, lattice: FaceLattice, neurons_done: int | None = None
) -> None:
    """Check what :func:`first_fault` says.

    Raises
    ------
    StructureError
        Which names the first thing that does not hold.
    """
    done = network.num_hidden if neurons_done is None else neurons_done
    _demand(not domain.matrix, "the domain has rows, which no complex has as walls")
    _check_lists(lattice, domain)
    _check_parents(lattice, domain, done)
    _check_closed(lattice)
    walls = _Walls.of(domain)
    off = _off_walls(lattice, walls)
    _check_facets(lattice, walls, off)
    with one_blas_thread():
        _check_signs(network, domain, lattice, done, off)
    _check_patterns(lattice, walls, off)
    _check_flag(lattice, walls, off)
    _demand(
        lattice.euler_characteristic == 1,
        f"Euler's relation fails: the alternating sum of {lattice.f_vector} is "
        f"{lattice.euler_characteristic}, expected 1",
    )


# -- the lists ------------------------------------------------------------------------------------


def _check_lists(lattice: FaceLattice, domain: Domain) -> None:
    """Check that all ids are in range and of the right dimension, once in a list, and in use."""
    starts, indptr, indices = lattice.starts, lattice.indptr, lattice.indices
    _demand(lattice.dim == domain.dim, "the complex has another dimension than the domain")
    _demand(
        starts[0] == 0 and bool(np.all(np.diff(starts) > 0)) and len(indptr) == starts[-1] + 1,
        "the faces are not numbered by dimension",
    )
    _demand(
        not np.any(indptr[: starts[1] + 1]) and bool(np.all(np.diff(indptr) >= 0))
        and indptr[-1] == len(indices),
        "the lists of facets do not follow each other",
    )  # fmt: skip
    face = kernels.wrong_list(starts, indptr, indices)
    _demand(
        face < 0, f"face {face} lists too few facets, one twice, or one of another dimension"
    )
    used = np.zeros(int(starts[-1]), dtype=bool)
    used[indices] = True
    used[starts[-2] :] = True
    _demand(bool(used.all()), "a face lies in no face of the next dimension")


def _check_parents(lattice: FaceLattice, domain: Domain, done: int) -> None:
    """Check that vertices come in the order of the neurons that made them, corners first."""
    parents = lattice.parents
    _demand(len(parents) == lattice.starts[1], "the vertices have not each their parents")
    corners = int(np.count_nonzero(parents[:, 0] < 0))
    own, made = parents[:corners], parents[corners:]
    _demand(
        bool(np.all(own[:, :2] == (-1, 0))) and bool(np.all(np.isin(own[:, 2], _corners(domain)))),
        "the first vertices are not corners of the domain",
    )
    neurons = np.concatenate((np.full(corners, -1), made[:, 2]))
    _demand(
        bool(np.all(np.diff(neurons) >= 0)) and bool(np.all(neurons[corners:] >= 0))
        and neurons[-1] < done,
        "the vertices are not in the order of the neurons that made them",
    )  # fmt: skip
    ends = made[:, :2]
    _demand(
        bool(np.all((ends >= 0) & (ends < len(parents))))
        and bool(np.all(neurons[ends] < neurons[corners:, None])),
        "a vertex has a parent that no earlier neuron made",
    )


def _check_closed(lattice: FaceLattice) -> None:
    """Check that every ridge of a face lies in exactly two of its facets."""
    face = kernels.open_face(lattice.starts, lattice.indptr, lattice.indices)
    _demand(face < 0, f"the boundary of face {face} is not closed")


# -- the walls of the domain ----------------------------------------------------------------------


@dataclass(frozen=True)
class _Walls:
    """The walls of the domain and of its parts, as bits of a word that says which a point is off.

    A box has one part; its walls are lo_1 .. lo_d, hi_1 .. hi_d. R^d has the parts m = 0..d where
    t_m is the least of t = (x_1, ..., x_d, 0). Bit 0 says that a point is not at infinity, bit
    1 + m that t_m is not the least: in part m, that the point is off the wall t_m = t_k.
    ``boundary`` has the bits of the domain's boundary, ``parts`` those of the parts.
    """

    boundary: int
    parts: int
    corners: dict[int, int]

    @classmethod
    def of(cls, domain: Domain) -> "_Walls":
        """Return the walls of a domain, and the word of each of its corners."""
        d, numbers = domain.dim, _corners(domain)
        if domain.box is not None:
            full = (1 << d) - 1
            return cls((1 << 2 * d) - 1, 0, {c: c | (full ^ c) << d for c in numbers})
        # The origin is off infinity; -(1, ..., 1) has all least but t_d = 0; e_i all but t_i.
        rays = {c: 1 << (d + 1 if c == 1 else c - 1) for c in numbers if c}
        return cls(1, (1 << d + 2) - 2, {0: 1, **rays})


def _corners(domain: Domain) -> list[int]:
    """Return the numbers of the domain's corners."""
    return [int(corner) for corner in template(domain).corners]


def _off_walls(lattice: FaceLattice, walls: _Walls) -> Words:
    """Return for every face which walls it does not lie in, and check that it lies in one part.

    A vertex strictly between two others of one part is off the walls that one of them is off.
    """
    off = np.zeros(int(lattice.starts[-1]), dtype=np.uint64)
    corners = int(np.count_nonzero(lattice.parents[:, 0] < 0))
    off[:corners] = [walls.corners[c] for c in lattice.parents[:corners, 2].tolist()]
    kernels.join_parents(lattice.parents, corners, off)
    kernels.join_facets(lattice.indptr, lattice.indices, int(lattice.starts[1]), off)
    if walls.parts:
        astride = np.flatnonzero((off & np.uint64(walls.parts)) == walls.parts)
        _demand(not len(astride), f"face {_first(astride)} lies in no one part of the space")
    return off


def _check_facets(lattice: FaceLattice, walls: _Walls, off: Words) -> None:
    """Check that every facet is in two d-faces, or in one and in the domain's boundary."""
    d = lattice.dim
    first, last = int(lattice.starts[d - 1]), int(lattice.starts[d])
    owners = np.full((last - first, 2), -1, dtype=np.int32)
    cells = lattice.indptr[last:]
    too_many = numbering.facet_owners(cells, lattice.indices, first, owners)
    _demand(not too_many, "a facet lies in more than two d-faces")
    outer = (~off[first:last] & np.uint64(walls.boundary)) != 0
    single = owners[:, 1] < 0
    wrong = np.flatnonzero(single & ~outer)
    _demand(
        not len(wrong), f"facet {_first(wrong)} lies in one d-face only, inside the domain"
    )
    wrong = np.flatnonzero(~single & outer)
    _demand(
        not len(wrong), f"facet {_first(wrong)} lies in two d-faces, but in the domain's boundary"
    )
    inner = owners[~single].astype(np.int64)
    keys = np.sort(inner @ np.array([lattice.num_regions, 1]))
    _demand(bool(np.all(keys[1:] > keys[:-1])), "two d-faces have two facets in common")


# -- signs and patterns ---------------------------------------------------------------------------


def _check_signs(
    network: Network, domain: Domain, lattice: FaceLattice, done: int, off: Words
) -> None:
    """Check the patterns against the exact signs at all vertices, and that no face is flat.

    Every facet of a face lies in the zero set of a form that does not vanish on the face: of a
    neuron, or of a wall.
    """
    indptr, indices, edges = lattice.indptr, lattice.indices, int(lattice.starts[1])
    cells = int(lattice.starts[-2])
    words = lattice.words
    _demand(
        words.shape == (lattice.num_regions, num_words(network.widths)),
        "the d-faces have not one pattern each",
    )
    is_proper = np.zeros(len(indices), dtype=bool)
    kernels.mark_proper(indptr, indices, edges, off, is_proper)
    pos, neg = np.zeros((2, len(off)), dtype=np.uint64)
    blocks = 0
    for blocks, signs in enumerate(vertex_signs(network, domain, lattice.parents, done), 1):
        pos[:edges], neg[:edges] = signs.pos, signs.neg
        kernels.join_signs(indptr, indices, edges, pos, neg, is_proper)
        both = np.flatnonzero(pos[cells:] & neg[cells:])
        _demand(not len(both), f"d-face {_first(both)} has vertices on both sides of a neuron")
        wrong = np.flatnonzero(pos[cells:] != words[:, blocks - 1])
        _demand(
            not len(wrong), f"the pattern of d-face {_first(wrong)} is not that of its vertices"
        )
    _demand(not np.any(words[:, blocks:]), "a pattern holds neurons that are not done")
    flat = np.flatnonzero(~is_proper)
    face = np.searchsorted(indptr, flat[:1], side="right") - 1
    _demand(not len(flat), f"face {_first(face)} has a facet that lies in no wall of it")


def _check_patterns(lattice: FaceLattice, walls: _Walls, off: Words) -> None:
    """Check that no two d-faces of one part have the same pattern."""
    part = off[int(lattice.starts[-2]) :] & np.uint64(walls.parts)
    pair = equal_rows(np.column_stack((lattice.words, part)))
    if pair is not None:
        raise StructureError(f"d-faces {pair[0]} and {pair[1]} have the same pattern")


def _check_flag(lattice: FaceLattice, walls: _Walls, off: Words) -> None:
    """Check that the d-faces cover the domain an odd number of times: Lemma 4, the flag."""
    d, starts = lattice.dim, lattice.starts
    chain = np.arange(int(starts[d]), int(starts[d + 1]))
    if walls.parts:
        # The part 0 of R^d: its walls t_k = t_0 meet in the origin.
        chain = chain[(off[chain] & np.uint64(2)) == 0]
    for k in range(d, 0, -1):
        begin, end = int(starts[k - 1]), int(starts[k])
        odd = begin + np.flatnonzero(
            kernels.odd_facets(lattice.indptr, lattice.indices, chain, begin, end)
        )
        wall = np.uint64(d - k + 2 if walls.parts else d - k)
        chain = odd[(off[odd] >> wall & np.uint64(1)) == 0]
    _demand(len(chain) % 2 == 1, "the d-faces do not cover the domain")


def _demand(holds: bool, sentence: str) -> None:
    if not holds:
        raise StructureError(sentence)


def _first(found: NDArray[np.int64]) -> int:
    """Return the first of the ids found, for a sentence; -1 where there is none."""
    return int(found[0]) if len(found) else -1
