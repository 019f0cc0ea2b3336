"""Decision boundaries against brute force on random degenerate networks.

``python -m tests.boundary_agreement --networks 600`` asks for all that is known of the boundary of
each network, in a box or a polytope and in all of R^d, and prints what disagrees. The brute force
(:mod:`tests.boundary_brute`) shares nothing with the package; R^d is compared with a box that is
larger than all there is.
"""

import argparse
import random
import sys
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from exactbn import Box, Domain, ExactBNError, Network, partition
from exactbn.exact.rational import Vector
from exactbn.regions.boundary.asked import bent_hyperplane, decision_boundary
from exactbn.regions.boundary.complex import Boundary
from exactbn.regions.boundary.foot import is_nearest, to_row
from exactbn.regions.boundary.foot_of_rows import is_nearest_by_rows
from tests.boundary_brute import Brute, dot, least, zero_sets

F = Fraction
#: Half a side of a box that holds every vertex of the networks that are drawn.
FAR = F(10**6)


def draw_layers(rng: random.Random) -> tuple[int, list]:
    """Return d and layers (W, b, slope) of small integers, equal and opposite rows among them."""
    d = rng.choice((1, 2, 2, 2, 2, 3))
    depth = rng.choice((0, 1, 1, 2)) if d < 3 else rng.choice((0, 1))
    widths = [rng.randint(1, 4 if d < 3 else 3) for _ in range(depth)]
    size, slope = rng.choice((1, 1, 2, 3)), rng.choice((0, 0, 0, F(1, 2), -1))
    is_central = rng.random() < 0.5
    layers, n = [], d
    for width in [*widths, rng.choice((1, 1, 1, 2, 3, 4))]:
        weight = [[F(rng.randint(-size, size)) for _ in range(n)] for _ in range(width)]
        bias = [F(0) if is_central else F(rng.randint(-size, size)) for _ in range(width)]
        if width > 1 and rng.random() < 0.4:
            i, j = rng.sample(range(width), 2)
            s = rng.choice((1, -1))
            weight[i], bias[i] = [s * t for t in weight[j]], s * bias[j]
        layers.append((weight, bias, slope))
        n = width
    return d, layers


def network_of(layers: list) -> Network:
    """Return layers as a network of the package."""
    weights, biases, slopes = zip(*layers)
    return Network.from_arrays(weights, biases, slope=slopes[:-1] or 0)


def draw_domain(rng: random.Random, d: int) -> tuple[Domain, list]:
    """Return a box, cut by a row or not, and its rows."""
    lo, hi = F(rng.choice((-2, -1, 0))), F(rng.choice((1, 2)))
    rows = []
    for i in range(d):
        unit = tuple(F(int(k == i)) for k in range(d))
        rows += [(unit, hi), (tuple(-t for t in unit), -lo)]
    domain = Domain.of(Box.of(lo, hi, d))
    row, bound = tuple(F(rng.randint(-1, 1)) for _ in range(d)), F(rng.randint(0, 2))
    if rng.random() < 0.3 and any(row):
        try:
            cut = Domain.cut(domain, ([row], [bound]))
            partition(Network.from_arrays([[[0] * d]], [[0]]), cut)  # that has interior points
            domain, rows = cut, [*rows, (row, bound)]
        except ExactBNError:
            pass
    return domain, rows


def draw_points(rng: random.Random, d: int, count: int) -> list[Vector]:
    """Return points with small numerators and denominators, integers among them."""
    return [
        tuple(F(rng.randint(-12, 12), rng.choice((1, 2, 3, 7))) if i % 2 else F(rng.randint(-2, 2))
              for _ in range(d))
        for i in range(count)
    ]  # fmt: skip


def disagreements(seed: int) -> Iterator[object]:
    """Yield what disagrees of one random network."""
    for k in range(6):
        rng = random.Random(f"{seed}-{k}")
        d, layers = draw_layers(rng)
        if len(decision_boundary(network_of(layers), (-2, 2)).faces.maximal) > 1:
            break
    network = network_of(layers)
    domain, rows = draw_domain(rng, d)
    points = draw_points(rng, d, 6)
    brute = Brute(layers, rows, d)
    found = decision_boundary(network, domain)
    yield from _differences(found, brute)
    yield from _distances(found, points, brute)
    everywhere = decision_boundary(network)
    yield from _in_space(everywhere, decision_boundary(network, (-FAR, FAR)), points)
    searched = decision_boundary(network, domain, engine="lp")
    for x in points:
        if searched.squared_distance(x) != found.squared_distance(x):
            yield "the engines", x
        elif searched.squared_distance(x) is not None:
            foot, own = searched.proof(x)
            if not is_nearest_by_rows(x, foot, own, 1) or foot.point != found.nearest(x):
                yield "proof by the LP engine", x
    yield from _others(network, layers, domain, rows, brute, rng, points)


