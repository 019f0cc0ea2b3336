"""Traced tensors as the operations see them, and constants as exact numbers."""

from typing import Any, Protocol, TypeGuard

import numpy as np
import torch

from exactbn.errors import DimensionError, InputError, UnsupportedLayerError
from exactbn.exact.rational import to_fraction
from exactbn.readers.operations import Numbers
from exactbn.readers.tensors import check_plain
from exactbn.readers.wiring import Rows

#: Greatest number of entries of a constant tensor.
MOST_ENTRIES = 1 << 22


class Traced(Protocol):
    """A tensor of rows; ``is_final`` says that nothing may follow it."""

    rows: Rows
    run: Any
    is_final: bool

    def like(self, rows: Any) -> "Traced": ...


def is_traced(value: Any) -> TypeGuard[Traced]:
    """Return whether a value is a traced tensor."""
    return hasattr(type(value), "__torch_function__") and hasattr(value, "rows")


def refused(what: str) -> UnsupportedLayerError:
    """Return the error that says what is not supported."""
    return UnsupportedLayerError(f"{what} is not supported")


def numbers_of(value: Any, what: str) -> Numbers:
    """Return a constant tensor, or a number, as Fractions."""
    if is_traced(value):
        raise refused(f"a {what} that depends on the input")
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


def one_an_axis(value: Any, axes: int) -> tuple[int, ...]:
    """Return one integer an axis."""
    values = list(value) if isinstance(value, (tuple, list, torch.Size)) else [value]
    values = values * axes if len(values) == 1 else values
    if len(values) != axes:
        raise DimensionError(f"{tuple(values)} has {len(values)} entries, expected 1 or {axes}")
    return tuple(int(t) for t in values)


def axes_of(dim: Any, ndim: int) -> list[int]:
    """Return the axes of a reduction: all of them for None and, as torch has it, for ()."""
    if dim is None or (isinstance(dim, (tuple, list)) and not dim):
        return list(range(ndim))
    return [int(d) % ndim for d in (dim if isinstance(dim, (tuple, list)) else [dim])]


def check_dtype(dtype: Any) -> None:
    """Refuse a cast to anything but floats, which would round or cut."""
    if isinstance(dtype, torch.dtype) and not dtype.is_floating_point:
        raise refused(f"a cast to {dtype}")
