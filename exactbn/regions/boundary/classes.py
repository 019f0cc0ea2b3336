"""Classes of a network as neurons, and the exact class of every face.

Let f_0, ..., f_(K-1) be the outputs, K >= 2. The class of a point is the least index of a greatest
output: of those that tie the lowest wins. A network of one output f decides as one of two, (0, f):
its class is 1 where f > 0 and else 0.

Let m_j = max(f_0, ..., f_j). The contests f_j - m_(j-1), j = 1, ..., K-1, are continuous and affine
on every region cut by the contests before them, since m_j = m_(j-1) + relu(f_j - m_(j-1)), so that
they are cut as K - 1 more neurons, each of which reads those before it. In the complex that comes
out every contest has one sign on the relative interior of every face, and the class of the face is
the greatest j whose contest is positive there, 0 where none is. Comparisons of outputs that lose
cut the complex where no class changes; together the contests are one maximum, a unit of the user,
by which such cells are joined (:mod:`exactbn.regions.merging`).

*Where the class changes.* Let G be a face, and P a d-face with the class a that G is a face of.
On P, f_a is the greatest output, so on G it is among the greatest, and the class of G is at most a.
The class is constant near the points of the relative interior of G if and only if it is the same
on all faces that G is a face of: these are met near such a point and no others. If one of those
faces has another class than G, it is a greater one by the same argument, and so is that of a
d-face above it. So

    the boundary is the union of the faces G below a d-face of a greater class,

and it is closed: on a face of G the same two outputs tie.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.complex.lattice import FaceLattice
from exactbn.engines.complex.vertex_signs import vertex_signs
from exactbn.errors import InputError
from exactbn.exact.stages import Contest, Max, Unit
from exactbn.model.arrays import read_only
from exactbn.model.layers import Layer
from exactbn.model.network import Network
from exactbn.model.patterns import columns
from exactbn.model.units import MOST_LEVELS
from exactbn.regions.levels import some_vertex
from exactbn.regions.partition import Partition

Words = NDArray[np.uint64]
Classes = NDArray[np.int64]

#: Classes that a network may have: of every one but the first there is a level of contests.
MOST_CLASSES = MOST_LEVELS + 1


@dataclass(frozen=True, eq=False)
class VertexSigns:
    """The exact signs of all hidden neurons at all vertices, as bits, shape (V, words) each."""

    positive: Words
    negative: Words
    bits: NDArray[np.int64]

    def of_neuron(self, neuron: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return at which vertices a neuron is positive, and at which it is negative."""
        word, shift = divmod(int(self.bits[neuron]), 64)
        one = np.uint64(1)
        positive, negative = (
            (words[:, word] >> np.uint64(shift) & one).astype(np.bool_)
            for words in (self.positive, self.negative)
        )
        return positive, negative


def signs_at_vertices(part: Partition) -> VertexSigns:
    """Return the exact signs of the hidden neurons at the vertices, derived anew."""
    network, lattice = part.network, part.lattice
    blocks = [
        (block.pos, block.neg)
        for block in vertex_signs(network, part.domain, lattice.parents, network.num_hidden)
    ]
    positive, negative = (np.stack(words, axis=1) for words in zip(*blocks, strict=True))
    return VertexSigns(read_only(positive), read_only(negative), columns(network.widths))


def with_contests_as_neurons(network: Network) -> Network:
    """Return the network whose last hidden neurons are the contests of the outputs.

    K - 1 of them, and one, the output itself, where there is one output. What is left as the output
    is the sum of the contests' activations, which is max_k f_k - f_0. Clips and maxima stay units.

    Raises
    ------
    InputError
        If there are more than :data:`MOST_CLASSES` outputs.
    """
    last, count = network.layers[-1], network.num_outputs
    if count > MOST_CLASSES:
        raise InputError(
            f"the network has {count} outputs, expected at most {MOST_CLASSES} classes"
        )
    begin = network.num_inputs + network.num_hidden
    before = network.layers[-2].num_neurons if len(network.layers) > 1 else network.num_inputs
    reads = tuple(range(begin - before, begin)) if last.reads is None else last.reads
    one = Fraction(1)
    rows = [(last.weight[0], last.bias[0])]
    if count > 1:
        base, offset = rows.pop()
        rows = [
            (tuple(s - t for s, t in zip(row, base, strict=True)), bias - offset)
            for row, bias in zip(last.weight[1:], last.bias[1:], strict=True)
        ]
    contests = [
        Layer(((*row, *(-one,) * j),), (bias,), Fraction(0), (*reads, *range(begin, begin + j)))
        for j, (row, bias) in enumerate(rows)
    ]
    end = Layer(
        ((one,) * len(rows),), (Fraction(0),), one, tuple(range(begin, begin + len(rows)))
    )
    return replace(
        network, layers=(*network.hidden, *contests, end),
        units=_units(network, len(rows)),
    )  # fmt: skip


def _units(network: Network, contests: int) -> tuple[Unit, ...]:
    """Return the units of the user of a network with contests: as before, and a maximum."""
    first = network.num_hidden
    known: tuple[Unit, ...] = network.units or tuple(range(first))
    if contests == 1:
        return (*known, first) if network.units else ()
    tree: Contest | int = 0
    for j in range(contests):
        tree = Contest(tree, j + 1, first + j)
    assert isinstance(tree, Contest)
    return (*known, Max(tree))


def classes_of_faces(
    lattice: FaceLattice, signs: VertexSigns, contests: Sequence[int]
) -> tuple[Classes, NDArray[np.bool_]]:
    """Return the class of every face, and of every d-face whether outputs tie on all of it.

    ``contests`` are the neurons that the contests are, in order. Of one contest the class is 1
    where it is positive, and what ties are 0 and its output.
    """
    classes = np.zeros(int(lattice.starts[-1]), dtype=np.int64)
    ties = np.zeros(len(classes), dtype=np.bool_)
    for j, neuron in enumerate(contests):
        positive, negative = (some_vertex(lattice, at) for at in signs.of_neuron(neuron))
        # What tied is behind where another output is ahead of it.
        ties = np.where(positive, False, ties | ~(positive | negative))
        classes[positive] = j + 1
    return classes, ties[lattice.starts[lattice.dim] :]


def greatest_above(lattice: FaceLattice, classes: Classes) -> Classes:
    """Return of every face the greatest class of the faces that it is a face of, and its own."""
    found = classes.copy()
    sizes = np.diff(lattice.indptr)
    for k in range(lattice.dim, 0, -1):
        first, last = lattice.starts[k], lattice.starts[k + 1]
        facets = lattice.indices[lattice.indptr[first] : lattice.indptr[last]]
        np.maximum.at(found, facets, np.repeat(found[first:last], sizes[first:last]))
    return found
