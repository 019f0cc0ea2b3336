"""Level sets of one function of the outputs: the partition cut by it, and its sign on every face.

Let f = a . (outputs) be an affine function of the outputs and c a rational number. f - c is
continuous and affine on every region, so it can be cut as one more neuron, the last. In the complex
that comes out no face has vertices of both signs: on the relative interior of a face f - c is
positive throughout, negative throughout or zero throughout. The sign of a face is 0 if f - c is
zero at all its vertices; else that of its vertices at which it is not zero, since f - c is affine
there. Nothing is assumed of the position of {f = c}: it may hold whole regions.

Without a box the complex is that of homogeneous coordinates (x_0, x_0 x), and some vertices are
directions u at infinity. There the sign is that of the slope of f along u, which c does not change:
lim (f(x + t u) - c) / t. A face with a vertex at infinity and one that is a point is an unbounded
polyhedron, and the rule above holds of it: f - c is affine on its cone. A face all of whose
vertices are at infinity has no point in R^d; its sign is that of the slopes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.complex.lattice import FaceLattice
from exactbn.engines.complex.vertex_signs import vertex_signs
from exactbn.engines.run import Progress
from exactbn.errors import DimensionError, InputError, InternalError
from exactbn.exact.rational import Vector, dot, to_fraction, to_text, to_vector
from exactbn.exact.values import Value
from exactbn.model.arrays import read_only
from exactbn.model.asking import as_network
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Layer, Network
from exactbn.output import as_path
from exactbn.regions.partitioning import Partition, partition
from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.regions.topology.homology import Homology

Signs = NDArray[np.int8]
Mask = NDArray[np.bool_]

#: The sets that a level makes, by name.
RELATIONS = ("=", "<", "<=", ">", ">=", "boundary of >", "boundary of <")


@final
@dataclass(frozen=True, eq=False)
class Level(Value):
    """The complex of ``network`` in a domain cut by {f = c}, with the exact sign of f - c per face.

    f(x) = dot(row, network(x)), ``level`` is c. ``partition`` is that by the hidden neurons and
    f - c, which is its last neuron: its network is another one, with the outputs gone. ``signs``,
    shape (faces,), int8, is 1, 0 or -1 for f - c > 0, = 0, < 0 on the relative interior of each
    face of ``partition.lattice``; the first of them are those of the vertices.

    Obtained from :func:`level_partition`.
    """

    network: Network
    row: Vector
    level: Fraction
    partition: Partition
    signs: Signs

    @property
    def lattice(self) -> FaceLattice:
        """Return the faces of the complex."""
        return self.partition.lattice

    @cached_property
    def dims(self) -> NDArray[np.int8]:
        """Return the dimension of every face, shape (faces,)."""
        return read_only(face_dimensions(self.lattice))

    @cached_property
    def is_unbounded(self) -> Mask:
        """Return which faces have a vertex at infinity; none in a box."""
        return read_only(some_vertex(self.lattice, self.lattice.is_at_infinity))

    @cached_property
    def is_at_infinity(self) -> Mask:
        """Return which faces have all their vertices at infinity, so no point in R^d."""
        return read_only(~some_vertex(self.lattice, ~self.lattice.is_at_infinity))

    def faces(self, relation: str) -> Mask:
        """Return the faces whose relative interiors make up a set in R^d, shape (faces,).

        Parameters
        ----------
        relation : "=", "<", "<=", ">", ">=", "boundary of >" or "boundary of <"
            The set {x : f(x) relation c}; or the points with f = c that have points with f > c (or
            f < c) of the domain near them, which is the boundary of that open set in the domain.

        Returns
        -------
        mask
            Faces at infinity are in none of them. In a box, "=", "<=", ">=" and the boundaries are
            closed: with a face all its faces are in it; so they are in R^d but for the faces at
            infinity. "<" and ">" are open: with a face all faces of the complex that it is in.

        Raises
        ------
        InputError
            If the relation is another word.
        """
        signs = self.signs
        if relation not in RELATIONS:
            known = ", ".join(RELATIONS)
            raise InputError(f"the relation is {relation!r}, expected one of {known}")
        if relation.startswith("boundary"):
            side = signs > 0 if relation.endswith(">") else signs < 0
            # A face of the open set that is no region is a face of a region of it.
            found = closure(self.lattice, side) & (signs == 0)
        else:
            found = {"=": signs == 0, "<": signs < 0, "<=": signs <= 0, ">": signs > 0,
                     ">=": signs >= 0}[relation]  # fmt: skip
        return read_only(found & ~self.is_at_infinity)

    def homology(self, relation: str = "=", at_infinity: str = "open") -> "Homology":
        """Return the homology of a set {x : f(x) relation c}, exact: Betti numbers and torsion.

        ``relation`` as for :meth:`faces`; ``at_infinity`` is "open" for the set itself, "point" for
        its closure in the one-point compactification of R^d, "relative" for that relative to
        infinity; see :mod:`exactbn.regions.topology.sets`.

        Examples
        --------
        Of |x| + |y| - 1 it is a circle, of |x| - 1 two lines, which meet at infinity.

        >>> weights = [[[1, 0], [-1, 0], [0, 1], [0, -1]], [[1, 1, 1, 1], [1, 1, 0, 0]]]
        >>> net = Network.from_arrays(weights, [[0, 0, 0, 0], [-1, -1]])
        >>> level_partition(net, output=0).homology().betti
        (1, 1, 0)
        >>> lines = level_partition(net, output=1)
        >>> [lines.homology("=", name).betti for name in ("open", "point", "relative")]
        [(2, 0, 0), (1, 2, 0), (0, 2, 0)]
        >>> lines.homology(">").betti, lines.homology("<=", "relative").betti
        ((2, 0, 0), (0, 1, 0))
        """
        from exactbn.regions.topology.sets import homology

        return homology(self.lattice, self.faces(relation), at_infinity)

    def write_certificate(
        self,
        path: str | Path,
        relation: str = "=",
        at_infinity: str = "open",
        *,
        force: bool = False,
    ) -> "Homology":
        """Write a proof of a homology that exactbn/topology_checker.py checks, and return it.

        Compressed where the name ends in .gz. It proves the Betti numbers and the torsion of the
        complex of the faces, as :meth:`homology` has them; not what faces there are, which the
        certificate of ``partition`` proves.

        Raises
        ------
        InputError
            As for :meth:`homology`; if the file exists without ``force``, or is not writable.
        """
        from exactbn.regions.topology.certificate import write_homology
        from exactbn.regions.topology.sets import set_complex

        complex = set_complex(self.lattice, self.faces(relation), at_infinity)
        remark = (
            f"f {relation} {to_text(self.level)}, at infinity: {at_infinity}, f = outputs times "
            f"{' '.join(map(to_text, self.row))}, network {self.network.sha256}, "
            f"domain {self.partition.domain}"
        )
        return write_homology(as_path(path), complex, remark, force=force)

    def value(self, x: Sequence[object]) -> Fraction:
        """Return f(x), exact; f, not f - c."""
        return dot(self.row, self.network.forward(x))


def level_partition(
    network: object,
    box: Box | Domain | tuple[object, object] | None = None,
    *,
    rows: tuple[object, object] | None = None,
    output: object = None,
    level: object = 0,
    workers: int = 1,
    progress: Progress | None = None,
) -> Level:
    """Return the complex of a network in a domain, cut by {f = c}, and the signs of f - c on it.

    Parameters
    ----------
    network, box, rows, workers, progress
        As for :func:`exactbn.partition`: a box, a polytope or all of R^d. A slice of the inputs is
        the domain of ``network.restrict(origin, directions)``.
    output : int, or sequence of numbers, optional
        f: the output of that number, counted from 0, or the sum of the outputs times these exact
        numbers, (1, -1) for the difference of two. Not needed where there is one output.
    level : number
        c, exact.

    Raises
    ------
    InputError, DimensionError
        If f is not one function of the outputs, or as for :func:`exactbn.partition`.

    Examples
    --------
    |x| + |y| - 1 is zero on a square, which has four vertices and four edges.

    >>> weights = [[[1, 0], [-1, 0], [0, 1], [0, -1]], [[1, 1, 1, 1]]]
    >>> net = Network.from_arrays(weights, [[0, 0, 0, 0], [-1]])
    >>> square = level_partition(net, (-4, 4))
    >>> [int((square.faces("=") & (square.dims == k)).sum()) for k in range(3)]
    [4, 4, 0]

    In the plane f is at least 1 - 1 along both axes; no face at infinity has the sign 0.

    >>> everywhere = level_partition(net, level="1/2")
    >>> bool((everywhere.signs[everywhere.is_at_infinity] > 0).all())
    True
    """
    network = as_network(network)
    row = functional(network, output)
    c = to_fraction(level, "the level")
    cut = partition(
        with_function_as_neuron(network, row, c), box, rows=rows, engine="complex",
        workers=workers, progress=progress,
    )  # fmt: skip
    return Level(network, row, c, cut, read_only(face_signs(cut.lattice, last_signs(cut))))


def functional(network: Network, output: object) -> Vector:
    """Return the coefficients of a function of the outputs, see :func:`level_partition`.

    >>> functional(Network.from_arrays([[[1], [2]]], [[0, 0]]), 1)
    (Fraction(0, 1), Fraction(1, 1))
    """
    count = network.num_outputs
    if output is None:
        if count != 1:
            raise InputError(
                f"the network has {counted(count, 'output')}, so that it does not say which "
                "function is meant; expected output=0, the number of one of them, or "
                "output=(1, -1, ...), what each is multiplied with"
            )
        output = 0
    if isinstance(output, (int, np.integer)) and not isinstance(output, bool):
        if not 0 <= output < count:
            raise InputError(f"output is {output}, expected 0 to {count - 1}")
        return tuple(Fraction(int(k == output)) for k in range(count))
    row = to_vector(output, "output")  # type: ignore[arg-type]
    if len(row) != count:
        raise DimensionError(
            f"output has {counted(len(row), 'number')}, expected {count} as the network has outputs"
        )
    return row


def with_function_as_neuron(network: Network, row: Sequence[Fraction], c: Fraction) -> Network:
    """Return the network whose last hidden neuron is dot(row, outputs) - c, and its only output.

    A neuron only splits: what is behind it does not matter. Clips and maxima are given up as units
    of the user; the complex of their comparisons is the same.
    """
    last = network.layers[-1]
    columns = zip(*last.weight, strict=True)
    weight = (tuple(dot(row, column) for column in columns),)
    hidden = Layer(weight, (dot(row, last.bias) - c,), Fraction(0), last.reads)
    end = Layer(((Fraction(1),),), (Fraction(0),), Fraction(1))
    return replace(network, layers=(*network.layers[:-1], hidden, end), units=())


def last_signs(part: Partition) -> Signs:
    """Return the exact sign of the last hidden neuron at every vertex, shape (V,), derived anew.

    Raises
    ------
    InputError
        If the partition is incomplete.
    """
    if part.stopped is not None:
        raise InputError(f"the partition is incomplete, {part.stopped}, so there are no signs")
    lattice, network = part.lattice, part.network
    *_, block = vertex_signs(network, part.domain, lattice.parents, network.num_hidden)
    # The last neuron is the last bit; units that it does not read may share its block.
    shift = np.uint64(block.width - 1)
    positive, negative = ((words >> shift & np.uint64(1)) for words in (block.pos, block.neg))
    return positive.astype(np.int8) - negative.astype(np.int8)


def face_signs(lattice: FaceLattice, at_vertices: Signs) -> Signs:
    """Return the sign of every face of a complex, given the signs at its vertices, shape (faces,).

    Of a function that is affine on every face and is zero on no face's inside only, see the head of
    this module.

    Raises
    ------
    InternalError
        If some face has vertices of both signs, so that the complex is not cut by the function.
    """
    positive = some_vertex(lattice, at_vertices > 0)
    negative = some_vertex(lattice, at_vertices < 0)
    mixed = np.flatnonzero(positive & negative)
    if len(mixed):
        raise InternalError(
            f"face {mixed[0]} has vertices on both sides of the level; please report this network"
        )
    return positive.astype(np.int8) - negative.astype(np.int8)


def some_vertex(lattice: FaceLattice, of_vertex: Mask) -> Mask:
    """Return of every face whether it has a vertex with a property, shape (faces,)."""
    found = np.zeros(int(lattice.starts[-1]), dtype=np.bool_)
    found[: lattice.starts[1]] = of_vertex
    for k in range(1, lattice.dim + 1):
        first, last = lattice.starts[k], lattice.starts[k + 1]
        lists = lattice.indptr[first : last + 1]
        if first < last:
            own = found[lattice.indices[lists[0] : lists[-1]]]
            found[first:last] = np.logical_or.reduceat(own, lists[:-1] - lists[0])
    return found


def closure(lattice: FaceLattice, faces: Mask) -> Mask:
    """Return the faces of some faces, themselves included: the least closed set with them."""
    found = faces.copy()
    sizes = np.diff(lattice.indptr)
    for k in range(lattice.dim, 0, -1):
        first, last = lattice.starts[k], lattice.starts[k + 1]
        lists = lattice.indices[lattice.indptr[first] : lattice.indptr[last]]
        found[lists[np.repeat(found[first:last], sizes[first:last])]] = True
    return found


def face_dimensions(lattice: FaceLattice) -> NDArray[np.int8]:
    """Return the dimension of every face, shape (faces,)."""
    counts = np.diff(lattice.starts)
    return np.repeat(np.arange(lattice.dim + 1, dtype=np.int8), counts)
