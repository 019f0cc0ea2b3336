"""Derived seeds: the same everywhere, of 63 bits, one for each key."""

from exactbn.seeds import derived_seed


def test_derived_seeds_are_fixed() -> None:
    """Recorded once: a change of these changes every sampling run and every selfcheck."""
    assert derived_seed(0, 0) == 4334430513956379144
    assert derived_seed(7, 3, 2) == 3748672280719549926
    assert derived_seed(1, "mutants", "1-17") == 5255590470444448874


def test_keys_and_seeds_have_streams_of_their_own() -> None:
    keys: tuple[tuple[int | str, ...], ...] = ((), (0,), (1,), (0, 1), (2**40,), ("a",))
    pairs = [(seed, key) for seed in (-1, 0, 1, 2**63) for key in keys]
    found = {derived_seed(seed, *key) for seed, key in pairs}
    assert len(found) == len(pairs)
    assert all(0 <= seed < 2**63 for seed in found)
