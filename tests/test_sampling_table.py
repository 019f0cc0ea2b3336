"""The table of patterns: each is found, and no other code."""

from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from exactbn.errors import InternalError
from exactbn.sampling.fused import words_of_patterns
from exactbn.sampling.kernels import CompiledTable
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


@pytest.mark.parametrize("shared", [0, 1, 2])
def test_codes_that_share_a_word_are_told_apart(shared: int) -> None:
    """One of three words is the same in all: whoever forgets another finds a neighbour's region."""
    codes = torch.from_numpy(np.random.default_rng(0).integers(-(2**63), 2**63 - 1, (400, 3)))
    codes[:, shared] = codes[0, shared]
    table = RegionTable.of_codes(codes[:300], np.ones(300))
    assert table.look_on(codes).tolist() == [*range(300), *[table.regions] * 100]
    assert set(table.look_up(codes)[1].tolist()) >= set(range(300, 400))


@pytest.mark.parametrize("shared", [0, 1, 2])
def test_patterns_that_share_a_layer_are_counted_apart(shared: int) -> None:
    """The same for compiled loops, where a layer of 32 neurons is a word."""
    patterns = np.random.default_rng(0).integers(0, 2, (400, 96), dtype=np.uint8)
    patterns[:, 32 * shared : 32 * (shared + 1)] = patterns[0, 32 * shared]
    table = CompiledTable.of(patterns[:300], np.ones(300))
    counts, missed = np.zeros(300, dtype=np.int64), np.empty(400, dtype=np.int64)
    codes = words_of_patterns(patterns, CPU).t().contiguous().numpy().view(np.uint32)
    joined = np.full(400, 4, dtype=np.uint32)
    stage: Any = SimpleNamespace(codes=codes, joined=joined, certain=np.uint32(4))
    assert table.count(stage, 400, counts, missed) == (100, 0)
    assert missed[:100].tolist() == list(range(300, 400))
    assert counts.tolist() == [1] * 300
    joined[[7, 350]] = 3
    assert table.count(stage, 400, counts, missed) == (101, 2)
    assert missed[:101].tolist() == [7, *range(300, 400)]
    assert counts.tolist() == [2] * 7 + [1] + [2] * 292


@pytest.mark.parametrize(("words", "own"), [(w, k) for w in range(1, 7) for k in range(w)])
def test_each_word_tells_patterns_apart(words: int, own: int) -> None:
    """Patterns that differ in one word alone, and of it in few bits: most share their slots."""
    rows = np.array(list(product((0, 1), repeat=6)), dtype=np.uint8)
    patterns = np.ones((64, 32 * words), dtype=np.uint8)
    patterns[:, 32 * own + 3 : 32 * own + 9] = np.random.default_rng(0).permutation(rows)
    table = CompiledTable.of(patterns[:40], np.ones(40))
    counts, missed = np.zeros(40, dtype=np.int64), np.empty(64, dtype=np.int64)
    codes = words_of_patterns(patterns, CPU).t().contiguous().numpy().view(np.uint32)
    stage: Any = SimpleNamespace(
        codes=codes, joined=np.full(64, 4, dtype=np.uint32), certain=np.uint32(4)
    )
    assert table.count(stage, 64, counts, missed) == (24, 0)
    assert missed[:24].tolist() == list(range(40, 64)) and counts.tolist() == [1] * 40


def test_a_pattern_that_two_regions_share_is_refused() -> None:
    """By the table of tensors, and by that of the compiled loops."""
    patterns = np.array(list(product((0, 1), repeat=3)), dtype=np.uint8)
    twice = np.vstack((patterns, patterns[5:6]))
    for make in (lambda p: RegionTable.of(p, np.ones(len(p)), CPU),
                 lambda p: CompiledTable.of(p, np.ones(len(p)))):  # fmt: skip
        make(patterns)
        with pytest.raises(InternalError, match="two regions of the partition have the same"):
            make(twice)


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
