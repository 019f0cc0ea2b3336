"""torch tensors as exact numbers."""

from typing import Any

import torch

from exactbn.errors import DimensionError, InputError
from exactbn.exact.rational import Matrix, Vector, to_matrix, to_vector
from exactbn.readers.allowance import MAX_NUMBERS, Allowance

#: Types whose every value float64 or an integer holds.
_PLAIN = {
    getattr(torch, name)
    for name in (
        "float16", "bfloat16", "float32", "float64", "float8_e4m3fn", "float8_e5m2",
        "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    )
    if hasattr(torch, name)
}  # fmt: skip


def check_plain(tensor: torch.Tensor, what: str) -> None:
    """Raise InputError unless a tensor holds plain real numbers in memory."""
    is_dense = tensor.layout == torch.strided and not tensor.is_nested
    if not is_dense or tensor.is_quantized or tensor.device.type == "meta":
        raise InputError(
            f"{what} is a sparse, nested, quantized or empty-shell tensor, expected numbers"
        )
    if tensor.dtype not in _PLAIN:
        raise InputError(f"{what} has the type {tensor.dtype}, expected real numbers")


def take_tensor(allowance: Allowance, tensor: torch.Tensor) -> None:
    """Take the numbers of a plain tensor off an allowance."""
    if tensor.is_floating_point() and tensor.numel() <= MAX_NUMBERS:
        allowance.take_array(tensor.detach().cpu().to(torch.float64).numpy())
    else:
        allowance.take_numbers(tensor.numel())


def vector_of(tensor: torch.Tensor, what: str) -> Vector:
    """Return a one-dimensional tensor exactly; ``what`` is its name in errors."""
    return to_vector(_listed(tensor, what, 1), what)


def matrix_of(tensor: torch.Tensor, what: str) -> Matrix:
    """Return a two-dimensional tensor exactly; ``what`` is its name in errors."""
    return to_matrix(_listed(tensor, what, 2), what)


def _listed(tensor: torch.Tensor, what: str, ndim: int) -> list[Any]:
    """Return the tensor's entries as nested lists of Python numbers, every bit kept.

    Raises
    ------
    DimensionError
        If the tensor has another number of dimensions, or no entries.
    InputError
        If its entries are not plain real numbers in memory, or are too many.
    """
    check_plain(tensor, what)
    if tensor.ndim != ndim or not tensor.numel():
        raise DimensionError(
            f"{what} has shape {tuple(tensor.shape)}, expected {ndim} "
            f"dimension{'s' * (ndim > 1)} and at least one entry"
        )
    if tensor.numel() > MAX_NUMBERS:
        raise InputError(f"{what} has {tensor.numel()} entries, expected at most {MAX_NUMBERS}")
    plain = tensor.detach().cpu()
    if plain.is_floating_point():
        plain = plain.to(torch.float64)  # holds every value of the smaller types
    listed: list[Any] = plain.tolist()
    return listed
