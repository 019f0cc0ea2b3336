"""torch modules that are run on symbols: what a module computes, read off while it computes it.

A :class:`Traced` stands for a tensor and holds rows, affine expressions of features. torch hands
every operation on it to :func:`_apply`, whatever wrote it: a module, a function, a method, an
operator, an exported program. So the forward pass itself is the reader, nested and repeated modules
included; what asks for the values of a tensor is refused, for there are none.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)

from exactbn.errors import DimensionError, ExactBNError, InputError, UnsupportedLayerError
from exactbn.exact.normalization import scale_and_shift
from exactbn.exact.rational import to_fraction
from exactbn.exact.stages import Graph
from exactbn.readers import operations
from exactbn.readers.operations import Numbers, Windows, per_channel
from exactbn.readers.tensors import check_plain
from exactbn.readers.wiring import Row, Rows, Wiring, combined, constant, elementwise, tensor

#: Greatest number of entries of a tensor; more of them are no network to be partitioned.
MOST_ENTRIES = 1 << 22


class Traced:
    """A tensor of rows, of which torch may ask everything but its values."""

    def __init__(self, rows: Rows, run: "_Run", *, is_final: bool = False) -> None:
        self.rows = rows
        self.run = run
        self.is_final = is_final

    @classmethod
    def __torch_function__(
        cls,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Do what torch would do with tensors."""
        return _apply(_name(function), function, args, dict(kwargs or {}))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in _OPERATIONS | _QUERIES:
            raise _unsupported(f"the attribute or method {name!r} of a tensor")
        if name in _PROPERTIES:
            return _QUERIES[name](self)

        def method(*args: Any, **kwargs: Any) -> Any:
            return _apply(name, getattr(torch.Tensor, name), (self, *args), kwargs)

        return method

    def __len__(self) -> int:
        return int(self.rows.shape[0])

    def __iter__(self) -> Iterator["Traced"]:
        return (self.like(part) for part in self.rows)

    def __getitem__(self, index: Any) -> "Traced":
        return _getitem(self, index)

    def __bool__(self) -> bool:
        raise InputError(
            f"{_where()}the module asks whether values of a tensor hold (data-dependent control "
            "flow), which no partition of the input space by one network can follow"
        )

    __index__ = __int__ = __float__ = __bool__

    def like(self, rows: Any) -> "Traced":
        """Return other rows of the same run."""
        if not isinstance(rows, np.ndarray):
            rows = tensor([rows], ())
        return Traced(rows, self.run)


def _operator(name: str, swapped: bool = False) -> Callable[[Traced, Any], Any]:
    def method(self: Traced, other: Any = None) -> Any:
        args = (self,) if other is None else (other, self) if swapped else (self, other)
        return _apply(name, getattr(torch, name), args, {})

    return method


for _symbol, _called in (
    ("add", "add"), ("sub", "sub"), ("mul", "mul"), ("truediv", "div"), ("matmul", "matmul"),
):  # fmt: skip
    setattr(Traced, f"__{_symbol}__", _operator(_called))
    setattr(Traced, f"__r{_symbol}__", _operator(_called, swapped=True))
for _symbol in ("neg", "abs"):
    setattr(Traced, f"__{_symbol}__", _operator(_symbol))


class _Run:
    """One forward pass: the wiring, the modules under way, and how batch statistics are read."""

    def __init__(self, num_inputs: int, logits: bool) -> None:
        self.wiring = Wiring(num_inputs)
        self.logits = logits
        self.has_scale = False
        self.final: str | None = None


#: The names of the modules that are under way, outermost first; one list a traced pass.
_stack: list[list[str]] = []


