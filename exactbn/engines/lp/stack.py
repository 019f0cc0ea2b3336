"""Room for the path of a search: what is kept a level, and the pool of vertices, which grows."""

import numpy as np

from exactbn.engines.lp.search import POOL, VERTICES, Frame, Stack

# Vertices that there is room for at first; with many unknowns an inverse is large.
_POOL = VERTICES + 8


def make_stack(frame: Frame, neurons: int) -> Stack:
    """Return room for the deepest path there can be, and for a few vertices.

    A level keeps some bytes a neuron. Vertices, of which a level keeps few, take most room: their
    inverses D^2 numbers each, and the values of a layer there; see :func:`grown`.
    """
    D, width = len(frame.shift), int(frame.widths.max())
    levels = neurons + 2
    return Stack(
        np.zeros(levels, dtype=np.int64), np.zeros(levels, dtype=np.int64),
        np.zeros(levels, dtype=np.int64),
        np.zeros((levels, neurons), dtype=np.int8), np.zeros((levels, neurons), dtype=np.int8),
        np.full((levels, neurons), -1, dtype=np.int32),
        np.zeros((levels, D)), np.zeros((levels, D)), np.full(levels, -1, dtype=np.int64),
        np.zeros((levels, D)), np.full(levels, -1, dtype=np.int64),
        np.full(levels, -1, dtype=np.int64),
        np.zeros(levels, dtype=np.int64), np.zeros((levels, VERTICES), dtype=np.int64),
        np.zeros(levels, dtype=np.int64),
        np.zeros((_POOL, D)), np.zeros((_POOL, D, D)), np.zeros((_POOL, D), dtype=np.int64),
        np.zeros((_POOL, width)),
        np.zeros(8, dtype=np.int64), np.zeros(1, dtype=np.int64),
        np.zeros(D, dtype=np.int64), np.zeros(D, dtype=np.int64),
        np.zeros((2 * D + 14, D + 1)),
    )  # fmt: skip


def grown(stack: Stack) -> Stack:
    """Return the same stack with twice as much room for vertices."""
    used = int(stack.used[POOL])
    pools = {}
    for name in ("pool_y", "pool_inv", "pool_active", "pool_z"):
        old = getattr(stack, name)
        pools[name] = np.zeros((2 * len(old), *old.shape[1:]), dtype=old.dtype)
        pools[name][:used] = old[:used]
    return stack._replace(**pools)
