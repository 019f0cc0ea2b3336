"""Counting the regions of many boxes at once, without their faces."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.complex.engine import subdivide
from exactbn.engines.pattern_table import distinct_rows
from exactbn.engines.run import Budget, Progress
from exactbn.errors import InputError, LimitError
from exactbn.model.asking import as_box, as_network
from exactbn.model.domain import Box, Domain
from exactbn.model.labels import as_words, labels_of
from exactbn.model.patterns import unpack
from exactbn.wording import a_type, counted

if TYPE_CHECKING:
    from exactbn.model.asking import NetworkLike

# Faces with which one run begins: enough to make a run's own cost small, and not too much memory.
_MOST_FACES = 1 << 20


def count_regions(
    network: "NetworkLike",
    boxes: Sequence[Box | tuple[object, object]],
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
        d inputs; what :func:`exactbn.partition` takes for one.
    boxes : sequence of N boxes
        Of dimension d, as Box or (lo, hi).
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
    budget = Budget.asked(max_seconds=max_seconds)
    network = as_network(network)
    if not hasattr(boxes, "__iter__"):
        raise InputError(f"got {a_type(boxes)} for the boxes, expected a sequence of them")
    domains = [_domain(i, box, network.num_inputs) for i, box in enumerate(boxes)]
    size = max(1, _MOST_FACES // 3**network.num_inputs)
    groups = [domains[first:first + size] for first in range(0, len(domains), size)]
    total = network.num_hidden
    counts = [np.zeros(0, dtype=np.int64)]
    for run, group in enumerate(groups):

        def report(done: int, of: int, note: str, before: int = run * total) -> None:
            if progress is not None:
                progress(before + done, len(groups) * of, note)

        outcome = subdivide(network, group, budget=budget, progress=report)
        if outcome.neurons_done < total or (run + 1 < len(groups) and budget.is_late()):
            raise LimitError(
                "the budget is spent while regions are counted in "
                f"{counted(len(domains), 'box', 'boxes')}: "
                f"{run * total + outcome.neurons_done} of {counted(len(groups) * total, 'neuron')} "
                "done"
            )
        lattice = outcome.lattice
        component = lattice.component
        if network.units:
            labels = labels_of(network.units, unpack(lattice.words, network.widths))
            rows = np.column_stack((component.astype(np.uint64), as_words(labels)))
            component = component[distinct_rows(np.ascontiguousarray(rows))[0]]
        counts.append(np.bincount(component, minlength=len(group)).astype(np.int64))
    return np.concatenate(counts)


def _domain(i: int, box: object, d: int) -> Domain:
    """Return the domain of box i, which an error names: one box alone is no sequence of boxes."""
    try:
        return Domain.of(as_box(box, d))
    except InputError as error:
        raise type(error)(f"boxes[{i}]: {error}") from None
