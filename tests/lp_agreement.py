"""What partitions of the LP engine must satisfy: agreement, inner witnesses, accepted proofs."""

from pathlib import Path

from exactbn import checker
from exactbn.model.network import Network
from exactbn.regions.partitioning import Partition, partition
from tests.agreement import patterns_of
from tests.oracles import exact_forward

#: Regions, adjacencies and unbounded regions by patterns.
Answer = tuple[set[bytes], set[frozenset[bytes]], set[bytes]]


def answer_of(part: Partition) -> Answer:
    """Return regions, adjacencies and unbounded regions by patterns."""
    names = [row.tobytes() for row in part.patterns]
    assert len(set(names)) == len(names)
    pairs = {frozenset((names[i], names[j])) for i, j in part.edges.tolist()}
    assert len(pairs) == part.num_adjacencies and all(len(pair) == 2 for pair in pairs)
    far = part.is_unbounded.tolist()
    return set(names), pairs, {name for name, is_far in zip(names, far, strict=True) if is_far}


def check_certificate(part: Partition, folder: Path) -> checker.Proof:
    """Return what the checker says of a partition's certificate."""
    network, path = folder / "network.json", folder / "certificate"
    network.write_text(part.network.canonical())
    part.write_certificate(path, force=True)
    with checker.open_certificate(path) as stream:
        proof = checker.check(checker.read_network(network), stream)
    assert (proof.regions, proof.adjacencies) == (part.num_regions, part.num_adjacencies)
    if part.domain.box is None:
        assert proof.unbounded == part.is_unbounded.sum()
    return proof


def check_witnesses(part: Partition) -> None:
    """Check every witness by an exact forward pass."""
    for i, (x, pattern) in enumerate(zip(part.witnesses(), patterns_of(part), strict=True)):
        assert part.domain.has_inside(x)
        z, _ = exact_forward(part.network, x)
        assert all(t > 0 if bit else t <= 0 for t, bit in zip(z, pattern, strict=True))
        assert part.region_of(x) in (i, None)


def check_engines_agree(
    network: Network, box: tuple[object, object] | None, folder: Path | None = None
) -> Partition:
    """Check the LP engine against the complex engine; return its partition."""
    part = partition(network, box, engine="lp")
    assert part.is_complete is True
    assert answer_of(part) == answer_of(partition(network, box))
    check_witnesses(part)
    if folder is not None:
        check_certificate(part, folder)
    return part
