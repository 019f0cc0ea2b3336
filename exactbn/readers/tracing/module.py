"""torch modules that are run on symbols: what a module computes, read off while it computes it.

A :class:`Traced` stands for a tensor and holds rows, affine expressions of features. torch hands
every operation on it to :func:`_apply`, whatever wrote it: a module, a function, a method, an
operator, an exported program. So the forward pass itself is the reader, nested and repeated modules
included; what asks for the values of a tensor is refused, for there are none.
"""

import inspect
import random
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)

from exactbn.errors import ExactBNError, InputError, UnsupportedLayerError
from exactbn.exact.normalization import Normalization
from exactbn.exact.stages import Graph
from exactbn.readers.statistics import Statistics
from exactbn.readers.tracing.table import (
    ALIASES,
    ASKING,
    FRESH,
    OPERATIONS,
    PROPERTIES,
    QUERIES,
    asks_for_values,
    unsupported,
)
from exactbn.readers.wiring import Normalizer, Rows, Wiring, left_out_note, tensor
from exactbn.wording import counted

#: Functions whose name alone does not say in which order they take arguments.
_BY_FUNCTION = {functional.batch_norm: "functional_batch_norm"}


class Traced:
    """A tensor of rows, of which torch may ask everything but its values.

    ``family`` are the tensors that may share memory with it, itself among them: views, and what
    torch makes a view or a copy of as the layout in memory has it, which is not followed here.
    """

    def __init__(self, rows: Rows, run: "_Run", *, is_final: bool = False) -> None:
        self.rows = rows
        self.run = run
        self.is_final = is_final
        self.family: list[weakref.ref[Traced]] = [weakref.ref(self)]

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        # A module that asks whether it was given a tensor was.
        return torch.Tensor

    def joined(self, other: "Traced") -> "Traced":
        """Return this tensor as one that may share memory with another one."""
        self.family = other.family
        self.family.append(weakref.ref(self))
        return self

    def change(self, rows: Rows) -> None:
        """Take other rows in place.

        Raises
        ------
        InputError
            If another tensor that is still there might change with it.
        """
        alive = [tensor for tensor in (ref() for ref in self.family) if tensor is not None]
        if any(tensor is not self for tensor in alive):
            raise InputError(
                "a tensor is changed in place while a view of it, or what it is a view of, is in "
                "use; write it without the change in place"
            )
        if rows.shape != self.rows.shape:
            raise InputError(f"a change in place from shape {self.rows.shape} to {rows.shape}")
        self.rows = rows

    @classmethod
    def __torch_function__(
        cls,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Do what torch would do with tensors."""
        return _apply(canonical_name(function), function, args, dict(kwargs or {}))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        known = name.rstrip("_")
        if known in ASKING:
            raise self.run.refusal(asks_for_values(_where(), f".{name}()", ASKING[known]))
        if ALIASES.get(known, known) not in OPERATIONS | QUERIES:
            what = f"{_where()}the attribute or method {name!r} of a tensor"
            raise self.run.refusal(unsupported(what))
        if name in PROPERTIES:
            return QUERIES[name](self)

        def method(*args: Any, **kwargs: Any) -> Any:
            function = getattr(torch.Tensor, name)
            return _apply(canonical_name(function), function, (self, *args), kwargs)

        return method

    def __len__(self) -> int:
        return int(self.rows.shape[0])

    def __iter__(self) -> Iterator["Traced"]:
        return (self.like(part).joined(self) for part in self.rows)

    def __getitem__(self, index: Any) -> Any:
        return _apply("getitem", torch.Tensor.__getitem__, (self, index), {})

    def __bool__(self) -> bool:
        what = "if, while or a conversion to a number"
        raise self.run.refusal(asks_for_values(_where(), what))

    __index__ = __int__ = __float__ = __bool__

    def __eq__(self, other: object) -> bool:
        raise self.run.refusal(asks_for_values(_where(), "a comparison"))

    # A default answer to == would be False, whatever the values are.
    __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __eq__
    __hash__ = object.__hash__

    def __setitem__(self, index: Any, value: Any) -> None:
        raise self.run.refusal(
            UnsupportedLayerError(
                f"{_where()}an assignment to entries of a tensor is not supported; make the "
                "tensor with torch.cat or torch.stack"
            )
        )

    def like(self, rows: Any) -> "Traced":
        """Return other rows of the same run."""
        if not isinstance(rows, np.ndarray):
            rows = tensor([rows], ())
        return Traced(rows, self.run)


def _in_place(name: str) -> Callable[[Traced, Any], Any]:
    def method(self: Traced, other: Any) -> Any:
        return _apply(name, getattr(torch.Tensor, f"{name}_"), (self, other), {})

    return method


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
for _symbol, _called in (("add", "add"), ("sub", "sub"), ("mul", "mul"), ("truediv", "div")):
    setattr(Traced, f"__i{_symbol}__", _in_place(_called))
for _symbol in ("neg", "abs"):
    setattr(Traced, f"__{_symbol}__", _operator(_symbol))


class _Run:
    """One forward pass: the wiring, and what has been seen on the way.

    ``refused`` is the first refusal, which a module may have caught: it stands all the same.
    """

    def __init__(
        self, wiring: Wiring, logits: bool, dtype: torch.dtype, statistics: Statistics
    ) -> None:
        self.wiring = wiring
        self.statistics = statistics
        self.named: set[str] = set()
        self.logits = logits
        self.dtype = dtype
        self.has_scale = False
        self.final: str | None = None
        self.refused: ExactBNError | None = None

    def taken(self, rows: Rows, stored: Normalization) -> Normalization:
        """Return a batch normalization that is given these rows, with its statistics."""
        name = _stack[-1][-1][0] if _stack and _stack[-1] else ""
        self.named.add(name)
        return self.statistics.taken(self.wiring, rows, stored, name)

    def refusal(self, error: ExactBNError) -> ExactBNError:
        """Return an error, written down as a refusal."""
        self.refused = self.refused or error
        return error


#: The names of the modules that are under way, outermost first; one list a traced pass.
_stack: list[list[tuple[str, str]]] = []


def trace(
    module: nn.Module,
    shapes: Sequence[tuple[int, ...]],
    *,
    logits: bool = False,
    statistics: Statistics | None = None,
    normalizer: Normalizer | None = None,
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
    statistics, normalizer : optional
        Where batch normalizations take mean and variance from; what is done before activations.

    Raises
    ------
    UnsupportedLayerError
        For any other operation; it is named with its place.
    InputError
        If the forward pass depends on values, or a parameter is no finite number.
    """
    sizes = [int(np.prod(shape, dtype=np.int64)) for shape in shapes]
    wiring = Wiring(sum(sizes), normalizer)
    run = _Run(wiring, logits, _dtype(module), statistics or Statistics())
    inputs = []
    first = 0
    for shape, size in zip(shapes, sizes, strict=True):
        inputs.append(Traced(run.wiring.inputs((1, *shape), first), run))
        first += size
    _check_count(module, inputs)
    drawn = _random_states()
    with _places(module), torch.no_grad():
        try:
            result = module(*inputs)
        except ExactBNError:
            raise
        except (
            TypeError, ValueError, RuntimeError, IndexError, AttributeError, AssertionError
        ) as error:  # fmt: skip
            text = " ".join(str(error).split())[:200]
            raise UnsupportedLayerError(
                f"{_where()}the forward pass cannot be followed: {type(error).__name__}: {text}"
            ) from error
    if run.refused is not None:
        raise run.refused
    for source, before, after in zip(_RANDOM, drawn, _random_states(), strict=True):
        if before != after:
            raise UnsupportedLayerError(
                f"the module ({type(module).__name__}) draws random numbers of {source} in its "
                "forward pass, so it is another network each time; expected one that computes the "
                "same from the same input: leave the draw out, or make it once and keep it as a "
                "buffer"
            )
    unused = run.statistics.supplied.keys() - run.named
    if unused:
        raise InputError(
            f"statistics are supplied for {', '.join(map(repr, sorted(unused)))}, which is no "
            "batch normalization that the module uses"
        )
    outputs = [part for part in _flattened(result)]
    if not outputs or not all(type(part) is Traced for part in outputs):
        raise UnsupportedLayerError("the module does not return tensors that depend on its inputs")
    rows = np.concatenate([part.rows.ravel() for part in outputs])
    graph = run.wiring.graph(rows, "rounded" if run.has_scale else "no-bn")
    return graph if run.final is None else replace(graph, notes=(left_out_note(run.final),))


# Where a forward pass may draw random numbers that are seen.
_RANDOM = ("torch", "numpy.random", "random")


def _random_states() -> tuple[object, ...]:
    """Return the states of the generators of random numbers that modules use."""
    kind, keys, *others = np.random.get_state(legacy=True)
    state = torch.random.get_rng_state().numpy().tobytes()
    return state, (kind, np.asarray(keys).tobytes(), *others), random.getstate()


def _check_count(module: nn.Module, inputs: Sequence[Traced]) -> None:
    """Check that a module can be called with so many inputs."""
    signature = inspect.signature(module.forward)
    try:
        signature.bind(*inputs)
    except TypeError:
        needed = [
            part.name for part in signature.parameters.values()
            if part.default is part.empty and not part.kind.name.startswith("VAR")
        ]  # fmt: skip
        raise InputError(
            f"the module ({type(module).__name__}) takes the inputs {', '.join(needed) or 'none'}, "
            f"got {counted(len(inputs), 'example')}; give a tuple of one tensor for each"
        ) from None


def _dtype(module: nn.Module) -> torch.dtype:
    """Return the type of a module's numbers."""
    parts = (*module.parameters(), *module.buffers())
    found = (part.dtype for part in parts if part.is_floating_point())
    return next(found, torch.get_default_dtype())


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
    stack: list[tuple[str, str]] = []

    def enter(part: nn.Module, args: Any) -> None:
        name = names.get(id(part), "?")
        where = f"{f'layer {name}' if name else 'the module'} ({type(part).__name__})"
        stack.append((name, where))

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
    return f"{_stack[-1][-1][1]}: " if _stack and _stack[-1] else ""


def canonical_name(function: Callable[..., Any]) -> str:
    """Return what torch calls an operation, overloads and in-place forms apart."""
    if function in _BY_FUNCTION:
        return _BY_FUNCTION[function]
    packet = getattr(function, "overloadpacket", None)
    name = packet.__name__ if packet is not None else getattr(function, "__name__", str(function))
    if name == "__get__":  # of a property
        name = getattr(getattr(function, "__self__", None), "__name__", name)
    if not name.startswith("_"):
        name = name.rstrip("_")
    name = ALIASES.get(name, name)
    return name.strip("_") if name.startswith("__") else name


def _apply(
    name: str, function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]
) -> Any:
    """Return the result of one operation; a refusal is written down."""
    traced = [part for part in _flattened([*args, *kwargs.values()]) if type(part) is Traced]
    try:
        if name not in QUERIES:
            _check_end(name, traced)
        return _result(name, function, args, kwargs, traced)
    except ExactBNError as error:
        raise traced[0].run.refusal(error) if traced else error


