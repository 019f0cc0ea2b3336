"""What a partition must satisfy: agreement with an oracle, and its own exact promises."""

from fractions import Fraction

import numpy as np

from exactbn.model.domain import Box
from exactbn.model.network import Network
from exactbn.regions.partitioning import Partition
from tests.oracles import Answer, Pattern, exact_forward, preactivation_maps


def patterns_of(part: Partition) -> list[Pattern]:
    """Return the patterns as tuples, region by region."""
    return [tuple(row) for row in part.patterns.tolist()]


def answer_of(part: Partition, *, f_vector: bool = True, volumes: bool = True) -> Answer:
    """Return a partition in the form of an oracle's answer, free of the numbering of regions."""
    names = patterns_of(part)
    assert len(set(names)) == len(names) == part.num_regions, "two regions with one pattern"
    pairs = part.edges.tolist()
    assert all(i < j for i, j in pairs)
    edges = frozenset(frozenset((names[i], names[j])) for i, j in pairs)
    assert len(edges) == len(pairs) == part.num_adjacencies, "a pair of regions is listed twice"
    return Answer(
        frozenset(names),
        edges,
        tuple(part.f_vector) if f_vector else None,
        {name: part.volume(i) for i, name in enumerate(names)} if volumes else None,
    )


def check_agrees(part: Partition, expected: Answer) -> None:
    """Check a partition against everything that an oracle says."""
    found = answer_of(
        part, f_vector=expected.f_vector is not None, volumes=expected.volumes is not None
    )
    assert found.regions == expected.regions
    assert found.edges == expected.edges
    assert found.f_vector == expected.f_vector
    assert found.volumes == expected.volumes


def check_promises(part: Partition, network: Network, box: Box) -> None:
    """Check what the interface promises of every complete result, exactly."""
    assert part.is_complete
    assert sum((-1) ** k * count for k, count in enumerate(part.f_vector)) == 1
    assert part.f_vector[-1] == part.num_regions == len(part.patterns)
    middle, radius = part.volumes()
    total = Fraction(0)
    for i, pattern in enumerate(patterns_of(part)):
        volume = part.volume(i)
        total += volume
        assert volume > 0
        if np.isfinite(middle[i]) and np.isfinite(radius[i]):
            assert abs(Fraction(float(middle[i])) - volume) <= Fraction(float(radius[i]))
        check_inside(part, network, box, i, pattern)
    assert total == box.volume


def check_inside(part: Partition, network: Network, box: Box, i: int, pattern: Pattern) -> None:
    """Check witness, membership and affine map of one region."""
    x = part.witness(i)
    assert all(type(t) is Fraction for t in x)
    assert all(lo < t < hi for lo, t, hi in zip(box.lo, x, box.hi, strict=True))
    preactivations, outputs = exact_forward(network, x)
    for z, bit, (gradient, constant) in zip(
        preactivations, pattern, preactivation_maps(network, pattern), strict=True
    ):
        # Strictly inside: zero only where the neuron vanishes on the whole region.
        assert z > 0 if bit else z < 0 or not (any(gradient) or constant)
    assert part.region_of(x) == i
    matrix, vector = part.affine_map(i)
    at_x = tuple(
        sum((a * t for a, t in zip(row, x, strict=True)), b)
        for row, b in zip(matrix, vector, strict=True)
    )
    assert at_x == outputs == network.forward(x)
