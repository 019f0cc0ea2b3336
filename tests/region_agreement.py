"""Regions as objects against brute force: ``python -m tests.region_agreement --networks 500``.

Each random hard network of the self-check is partitioned by both engines. What the objects say is
held against cells by double description of every region apart (:mod:`exactbn.selfcheck.brute`),
against relations that volumes and facets satisfy, against exact forward passes, and against each
other. All in fractions and integers.
"""

import argparse
import sys
import traceback
from collections import Counter
from fractions import Fraction
from math import isfinite, isqrt
from random import Random

import numpy as np

import exactbn
from exactbn.errors import ExactBNError, InputError, LimitError
from exactbn.exact.rational import nearest_float
from exactbn.model.labels import labels_of
from exactbn.regions.partition import Partition
from exactbn.regions.polyhedra import dimension, polyhedron, simplex_volume, value
from exactbn.regions.region import Region
from exactbn.selfcheck.brute import BrutePartition, BruteRegion, brute_partition
from exactbn.selfcheck.brute import volume as brute_volume
from exactbn.selfcheck.families import NAMES, draw_problem
from exactbn.selfcheck.problem import Problem

Row = tuple[int, ...]


def root(square: Fraction) -> Fraction:
    """Return the rational square root of a square."""
    found = Fraction(isqrt(square.numerator), isqrt(square.denominator))
    assert found**2 == square
    return found


def partitions(problem: Problem) -> list[Partition]:
    """Return the partitions of a problem by both engines; none of an empty domain."""
    options = {} if problem.rows is None else {"rows": problem.rows}
    try:
        return [
            exactbn.partition(problem.network, problem.box, engine=engine, **options)
            for engine in ("complex", "lp")
        ]
    except InputError:
        return []


def check_problem(problem: Problem, counts: Counter[str]) -> None:
    """Check all that is said of a problem; AssertionError where something does not hold."""
    parts = partitions(problem)
    if not parts:
        return
    try:
        brute = brute_partition(problem.network, problem.box, problem.rows)
    except LimitError:
        return
    counts["networks"] += 1
    counts["regions"] += parts[0].num_regions
    random = Random(problem.name)
    objects = [{region.pattern.tobytes(): region for region in part} for part in parts]
    for name, region in objects[0].items():
        other = objects[1][name]
        assert region.sides == other.sides and region.polyhedron == other.polyhedron
        assert region.bounding_box == other.bounding_box
        assert region.affine_map == other.affine_map
        check_faces(region)
        check_balls(region)
        check_facets(region)
        counts["facets"] += len(region.sides)
    check_cells(parts[0], objects[0], brute)
    for part in parts:
        check_places(part, random)
        for _ in range(4):
            check_path(part, random)
            counts["paths"] += 1
        check_linear(part)
    check_counts(parts[0])


def check_faces(region: Region) -> None:
    """Check vertices and rays against the rows, volumes against the engine's."""
    part = region.partition
    for x in region.vertices:
        assert region.contains(x) and part.domain.contains(x)
    whole = region.polyhedron
    assert whole.points, "a polyhedron has a point"
    for ray in whole.generators:
        assert all(value(side.row, ray) >= 0 for side in region.sides)
    assert region.is_bounded == whole.is_bounded
    assert all(t > 0 for t in (b - sum(s * x for s, x in zip(a, region.witness))
                               for a, b in zip(*region.halfspaces)))  # fmt: skip
    lo, hi = region.bounding_box
    for axis in range(region.dim):
        ends = [x[axis] for x in region.vertices]
        ways = {(u[axis] > 0) - (u[axis] < 0) for u in (*region.rays, *region.lines)}
        ways |= {-1, 1} if any(u[axis] for u in region.lines) else set()
        assert lo[axis] == (None if -1 in ways else min(ends))
        assert hi[axis] == (None if 1 in ways else max(ends))
    if region.is_bounded:
        if part.has_faces:
            assert region.volume == part.volume(region.index)
        assert region.contains(region.centroid)
        assert region.as_float().volume == nearest_float(*region.volume.as_integer_ratio())
    else:
        try:
            region.volume
            raise AssertionError("an unbounded region has a volume")
        except InputError:
            pass


def check_balls(region: Region) -> None:
    """Check that balls are inside, and that none is greater: multipliers of rows that touch it."""
    for norm in ("inf", 1, 2):
        try:
            ball = region.inscribed_ball(norm)
        except InputError:
            # Then directions u exist with g u > 0 for all rows: the cone of them has an interior.
            cone = [(0, *side.row[1:]) for side in region.sides]
            assert dimension(polyhedron(cone, region.dim).generators) == region.dim
            continue
        assert 0 < ball.radius <= ball.most and (norm == 2 or ball.is_exact)
        for c, *g in (side.row for side in region.sides):
            height = c + sum(s * t for s, t in zip(g, ball.center))
            if norm == 2:
                assert height > 0 and height**2 >= ball.radius**2 * sum(t * t for t in g)
            else:
                length = sum(map(abs, g)) if norm == "inf" else max(map(abs, g))
                assert height >= ball.radius * length
        if norm != 2:
            assert not greater_exists(region, norm, ball.radius)
        else:
            assert ball.most - ball.radius <= ball.most / 2**60


