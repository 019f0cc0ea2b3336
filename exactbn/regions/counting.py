"""Counting the regions of many boxes at once, without their faces."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.complex.engine import subdivide
from exactbn.engines.run import Budget, Progress
from exactbn.errors import LimitError
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Network

# Faces with which one run begins: enough to make a run's own cost small, and not too much memory.
_MOST_FACES = 1 << 20


def count_regions(
    network: Network,
    boxes: Sequence[Box],
    *,
    max_seconds: float | None = None,
    progress: Progress | None = None,
) -> NDArray[np.int64]:
    """Return the exact number of regions that meet the interior of each box.

    Many boxes are cut in one run of the engine, so hundreds of small boxes cost little more than
    one large one. A box in d dimensions begins with 3^d faces.

    Parameters
    ----------
    network : Network
        d inputs.
    boxes : sequence of N boxes
        Of dimension d.
    max_seconds : optional
        A budget, looked at between two neurons.
    progress : callable, optional
        Called with (neurons done, all neurons, remark), those of all runs together.

    Returns
    -------
    array of N int64

    Raises
    ------
    LimitError
        When the budget is spent; nothing is known of the boxes then.
    """
    budget = Budget(max_seconds=max_seconds)
    size = max(1, _MOST_FACES // 3**network.num_inputs)
    domains = [Domain.of(box) for box in boxes]
    groups = [domains[first:first + size] for first in range(0, len(boxes), size)]
    total = network.num_hidden
    counts = [np.zeros(0, dtype=np.int64)]
    for run, group in enumerate(groups):

        def report(done: int, of: int, note: str, before: int = run * total) -> None:
            if progress is not None:
                progress(before + done, len(groups) * of, note)

        outcome = subdivide(network, group, budget=budget, progress=report)
        if outcome.neurons_done < total or (run + 1 < len(groups) and budget.is_late()):
            raise LimitError(
                f"the budget is spent while the regions of {len(boxes)} boxes are counted: "
                f"{run * total + outcome.neurons_done} of {len(groups) * total} neurons done"
            )
        lattice = outcome.lattice
        counts.append(np.bincount(lattice.component, minlength=len(group)).astype(np.int64))
    return np.concatenate(counts)
