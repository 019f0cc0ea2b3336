"""Do the faces of a complex prove that its d-faces are all the regions of the domain?

The conditions are those of docs/completeness.md, "The structure": they follow from the face lists,
from the parents of the vertices and from exact signs, and no float is believed beyond its bound. No
dimension, domain or size of numbers is special. Of the engine nothing is assumed.
"""

from dataclasses import dataclass

import numpy as np
from flint import fmpz, fmpz_mat
from numpy.typing import NDArray

from exactbn.engines.complex import numbering
from exactbn.engines.complex.lattice import FaceLattice
from exactbn.engines.complex.start import corner_points, template
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
        A box or all of R^d, cut by rows or not, of dimension d.
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


@dataclass(frozen=True, eq=False)
class _Walls:
    """The walls of the domain and of its parts, as bits that say which a point is off.

    Bits come in words of 64, the least first. A box is one part, and so is what rows leave of it.
    R^d has the parts m = 0..d where t_m is the least of t = (x_1, ..., x_d, 0): bit m says that t_m
    is not the least, so in part m that the point is off the wall t_m = t_k. ``parts`` is the number
    of these bits. Next comes the bit that says that a point is not at infinity, or the bits of a
    box, lo_1 .. lo_d, hi_1 .. hi_d; then those of the rows. ``corners`` has the words of each
    corner, one a row.
    """

    parts: int
    boundary: Words
    corners: dict[int, Words]

    @classmethod
    def of(cls, domain: Domain) -> "_Walls":
        """Return the walls of a domain, and the words of each of its corners.

        Raises
        ------
        StructureError
            If a corner is outside the domain.
        """
        numbers, at = _corners(domain), corner_points(domain)
        points = fmpz_mat([list(row) for row in zip(*map(at, numbers), strict=True)])
        values = (_forms(domain) * points).tolist()
        _demand(all(t >= 0 for row in values for t in row), "a corner is outside the domain")
        off = [[t != 0 for t in row] for row in values]
        parts = 0
        if domain.box is None:
            parts = 1 + domain.dim
            t = [*points.tolist()[1:], [fmpz(0)] * len(numbers)]
            least = [min(column) for column in zip(*t)]
            off = [[s != m for s, m in zip(row, least, strict=True)] for row in t] + off
        words = _packed(np.array(off).T)
        boundary = np.arange(len(off)) >= parts
        return cls(parts, _packed(boundary[None])[0], dict(zip(numbers, words, strict=True)))

    @property
    def part(self) -> np.uint64:
        """Return the bits of the parts, all in the first word."""
        return np.uint64((1 << self.parts) - 1)


def _forms(domain: Domain) -> fmpz_mat:
    """Return the forms in (x_0, x) that are >= 0 on the domain, zero on its walls."""
    d, box = domain.dim, domain.box
    forms: list[list[int]] = []
    if box is None:
        forms.append([1] + [0] * d)
    else:
        for sign, bounds in ((1, box.lo), (-1, box.hi)):
            for i, t in enumerate(bounds):
                axis = [sign * t.denominator * (i == k) for k in range(d)]
                forms.append([-sign * t.numerator, *axis])
    rows = zip(domain.matrix, domain.bounds, strict=True)  # integers
    forms += [[int(b), *(-int(t) for t in a)] for a, b in rows]
    return fmpz_mat(forms)


def _packed(bits: NDArray[np.bool_]) -> Words:
    """Return rows of bits as rows of words."""
    octets = np.packbits(bits, axis=1, bitorder="little")
    padded = np.zeros((len(octets), -(-octets.shape[1] // 8) * 8), dtype=np.uint8)
    padded[:, : octets.shape[1]] = octets
    return padded.view("<u8").astype(np.uint64)


def _corners(domain: Domain) -> list[int]:
    """Return the numbers of the domain's corners."""
    return [int(corner) for corner in template(domain).corners]


def _off_walls(lattice: FaceLattice, walls: _Walls) -> Words:
    """Return for every face which walls it does not lie in, and check that it lies in one part.

    Shape (words, faces). A vertex strictly between two others of one part is off the walls that
    one of them is off.
    """
    off = np.zeros((len(walls.boundary), int(lattice.starts[-1])), dtype=np.uint64)
    corners = int(np.count_nonzero(lattice.parents[:, 0] < 0))
    off[:, :corners] = np.array([walls.corners[c] for c in lattice.parents[:corners, 2].tolist()]).T
    for word in off:
        kernels.join_parents(lattice.parents, corners, word)
        kernels.join_facets(lattice.indptr, lattice.indices, int(lattice.starts[1]), word)
    if walls.parts:
        astride = np.flatnonzero((off[0] & walls.part) == walls.part)
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
    outer = ((~off[:, first:last] & walls.boundary[:, None]) != 0).any(axis=0)
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
    for word in off:
        kernels.mark_proper(indptr, indices, edges, word, is_proper)
    pos, neg = np.zeros((2, off.shape[1]), dtype=np.uint64)
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
    part = off[0, int(lattice.starts[-2]) :] & walls.part
    pair = equal_rows(np.column_stack((lattice.words, part)))
    if pair is not None:
        raise StructureError(f"d-faces {pair[0]} and {pair[1]} have the same pattern")


def _check_flag(lattice: FaceLattice, walls: _Walls, off: Words) -> None:
    """Check that the d-faces cover the domain an odd number of times: Lemma 4, the flag.

    Each wall is one in which some odd facet lies, and not all of the faces before.
    """
    d, starts = lattice.dim, lattice.starts
    chain = np.arange(int(starts[d]), int(starts[d + 1]))
    if walls.parts:
        # One part that has a d-face. No face of it is off its own bit, so that is no wall of it.
        least = ~off[0, chain[0]] & walls.part
        m = least & (~least + np.uint64(1))
        chain = chain[(off[0, chain] & m) == 0]
    for k in range(d, 0, -1):
        begin, end = int(starts[k - 1]), int(starts[k])
        odd = begin + np.flatnonzero(
            kernels.odd_facets(lattice.indptr, lattice.indices, chain, begin, end)
        )
        whole = np.bitwise_or.reduce(off[:, chain], axis=1)
        lies_in = whole & ~off[:, odd[:1]].sum(axis=1, dtype=np.uint64)
        place = np.flatnonzero(_bits(lies_in)) if len(odd) else np.array([], dtype=np.int64)
        _demand(bool(len(place)), "the d-faces do not cover the domain")
        word, bit = divmod(int(place[0]), 64)
        chain = odd[(off[word, odd] >> np.uint64(bit) & np.uint64(1)) == 0]
    _demand(len(chain) % 2 == 1, "the d-faces do not cover the domain")


def _bits(words: Words) -> NDArray[np.bool_]:
    """Return the bits of words, the least first."""
    octets = words.astype("<u8").view(np.uint8)
    return np.unpackbits(octets, bitorder="little").astype(bool)


def _demand(holds: bool, sentence: str) -> None:
    if not holds:
        raise StructureError(sentence)


def _first(found: NDArray[np.int64]) -> int:
    """Return the first of the ids found, for a sentence; -1 where there is none."""
    return int(found[0]) if len(found) else -1
