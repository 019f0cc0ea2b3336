"""Partitions as expressions of sympy: relations of regions, and the function of the network.

On and off are > 0 and <= 0, so the sets {x in the domain : the pattern at x is p}, over all p that
some point has, are disjoint and fill the domain. Those without interior are no regions, as where
three lines meet in a point and all three neurons are off at it; as pieces they are needed. The
pattern is the same all over the relative interior of a face: a neuron is positive there if and only
if it is at some vertex. So the patterns of all faces are all there are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exactbn.drawing.windows import Point, value
from exactbn.engines.complex.lattice import FaceLattice
from exactbn.engines.complex.vertex_signs import vertex_signs
from exactbn.errors import InputError, InternalError, LimitError
from exactbn.model.patterns import unpack
from exactbn.model.symbolic import (
    Constraint,
    Row,
    affine_expressions,
    domain_constraints,
    input_symbols,
    pattern_constraints,
    relation,
)
from exactbn.regions.faces import Faces
from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.regions.partition import Partition

#: Pieces that a function may have.
MOST_PIECES = 200

Words = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Piece:
    """All points of the domain with one pattern: where ``constraints`` hold.

    ``pattern`` has 1 or 0 for each unit of the hidden layers. ``is_full`` says whether the piece
    has interior points.
    """

    pattern: tuple[int, ...]
    constraints: tuple[Constraint, ...]
    is_full: bool


def to_piecewise(
    part: "Partition", symbols: Sequence[Any] | None = None, *, max_pieces: int = MOST_PIECES
) -> tuple[Any, ...]:
    """Return the function of the network on the domain, one ``Piecewise`` of sympy an output.

    f(x) = A_p x + b_p where the pattern at x is p, for all patterns p that occur in the domain:
    those of the regions, in their order, and then those of sets without interior. Conditions are
    irredundant for regions, closed and open as the patterns are, and exclude each other; outside
    the domain all are false, and f is not a number.

    Parameters
    ----------
    symbols : d symbols of sympy, optional
        By default real x1, ..., xd.
    max_pieces : int
        How many pieces there may be.

    Raises
    ------
    InputError
        If the partition is incomplete, or has no faces (engine "lp").
    LimitError
        If there are more pieces.

    Examples
    --------
    >>> from exactbn import Network, partition
    >>> net = Network.from_arrays([[[1], [-1]], [[1, "1/2"]]], [[0, 0], [0]])
    >>> to_piecewise(partition(net, (-1, 1)))[0].args[:2]
    ((x1, (x1 <= 1) & (x1 > 0)), (-x1/2, (x1 >= -1) & (x1 < 0)))
    >>> to_piecewise(partition(net, (-1, 1)))[0].args[2:]    # both neurons are off at 0
    ((0, Eq(x1, 0)),)
    """
    import sympy

    names = input_symbols(part.network.num_inputs, symbols)
    found = pieces(part, max_pieces=max_pieces)
    rows = []
    for piece in found:
        values = affine_expressions(part.network.integers.affine_map(piece.pattern), names)
        rows.append((values, relation(piece.constraints, names)))
    return tuple(
        sympy.Piecewise(*((values[k], where) for values, where in rows), evaluate=False)
        for k in range(part.network.num_outputs)
    )


def region_relation(part: "Partition", i: int, symbols: Sequence[Any] | None = None) -> Any:
    """Return the points of the domain with the pattern of region i, as a relation of sympy.

    With faces it is irredundant; without, it has one inequality for each bound and neuron. Of a
    network with maxima it is the union over the patterns that its label stands for.

    Raises
    ------
    InputError
        If the partition is incomplete.
    """
    import sympy

    names = input_symbols(part.network.num_inputs, symbols)
    i = part._checked(i)
    _check_finished(part)
    faces = part.evidence.faces
    if faces is None:
        bits = unpack(part.words[i : i + 1], part.network.widths)[0].tolist()
        constraints = pattern_constraints(part.network, bits) or []
        return relation([*domain_constraints(part.domain), *constraints], names)
    cells = np.flatnonzero(faces.cells.of_cell == i)
    words = np.unique(faces.lattice.words[cells], axis=0)
    return sympy.Or(*(
        relation(_piece(part, faces, row).constraints, names) for row in words
    ))  # fmt: skip


def pieces(part: "Partition", *, max_pieces: int | None = None) -> list[Piece]:
    """Return all patterns that points of the domain have, those of the regions first.

    Raises
    ------
    InputError
        If the partition is incomplete, or has no faces.
    LimitError
        If there are more than ``max_pieces``.
    """
    _check_finished(part)
    faces = part.evidence.faces
    if faces is None:
        raise InputError(
            f"engine {part.engine!r} makes no faces, whose patterns are the pieces; use "
            "engine='complex', or Partition.relation and Partition.affine_map region by region"
        )
    # Where a pattern is found first: d-faces come before the others.
    of_faces: dict[bytes, list[int]] = {row.tobytes(): [] for row in faces.lattice.words}
    count = len(of_faces)
    for row, face in _patterns_of_faces(part, faces):
        of_faces.setdefault(row.tobytes(), []).append(face)
    patterns = [np.frombuffer(key, dtype=np.uint64) for key in of_faces]
    if max_pieces is not None and len(patterns) > max_pieces:
        raise LimitError(
            f"there are {counted(len(patterns), 'piece')}, expected at most {max_pieces}: take a "
            "smaller domain, raise max_pieces, or take Partition.relation and "
            "Partition.affine_map region by region"
        )
    return [
        _piece(part, faces, words, None if k < count else of_faces[words.tobytes()])
        for k, words in enumerate(patterns)
    ]


def _check_finished(part: "Partition") -> None:
    """Raise InputError where regions are not those of all neurons."""
    if part.stopped is not None:
        raise InputError(f"the partition is incomplete: {part.stopped}; raise the budget")


def _patterns_of_faces(part: "Partition", faces: Faces) -> Iterator[tuple[Words, int]]:
    """Yield the pattern of every face that is not at infinity, and the face."""
    lattice = faces.lattice
    blocks = vertex_signs(part.network, part.domain, lattice.parents, part.network.num_hidden)
    positive = np.stack([block.pos for block in blocks] or [np.zeros(len(lattice.x), np.uint64)], 1)
    positive = positive[:, : part.words.shape[1]]
    is_finite = ~lattice.is_at_infinity
    for k in range(lattice.dim + 1):
        if k > 0:
            positive, is_finite = _over_faces(lattice, k, positive, is_finite)
        for f in np.flatnonzero(is_finite).tolist():
            yield positive[f], int(lattice.starts[k]) + f


def _over_faces(
    lattice: FaceLattice, k: int, positive: Words, is_finite: NDArray[np.bool_]
) -> tuple[Words, NDArray[np.bool_]]:
    """Return for each k-face what holds at some vertex, given that for the (k - 1)-faces."""
    begin, end = (int(lattice.indptr[lattice.starts[i]]) for i in (k, k + 1))
    facets = lattice.indices[begin:end] - lattice.starts[k - 1]
    starts = lattice.indptr[lattice.starts[k] : lattice.starts[k + 1]] - begin
    return (
        np.bitwise_or.reduceat(positive[facets], starts, axis=0),
        np.logical_or.reduceat(is_finite[facets], starts),
    )


def _piece(
    part: "Partition", faces: Faces, words: Words, thin: Sequence[int] | None = None
) -> Piece:
    """Return the piece of a pattern; ``thin`` are its faces where it has no interior."""
    pattern = unpack(words[None], part.network.widths)[0].tolist()
    own = pattern_constraints(part.network, pattern)
    if own is None:
        raise InternalError("a pattern of the complex holds nowhere; please report this network")
    constraints = dict(domain_constraints(part.domain))
    for row, is_strict in own:
        constraints[row] = constraints.get(row, False) or is_strict
    kept = _needed(faces, _facets(faces, words) if thin is None else None, thin, constraints)
    return Piece(tuple(pattern), tuple(kept), thin is None)


def _needed(
    faces: Faces, facets: list[set[int]] | None, thin: Sequence[int] | None,
    constraints: Mapping[Row, bool],
) -> list[Constraint]:  # fmt: skip
    """Return the constraints of a piece that say something.

    One that vanishes at no vertex of the closure of a piece follows from the others: its least
    value there is that at a vertex, so it is positive, and a segment from the piece to a point
    where the others hold and it does not would have a zero of it in the closure.

    Where the piece has interior, its closure is where those hold weakly that vanish on one of its
    facets, given by their corners; so of the others those that are not strict follow. A strict one
    takes the face away on which it is zero. It follows if another strict one is zero on all of that
    face, and only then: inside the face one that is zero at a point is zero everywhere.
    """
    corners = facets or [_corners(faces.lattice, f) for f in thin or ()]
    every = sorted({v for found in corners for v in found})
    points: dict[int, Point] = dict(zip(every, faces.points(every), strict=True))
    zeros = {
        row: {v for v, point in points.items() if value(row, point) == 0} for row in constraints
    }
    touching = [row for row in constraints if any(points[v][0] != 0 for v in zeros[row])]
    if facets is None:
        return [(row, constraints[row]) for row in touching]
    kept = [row for row in constraints if any(found <= zeros[row] for found in facets)]
    # The larger a face, the sooner: those that take smaller faces away may follow then.
    for row in sorted(touching, key=lambda row: -len(zeros[row])):
        if constraints[row] and row not in kept:
            if not any(constraints[r] and zeros[row] <= zeros[r] for r in kept):
                kept.append(row)
    return [(row, is_strict) for row, is_strict in constraints.items() if row in kept]


def _facets(faces: Faces, words: Words) -> list[set[int]]:
    """Return the facets of the closure of a region of one pattern, each as its corners."""
    lattice = faces.lattice
    cells = np.flatnonzero((lattice.words == words).all(axis=1))
    begin = int(lattice.starts[lattice.dim])
    lists = [_below(lattice, begin + int(cell)) for cell in cells]
    facets, times = np.unique(np.concatenate(lists), return_counts=True)
    return [_corners(lattice, int(f)) for f in facets[times == 1]]


def _below(lattice: FaceLattice, face: int) -> NDArray[np.int32]:
    """Return the facets of a face."""
    return lattice.indices[lattice.indptr[face] : lattice.indptr[face + 1]]


def _corners(lattice: FaceLattice, face: int) -> set[int]:
    """Return the vertices of a face."""
    faces = {face}
    while any(f >= lattice.starts[1] for f in faces):
        faces = {int(g) for f in faces for g in _below(lattice, f)}
    return faces
