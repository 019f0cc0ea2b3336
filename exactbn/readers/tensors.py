"""torch tensors as exact numbers."""

from typing import Any

import torch

from exactbn.errors import DimensionError, InputError
from exactbn.exact.rational import Matrix, Vector, to_matrix, to_vector
from exactbn.readers.source import MAX_NUMBERS


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
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type == "meta":
        raise InputError(f"{what} is a sparse, quantized or empty-shell tensor, expected numbers")
    if tensor.is_complex() or tensor.dtype == torch.bool:
        raise InputError(f"{what} has the type {tensor.dtype}, expected real numbers")
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