def trace(
    module: nn.Module, shapes: Sequence[tuple[int, ...]], *, logits: bool = False
) -> Graph:
    """Return the wired layers of a module in eval mode, run on inputs of these shapes.

    Parameters
    ----------
    module : torch.nn.Module
        Any whose forward pass consists of operations that are known here.
    shapes : sequence of shapes
        Of its inputs, without the batch; they are joined in this order, as are its outputs.
    logits : bool
        Whether a Softmax or Sigmoid at the end is left out.

    Raises
    ------
    UnsupportedLayerError
        For any other operation; it is named with its place.
    InputError
        If the forward pass depends on values, or a parameter is no finite number.
    """
    sizes = [int(np.prod(shape, dtype=np.int64)) for shape in shapes]
    run = _Run(sum(sizes), logits)
    inputs = []
    first = 0
    for shape, size in zip(shapes, sizes, strict=True):
        inputs.append(Traced(run.wiring.inputs((1, *shape), first), run))
        first += size
    with _places(module), torch.no_grad():
        try:
            result = module(*inputs)
        except ExactBNError:
            raise
        except (TypeError, ValueError, RuntimeError, IndexError, AttributeError) as error:
            text = " ".join(str(error).split())[:200]
            raise UnsupportedLayerError(
                f"{_where()}the forward pass cannot be followed: {type(error).__name__}: {text}"
            ) from error
    outputs = [part for part in _flattened(result)]
    if not outputs or not all(isinstance(part, Traced) for part in outputs):
        raise UnsupportedLayerError("the module does not return tensors that depend on its inputs")
    rows = np.concatenate([part.rows.ravel() for part in outputs])
    return run.wiring.graph(rows, "rounded" if run.has_scale else "no-bn")


def _flattened(value: Any) -> Iterator[Any]:
    if isinstance(value, (tuple, list)):
        for part in value:
            yield from _flattened(part)
    elif isinstance(value, Mapping):
        yield from _flattened(list(value.values()))
    else:
        yield value


@contextmanager
def _places(module: nn.Module) -> Iterator[None]:
    """Keep the names of the modules that are under way, for messages."""
    names = {id(part): name for name, part in module.named_modules()}
    stack: list[str] = []

    def enter(part: nn.Module, args: Any) -> None:
        stack.append(f"layer {names.get(id(part), '?') or '0'} ({type(part).__name__})")

    def leave(part: nn.Module, args: Any, output: Any) -> None:
        stack.pop()

    handles = [register_module_forward_pre_hook(enter), register_module_forward_hook(leave)]
    _stack.append(stack)
    try:
        yield
    finally:
        # The names are still there for a message that is being made.
        _stack.remove(stack)
        for handle in handles:
            handle.remove()


def _where() -> str:
    """Return the innermost module that is under way, for the beginning of a message."""
    return f"{_stack[-1][-1]}: " if _stack and _stack[-1] else ""


def _name(function: Callable[..., Any]) -> str:
    """Return what torch calls an operation, overloads and in-place forms apart."""
    if function in _BY_FUNCTION:
        return _BY_FUNCTION[function]
    packet = getattr(function, "overloadpacket", None)
    name = packet.__name__ if packet is not None else getattr(function, "__name__", str(function))
    if name == "__get__":  # of a property
        name = getattr(getattr(function, "__self__", None), "__name__", name)
    name = _ALIASES.get(name, name)
    return name.strip("_") if name.startswith("__") else name


def _unsupported(what: str) -> UnsupportedLayerError:
    known = ", ".join(sorted(_OPERATIONS))
    return UnsupportedLayerError(f"{_where()}{what} is not supported; supported are {known}")


def _apply(
    name: str, function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]
) -> Any:
    """Return the result of one operation."""
    for part in _flattened([*args, *kwargs.values()]):
        if isinstance(part, Traced) and part.is_final and name not in _QUERIES:
            raise UnsupportedLayerError(
                f"{_where()}{name} follows the {part.run.final} that logits=True leaves out, "
                "which must be the end of the network"
            )
    if name in _QUERIES:
        return _QUERIES[name](*args, **kwargs)
    if name not in _OPERATIONS:
        raise _unsupported(f"the operation {name}")
    try:
        return _OPERATIONS[name](*args, **kwargs)
    except ExactBNError as error:
        place = _where()
        if place and not str(error).startswith(place):
            raise type(error)(f"{place}{error}") from error
        raise
    except TypeError as error:
        raise UnsupportedLayerError(
            f"{_where()}{name} is called in a way that is not supported: {error}"
        ) from error