def _check_end(name: str, traced: Sequence[Traced]) -> None:
    """Check that nothing follows what ``logits`` leaves out."""
    for part in traced:
        if part.is_final:
            raise UnsupportedLayerError(
                f"{_where()}{name} follows the {part.run.final} that logits=True leaves out, "
                "which must be the end of the network"
            )


def _result(
    name: str, function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any],
    traced: Sequence[Traced],
) -> Any:  # fmt: skip
    """Return the result of one operation on some traced tensors."""
    if name in QUERIES:
        return QUERIES[name](*args, **kwargs)
    if name in ASKING:
        raise asks_for_values(_where(), f"the operation {name}", ASKING[name])
    if name not in OPERATIONS:
        raise unsupported(f"{_where()}the operation {name}")
    try:
        return _computed(name, function, args, kwargs, traced)
    except ExactBNError as error:
        place = _where()
        if place and not str(error).startswith(place):
            raise type(error)(f"{place}{error}") from error
        raise
    except TypeError as error:
        raise UnsupportedLayerError(
            f"{_where()}{name} is called in a way that is not supported: {error}"
        ) from error


def _computed(
    name: str, function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any],
    traced: Sequence[Traced],
) -> Any:  # fmt: skip
    """Return the result of a known operation, in place where its name says so."""
    result = OPERATIONS[name](*args, **kwargs)
    if kwargs.get("inplace") or _is_in_place(function):
        if type(args[0]) is not Traced:
            raise InputError(f"{name} changes a constant tensor in place")
        args[0].change(result.rows)
        return args[0]
    if name not in FRESH and traced:
        for part in _flattened(result):
            if type(part) is Traced and part is not traced[0]:
                part.joined(traced[0])
    return result


def _is_in_place(function: Callable[..., Any]) -> bool:
    """Return whether an operation changes its first argument, as torch's names say."""
    packet = getattr(function, "overloadpacket", function)
    name = str(getattr(packet, "__name__", ""))
    return name.endswith("_") and not name.startswith("__")
