"""A page that shows how the partition of a plane domain moves along a path.

Vertices are exact; each coordinate is rounded once, to one of some ten thousand places across the
picture.
"""

import json
from collections.abc import Callable
from fractions import Fraction
from importlib.resources import files
from os import PathLike
from typing import TYPE_CHECKING, Any

from exactbn.engines.complex.lattice import FaceLattice
from exactbn.errors import DimensionError, InputError
from exactbn.exact.rational import to_text
from exactbn.output import as_path, check_file, create_text
from exactbn.regions.partition import Partition

if TYPE_CHECKING:
    from exactbn.paths.following import Event, Following

#: Places across the longer side of the picture.
PLACES_ACROSS = 20_000


def write_movie(
    following: "Following",
    path: "str | PathLike[str]",
    *,
    frames: int = 240,
    force: bool = False,
    progress: "Callable[[int, int, str], None] | None" = None,
) -> None:
    """Write one page of HTML that plays the partition, and needs nothing else; d = 2.

    It shows the partition at ``frames`` equally spaced times and, where these are at most so many,
    at the sample of every interval between events, so that none is left out. Below it is the number
    of regions over time, with the events. The file appears whole or not at all.

    Raises
    ------
    DimensionError
        If d is not 2.
    InputError
        If there are fewer than 2 frames, or the file exists without ``force``.
    """
    if following.domain.dim != 2:
        raise DimensionError(
            f"the domain has {following.domain.dim} dimensions, expected 2 for a movie; "
            "Network.restrict takes a plane slice of a network"
        )
    if frames < 2:
        raise InputError(f"frames is {frames}, expected 2 at least")
    target = as_path(path)
    check_file(target, force=force)
    data = json.dumps(_movie(following, frames, progress), separators=(",", ":"))
    template = files("exactbn.paths").joinpath("movie.html").read_text(encoding="utf-8")
    page = template.replace("/*DATA*/null", data.replace("</", "<\\/"))
    with create_text(target, force=force) as stream:
        stream.write(page)


def _movie(
    following: "Following", frames: int, progress: "Callable[[int, int, str], None] | None"
) -> dict[str, Any]:
    """Return what the page shows, as plain numbers and texts."""
    start, end = following.path.times[0], following.path.times[-1]
    times = {start + (end - start) * k / (frames - 1) for k in range(frames)}
    if len(following.samples) <= frames:
        times.update(following.samples)
    colours: dict[bytes, int] = {}
    shapes: dict[str, int] = {}
    shown = []
    box = following.domain.box
    assert box is not None
    sides = [hi - lo for lo, hi in zip(box.lo, box.hi, strict=True)]
    scale = PLACES_ACROSS / max(sides)
    for done, t in enumerate(sorted(times)):
        if progress is not None:
            progress(done, len(times), "frames")
        part = following.partition_at(t)
        keys = [words.tobytes() for words in part.words]
        numbers = [colours.setdefault(key, len(colours)) for key in keys]
        shape = json.dumps([_cycles(part.lattice), numbers], separators=(",", ":"))
        number = shapes.setdefault(shape, len(shapes))
        shown.append([float(t), part.num_regions, number, _places(part, box.lo, box.hi[1], scale)])
    edges, counts = following.steps()
    return {
        "size": [int(side * scale) for side in sides],
        "corners": [list(map(to_text, bounds)) for bounds in (box.lo, box.hi)],
        "network": following.path.networks[0].architecture,
        "frames": shown,
        "shapes": [json.loads(shape) for shape in shapes],
        "edges": edges.tolist(),
        "counts": counts.tolist(),
        "events": [_told(event) for event in following.events],
    }


def _told(event: "Event") -> list[Any]:
    """Return the time of an event and a sentence on it."""
    what = {
        "regions": f"{len(event.born)} born, {len(event.dead)} dead",
        "adjacencies": "adjacencies change",
        "faces": "vertices and edges change",
        "touch": "a touch: the same before and after",
    }[event.kind]
    return [float(event.time), f"t = {event.time}: {what}"]


def _places(part: Partition, lo: tuple[Fraction, ...], top: Fraction, scale: Fraction) -> list[int]:
    """Return the places of all vertices, x and y in turn, y downwards; each is rounded once."""
    faces = part.evidence.faces
    assert faces is not None
    places = []
    for point in faces.points(range(part.lattice.f_vector[0])):
        w, x, y = map(int, point)
        places += [round((Fraction(x, w) - lo[0]) * scale), round((top - Fraction(y, w)) * scale)]
    return places


def _cycles(lattice: FaceLattice) -> list[list[int]]:
    """Return the vertices of each region of a plane complex in order."""
    cycles = []
    for cell in range(int(lattice.starts[2]), int(lattice.starts[3])):
        ends: dict[int, list[int]] = {}
        for edge in lattice.indices[slice(*lattice.indptr[[cell, cell + 1]])].tolist():
            a, b = lattice.indices[slice(*lattice.indptr[[edge, edge + 1]])].tolist()
            ends.setdefault(a, []).append(b)
            ends.setdefault(b, []).append(a)
        first = min(ends)
        cycle, before, at = [first], first, ends[first][0]
        while at != first:
            cycle.append(at)
            a, b = ends[at]
            before, at = at, b if a == before else a
        cycles.append(cycle)
    return cycles