# Numbers


def _numbers(value: Any, what: str) -> Numbers:
    """Return a constant tensor, or a number, as Fractions."""
    if isinstance(value, torch.Tensor):
        check_plain(value, what)
        if value.numel() > MOST_ENTRIES:
            raise InputError(f"{what} has {value.numel()} entries, at most {MOST_ENTRIES} are read")
        plain = value.detach().cpu()
        listed = (plain.to(torch.float64) if plain.is_floating_point() else plain).flatten()
        flat = np.empty(listed.numel(), dtype=object)
        flat[:] = [to_fraction(t, what) for t in listed.tolist()]
        return flat.reshape(tuple(value.shape))
    result = np.empty((), dtype=object)
    result[()] = to_fraction(value, what)
    return result


def _pair(value: Any, axes: int) -> tuple[int, ...]:
    """Return one integer an axis."""
    values = list(value) if isinstance(value, (tuple, list, torch.Size)) else [value]
    values = values * axes if len(values) == 1 else values
    if len(values) != axes:
        raise DimensionError(f"{tuple(values)} has {len(values)} entries, expected 1 or {axes}")
    return tuple(int(t) for t in values)


def _axes(dim: Any, ndim: int) -> list[int]:
    dims = range(ndim) if dim is None else dim if isinstance(dim, (tuple, list)) else [dim]
    return [d % ndim for d in dims]


# Affine operations


def _linear(x: Traced, weight: Any, bias: Any = None) -> Traced:
    b = None if bias is None else _numbers(bias, "bias")
    return x.like(operations.multiply(x.rows, _numbers(weight, "weight").T, b))


def _matmul(x: Any, y: Any) -> Traced:
    if isinstance(x, Traced) and isinstance(y, Traced):
        raise _unsupported("a product of two tensors that depend on the input")
    if isinstance(x, Traced):
        return x.like(operations.multiply(x.rows, _numbers(y, "factor"), None))
    of: Traced = y
    if of.rows.ndim > 2:
        raise _unsupported(f"a matrix times a tensor of {of.rows.ndim} axes")
    return of.like(operations.multiply(of.rows.T, _numbers(x, "factor").T, None).T)


def _addmm(bias: Any, x: Traced, weight: Any, *, beta: Any = 1, alpha: Any = 1) -> Traced:
    return _add(_scaled(_matmul(x, weight), alpha), bias, alpha=beta)


def _convolution(axes: int) -> Callable[..., Traced]:
    def convolution(
        x: Traced, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
        dilation: Any = 1, groups: int = 1,
    ) -> Traced:  # fmt: skip
        return _convolved(axes, x, weight, bias, stride, padding, dilation, groups)

    return convolution


def _convolved(
    axes: int, x: Traced, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any,
    groups: int,
) -> Traced:  # fmt: skip
    is_single = x.rows.ndim == axes + 1  # without a batch
    rows = x.rows[None] if is_single else x.rows
    size = tuple(weight.shape[2:])
    steps, gaps = _pair(stride, axes), _pair(dilation, axes)
    if padding == "same":
        edges = operations.same_padding(rows.shape[2:], size, steps, gaps)
    else:
        edges = tuple((p, p) for p in _pair(0 if padding == "valid" else padding, axes))
    windows = Windows(size, steps, edges, gaps)
    b = None if bias is None else _numbers(bias, "bias")
    result = operations.convolve(rows, _numbers(weight, "weight"), b, windows, groups)
    return x.like(result[0] if is_single else result)


