"""Where the pieces of a boundary meet at an angle, and at which units."""

from dataclasses import dataclass

import numpy as np
from flint import fmpz_mat
from numpy.typing import NDArray

from exactbn.regions.boundary.face_set import FaceSet, coordinates, facets_of, vertices_of
from exactbn.regions.partition import Partition


@dataclass(frozen=True)
class Bend:
    """A face of dimension d - 2 of the boundary at which not all of its pieces are in one plane.

    ``pieces`` are the numbers of all pieces that meet there, two or more. ``units`` are the hidden
    neurons of the network that are zero on the face and not on all of these pieces: each of the
    boundary's affine pieces holds on while no unit changes its sign. Where several vanish together
    all are named, whether or not each of them alone would bend the boundary.
    """

    pieces: tuple[int, ...]
    units: tuple[int, ...]


def bends_of(faces: FaceSet, pieces: NDArray[np.int64], neurons: int) -> tuple[Bend, ...]:
    """Return the bends of a set of faces between its pieces, which are places of maximal faces.

    ``neurons`` are how many of the first hidden neurons are looked at.
    """
    part, lattice = faces.partition, faces.partition.lattice
    k = lattice.dim - 1
    if k < 1:
        return ()
    number = np.full(int(faces.face_of.max(initial=-1)) + 1, -1, dtype=np.int64)
    number[faces.maximal[pieces]] = np.arange(len(pieces))
    place = np.full(len(faces.mask), -1, dtype=np.int64)
    place[faces.members] = np.arange(len(faces.members))
    own = faces.members[(faces.members >= lattice.starts[k]) & (faces.members < lattice.starts[-2])]
    own = own[number[faces.face_of[place[own]]] >= 0]
    ridges, owners = facets_of(lattice, own)
    finite = place[ridges] >= 0  # not at infinity
    ridges, cells = ridges[finite], own[owners[finite]]
    # Of a ridge that walls have cut one part says it all.
    meeting: dict[int, dict[int, int]] = {}
    first: dict[int, int] = {}
    for ridge, cell in zip(ridges.tolist(), cells.tolist(), strict=True):
        whole = int(faces.face_of[place[ridge]])
        if whole == int(faces.face_of[place[cell]]):
            continue
        meeting.setdefault(whole, {}).setdefault(int(number[faces.face_of[place[cell]]]), cell)
        first.setdefault(whole, ridge)
    return tuple(
        Bend(tuple(sorted(around)), _units_at(faces, first[whole], list(around.values()), neurons))
        for whole, around in sorted(meeting.items())
        if len(around) > 1 and not _is_flat(part, list(around.values()))
    )


def _is_flat(part: Partition, cells: list[int]) -> bool:
    """Return whether some (d - 1)-faces are in one hyperplane, exactly."""
    _, vertices = vertices_of(part.lattice, np.array(cells))
    points = coordinates(part, np.unique(vertices).tolist())
    return fmpz_mat([list(point) for point in points]).rank() <= part.lattice.dim


def _units_at(faces: FaceSet, ridge: int, cells: list[int], neurons: int) -> tuple[int, ...]:
    """Return the neurons that are zero on a ridge and not on all of some faces above it."""
    lattice, signs = faces.partition.lattice, faces.signs
    decided = signs.positive | signs.negative

    def of(face: int) -> NDArray[np.uint64]:
        _, vertices = vertices_of(lattice, np.array([face]))
        return np.asarray(np.bitwise_or.reduce(decided[vertices], axis=0))

    changing = np.bitwise_or.reduce([of(cell) for cell in cells], axis=0) & ~of(ridge)
    bits = signs.bits[:neurons]
    on = changing[bits // 64] >> (bits % 64).astype(np.uint64) & np.uint64(1)
    return tuple(np.flatnonzero(on).tolist())
