"""Reshaping, joining and slicing of traced tensors, with torch's arguments."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from exactbn.errors import InputError
from exactbn.readers.tracing.symbols import (
    Traced,
    axes_of,
    check_dtype,
    is_traced,
    numbers_of,
    refused,
)
from exactbn.readers.wiring import Rows, constant, elementwise

_INDICES = {torch.int64, torch.int32, torch.bool}


def _sizes(args: Sequence[Any]) -> list[int]:
    first = args[0]
    return [int(t) for t in (first if isinstance(first, (tuple, list, torch.Size)) else args)]


def reshape(x: Traced, *shape: Any) -> Traced:
    return x.like(x.rows.reshape(_sizes(shape)))


def flatten(x: Traced, start_dim: int = 0, end_dim: int = -1) -> Traced:
    start, end = start_dim % x.rows.ndim, end_dim % x.rows.ndim
    shape = x.rows.shape
    return x.like(x.rows.reshape((*shape[:start], -1, *shape[end + 1 :])))


def unflatten(x: Traced, dim: int, sizes: Sequence[int]) -> Traced:
    axis = dim % x.rows.ndim
    return x.like(x.rows.reshape((*x.rows.shape[:axis], *sizes, *x.rows.shape[axis + 1 :])))


def permute(x: Traced, *dims: Any) -> Traced:
    return x.like(np.transpose(x.rows, _sizes(dims)))


def transpose(x: Traced, dim0: int, dim1: int) -> Traced:
    return x.like(np.swapaxes(x.rows, dim0, dim1))


def t(x: Traced) -> Traced:
    return x.like(x.rows.T)


def squeeze(x: Traced, dim: Any = None) -> Traced:
    if dim is None:
        return x.like(x.rows.squeeze())
    if isinstance(dim, (tuple, list)) and not dim:
        return x.like(x.rows)
    axes = [axis for axis in axes_of(dim, x.rows.ndim) if x.rows.shape[axis] == 1]
    return x.like(x.rows.squeeze(tuple(axes)))


def unsqueeze(x: Traced, dim: int) -> Traced:
    return x.like(np.expand_dims(x.rows, dim))


def _as_rows(x: Any) -> Rows:
    if is_traced(x):
        rows: Rows = x.rows
        return rows
    return elementwise(constant, numbers_of(x, "entry"))


def cat(tensors: Sequence[Any], dim: int = 0, *, axis: int | None = None) -> Traced:
    run: Traced = next(part for part in tensors if is_traced(part))
    joined = np.concatenate([_as_rows(part) for part in tensors], dim if axis is None else axis)
    return run.like(joined)


def stacked(tensors: Sequence[Any], dim: int = 0) -> Traced:
    run: Traced = next(part for part in tensors if is_traced(part))
    return run.like(np.stack([_as_rows(part) for part in tensors], dim))


def split(x: Traced, split_size: Any, dim: int = 0) -> tuple[Traced, ...]:
    size = x.rows.shape[dim]
    if isinstance(split_size, int):
        ends = list(range(split_size, size, split_size))
    else:
        ends = list(np.cumsum(split_size)[:-1])
    return tuple(x.like(part) for part in np.split(x.rows, ends, dim))


def chunk(x: Traced, chunks: int, dim: int = 0) -> tuple[Traced, ...]:
    return split(x, -(-x.rows.shape[dim] // chunks), dim)


def getitem(x: Traced, index: Any) -> Traced:
    parts = index if isinstance(index, tuple) else (index,)
    plain = []
    for part in parts:
        if is_traced(part):
            raise refused("an index that depends on the input")
        if isinstance(part, torch.Tensor) and part.dtype not in _INDICES:
            raise refused(f"an index of the type {part.dtype}")
        plain.append(part.tolist() if isinstance(part, torch.Tensor) else part)
    lists = sum(isinstance(part, (list, np.ndarray)) for part in plain)
    if lists and (lists > 1 or any(type(part) is int for part in plain)):
        # torch and numpy put the axes of such an index in different places.
        raise refused("an index by a list beside numbers or lists, in one step")
    return x.like(x.rows[tuple(plain)])


def select(x: Traced, dim: int, index: int) -> Traced:
    place: list[Any] = [slice(None)] * x.rows.ndim
    place[dim] = int(index)
    return x.like(x.rows[tuple(place)])


def narrow(x: Traced, dim: int, start: int, length: int) -> Traced:
    return x.like(np.take(x.rows, range(start, start + length), axis=dim))


def sliced(x: Traced, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Traced:
    index: list[Any] = [slice(None)] * x.rows.ndim
    index[dim] = slice(start, end, step)
    return x.like(x.rows[tuple(index)])


def expand(x: Traced, *sizes: Any) -> Traced:
    wanted = _sizes(sizes)
    have = (1,) * (len(wanted) - x.rows.ndim) + x.rows.shape
    return x.like(np.broadcast_to(x.rows, [h if w == -1 else w for w, h in zip(wanted, have)]))


def cloned(x: Traced, **kwargs: Any) -> Traced:
    return x.like(x.rows.copy())


def same(x: Traced, *args: Any, **kwargs: Any) -> Traced:
    return x.like(x.rows)


def cast(x: Traced, *args: Any, **kwargs: Any) -> Traced:
    for value in (*args, *kwargs.values()):
        check_dtype(value.dtype if isinstance(value, torch.Tensor) else value)
    return x.like(x.rows)


def dropout(x: Traced, p: Any = 1, training: bool = True, inplace: bool = False) -> Traced:
    if training and p:
        raise InputError("a dropout in train mode, expected eval mode")
    return x


def size(x: Traced, dim: int | None = None) -> Any:
    shape = torch.Size(x.rows.shape)
    return shape if dim is None else shape[dim]