def _general_convolution(
    x: Traced, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any,
    transposed: bool, output_padding: Any, groups: int, *flags: bool,
) -> Traced:  # fmt: skip
    if transposed:
        raise _unsupported("a transposed convolution")
    axes = weight.ndim - 2
    return _convolved(axes, x, weight, bias, stride, padding, dilation, groups)


def _normalized(
    x: Traced, mean: Any, var: Any, weight: Any, bias: Any, training: bool, eps: float
) -> Traced:
    if training or mean is None or var is None:
        raise InputError(
            "a batch normalization without running statistics, or in train mode, depends on the "
            "batch; expected eval mode and track_running_stats"
        )

    def read(value: Any, what: str) -> list[object] | None:
        return None if value is None else list(_numbers(value, what))

    factors, shifts = scale_and_shift(
        list(_numbers(mean, "running_mean")), list(_numbers(var, "running_var")),
        gamma=read(weight, "weight"), beta=read(bias, "bias"), eps=eps,
    )  # fmt: skip
    x.run.has_scale = True
    if x.rows.shape[1] != len(factors):
        raise DimensionError(
            f"a batch normalization of {len(factors)} channels, got {x.rows.shape[1]}"
        )
    a, c = (per_channel(np.array(t, dtype=object), x.rows.ndim) for t in (factors, shifts))
    return x.like(elementwise(Row.scaled, x.rows, a, c))


def _functional_batch_norm(
    x: Traced, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None,
    training: bool = False, momentum: Any = 0, eps: float = 1e-5,
) -> Traced:  # fmt: skip
    return _normalized(x, running_mean, running_var, weight, bias, training, eps)


def _batch_norm(
    x: Traced, weight: Any, bias: Any, mean: Any, var: Any, training: bool, momentum: Any,
    eps: float, cudnn: bool = False,
) -> Traced:  # fmt: skip
    return _normalized(x, mean, var, weight, bias, training, eps)


def _legit_batch_norm(
    x: Traced, weight: Any, bias: Any, mean: Any, var: Any, momentum: Any, eps: float
) -> tuple[Traced, None, None]:
    return _normalized(x, mean, var, weight, bias, False, eps), None, None


def _add(x: Any, y: Any, *, alpha: Any = 1) -> Traced:
    factor = to_fraction(alpha, "alpha")
    if isinstance(x, Traced) and isinstance(y, Traced):
        return x.like(elementwise(lambda a, b: combined(a, b, factor), x.rows, y.rows))
    if isinstance(x, Traced):
        numbers = _numbers(y, "summand")
        one = Fraction(1)
        return x.like(elementwise(lambda a, t: a.scaled(one, factor * t), x.rows, numbers))
    numbers = _numbers(x, "summand")
    return _like(y, elementwise(lambda t, b: b.scaled(factor, t), numbers, y.rows))


def _sub(x: Any, y: Any, *, alpha: Any = 1) -> Traced:
    return _add(x, y, alpha=-to_fraction(alpha, "alpha"))


def _like(x: Traced, rows: Rows) -> Traced:
    return x.like(rows)


def _scaled(x: Any, y: Any) -> Traced:
    if isinstance(x, Traced) and isinstance(y, Traced):
        raise _unsupported("a product of two tensors that depend on the input")
    traced, other = (x, y) if isinstance(x, Traced) else (y, x)
    return _like(traced, elementwise(Row.scaled, traced.rows, _numbers(other, "factor")))


def _divided(x: Any, y: Any, *, rounding_mode: Any = None) -> Traced:
    if not isinstance(x, Traced) or isinstance(y, Traced) or rounding_mode is not None:
        raise _unsupported("a quotient that is rounded, or whose divisor depends on the input")
    divisors = _numbers(y, "divisor")
    if not all(divisors.ravel()):
        raise InputError("a divisor is 0")
    return x.like(elementwise(lambda a, t: a.scaled(1 / t), x.rows, divisors))


