"""The complex engine: split the face lattice of the boxes, one neuron at a time.

One step: the signs of the neuron's preactivation at the vertices, exact; a face is cut if and only
if it has vertices strictly on both sides; cut faces are split upward from the edges. Nothing
assumes general position.
"""

from collections.abc import Sequence

from exactbn.engines.complex.cutting import Late, Outcome, Run
from exactbn.engines.complex.start import num_faces
from exactbn.engines.complex.units import layers_of
from exactbn.engines.first_use import announce
from exactbn.engines.run import Budget, Progress, one_blas_thread
from exactbn.errors import DimensionError, InputError
from exactbn.model.domain import Domain
from exactbn.model.network import Network
from exactbn.wording import counted

#: Greatest number of inputs; 3^13 is more than a million faces before the first cut.
MAX_DIM = 13


def subdivide(
    network: Network,
    domains: Sequence[Domain],
    *,
    budget: Budget | None = None,
    progress: Progress | None = None,
    factor: float = 1,
) -> Outcome:
    """Return the polyhedral complexes into which ``network`` cuts each of ``domains``.

    The domains are treated as disjoint copies, whether they overlap or not: every region belongs
    to one of them. All of R^d comes out as a fan of cones, see
    :mod:`exactbn.engines.complex.start`. Exact.

    Parameters
    ----------
    network : Network
        Its hidden layers make the regions.
    domains : sequence of Domain
        At least one, all in boxes or all without a box, cut by rows or not, of dimension d.
    budget : Budget, optional
        When it is spent, the complex of the neurons done so far is returned: of none, the faces of
        the domains alone. The clock is looked at within a neuron's step as well, wherever the step
        may take long: between batches of vertices, faces and exact evaluations.
    progress : callable, optional
        Called with (neurons done, all neurons, remark) before the first faces are made and between
        neurons.
    factor : float
        Multiplies the error bounds of the float filter; infinity leaves every sign to integers.
        For tests: the result does not depend on it.

    Raises
    ------
    DimensionError
        If a domain has another dimension than the network has inputs.
    InputError
        If there are more than :data:`MAX_DIM` inputs, or the rows of a domain leave no interior.
    InternalError
        If Euler's relation does not hold for the result.
    """
    check_inputs(network, domains)
    announce("complex")
    if progress is not None:
        faces = sum(map(num_faces, domains))
        cells = counted(len(domains), "region")
        progress(0, network.num_hidden, f"{cells}, {faces} faces to begin with")
    with one_blas_thread():
        return _subdivide(Run(network, domains, factor, budget or Budget()), progress)


def check_inputs(network: Network, domains: Sequence[Domain]) -> None:
    """Raise an error if there are too many inputs, or not as many as a domain has dimensions.

    Raises
    ------
    DimensionError, InputError
        As for :func:`subdivide`.
    """
    d = network.num_inputs
    if d > MAX_DIM:
        raise InputError(
            f"the network has {d} inputs, expected at most {MAX_DIM}: the face lattice of a box "
            f"begins with 3^{d} faces; take fewer features, or a slice of the inputs "
            "(Network.restrict)" + (", or engine='lp', which makes no faces" * network.is_chain)
        )
    for domain in domains:
        if domain.dim != network.num_inputs:
            raise DimensionError(
                f"the box has dimension {domain.dim} and the network {network.num_inputs} inputs, "
                "expected the same"
            )


def _subdivide(run: "Run", progress: Progress | None) -> Outcome:
    """Process the neurons in order until the budget ends it."""
    total = run.network.num_hidden
    layers = layers_of(run.network)
    blocks = [block for layer in layers for block in layer.blocks]
    is_watched = progress is not None or run.budget.is_limited
    if total and run.budget.is_spent(len(run.domains), 0):
        return run.finish(blocks[0], 0)
    for block in blocks:
        try:
            if block.units[0] == 0:
                run.begin_layer(block.layer)
            run.begin(block)
        except Late:
            return run.finish(block, block.first_neuron)
        j = 0
        while j < block.width:
            if run.would_be_late(j):
                return run.finish(block, block.first_neuron + j)
            j = run.cut(block, j, most=0) if is_watched else run.cut(block, j)
            done = block.first_neuron + j
            regions = run.count_regions(block, j)
            if progress is not None:
                progress(done, total, counted(regions, "region"))
            if done < total and run.budget.is_spent(regions, done):
                return run.finish(block, done)
        run.end(block)
        if block.units[-1] == block.layer.width - 1:
            run.end_layer(block.layer)
    return run.finish(None, total)
