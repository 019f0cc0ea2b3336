"""Seeds of streams of random numbers: all are derived in one way, by numpy's ``SeedSequence``."""

import numpy as np


def derived_seed(seed: int, *key: int | str) -> int:
    """Return the seed of stream ``key`` of ``seed``: 63 bits, the same on every machine.

    Streams of other keys, or of other seeds, are not related; those of ``seed + 1`` in particular.
    The seed is taken modulo 2^64, a text as the number that its UTF-8 bytes are; numbers of a key
    are not negative.

    >>> derived_seed(0, 1) == derived_seed(0, 1) != derived_seed(1, 0)
    True
    """
    numbers = [int.from_bytes(k.encode(), "big") if isinstance(k, str) else k for k in key]
    sequence = np.random.SeedSequence(seed % 2**64, spawn_key=numbers)
    return int(sequence.generate_state(1, np.uint64)[0]) >> 1
