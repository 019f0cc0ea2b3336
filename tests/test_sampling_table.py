"""The table of patterns: each is found, and no other code."""

from itertools import product

import numpy as np
import pytest
import torch

from exactbn.sampling.lookup import RegionTable, pack_signs
from tests.planted import CPU


@pytest.mark.parametrize("neurons", [1, 16, 31, 33, 64, 65, 128, 200, 300])
def test_table_finds_each_pattern_and_no_other(neurons: int) -> None:
    rng = np.random.default_rng(neurons)
    drawn = rng.integers(0, 2, (4000, neurons), dtype=np.uint8)
    # Patterns that differ in one bit are the rule in partitions.
    near = drawn.copy()
    near[np.arange(4000), rng.integers(0, neurons, 4000)] ^= 1
    patterns = rng.permutation(np.unique(np.vstack([drawn, near]), axis=0))
    known, unknown = np.split(patterns, [max(1, 3 * len(patterns) // 4)])
    table = RegionTable.of(known, rng.random(len(known)), CPU)
    codes = pack_signs(torch.from_numpy(known.astype(np.int32) * 2 - 1))
    assert len(torch.unique(codes, dim=0)) == len(known)
    assert table.look_on(codes).tolist() == list(range(len(known)))
    regions, missed = table.look_up(codes)
    right = np.setdiff1d(np.arange(len(known)), missed.numpy())
    assert regions.numpy()[right].tolist() == right.tolist()
    assert len(missed) < len(known) / 8
    other = pack_signs(torch.from_numpy(unknown.astype(np.int32) * 2 - 1))
    assert set(table.look_on(other).tolist()) <= {table.regions}
    assert len(table.look_up(other)[1]) == len(unknown)


def test_codes_of_uncertain_digits_are_no_region() -> None:
    """All 4^3 digit vectors of three neurons: the eight certain ones are found, no other."""
    patterns = np.array(list(product((0, 1), repeat=3)), dtype=np.uint8)
    table = RegionTable.of(patterns, np.ones(8), CPU)
    digits = torch.tensor(list(product((-2, -1, 0, 1), repeat=3)), dtype=torch.int32)
    codes = pack_signs(digits)
    assert len(torch.unique(codes, dim=0)) == 64
    found = table.look_on(codes)
    certain = (digits.abs() == 1).all(dim=1)
    assert torch.equal(found < 8, certain)
    assert set(table.look_up(codes)[1].tolist()) >= set(torch.nonzero(~certain).flatten().tolist())