def greater_exists(region: Region, norm: object, radius: Fraction) -> bool:
    """Return whether a ball of a greater radius is inside: by the generators of all balls."""
    rows = []
    for c, *g in (side.row for side in region.sides):
        length = sum(map(abs, g)) if norm == "inf" else max(map(abs, g))
        rows.append((c, *g, -length))
    balls = polyhedron(rows, region.dim + 1)
    if any(ray[-1] > 0 for ray in (*balls.rays,)) or any(line[-1] for line in balls.lines):
        return True
    return max(Fraction(p[-1], p[0]) for p in balls.points) > radius


def check_facets(region: Region) -> None:
    """Check that facets close the region, and that borders fill the facets."""
    facets, d = region.facets, region.dim
    beyond = [facet.neighbour for facet in facets if facet.neighbour is not None]
    assert sorted(beyond) == region.neighbours.tolist(), "just one facet to each neighbour"
    total = [Fraction(0)] * d
    height = Fraction(0)
    for facet in facets:
        assert dimension(facet.polyhedron.generators) == d - 1, "a facet of too few dimensions"
        assert bool(facet.domain) == (facet.neighbour is None), "the domain ends there alone"
        assert bool(facet.flips) == (facet.neighbour is not None)
        assert facet.units or facet.domain
        if facet.neighbour is not None:
            other = region.partition.region(facet.neighbour).facet(region.index)
            assert other.row == tuple(-t for t in facet.row)
            own, theirs = facet.polyhedron, other.polyhedron
            assert own.generators == theirs.generators, "the facet is not that of the neighbour"
        c, *g = facet.row
        if facet.is_bounded:
            # Volume over |g| is rational.
            square = sum(t * t for t in g)
            own = root(facet.squared_volume / square)
            total = [s + own * t for s, t in zip(total, g)]
            height += own * c
            if isfinite(facet.volume.radius):
                middle, radius = map(Fraction, facet.volume)
                assert max(middle - radius, Fraction(0)) ** 2 <= facet.squared_volume
                assert facet.squared_volume <= (middle + radius) ** 2
    if region.is_bounded:
        assert not any(total), "the facets do not close"
        assert height == d * region.volume, "the facets do not span the volume"


def check_cells(part: Partition, objects: dict[bytes, Region], brute: BrutePartition) -> None:
    """Check regions against the cells that brute force finds."""
    found: dict[bytes, list[BruteRegion]] = {}
    for cell in brute.regions:
        bits = np.array([cell.pattern], dtype=np.uint8)
        units = part.network.units
        label = labels_of(units, bits)[0] if units else bits[0].astype(part.patterns.dtype)
        found.setdefault(label.tobytes(), []).append(cell)
    assert set(found) == set(objects)
    d = part.network.num_inputs
    for name, cells in found.items():
        region = objects[name]
        assert region.is_bounded == (not any(cell.is_unbounded for cell in cells))
        rays = {ray for cell in cells for ray, _ in cell.rays}
        assert all(value(side.row, ray) >= 0 for ray in rays for side in region.sides)
        if not any(cell.lines for cell in cells):
            own = {*region.polyhedron.points, *region.polyhedron.rays}
            assert own <= rays and (len(cells) > 1 or own == rays) and not region.lines
        if region.is_bounded:
            assert region.volume == sum(brute_volume(cell, d) for cell in cells)


def random_points(part: Partition, random: Random, count: int) -> list[tuple[Fraction, ...]]:
    """Return points, many of them on vertices, walls, and between them."""
    corners = [x for region in part for x in region.vertices]
    d = part.network.num_inputs
    found = []
    for _ in range(count):
        kind = random.randrange(4)
        if kind == 0:
            x = random.choice(corners)
        elif kind == 1:
            p, q = random.choice(corners), random.choice(corners)
            x = tuple((s + t) / 2 for s, t in zip(p, q))
        elif kind == 2:
            x = tuple(Fraction(random.randrange(-12, 13), random.choice((1, 2, 4, 3)))
                      for _ in range(d))  # fmt: skip
        else:
            x = part.witness(random.randrange(part.num_regions))
        found.append(x)
    return found


def check_places(part: Partition, random: Random) -> None:
    """Check the float path of regions_of against the exact one."""
    points = random_points(part, random, 80)
    floats = np.array([[float(t) if abs(t) < 1e300 else 0.0 for t in x] for x in points])
    exact = [tuple(map(Fraction, x)) for x in floats.tolist()]
    expected = [-1 if (i := part.region_of(x)) is None else i for x in exact]
    assert part.regions_of(floats).tolist() == expected
    assert part.regions_of(exact).tolist() == expected


