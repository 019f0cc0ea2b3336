"""``torch.nn`` modules read as stages.

Only operations whose meaning is known to the letter are read; every other one is refused by name,
never skipped. A ``Sequential`` of the layers of a chain is read layer by layer, where the exact
type counts: a subclass may compute something else. Every other module is run on symbols
(:mod:`exactbn.readers.tracing`).
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from exactbn.errors import InputError, UnsupportedLayerError
from exactbn.exact.normalization import Normalization
from exactbn.exact.rational import Vector, to_fraction
from exactbn.exact.stages import Activation, Chain, Graph, Linear, Scaling, Stage
from exactbn.readers.statistics import Statistics, to_points
from exactbn.readers.tensors import matrix_of, vector_of
from exactbn.readers.wiring import Normalizer
from exactbn.wording import a_type

#: Layers of a chain.
_CHAINED = {
    nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.LeakyReLU, nn.Identity, nn.Dropout, nn.Flatten,
}  # fmt: skip
_KNOWN = "Linear, ReLU, LeakyReLU, BatchNorm1d, Identity, Dropout, Flatten and Sequential"


def read_module(
    module: "nn.Module | torch.export.ExportedProgram",
    example: object = None,
    *,
    logits: bool = False,
    statistics: Statistics | None = None,
    centering: Normalizer | None = None,
) -> Chain | Graph:
    """Return the stages of a module in eval mode, exact.

    Parameters of every float type are read as the rationals that they are. A batch normalization
    is the map z -> gamma (z - running_mean) / sigma + beta with sigma the float64 nearest to
    sqrt(running_var + eps), folded exactly into its neighbours; the network's ``sigma_policy``
    is then "rounded".

    Parameters
    ----------
    module : torch.nn.Module
        In eval mode. A program that ``torch.export`` has made is one by its ``.module()``; it
        keeps the mode in which it was exported.
    example : tensor, or tuple of tensors, optional
        Inputs with a batch axis, of which only the shapes count; needed but for an exported program
        and for a ``Sequential`` that begins with a layer which says how many features it takes.
        Several inputs are joined in order.
    logits : bool
        Whether a Softmax or Sigmoid at the end is left out.
    statistics : Statistics, optional
        Where batch normalizations take mean and variance from, the running ones by default.
    centering : Normalizer, optional
        What is done to the rows of an activation before it, where the module is run on symbols.

    Raises
    ------
    UnsupportedLayerError
        For what is not supported; it is named with its place.
    InputError
        If the module or a part of it is in train mode, a BatchNorm has no running statistics, a
        parameter is NaN or infinite, or shapes are not known.
    DegenerateError
        If a BatchNorm has running_var + eps = 0.
    """
    program = module if isinstance(module, torch.export.ExportedProgram) else None
    if isinstance(module, torch.export.ExportedProgram):
        shapes = _program_shapes(module)
        module = module.module()
    if not isinstance(module, nn.Module):
        raise InputError(
            f"got {a_type(module)}, expected a torch.nn.Module; a state dict goes into its module "
            "(load_state_dict) or a file (torch.save)"
        )
    for name, part in module.named_modules():
        if part.training and program is None:
            where = f"layer {name} ({type(part).__name__}) of the module" if name else "the module"
            raise InputError(f"{where} is in train mode, expected eval mode; call module.eval()")
    running = statistics is None or statistics.kind == "running"
    is_plain = example is None or centering is not None
    if program is None and _is_chain(module) and is_plain and running:
        stages = [stage for name, part in _chain(module, "") for stage in _stages(name, part)]
        return Chain.of(stages)
    from exactbn.readers.tracing.module import trace

    if program is None:
        shapes = _shapes(module, example)
    elif example is not None and centering is None:
        shapes = _example_shapes(example)
    return trace(module, shapes, logits=logits, statistics=statistics, normalizer=centering)


def _is_chain(module: nn.Module) -> bool:
    """Return whether a module consists of layers of a chain, or is one that has hooks."""
    if "forward" in vars(module):  # its own, whatever its type does
        return False
    if isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward:
        return all(_is_chain(child) for child in module.children())
    return type(module) in _CHAINED or _has_hooks(module)


def _has_hooks(module: nn.Module) -> bool:
    """Return whether a module has forward hooks, beside those of recordings, which only look."""
    hooks = (*module._forward_hooks.values(), *module._forward_pre_hooks.values())
    return any(not getattr(hook, "only_observes", False) for hook in hooks)


def _shapes(module: nn.Module, example: object) -> list[tuple[int, ...]]:
    """Return the shapes of the inputs without the batch axis."""
    if example is not None:
        return _example_shapes(example)
    for _, part in _chain(module, ""):
        if isinstance(part, nn.Linear) and type(part).forward is nn.Linear.forward:
            return [(part.in_features,)]
        if type(part) is nn.BatchNorm1d:
            return [(part.num_features,)]
        if type(part) not in (nn.Identity, nn.Dropout, nn.ReLU, nn.Flatten):
            break
    raise InputError(
        "the shape of the input is not known; give an example, such as "
        "Network.from_torch(module, torch.zeros(1, 1, 28, 28))"
    )


def example_of(data: Any) -> torch.Tensor:
    """Return a tensor of zeros that has the shape of some points, which may be lists."""
    shape = getattr(data, "shape", None)
    if shape is None:
        points = to_points(data)
        shape = (len(points), len(points[0]))
    return torch.zeros(1, *shape[1:])


def _example_shapes(example: object) -> list[tuple[int, ...]]:
    """Return the shapes of examples without the batch axis."""
    tensors = example if isinstance(example, (tuple, list)) else (example,)
    for part in tensors:
        if not isinstance(part, torch.Tensor):
            raise InputError(
                f"an example is {a_type(part)}, expected a tensor with a batch axis and at least "
                "one more, or a tuple of such"
            )
        if part.ndim < 2:
            raise InputError(
                f"an example has the shape {tuple(part.shape)}, expected a tensor with a batch "
                "axis and at least one more; a single point of d inputs is torch.zeros(1, d)"
            )
    return [tuple(part.shape[1:]) for part in tensors]


def _program_shapes(program: torch.export.ExportedProgram) -> list[tuple[int, ...]]:
    """Return the shapes of the inputs of an exported program without the batch axis."""
    asked = program.graph_signature.user_inputs
    nodes = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    named = list((program.example_inputs or ((), {}))[1])
    if named:
        raise InputError(
            f"the program takes inputs by name ({', '.join(named)}), expected all by position; "
            "export it with a tuple of examples alone"
        )
    shapes = []
    for name in asked:
        value = nodes[name].meta.get("val") if isinstance(name, str) and name in nodes else None
        if not isinstance(value, torch.Tensor) or value.ndim < 2:
            raise InputError(
                f"the input {name!r} of the program is no tensor with a batch axis and at least "
                "one more"
            )
        batch, *sizes = value.shape
        if type(batch) is int and batch != 1:
            raise InputError(
                f"the program is exported for batches of {batch} points, expected 1 or any; "
                "export it with an example of one point, or with a dynamic batch"
            )
        if not all(type(size) is int for size in sizes):
            raise InputError(
                f"the input {name!r} of the program has dynamic sizes "
                f"({', '.join(map(str, sizes))}), only that of the batch may be; export it with "
                "fixed ones"
            )
        shapes.append(tuple(sizes))
    return shapes


def _chain(module: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    """Yield the named leaves of a ``Sequential`` in the order in which they are applied."""
    if _has_hooks(module):
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

    def read(tensor: torch.Tensor | None, what: str) -> Vector | None:
        return None if tensor is None else vector_of(tensor, f"{where}: {what}")

    return Scaling.of(
        Normalization(
            where,
            vector_of(module.running_mean, f"{where}: running_mean"),
            vector_of(module.running_var, f"{where}: running_var"),
            read(module.weight, "weight"),
            read(module.bias, "bias"),
            to_fraction(module.eps, f"{where}: eps"),
        )
    )
