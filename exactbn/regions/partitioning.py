"""The partition of a domain into the activation regions of a network."""

from pathlib import Path
from typing import TYPE_CHECKING

from exactbn.engines.run import Budget, Progress, checked_factor, checked_workers
from exactbn.errors import InputError, LimitError
from exactbn.model.asking import as_domain, as_network
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Network
from exactbn.output import as_path, check_file
from exactbn.regions.evidence import Evidence
from exactbn.regions.partition import Partition as Partition
from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.model.asking import NetworkLike

#: The engines, and what they are for.
ENGINES = ("auto", "complex", "lp")

#: Inputs up to which "auto" takes the complex engine, which begins with 3^d faces.
MOST_INPUTS = 10

#: Rows up to which it does: a polytope of m rows may have faces like m^(d/2).
MOST_ROWS = 256

#: What may be done when a budget is spent.
ON_BUDGET = ("raise", "return")


def partition(
    network: "NetworkLike",
    box: Box | Domain | tuple[object, object] | None = None,
    *,
    rows: tuple[object, object] | None = None,
    engine: str = "auto",
    max_regions: int | None = None,
    max_seconds: float | None = None,
    on_budget: str = "raise",
    workers: int = 1,
    progress: Progress | None = None,
    certificate: str | Path | None = None,
    filter_factor: float = 1,
) -> Partition:
    """Return the exact partition of a box, or of all of R^d, into regions of ``network``.

    Parameters
    ----------
    network : Network
        d inputs; its hidden layers make the regions. A ``torch.nn`` module in eval mode and the
        name of a network file are read as one.
    box : (lo, hi), Box or None
        Exact scalars (the same for every axis) or sequences of length d; None is all of R^d.
    rows : (A, b), optional
        Cuts the domain down to its points with A x <= b, exact.
    engine : "auto", "complex" or "lp"
        "auto" takes the complex engine where it can: see :func:`chosen_engine`. ``part.engine``
        tells which it was.
        "complex" splits the face lattice of the domain neuron by neuron, and has faces and volumes;
        "lp" searches the patterns with certified linear programs, in any dimension.
    max_regions, max_seconds : optional
        Budgets. Regions are counted after each neuron, or each chunk of the search, so that there
        may be more; where a network has clips or maxima, what is counted, by both engines, are the
        patterns of all units of the layers, of which a region may have several. The clock is
        looked at within these too, and while the certificate is written. Adjacencies that the LP
        engine proves when they are asked for are not under them; see :meth:`Partition.proven`.
    on_budget : "raise" or "return"
        What happens when a budget is spent: an error that carries the partition so far, or that
        partition itself, with ``is_complete`` False and the reason in ``stopped``. Where a
        certificate is asked for and only that is lacking it is the error.
    workers : int
        Threads of this process on which the complex engine cuts the domain in pieces. The regions
        have the same numbers, other faces may have others. One thread works, and it is said to
        ``progress``, where a budget is given, since pieces that end early are no partition, and
        where "auto" takes the LP engine.
    progress : callable, optional
        Called with (neurons done, all neurons, remark).
    certificate : path, optional
        Where to write a proof (:meth:`Partition.write_certificate`), never over an old file.
    filter_factor : float
        For tests of the engines, >= 1: multiplies the error bounds of the floats; with infinity
        every verdict is computed in integers. The result does not depend on it.

    Raises
    ------
    InputError
        If the box is empty, flat or of another dimension, the rows leave no interior, the engine is
        unknown or cannot serve the domain, or the LP engine is asked for with several workers.
    LimitError
        When a budget is spent; ``partial`` is the partition by the neurons done so far, or the
        regions that the search has found: all of them where it is the certificate that is lacking.

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
    for name, value, known in (("engine", engine, ENGINES), ("on_budget", on_budget, ON_BUDGET)):
        if value not in known:
            raise InputError(f"{name} {value!r} is not known, expected one of {', '.join(known)}")
    if checked_workers(workers) > 1 and engine == "lp":
        raise InputError(f"workers is {workers}, expected 1: the LP engine runs on one thread")
    network = as_network(network)
    domain = as_domain(box, network.num_inputs)
    if rows is not None:
        domain = Domain.cut(domain, rows)
    if engine == "auto":
        engine, why = chosen_engine(network, domain)
        if progress is not None and engine != "complex":
            progress(0, network.num_hidden, f"engine {engine}: {why}")
    if certificate is not None:
        check_file(certificate)
    budget = Budget.asked(max_regions, max_seconds)
    factor = checked_factor(filter_factor)
    if workers > 1:
        workers = _threads(workers, network, engine, budget, progress)
    evidence = _found(network, domain, engine, budget, progress, factor, workers)
    result = Partition(network, domain, evidence)
    if result.stopped is not None:
        if on_budget == "return":
            return result
        raise LimitError(
            f"{result.stopped}: {counted(result.num_regions, 'region')} so far, the partition is "
            f"incomplete; it goes further with a greater {budget.limit}",
            result,
        )
    if certificate is not None:
        _write_certificate(result, as_path(certificate), budget)
    return result


def _threads(
    workers: int, network: Network, engine: str, budget: Budget, progress: Progress | None
) -> int:
    """Return how many of several threads will work, and say why where that is one."""
    if engine != "lp" and not budget.is_limited:
        return workers
    if progress is not None:
        why = "the LP engine has no more" if engine == "lp" else "with a budget there are no pieces"
        progress(0, network.num_hidden, f"one thread: {why}")
    return 1


def _write_certificate(result: Partition, path: Path, budget: Budget) -> None:
    """Write the proof of a complete partition within what is left of the budget."""
    try:
        result.evidence.write_proof(path, force=False, budget=budget)
    except LimitError as error:
        raise LimitError(f"{error}: the certificate is not written", result) from None


def chosen_engine(network: Network, domain: Domain) -> tuple[str, str]:
    """Return the engine that "auto" stands for, and why.

    >>> net = Network.from_arrays([[[1, 0], [0, 1]], [[1, 1]]], [[0, 0], [0]])
    >>> chosen_engine(net, Domain.of(Box.of(-1, 1, 2)))
    ('complex', 'it makes faces and volumes as well')
    """
    d = network.num_inputs
    if d > MOST_INPUTS:
        return "lp", f"the complex engine would begin with 3^{d} faces"
    if len(domain.matrix) > MOST_ROWS:
        return "lp", f"the complex engine would first make the faces of {len(domain.matrix)} rows"
    return "complex", "it makes faces and volumes as well"


def _found(
    network: Network,
    domain: Domain,
    engine: str,
    budget: Budget,
    progress: Progress | None,
    factor: float,
    workers: int,
) -> Evidence:
    """Return what an engine finds; the kernels of the other one are not loaded."""
    if engine == "lp":
        from exactbn.regions.by_search import search_patterns

        return search_patterns(network, domain, budget=budget, progress=progress, factor=factor)
    from exactbn.regions.by_lattice import cut_lattice

    return cut_lattice(
        network, domain, budget=budget, progress=progress, factor=factor, workers=workers
    )