def check_path(part: Partition, random: Random) -> None:
    """Check a path against region_of and exact forward passes."""
    a, b = random_points(part, random, 2)
    if a == b:
        return
    path = part.along(a, b)
    assert path.parameters[0] == 0 and path.parameters[-1] == 1
    assert all(s < t for s, t in zip(path.parameters, path.parameters[1:]))
    alone = exactbn.along(part.network, a, b)
    assert set(alone.parameters) <= set(path.parameters)
    signs = []
    for i, x in enumerate(path.midpoints):
        expected = part.region_of(x)
        assert path.regions[i] == (-1 if expected is None else expected)
        z = [t for layer in part.network.preactivations(x) for t in layer]
        signs.append(tuple((t > 0) - (t < 0) for t in z))
        # The signs are those of the whole piece.
        s, t = path.parameters[i : i + 2]
        for share in (Fraction(1, 97), Fraction(93, 97)):
            inner = path.point(s + share * (t - s))
            z = [t for layer in part.network.preactivations(inner) for t in layer]
            if not part.network.units:
                assert tuple((t > 0) - (t < 0) for t in z) == signs[-1]
        if not part.network.units:
            assert path.patterns[i].tolist() == [int(t > 0) for t in signs[-1]]
            assert path.tied[i] == tuple(k for k, t in enumerate(signs[-1]) if t == 0)
    if not part.network.units:
        assert len(alone) == 1 + sum(p != q for p, q in zip(signs, signs[1:])), "a piece too many"


def check_linear(part: Partition) -> None:
    """Check linear regions by a search over maps, and convexity by midpoints of witnesses."""
    maps = [part.affine_map(i) for i in range(part.num_regions)]
    label = list(range(part.num_regions))
    for _ in range(part.num_regions):
        for i, j in part.edges.tolist():
            if maps[i] == maps[j]:
                label[i] = label[j] = min(label[i], label[j])
    number = {first: k for k, first in enumerate(dict.fromkeys(label))}
    assert part.linear_regions().tolist() == [number[t] for t in label]
    linear = part.linear
    assert linear.num_maps == len(set(maps)) and linear.sizes.sum() == part.num_regions
    for k in range(len(linear)):
        members = np.flatnonzero(linear.labels == k).tolist()
        regions = [part.region(i) for i in members]
        corners = [x for region in regions for x in (*region.vertices, region.witness)]
        middles = [tuple((s + t) / 2 for s, t in zip(p, q)) for p in corners for q in corners]
        covered = all(any(region.contains(x) for region in regions) for x in middles[:400])
        if linear.is_convex[k]:
            assert covered, "a linear region is said to be convex"
        elif all(region.is_bounded for region in regions):
            assert not is_convex_by_volume(regions), "a linear region is said not to be convex"


def is_convex_by_volume(regions: list[Region]) -> bool:
    """Return whether the convex hull of bounded regions has their volume."""
    points = sorted({p for region in regions for p in region.polyhedron.points})
    d = regions[0].dim
    # The rows of the hull are the rays of the cone of rows that are >= 0 at all points.
    dual = polyhedron([(0, *p) for p in points], d + 1)
    rows = [ray[1:] for ray in dual.rays]
    hull = polyhedron([row for row in rows if any(row[1:])], d)
    whole = sum(map(simplex_volume, hull.simplices(d)), Fraction(0))
    return whole == sum(region.volume for region in regions)


def check_counts(part: Partition) -> None:
    """Check face counts where they are known otherwise."""
    shapes = part.shapes()
    faces = shapes.face_counts  # Euler's relation is looked at there
    assert faces.f_vector[-1] == part.num_regions
    assert faces.bounded[-1] == shapes.num_bounded
    if part.f_vector is not None:
        assert faces.f_vector == part.f_vector
    if not any(region.lines for region in part):
        corners = {x for region in part for x in region.vertices}
        # Vertices of regions are vertices of the complex.
        assert faces.f_vector[0] >= len(corners)
        if part.network.num_inputs <= 2:
            assert faces.f_vector[0] == len(corners)
    assert shapes.facets.tolist() == [len(region.sides) for region in part]
    shapes.degree_bound  # a proven bound is looked at there


def main(arguments: list[str] | None = None) -> int:
    """Run the check and print how much was checked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    counts: Counter[str] = Counter()
    k = failed = 0
    while counts["networks"] < options.networks:
        problem = draw_problem(options.seed, NAMES[k % len(NAMES)], k // len(NAMES))
        k += 1
        try:
            check_problem(problem, counts)
        except (AssertionError, ExactBNError) as error:
            failed += 1
            line = traceback.extract_tb(error.__traceback__)[-1]
            what = f"{type(error).__name__} {error} in {line.name}, line {line.lineno}: {line.line}"
            print(f"{problem.name}: {what}", file=sys.stderr)
    print(f"{dict(counts)}, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