def _summed(divide: bool) -> Callable[..., Traced]:
    def operation(
        x: Traced, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
    ) -> Traced:
        axes = _axes(dim, x.rows.ndim)
        return x.like(operations.reduced(x.rows, axes, keep=keepdim, divide=divide))

    return operation


def _padded(x: Traced, pad: Sequence[int], mode: str = "constant", value: Any = None) -> Traced:
    if mode != "constant":
        raise _unsupported(f"padding of the mode {mode!r}")
    widths = [(0, 0)] * x.rows.ndim
    for i in range(0, len(pad), 2):
        widths[-1 - i // 2] = (int(pad[i]), int(pad[i + 1]))
    return x.like(operations.padded(x.rows, widths, to_fraction(value or 0, "value")))


# Pieces


def _activated(x: Traced, slope: Any) -> Traced:
    return x.like(x.run.wiring.activation(x.rows, _numbers(slope, "slope")))


def _relu(x: Traced, inplace: bool = False) -> Traced:
    return _activated(x, 0)


def _leaky_relu(x: Traced, negative_slope: Any = 0.01, inplace: bool = False) -> Traced:
    return _activated(x, negative_slope)


def _prelu(x: Traced, weight: Any) -> Traced:
    slopes = _numbers(weight, "weight")
    shape = (1, -1) + (1,) * (x.rows.ndim - 2) if slopes.size > 1 else ()
    return x.like(x.run.wiring.activation(x.rows, slopes.reshape(shape)))


def _clipped(x: Traced, low: Any, high: Any) -> Traced:
    wiring = x.run.wiring
    if low is not None and high is not None:
        return x.like(wiring.clip(x.rows, to_fraction(low, "min"), to_fraction(high, "max")))
    end = to_fraction(low if high is None else high, "bound")
    sign = Fraction(1 if high is None else -1)
    # max(t, c) = c + relu(t - c), and min(t, c) = c - relu(c - t).
    over = elementwise(lambda row: row.scaled(sign, -sign * end), x.rows)
    units = wiring.activation(over, _numbers(0, "slope"))
    return x.like(elementwise(lambda row: row.scaled(sign, end), units))


def _clamp(x: Traced, min: Any = None, max: Any = None) -> Traced:
    if min is None and max is None:
        return x
    for bound in (min, max):
        if isinstance(bound, (Traced, torch.Tensor)):
            raise _unsupported("a clamp between tensors")
    return _clipped(x, min, max)


def _hardtanh(x: Traced, min_val: Any = -1, max_val: Any = 1, inplace: bool = False) -> Traced:
    return _clipped(x, min_val, max_val)


def _relu6(x: Traced, inplace: bool = False) -> Traced:
    return _clipped(x, 0, 6)


def _abs(x: Traced) -> Traced:
    return _activated(x, -1)


def _extreme(sign: int) -> Callable[..., Traced]:
    def operation(x: Any, y: Any = None, dim: Any = None, keepdim: bool = False) -> Any:
        if isinstance(y, int) and not isinstance(y, bool):  # an axis
            raise _unsupported("a maximum along an axis with its index; use amax")
        if y is None and dim is not None:
            raise _unsupported("a maximum along an axis with its index; use amax")
        traced = x if isinstance(x, Traced) else y
        if y is None:
            return traced.like(traced.run.wiring.maximum([list(x.rows.ravel())], sign)[0])
        a, b = (
            t.rows if isinstance(t, Traced) else elementwise(constant, _numbers(t, "number"))
            for t in (x, y)
        )
        a, b = np.broadcast_arrays(a, b)
        rows = traced.run.wiring.maximum(list(zip(a.ravel(), b.ravel())), sign)
        return traced.like(tensor(rows, a.shape))

    return operation


def _extreme_along(sign: int) -> Callable[..., Traced]:
    def operation(x: Traced, dim: Any = None, keepdim: bool = False) -> Traced:
        axes = _axes(dim, x.rows.ndim)
        kept = [axis for axis in range(x.rows.ndim) if axis not in axes]
        moved = np.transpose(x.rows, (*kept, *axes))
        shape = moved.shape[: len(kept)]
        groups = [list(t) for t in moved.reshape(int(np.prod(shape, dtype=np.int64)), -1)]
        rows = tensor(x.run.wiring.maximum(groups, sign), shape)
        return x.like(np.expand_dims(rows, tuple(axes)) if keepdim else rows)

    return operation


def _pool_windows(
    axes: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Windows:
    size = _pair(kernel_size, axes)
    steps = size if stride is None or stride == [] else _pair(stride, axes)
    edges = tuple((p, p) for p in _pair(padding, axes))
    return Windows(size, steps, edges, _pair(dilation, axes), bool(ceil_mode))


def _max_pool(axes: int) -> Callable[..., Traced]:
    def operation(
        x: Traced, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
        ceil_mode: bool = False, return_indices: bool = False,
    ) -> Traced:  # fmt: skip
        if return_indices:
            raise _unsupported("a maximum with its index")
        windows = _pool_windows(axes, kernel_size, stride, padding, dilation, ceil_mode)
        is_single = x.rows.ndim == axes + 1
        rows = x.rows[None] if is_single else x.rows
        result = operations.max_pool(x.run.wiring, rows, windows)
        return x.like(result[0] if is_single else result)

    return operation


def _average_pool(axes: int) -> Callable[..., Traced]:
    def operation(
        x: Traced, kernel_size: Any, stride: Any = None, padding: Any = 0,
        ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: Any = None,
    ) -> Traced:  # fmt: skip
        windows = _pool_windows(axes, kernel_size, stride, padding, 1, ceil_mode)
        is_single = x.rows.ndim == axes + 1
        rows = x.rows[None] if is_single else x.rows
        result = operations.average_pool(
            rows, windows, with_padding=count_include_pad, divisor=divisor_override
        )
        return x.like(result[0] if is_single else result)

    return operation


def _adaptive(axes: int) -> Callable[..., Traced]:
    def operation(x: Traced, output_size: Any) -> Traced:
        sizes = output_size if isinstance(output_size, (tuple, list)) else [output_size] * axes
        is_single = x.rows.ndim == axes + 1
        rows = x.rows[None] if is_single else x.rows
        result = operations.adaptive_average(rows, sizes)
        return x.like(result[0] if is_single else result)

    return operation


# Shapes


def _sizes(args: Sequence[Any]) -> list[int]:
    first = args[0]
    return [int(t) for t in (first if isinstance(first, (tuple, list, torch.Size)) else args)]


def _reshape(x: Traced, *shape: Any) -> Traced:
    return x.like(x.rows.reshape(_sizes(shape)))


def _flatten(x: Traced, start_dim: int = 0, end_dim: int = -1) -> Traced:
    start, end = start_dim % x.rows.ndim, end_dim % x.rows.ndim
    shape = x.rows.shape
    return x.like(x.rows.reshape((*shape[:start], -1, *shape[end + 1 :])))


def _unflatten(x: Traced, dim: int, sizes: Sequence[int]) -> Traced:
    axis = dim % x.rows.ndim
    return x.like(x.rows.reshape((*x.rows.shape[:axis], *sizes, *x.rows.shape[axis + 1 :])))


def _permute(x: Traced, *dims: Any) -> Traced:
    return x.like(np.transpose(x.rows, _sizes(dims)))


def _transpose(x: Traced, dim0: int, dim1: int) -> Traced:
    return x.like(np.swapaxes(x.rows, dim0, dim1))


def _t(x: Traced) -> Traced:
    return x.like(x.rows.T)


def _squeeze(x: Traced, dim: Any = None) -> Traced:
    if dim is None:
        return x.like(x.rows.squeeze())
    axes = [axis for axis in _axes(dim, x.rows.ndim) if x.rows.shape[axis] == 1]
    return x.like(x.rows.squeeze(tuple(axes)))


def _unsqueeze(x: Traced, dim: int) -> Traced:
    return x.like(np.expand_dims(x.rows, dim))


def _as_rows(x: Any) -> Rows:
    if isinstance(x, Traced):
        return x.rows
    return elementwise(constant, _numbers(x, "entry"))


def _cat(tensors: Sequence[Any], dim: int = 0, *, axis: int | None = None) -> Traced:
    run = next(part for part in tensors if isinstance(part, Traced))
    joined = np.concatenate([_as_rows(part) for part in tensors], dim if axis is None else axis)
    return run.like(joined)


def _stacked(tensors: Sequence[Any], dim: int = 0) -> Traced:
    run = next(part for part in tensors if isinstance(part, Traced))
    return run.like(np.stack([_as_rows(part) for part in tensors], dim))


def _split(x: Traced, split_size: Any, dim: int = 0) -> tuple[Traced, ...]:
    size = x.rows.shape[dim]
    if isinstance(split_size, int):
        ends = list(range(split_size, size, split_size))
    else:
        ends = list(np.cumsum(split_size)[:-1])
    return tuple(x.like(part) for part in np.split(x.rows, ends, dim))


def _chunk(x: Traced, chunks: int, dim: int = 0) -> tuple[Traced, ...]:
    return _split(x, -(-x.rows.shape[dim] // chunks), dim)


def _getitem(x: Traced, index: Any) -> Traced:
    parts = index if isinstance(index, tuple) else (index,)
    plain = []
    for part in parts:
        if isinstance(part, Traced):
            raise _unsupported("an index that depends on the input")
        plain.append(part.tolist() if isinstance(part, torch.Tensor) else part)
    return x.like(x.rows[tuple(plain)])


def _select(x: Traced, dim: int, index: int) -> Traced:
    return x.like(np.take(x.rows, index, axis=dim))


def _narrow(x: Traced, dim: int, start: int, length: int) -> Traced:
    return x.like(np.take(x.rows, range(start, start + length), axis=dim))


def _slice(x: Traced, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Traced:
    index: list[Any] = [slice(None)] * x.rows.ndim
    index[dim] = slice(start, end, step)
    return x.like(x.rows[tuple(index)])


def _expand(x: Traced, *sizes: Any) -> Traced:
    wanted = _sizes(sizes)
    have = (1,) * (len(wanted) - x.rows.ndim) + x.rows.shape
    return x.like(np.broadcast_to(x.rows, [h if w == -1 else w for w, h in zip(wanted, have)]))


def _same(x: Traced, *args: Any, **kwargs: Any) -> Traced:
    return x


def _dropout(x: Traced, p: float = 0.5, training: bool = True, inplace: bool = False) -> Traced:
    if training and p:
        raise InputError("a dropout in train mode, expected eval mode")
    return x


def _left_out(name: str) -> Callable[..., Traced]:
    def operation(x: Traced, *args: Any, **kwargs: Any) -> Traced:
        if not x.run.logits:
            raise UnsupportedLayerError(
                f"{name} is not piecewise affine; with logits=True the network is read up to it, "
                "where it is the end"
            )
        x.run.final = name
        return Traced(x.rows, x.run, is_final=True)

    return operation


def _size(x: Traced, dim: int | None = None) -> Any:
    shape = torch.Size(x.rows.shape)
    return shape if dim is None else shape[dim]


_PROPERTIES = {"shape", "ndim", "device", "dtype", "requires_grad", "is_quantized", "layout"}
_QUERIES: dict[str, Callable[..., Any]] = {
    "shape": _size, "size": _size, "sym_size": _size,
    "ndim": lambda x: x.rows.ndim, "dim": lambda x: x.rows.ndim,
    "numel": lambda x: x.rows.size,
    "device": lambda x: torch.device("cpu"), "dtype": lambda x: torch.get_default_dtype(),
    "requires_grad": lambda x: False, "is_floating_point": lambda x: True,
    "is_quantized": lambda x: False, "layout": lambda x: torch.strided,
    "is_complex": lambda x: False,
}  # fmt: skip

#: Other names of operations.
_ALIASES = {
    "relu_": "relu", "leaky_relu_": "leaky_relu", "hardtanh_": "hardtanh", "clamp_": "clamp",
    "abs_": "abs", "absolute": "abs", "add_": "add", "sub_": "sub", "mul_": "mul", "div_": "div",
    "true_divide": "div", "divide": "div", "multiply": "mul", "subtract": "sub", "negative": "neg",
    "concat": "cat", "concatenate": "cat", "view": "reshape", "_unsafe_view": "reshape",
    "mm": "matmul", "bmm": "matmul", "_max_pool1d": "max_pool1d", "_max_pool2d": "max_pool2d",
    "swapaxes": "transpose", "clip": "clamp", "feature_dropout": "dropout", "dropout2d": "dropout",
    "alpha_dropout": "dropout", "dropout1d": "dropout", "_softmax": "softmax",
    "_log_softmax": "log_softmax", "constant_pad_nd": "pad", "__radd__": "add", "__rmul__": "mul",
}  # fmt: skip

_OPERATIONS: dict[str, Callable[..., Any]] = {
    "linear": _linear, "matmul": _matmul, "addmm": _addmm,
    "conv1d": _convolution(1), "conv2d": _convolution(2), "convolution": _general_convolution,
    "batch_norm": _batch_norm, "functional_batch_norm": _functional_batch_norm,
    "_native_batch_norm_legit_no_training": _legit_batch_norm,
    "add": _add, "sub": _sub, "rsub": lambda x, y, alpha=1: _sub(y, x, alpha=alpha),
    "mul": _scaled, "div": _divided, "neg": lambda x: _scaled(x, -1), "truediv": _divided,
    "mean": _summed(True), "sum": _summed(False), "pad": _padded,
    "relu": _relu, "leaky_relu": _leaky_relu, "prelu": _prelu, "clamp": _clamp,
    "clamp_min": lambda x, min: _clipped(x, min, None),
    "clamp_max": lambda x, max: _clipped(x, None, max),
    "hardtanh": _hardtanh, "relu6": _relu6, "abs": _abs,
    "maximum": _extreme(1), "minimum": _extreme(-1), "max": _extreme(1), "min": _extreme(-1),
    "amax": _extreme_along(1), "amin": _extreme_along(-1),
    "max_pool1d": _max_pool(1), "max_pool2d": _max_pool(2),
    "avg_pool1d": _average_pool(1), "avg_pool2d": _average_pool(2),
    "adaptive_avg_pool1d": _adaptive(1), "adaptive_avg_pool2d": _adaptive(2),
    "reshape": _reshape, "flatten": _flatten, "unflatten": _unflatten, "permute": _permute,
    "transpose": _transpose, "t": _t, "squeeze": _squeeze, "unsqueeze": _unsqueeze,
    "cat": _cat, "stack": _stacked, "split": _split, "chunk": _chunk, "getitem": _getitem,
    "select": _select, "narrow": _narrow, "slice": _slice, "expand": _expand,
    "contiguous": _same, "clone": _same, "detach": _same, "float": _same, "double": _same,
    "to": _same, "type_as": _same, "_to_copy": _same, "identity": _same,
    "dropout": _dropout,
    "softmax": _left_out("Softmax"), "log_softmax": _left_out("LogSoftmax"),
    "sigmoid": _left_out("Sigmoid"),
}  # fmt: skip


#: Functions whose name alone does not say in which order they take arguments.
_BY_FUNCTION = {functional.batch_norm: "functional_batch_norm"}
