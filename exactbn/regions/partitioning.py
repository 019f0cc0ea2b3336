"""The partition of a domain into the activation regions of a network."""

from pathlib import Path

from exactbn.engines.complex.engine import subdivide
from exactbn.engines.run import Budget, Progress
from exactbn.errors import InputError, LimitError
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Network
from exactbn.output import check_file
from exactbn.regions.by_lattice import LatticePartition
from exactbn.regions.partition import Partition as Partition

#: The engines, and what they are for.
ENGINES = ("complex", "lp")


def partition(
    network: Network,
    box: Box | tuple[object, object] | None = None,
    *,
    rows: tuple[object, object] | None = None,
    engine: str = "complex",
    max_regions: int | None = None,
    max_seconds: float | None = None,
    progress: Progress | None = None,
    certificate: str | Path | None = None,
    filter_factor: float = 1,
) -> Partition:
    """Return the exact partition of a box, or of all of R^d, into regions of ``network``.

    Parameters
    ----------
    network : Network
        d inputs; its hidden layers make the regions.
    box : (lo, hi), Box or None
        Exact scalars (the same for every axis) or sequences of length d; None is all of R^d.
    rows : (A, b), optional
        Cuts the box down to its points with A x <= b, exact; for the engine "lp".
    engine : "complex" or "lp"
        "complex" splits the face lattice of the domain neuron by neuron, and has faces and volumes;
        "lp" searches the patterns with certified linear programs, in any dimension.
    max_regions, max_seconds : optional
        Budgets, looked at between two neurons, or between some thousand regions.
    progress : callable, optional
        Called with (neurons done, all neurons, remark).
    certificate : path, optional
        Where to write a proof (:meth:`Partition.write_certificate`), never over an old file.
    filter_factor : float
        For tests of the engines: multiplies the error bounds of the floats; with infinity
        every verdict is computed in integers. The result does not depend on it.

    Raises
    ------
    InputError
        If the box is empty, flat or of another dimension, the rows leave no interior, or the engine
        is unknown or cannot serve the domain.
    LimitError
        When a budget is spent; ``partial`` is the partition by the neurons done so far, or the
        regions that the search has found.

    Examples
    --------
    >>> net = Network.from_arrays([[[1, 0], [0, 1], [1, 1]], [[1, 1, 1]]], [[0, 0, 0], [0]])
    >>> part = partition(net, (-1, 1))
    >>> part.num_regions, part.num_adjacencies, part.f_vector
    (6, 6, (9, 14, 6))
    >>> everywhere = partition(net)
    >>> everywhere.num_regions, everywhere.num_adjacencies, everywhere.is_unbounded.all()
    (6, 6, np.True_)
    """
    if engine not in ENGINES:
        raise InputError(f"engine {engine!r} is not known, expected one of {', '.join(ENGINES)}")
    domain = _domain_of(box, network)
    if certificate is not None:
        check_file(certificate)
    budget = Budget(max_regions, max_seconds)
    result: Partition
    if engine == "lp":
        result = _search(network, _cut_down(domain, rows), budget, progress, filter_factor)
    elif rows is not None:
        raise InputError("engine 'complex' takes no rows; use engine='lp', which does")
    else:
        result = _subdivide(network, domain, budget, progress, filter_factor)
    if certificate is not None:
        result.write_certificate(certificate)
    return result


def _subdivide(
    network: Network, domain: Domain, budget: Budget, progress: Progress | None, factor: float
) -> Partition:
    """Return the partition by the complex engine."""
    outcome = subdivide(network, [domain], budget=budget, progress=progress, factor=factor)
    result = LatticePartition.of(network, domain, outcome)
    if outcome.neurons_done < network.num_hidden:
        raise LimitError(
            f"the budget is spent after {outcome.neurons_done} of {network.num_hidden} neurons: "
            f"{result.num_regions} regions so far, the partition is incomplete",
            result,
        )
    return result


def _domain_of(box: Box | tuple[object, object] | None, network: Network) -> Domain:
    """Return the domain that the argument of :func:`partition` names."""
    if box is None:
        return Domain.space(network.num_inputs)
    if not isinstance(box, Box):
        try:
            lo, hi = box
        except (TypeError, ValueError):
            raise InputError("the box is not a pair (lo, hi) of bounds") from None
        box = Box.of(lo, hi, network.num_inputs)
    return Domain.of(box)


def _cut_down(domain: Domain, rows: tuple[object, object] | None) -> Domain:
    """Return the domain with the rows that the argument of :func:`partition` names."""
    if rows is None:
        return domain
    if domain.box is None:
        raise InputError("rows cut down a box, but the domain is all of R^d; give a box as well")
    return Domain.cut(domain, rows)


def _search(
    network: Network,
    domain: Domain,
    budget: Budget,
    progress: Progress | None,
    factor: float,
) -> Partition:
    """Return the partition by the LP engine, whose kernels load when first used."""
    from exactbn.regions.by_search import search_partition

    result = search_partition(network, domain, budget=budget, progress=progress, factor=factor)
    if not result.is_finished:
        raise LimitError(
            f"the budget is spent: {result.num_regions} regions so far, the partition is "
            "incomplete",
            result,
        )
    return result
