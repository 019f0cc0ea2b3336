"""Questions that a partition does not answer, and what is no number of a region."""

import numpy as np
import pytest

from exactbn.errors import InputError
from exactbn.model.network import Network
from exactbn.regions.partition import Partition
from exactbn.regions.partitioning import partition
from exactbn.topology_checker import printable

LINE = Network.from_arrays([[[1], [1]], [[1, 1]]], [[1, -1], [0]])
WEDGE = Network.from_arrays(
    [[[-5, 0], ["5/3", -1], [-1, "5/7"]], [[0, "1/7", "3/2"], [-1, 0, 0]], [[0, "1/3"]]],
    [[0, 0, 2], [1, 0], [0]],
)


def stopped(network: Network, engine: str, regions: int) -> Partition:
    """Return a partition that a budget ended."""
    return partition(
        network, (-2, 2), engine=engine, max_regions=regions, on_budget="return"
    )


@pytest.mark.parametrize("engine", ["complex", "lp"])
def test_what_is_of_a_whole_partition(engine: str) -> None:
    """What lies beyond a region that was not found is not known: nor whether a union is convex."""
    part = stopped(WEDGE, engine, 2)
    assert part.stopped is not None
    for ask in (part.linear_regions, part.shapes):
        with pytest.raises(InputError, match="of a whole partition, this one is incomplete: the"):
            ask()


def test_a_facet_to_what_was_left_out() -> None:
    part = stopped(LINE, "lp", 1)
    told = {str(facet) for region in part for facet in region.facets}
    assert any("to what a budget left out" in text for text in told)
    for region in part:
        for facet in region.facets:
            if facet.domain:
                assert "to the end of the domain" in str(facet)
            elif facet.neighbour is None:
                assert "to what a budget left out" in str(facet) and facet.units


def test_a_mask_is_no_list_of_numbers() -> None:
    part = partition(LINE, (-2, 2))
    assert part.homology(range(3)).betti == (1, 0)
    two = Network.from_arrays([[[1]], [[1], [-1]]], [[0], [0, 1]])
    for ask in (
        lambda: part.homology([True, False, True]),
        lambda: part.homology(np.array([True, False, True])),
        lambda: part.region(True),
        lambda: part.bent_hyperplane(True),
        lambda: part.linear.affine_map(99),
        lambda: partition(two, (-2, 2)).decision_boundary((True, False)),
        lambda: partition(two, (-2, 2)).decision_boundary((0, 1.0)),
        lambda: partition(two, (-2, 2)).decision_boundary("01"),
        lambda: part.decision_boundary().margins([[1]], ["a"]),
        lambda: part.decision_boundary().margins([[1]], [0.5]),
        lambda: part.homology([0]).betti_over("2"),
        lambda: part.homology([0]).betti_over(True),
    ):
        with pytest.raises(InputError, match="expected"):
            ask()
    right, _ = part.decision_boundary().margins([[1]], [True])
    assert np.array_equal(right, part.decision_boundary().margins([[1]], [1])[0])


def test_a_large_prime() -> None:
    homology = partition(LINE, (-2, 2)).homology([0])
    assert homology.betti_over(2**61 - 1) == homology.betti
    with pytest.raises(InputError, match="expected a prime"):
        homology.betti_over((2**31 - 1) ** 2)


def test_remarks_do_not_steer_a_terminal() -> None:
    assert printable("accepted: \x1b[2K[7]\n") == "accepted: ?[2K[7]?"
