"""How far a framework's floats may be from the exact values of the network that is read. Proven.

A float operation gives t (1 + delta) + eta with |delta| <= u and |eta| <= the least normal number,
the unit roundoff u being 2^-53 or 2^-24. A sum of n products, whatever the order of its terms and
whether products are fused with sums, therefore differs from the exact one by no more than
gamma_n (|w_1 v_1| + ... + |w_n v_n|), gamma_n = n u / (1 - n u), and n etas (N. J. Higham,
*Accuracy and Stability of Numerical Algorithms*, chapter 3). Nothing is said of fast convolutions
by transforms, which torch does not use in float64. A forward pass is run as it is; beside each
tensor v runs a tensor r with |v - exact value| <= r:

- sums of products: r becomes |W| r + gamma_n (|W| |v| + |b|), where n also counts what is rounded
  in the constants: scalars to the type, sigma to float64;
- relu, abs, clamp, maxima and minima do not enlarge a difference: r stays, or is the greatest;
- what moves entries moves r with them.

The r are computed in float64 of numbers >= 0 only, so that their own error is relative, and every
one is enlarged by more than that.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from exactbn.errors import InputError, UnsupportedLayerError
from exactbn.readers.tracing.table import QUERIES
from exactbn.readers.tracing.module import canonical_name

#: The unit roundoff u of a type, and its least normal number.
_TYPES = {
    torch.float64: (float(2**-53), float(2**-1022)),
    torch.float32: (float(2**-24), float(2**-126)),
}
#: More than the relative error of a sum of 2^20 terms in float64, some products included.
_ENLARGED = 1 + float(2**-30)
_MOST_TERMS = 1 << 20
#: What is rounded in a batch normalization: eps to the type, var + eps, the root, its inverse,
#: the difference, two products, the sum, sigma of the network; and one for good measure.
_NORMALIZATION = 10

_MOVED = {
    "reshape", "flatten", "unflatten", "permute", "transpose", "t", "squeeze", "unsqueeze", "cat",
    "stack", "split", "chunk", "getitem", "select", "narrow", "slice", "expand", "contiguous",
    "clone", "detach", "identity", "dropout",
}  # fmt: skip
#: Tensors that may be given by name, which are no tensors of the forward pass.
_NAMED = {
    "linear": {"bias"}, "conv1d": {"bias"}, "conv2d": {"bias"},
    "functional_batch_norm": {"running_mean", "running_var", "weight", "bias"},
}  # fmt: skip
_KEPT = {"relu", "abs", "relu6", "neg"}


def rounding_bound(
    module: nn.Module, *inputs: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what a module computes, flat and joined, and how far it is from the exact network.

    Parameters
    ----------
    module : torch.nn.Module
        In eval mode, all numbers of one type, float64 or float32; one that is read exactly.
    inputs : tensors
        With a batch axis of 1.

    Returns
    -------
    values, bounds : tensors of float64
        |values[i] - exact output i| <= bounds[i]; infinite where a float has overflowed.

    Raises
    ------
    UnsupportedLayerError
        For an operation of which no bound is known here.
    """
    kinds = {part.dtype for part in (*inputs, *module.parameters(), *module.buffers())
             if part.is_floating_point()}  # fmt: skip
    if len(kinds) != 1 or not kinds <= _TYPES.keys():
        names = ", ".join(sorted(map(str, kinds)))
        raise InputError(f"numbers of the types {names}, expected one, float64 or float32")
    (kind,) = kinds
    mode = _Following(*_TYPES[kind])
    with torch.no_grad(), mode:
        result = module(*inputs)
    parts = list(_tensors(result))
    values = torch.cat([part.flatten().double() for part in parts])
    bounds = torch.cat([mode.radius(part).flatten() for part in parts])
    return values, torch.where(values.isfinite() & ~bounds.isnan(), bounds, torch.inf)


