"""Tables of patterns: found by their words, never by their hash."""

import numpy as np
import pytest

from exactbn.engines import pattern_table
from exactbn.engines.pattern_table import (
    distinct_rows,
    equal_rows,
    find_row,
    first_rows,
    make_table,
)


def rows(*patterns):
    return np.array(patterns, dtype=np.uint64).reshape(len(patterns), -1)


def test_rows_by_hand():
    words = rows([3, 1], [1, 3], [3, 1], [2, 2])
    assert first_rows(words).tolist() == [0, 1, 0, 3]
    first, row = distinct_rows(words)
    assert first.tolist() == [0, 1, 3] and row.tolist() == [0, 1, 0, 2]
    assert equal_rows(words) == (0, 2) and equal_rows(words[:2]) is None
    table = make_table(words)
    assert [find_row(table, row) for row in words] == [0, 1, 0, 3]
    assert find_row(table, rows([2, 3])[0]) == -1


def test_no_rows_and_no_words():
    assert find_row(make_table(np.zeros((0, 2), dtype=np.uint64)), rows([0, 0])[0]) == -1
    empty = np.zeros((2, 0), dtype=np.uint64)
    assert equal_rows(empty) == (0, 1) and equal_rows(empty[:1]) is None
    assert find_row(make_table(empty), empty[0]) == 0


def test_equal_hashes_are_not_equal_patterns():
    """A hundred patterns of one hash: (key ^ w) * m is 0 where w is the key so far."""
    mixer, mask = int(pattern_table._MIXER), (1 << 64) - 1

    def partner(word):
        key = word * mixer & mask
        return key ^ key >> 29

    words = rows(*([word, partner(word)] for word in range(1, 101)))
    table = make_table(words)
    assert np.all(first_rows(words) == np.arange(100))
    assert [find_row(table, row) for row in words] == list(range(100))
    assert find_row(table, rows([101, partner(101)])[0]) == -1


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_against_a_dictionary(size):
    generator = np.random.default_rng(size)
    words = generator.integers(0, 8, (size, 3)).astype(np.uint64) << np.uint64(61)
    known: dict[bytes, int] = {}
    expected = [known.setdefault(row.tobytes(), i) for i, row in enumerate(words)]
    assert first_rows(words).tolist() == expected
    table = make_table(words)
    for row in generator.integers(0, 9, (50, 3)).astype(np.uint64) << np.uint64(61):
        assert find_row(table, row) == known.get(row.tobytes(), -1)