def _differences(found: Boundary, brute: Brute) -> Iterator[object]:
    """Yield what is counted in another way than by brute force."""
    pairs = {
        "pieces": (found.num_pieces, len(brute.pieces)),
        "components": (found.num_components, brute.components()),
        "components by homology": (found.betti[0], found.num_components),
        "vertices": (found.f_vector[0], len(brute.corners)),
        "regions that tie": (len(found.flat_regions), brute.flat),
        "Euler": (_alternating(found.f_vector), _alternating(found.betti)),
        "complete": (found.is_complete, True),
    }
    if brute.d == 2:
        own = sorted(found.squared_volume(i) for i in range(found.num_pieces))
        pairs["squared lengths"] = own, sorted(map(_longest, brute.pieces))
    yield from ((name, pair) for name, pair in pairs.items() if pair[0] != pair[1])


def _distances(found: Boundary, points: list[Vector], brute: Brute) -> Iterator[object]:
    """Yield the points with a wrong distance, a wrong enclosure of it, or no proof."""
    for x in points:
        squared = found.squared_distance(x)
        if squared != brute.squared_distance(x):
            yield "distance", x, squared
        elif squared is not None:
            foot, corners, rays = found.proof(x)
            generators = [list(map(to_row, kind)) for kind in (corners, rays)]
            if not is_nearest(to_row(x), to_row(foot.point), *generators):
                yield "proof", x
            if foot.point != found.nearest(x) or _squared(x, foot.point) != squared:
                yield "nearest point", x
            middle, radius = map(F, found.distance(x))
            if not max(F(0), middle - radius) ** 2 <= squared <= (middle + radius) ** 2:
                yield "enclosure", x


def _in_space(found: Boundary, within: Boundary, points: list[Vector]) -> Iterator[object]:
    """Yield what differs between R^d and a very large box."""
    for name in ("num_pieces", "num_components", "num_isolated", "betti"):
        if getattr(found, name) != getattr(within, name):
            yield "in R^d", name, getattr(found, name), getattr(within, name)
    if found.squared_distances(points) != within.squared_distances(points):
        yield "in R^d", "distances"
    faces = within.faces
    vertices = [faces.members[faces.face_of == i][0] for i in np.flatnonzero(faces.dims == 0)]
    inner = sum(max(map(abs, within.partition.vertex(int(v)))) < FAR for v in vertices)
    if found.f_vector[0] != inner:
        yield "in R^d", "vertices", found.f_vector[0], inner


def _others(network, layers, domain, rows, brute, rng, points) -> Iterator[object]:  # type: ignore[no-untyped-def]
    """Yield what differs of the other sets: sides, two classes, a bent hyperplane."""
    d, count = network.num_inputs, network.num_outputs
    asked = []
    if count == 1:
        asked.append((decision_boundary(network, domain, side="zeros"), zero_sets(layers, rows, d)))
        *hidden, (weight, bias, slope) = layers
        turned = [*hidden, ([[-t for t in row] for row in weight], [-t for t in bias], slope)]
        below = [tie for tie, _ in Brute(turned, rows, d).ties]
        asked.append((decision_boundary(network, domain, side="negative"), below))
    else:
        a, b = rng.sample(range(count), 2)
        asked.append((decision_boundary(network, domain, classes=(a, b)), brute.between(a, b)))
    if len(layers) > 1:
        level = rng.randrange(len(layers) - 1)
        weight, bias, slope = layers[level]
        k = rng.randrange(len(bias))
        unit = sum(len(layer[1]) for layer in layers[:level]) + k
        own = [*layers[:level], ([weight[k]], [bias[k]], slope)]
        asked.append((bent_hyperplane(network, unit, domain), zero_sets(own, rows, d)))
    for found, sets in asked:
        for x in points[:3]:
            if found.squared_distance(x) != least(x, sets):
                yield found.what, x


def _alternating(counts: tuple[int, ...]) -> int:
    return sum((-1) ** k * count for k, count in enumerate(counts))


def _squared(x: Vector, y: Vector) -> Fraction:
    away = [s - t for s, t in zip(x, y, strict=True)]
    return dot(away, away)


def _longest(corners: set[Vector]) -> Fraction:
    return max(_squared(u, v) for u in corners for v in corners)


def main() -> int:
    """Print the disagreements of many networks, and how many there are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=600)
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args()
    wrong = 0
    for seed in range(asked.first, asked.first + asked.networks):
        for what in disagreements(seed):
            wrong += 1
            print(seed, what, flush=True)
    print(f"{asked.networks} networks, {wrong} disagreements")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