class _Following(TorchFunctionMode):
    """A forward pass that is followed: the radius of every tensor, 0 of those that are given."""

    def __init__(self, unit: float, least: float) -> None:
        super().__init__()
        self._unit, self._least = unit, least
        self._known: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def radius(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the radius of a tensor, which is 0 for constants and inputs."""
        known = self._known.get(id(tensor))
        if known is None:
            return torch.zeros(tensor.shape, dtype=torch.float64)
        return known[1]

    def __torch_function__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        given = dict(kwargs or {})
        name = canonical_name(function)
        if name in QUERIES or name in ("has_torch_function", "__get__"):
            return function(*args, **given)
        loose = [key for key, value in given.items() if _tensors(value)]
        if loose and not (name in _NAMED and set(loose) <= _NAMED[name]):
            raise UnsupportedLayerError(
                f"no bound of rounding is known for {name} with tensors by name "
                f"({', '.join(loose)})"
            )
        before = [self.radius(t) for t in _tensors(args)]
        sizes = [t.detach().double().abs() for t in _tensors(args)]
        result = function(*args, **given)
        self._note(name, function, args, given, before, sizes, result)
        return result

    def _note(
        self, name: str, function: Any, args: Sequence[Any], given: dict[str, Any],
        before: list[torch.Tensor], sizes: list[torch.Tensor], result: Any,
    ) -> None:  # fmt: skip
        """Write down the radius of a result."""
        rule = _RULES.get(name)
        if rule is not None:
            radii = [rule(self, function, args, given, before, sizes)]
        elif name in _MOVED:
            radii = list(_tensors(function(*_with(args, before), **given)))
        elif name in _KEPT:
            radii = before[:1]
        else:
            raise UnsupportedLayerError(f"no bound of rounding is known for the operation {name}")
        for tensor, radius in zip(_tensors(result), radii, strict=True):
            if radius.shape != tensor.shape:
                radius = radius.expand(tensor.shape)
            self._known[id(tensor)] = (tensor, radius)

    def gamma(self, terms: int) -> float:
        """Return more than n u / (1 - n u)."""
        total = terms * self._unit
        if terms > _MOST_TERMS or total >= 0.5:
            raise InputError(f"a sum of {terms} terms, of whose rounding nothing is known")
        return total / (1 - total) * _ENLARGED

    def grown(self, radius: torch.Tensor, size: torch.Tensor, terms: int) -> torch.Tensor:
        """Return radius + gamma_n size + n eta, enlarged."""
        return (radius + self.gamma(terms) * size + terms * self._least) * _ENLARGED


Rule = Callable[
    [_Following, Any, Sequence[Any], dict[str, Any], list[torch.Tensor], list[torch.Tensor]],
    torch.Tensor,
]


def _linear(
    run: _Following, function: Any, args: Sequence[Any], given: dict[str, Any],
    before: list[torch.Tensor], sizes: list[torch.Tensor],
) -> torch.Tensor:  # fmt: skip
    """Matrices and convolutions: args are (x, weight, bias, ...), the bias perhaps by name."""
    if given.get("bias") is not None:
        args = (args[0], args[1], given["bias"], *args[2:])
        given = {name: value for name, value in given.items() if name != "bias"}
        sizes = [*sizes, args[2].detach().double().abs()]
    weight, tail = args[1], list(args[2:])
    bias = tail[0] if tail and isinstance(tail[0], torch.Tensor) else None
    moved = function(before[0], sizes[1], None, *tail[1:], **given)
    size = function(sizes[0] + before[0], sizes[1], None if bias is None else sizes[2],
                    *tail[1:], **given)  # fmt: skip
    return run.grown(moved, size, weight[0].numel() + 2)


def _matmul(
    run: _Following, function: Any, args: Sequence[Any], given: dict[str, Any],
    before: list[torch.Tensor], sizes: list[torch.Tensor],
) -> torch.Tensor:  # fmt: skip
    a, b = sizes[0] + before[0], sizes[1] + before[1]
    moved = torch.matmul(before[0], b) + torch.matmul(a, before[1])
    return run.grown(moved, torch.matmul(a, b), args[0].shape[-1] + 1)


def _added(
    run: _Following, function: Any, args: Sequence[Any], given: dict[str, Any],
    before: list[torch.Tensor], sizes: list[torch.Tensor],
) -> torch.Tensor:  # fmt: skip
    factor = abs(float(given.get("alpha", 1)))
    (x, rx), (y, ry) = _pair(args, before, sizes)
    return run.grown(rx + factor * ry, x + rx + factor * (y + ry), 5)


def _multiplied(
    run: _Following, function: Any, args: Sequence[Any], given: dict[str, Any],
    before: list[torch.Tensor], sizes: list[torch.Tensor],
) -> torch.Tensor:  # fmt: skip
    (x, rx), (y, ry) = _pair(args, before, sizes)
    return run.grown(rx * (y + ry) + x * ry, (x + rx) * (y + ry), 3)


def _divided(
    run: _Following, function: Any, args: Sequence[Any], given: dict[str, Any],
    before: list[torch.Tensor], sizes: list[torch.Tensor],
) -> torch.Tensor:  # fmt: skip
    (x, rx), (y, _) = _pair(args, before, sizes)
    return run.grown(rx / y, (x + rx) / y, 3)


def _normalized(
    run: _Following, function: Any, args: Sequence[Any], given: dict[str, Any],
    before: list[torch.Tensor], sizes: list[torch.Tensor],
) -> torch.Tensor:  # fmt: skip
    names = ("", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")
    taken: dict[str, Any] = {**dict(zip(names, args)), **given}
    x, shape = args[0], (1, -1) + (1,) * (args[0].ndim - 2)

    def column(name: str, default: float) -> torch.Tensor:
        value = taken.get(name)
        found = torch.full((x.shape[1],), default) if value is None else value.detach()
        return found.double().reshape(shape)

    sigma = (column("running_var", 1) + float(taken.get("eps", float("1e-5")))).sqrt()
    # The root is right up to some units, for which terms are counted.
    factor = column("weight", 1).abs() / sigma
    size = factor * (sizes[0] + before[0] + column("running_mean", 0).abs())
    return run.grown(factor * before[0] * (1 + 8 * run.gamma(1)), size + column("bias", 0).abs(),
                     _NORMALIZATION)  # fmt: skip


def _clamped(
    run: _Following, function: Any, args: Sequence[Any], given: dict[str, Any],
    before: list[torch.Tensor], sizes: list[torch.Tensor],
) -> torch.Tensor:  # fmt: skip
    """The ends are rounded to the type; the difference does not grow."""
    ends = [t for t in (*args[1:], *given.values()) if isinstance(t, (int, float))]
    return run.grown(before[0], torch.tensor(max(map(abs, ends), default=0)).double(), 2)


def _padded(
    run: _Following, function: Any, args: Sequence[Any], given: dict[str, Any],
    before: list[torch.Tensor], sizes: list[torch.Tensor],
) -> torch.Tensor:  # fmt: skip
    rest = [*args[2:], *given.values()]
    value = max((abs(float(t)) for t in rest if isinstance(t, (int, float))), default=0.0)
    edges = args[1] if len(args) > 1 else given["pad"]
    return functional.pad(before[0], edges, value=run.gamma(2) * value)


def _leaky(
    run: _Following, function: Any, args: Sequence[Any], given: dict[str, Any],
    before: list[torch.Tensor], sizes: list[torch.Tensor],
) -> torch.Tensor:  # fmt: skip
    slope = args[1] if len(args) > 1 else given.get("negative_slope", float("0.01"))
    if isinstance(slope, torch.Tensor):
        ndim = sizes[0].ndim
        size = slope.detach().double().abs()
        slope = size.reshape((1, -1) + (1,) * (ndim - 2)) if size.numel() > 1 else size.reshape(())
    else:
        slope = torch.tensor(abs(float(slope)), dtype=torch.float64)
    radius = before[0] * slope.clamp(min=1)
    return run.grown(radius, slope * (sizes[0] + before[0]), 3)


def _meaned(
    run: _Following, function: Any, args: Sequence[Any], given: dict[str, Any],
    before: list[torch.Tensor], sizes: list[torch.Tensor],
) -> torch.Tensor:  # fmt: skip
    """Sums and means, also of windows: the same operation on numbers that are not negative."""
    moved = function(before[0], *args[1:], **given)
    size = function(sizes[0] + before[0], *args[1:], **given)
    return run.grown(moved, size, sizes[0].numel() + 2)


def _greatest(operation: Callable[..., torch.Tensor]) -> Rule:
    """Return the rule of a maximum or a minimum: the greatest radius of what is compared."""

    def rule(
        run: _Following, function: Any, args: Sequence[Any], given: dict[str, Any],
        before: list[torch.Tensor], sizes: list[torch.Tensor],
    ) -> torch.Tensor:  # fmt: skip
        return operation(*_with(args, before), **given)

    return rule


def _pair(
    args: Sequence[Any], before: list[torch.Tensor], sizes: list[torch.Tensor]
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return (size, radius) of two operands, numbers among them."""
    found, known = [], iter(zip(sizes, before, strict=True))
    for value in args[:2]:
        if isinstance(value, torch.Tensor):
            found.append(next(known))
        else:
            size = torch.tensor(abs(float(value)), dtype=torch.float64)
            found.append((size, torch.zeros_like(size)))
    return found


def _extreme(*args: Any, **given: Any) -> torch.Tensor:
    """Return the greatest entry of one tensor, or of two, entry by entry."""
    result: torch.Tensor = torch.max(*args, **given)
    return result


_RULES: dict[str, Rule] = {
    "linear": _linear, "conv1d": _linear, "conv2d": _linear, "matmul": _matmul, "add": _added,
    "sub": _added, "rsub": _added, "mul": _multiplied, "div": _divided, "truediv": _divided,
    "functional_batch_norm": _normalized, "leaky_relu": _leaky, "prelu": _leaky,
    "mean": _meaned, "sum": _meaned, "avg_pool1d": _meaned,
    "avg_pool2d": _meaned, "adaptive_avg_pool1d": _meaned, "adaptive_avg_pool2d": _meaned,
    "maximum": _greatest(_extreme), "minimum": _greatest(_extreme), "max": _greatest(_extreme),
    "min": _greatest(_extreme), "amax": _greatest(torch.amax), "amin": _greatest(torch.amax),
    "max_pool1d": _greatest(functional.max_pool1d), "max_pool2d": _greatest(functional.max_pool2d),
    "pad": _padded, "clamp": _clamped, "clamp_min": _clamped, "clamp_max": _clamped,
    "hardtanh": _clamped,
}  # fmt: skip


def _tensors(value: Any) -> list[torch.Tensor]:
    """Return the tensors in nested tuples and lists, in order."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, (tuple, list)):
        return [part for inner in value for part in _tensors(inner)]
    return []


def _with(value: Any, radii: list[torch.Tensor]) -> Any:
    """Return nested arguments with radii in the place of tensors, but for indices."""
    left = iter(radii)

    def replaced(part: Any) -> Any:
        if isinstance(part, torch.Tensor):
            radius = next(left)
            return radius if part.is_floating_point() else part
        if isinstance(part, (tuple, list)):
            return type(part)([replaced(inner) for inner in part])
        return part

    return replaced(tuple(value))
