"""``torch.nn`` modules read as stages.

Only layers whose meaning is known to the letter are read; every other one is refused by name,
never skipped. The exact type counts: a subclass may compute something else.
"""

from collections.abc import Iterator

import torch
from torch import nn

from exactbn.errors import InputError, UnsupportedLayerError
from exactbn.exact.normalization import scale_and_shift
from exactbn.exact.rational import to_fraction
from exactbn.exact.stages import Activation, Chain, Linear, Scaling, Stage
from exactbn.readers.tensors import matrix_of, vector_of

_KNOWN = "Linear, ReLU, LeakyReLU, BatchNorm1d, Identity, Dropout, Flatten and Sequential"


def read_module(module: nn.Module) -> Chain:
    """Return the stages of a ``Sequential`` in eval mode, exact.

    Read are ``Sequential`` (nested too), ``Linear``, ``ReLU``, ``LeakyReLU`` and ``BatchNorm1d``
    anywhere in the chain; ``Identity``, ``Dropout`` (which does nothing in eval mode) and
    ``Flatten`` (which does nothing to points) are passed over. Parameters of every float type
    are read as the rationals that they are. A ``BatchNorm1d`` is the map
    z -> gamma (z - running_mean) / sigma + beta with sigma the float64 nearest to
    sqrt(running_var + eps), folded exactly into its neighbours; the network's ``sigma_policy``
    is then "rounded".

    Raises
    ------
    UnsupportedLayerError
        For any other layer; it is named with its place.
    InputError
        If the module or a part of it is in train mode, a BatchNorm has no running statistics, or
        a parameter is NaN or infinite.
    DegenerateError
        If a BatchNorm has running_var + eps = 0.
    """
    if not isinstance(module, nn.Module):
        raise InputError(f"got a {type(module).__name__}, expected a torch.nn.Module")
    for name, part in module.named_modules():
        if part.training:
            where = f"layer {name} ({type(part).__name__}) of the module" if name else "the module"
            raise InputError(f"{where} is in train mode, expected eval mode; call module.eval()")
    return Chain.of([stage for name, part in _chain(module, "") for stage in _stages(name, part)])


def _chain(module: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    """Yield the named leaves of a ``Sequential`` in the order in which they are applied."""
    if module._forward_hooks or module._forward_pre_hooks:
        raise UnsupportedLayerError(
            f"layer {name or '0'} ({type(module).__name__}) has forward hooks, which may change "
            "what it computes; remove them"
        )
    # A subclass of Sequential that only builds its layers is as good as a Sequential.
    if isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward:
        # Not named_children: that leaves out a module that stands in two places.
        for key, child in module._modules.items():
            if child is not None:
                yield from _chain(child, f"{name}.{key}" if name else key)
    else:
        yield name or "0", module


def _stages(name: str, module: nn.Module) -> Iterator[Stage]:
    """Yield the stage of one layer, or none where it does nothing."""
    where = f"layer {name} ({type(module).__name__})"
    if type(module) is nn.Linear:
        yield _linear(where, module)
    elif type(module) is nn.BatchNorm1d:
        yield _scaling(where, module)
    elif type(module) is nn.ReLU:
        yield Activation(to_fraction(0))
    elif type(module) is nn.LeakyReLU:
        yield Activation(to_fraction(module.negative_slope, f"{where}: negative_slope"))
    elif type(module) is nn.Flatten:
        if module.start_dim != 1:
            raise UnsupportedLayerError(f"{where} has start_dim {module.start_dim}, expected 1")
    elif type(module) not in (nn.Identity, nn.Dropout):
        raise UnsupportedLayerError(f"{where} is not supported; supported are {_KNOWN}")


def _linear(where: str, module: nn.Linear) -> Linear:
    """Return the map of a ``Linear``, with zero bias where it has none."""
    weight = matrix_of(module.weight, f"{where}: weight")
    # torch declares the parameter present even where bias=False leaves it out.
    parameter: torch.nn.Parameter | None = module.bias
    if parameter is None:
        return Linear(where, weight, (to_fraction(0),) * len(weight))
    bias = vector_of(parameter, f"{where}: bias")
    return Linear(where, weight, bias)


def _scaling(where: str, module: nn.BatchNorm1d) -> Scaling:
    """Return the map of a ``BatchNorm1d`` in eval mode."""
    if module.running_mean is None or module.running_var is None:
        raise InputError(
            f"{where} has no running statistics (track_running_stats=False), expected some: "
            "without them its map depends on the batch"
        )

    def read(tensor: torch.Tensor | None, what: str) -> tuple[object, ...] | None:
        return None if tensor is None else vector_of(tensor, f"{where}: {what}")

    factors, shifts = scale_and_shift(
        vector_of(module.running_mean, f"{where}: running_mean"),
        vector_of(module.running_var, f"{where}: running_var"),
        gamma=read(module.weight, "weight"),
        beta=read(module.bias, "bias"),
        eps=module.eps,
        name=where,
    )
    return Scaling(where, factors, shifts)
