"""Many domains in one run of the engine: their partitions, or only how many regions they have."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.complex.cutting import Outcome
from exactbn.engines.complex.engine import subdivide
from exactbn.engines.complex.lattice import components
from exactbn.engines.complex.start import num_faces, template
from exactbn.engines.pattern_table import distinct_rows
from exactbn.engines.run import Budget, Progress
from exactbn.errors import DimensionError, InputError, LimitError
from exactbn.model.asking import as_domain, as_network
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Network
from exactbn.regions.by_lattice import LatticeEvidence
from exactbn.regions.merging import cell_labels
from exactbn.regions.partition import Partition
from exactbn.wording import a_type, counted

if TYPE_CHECKING:
    from exactbn.model.asking import NetworkLike

# Faces with which one run begins: enough to make a run's own cost small, and not too much memory.
_MOST_FACES = 1 << 20

# What is done in the runs, and how the domains are called.
COUNTING, CUTTING = ("regions are counted in", "boxes"), ("regions are cut in", "domains")


def count_regions(
    network: "NetworkLike",
    boxes: Sequence[Box | Domain | tuple[object, object] | None],
    *,
    max_seconds: float | None = None,
    progress: Progress | None = None,
) -> NDArray[np.int64]:
    """Return the exact number of regions that meet the interior of each domain.

    Many boxes are cut in one run of the engine, so hundreds of small boxes cost little more than
    one large one. A box in d dimensions begins with 3^d faces.

    Parameters
    ----------
    network : Network
        d inputs; what :func:`exactbn.partition` takes for one.
    boxes : sequence of N domains
        Of dimension d, each a Box, (lo, hi), a Domain with rows, or None, all of R^d.
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
    counts = [np.zeros(0, dtype=np.int64)]
    for group, outcome in in_runs(network, boxes, budget, progress, COUNTING):
        component = outcome.lattice.component
        labels = cell_labels(outcome.lattice, group[0], network)
        if labels is not None:
            rows = np.column_stack((component.astype(np.uint64), labels))
            component = component[distinct_rows(np.ascontiguousarray(rows))[0]]
        counts.append(np.bincount(component, minlength=len(group)).astype(np.int64))
    return np.concatenate(counts)


def partition_many(
    network: "NetworkLike",
    domains: Sequence[Box | Domain | tuple[object, object] | None],
    *,
    max_seconds: float | None = None,
    progress: Progress | None = None,
) -> tuple[Partition, ...]:
    """Return the exact partition of each of many domains, as :func:`exactbn.partition` makes it.

    By the complex engine, many domains in one run: for hundreds of small boxes that is some twenty
    times as fast as one call each, since a step of the engine has a price of its own. Each
    partition has its own faces as evidence, and proves its completeness when asked
    (``is_complete``). Its ``statistics`` are those of the whole run.

    Parameters
    ----------
    network : Network
        d inputs; what :func:`exactbn.partition` takes for one.
    domains : sequence of N domains
        Of dimension d, each a Box, (lo, hi), a Domain with rows, or None, all of R^d.
    max_seconds, progress : optional
        As for :func:`count_regions`.

    Returns
    -------
    tuple of N partitions

    Raises
    ------
    LimitError
        When the budget is spent; ``partial`` are the partitions of the first domains, those of
        the runs that have ended.

    Examples
    --------
    >>> net = Network.from_arrays([[[1, 0], [0, 1]], [[1, 1]]], [[0, 0], [0]])
    >>> balls = [Box.ball(point, "1/4") for point in ((0, 0), (0, 1), (1, 1))]
    >>> [part.num_regions for part in partition_many(net, balls)]
    [4, 2, 1]
    """
    budget = Budget.asked(max_seconds=max_seconds)
    network = as_network(network)
    parts: list[Partition] = []
    try:
        for group, outcome in in_runs(network, domains, budget, progress, CUTTING):
            lattices = components(outcome.lattice, len(group))
            for domain, lattice in zip(group, lattices, strict=True):
                evidence = LatticeEvidence.of(network, domain, lattice, outcome)
                parts.append(Partition(network, domain, evidence))
    except LimitError as error:
        raise LimitError(str(error), tuple(parts)) from None
    return tuple(parts)


def in_runs(
    network: Network,
    domains: Sequence[object],
    budget: Budget,
    progress: Progress | None,
    task: tuple[str, str],
) -> Iterator[tuple[list[Domain], Outcome]]:
    """Yield the outcomes of the engine for consecutive domains, as many as go into one run.

    Raises
    ------
    InputError
        Which names the domain that is none.
    LimitError
        When the budget is spent.
    """
    what, name = task
    if not hasattr(domains, "__iter__"):
        raise InputError(f"got {a_type(domains)} for the {name}, expected a sequence of them")
    d = network.num_inputs
    known = [_domain(f"{name}[{i}]", domain, d) for i, domain in enumerate(domains)]
    groups = list(_groups(known))
    total = network.num_hidden
    for run, group in enumerate(groups):

        def report(done: int, of: int, note: str, before: int = run * total) -> None:
            if progress is not None:
                progress(before + done, len(groups) * of, note)

        outcome = subdivide(network, group, budget=budget, progress=report)
        if outcome.neurons_done < total or (run + 1 < len(groups) and budget.is_late()):
            raise LimitError(
                f"the budget is spent while {what} {counted(len(known), 'box', 'boxes')}: "
                f"{run * total + outcome.neurons_done} of {counted(len(groups) * total, 'neuron')} "
                "done"
            )
        yield group, outcome


def _groups(domains: Sequence[Domain]) -> Iterator[list[Domain]]:
    """Yield consecutive domains of a kind, in boxes or not, with not too many faces together."""
    group: list[Domain] = []
    faces = 0
    for domain in domains:
        more = sum(template(domain).sizes) if domain.matrix else num_faces(domain)
        is_other = bool(group) and (group[0].box is None) != (domain.box is None)
        if group and (is_other or faces + more > _MOST_FACES):
            yield group
            group, faces = [], 0
        group.append(domain)
        faces += more
    if group:
        yield group


def _domain(name: str, value: object, d: int) -> Domain:
    """Return a domain, which an error names: one box alone is no sequence of boxes."""
    try:
        domain = as_domain(value, d)
        if domain.dim != d:
            raise DimensionError(
                f"the domain has dimension {domain.dim} and the network "
                f"{counted(d, 'input')}, expected the same"
            )
        if domain.matrix:
            template(domain)
        return domain
    except InputError as error:
        raise type(error)(f"{name}: {error}") from None
