"""What may be written where a network or a domain is asked for, and what it then is."""

import sys
from collections.abc import Mapping, Sequence
from numbers import Integral
from os import PathLike
from typing import TYPE_CHECKING, Any

from exactbn.errors import DimensionError, InputError
from exactbn.exact.rational import to_text
from exactbn.model.domain import Box, Domain
from exactbn.exact.stages import Graph
from exactbn.model import files
from exactbn.model.files import load, load_centered
from exactbn.model.network import Network
from exactbn.output import as_path
from exactbn.wording import a_type

if TYPE_CHECKING:
    import torch

    from exactbn.readers.statistics import Centering

    #: What is read as a network.
    NetworkLike = Network | torch.nn.Module | str | PathLike[str]


def as_network(value: object) -> Network:
    """Return a network; a ``torch.nn`` module in eval mode and the name of a file are read as one.

    Raises
    ------
    InputError
        If it is nothing of the kind, or cannot be read.
    """
    if isinstance(value, Network):
        return value
    if isinstance(value, (str, PathLike)):
        return load(value)
    torch = sys.modules.get("torch")  # whoever has a module has imported it
    if torch is not None and isinstance(value, (torch.nn.Module, torch.export.ExportedProgram)):
        return Network.from_torch(value)
    advice = ""
    if isinstance(value, Mapping):
        advice = "; a state dict goes into the module (load_state_dict) or a file (torch.save)"
    raise InputError(
        f"got {a_type(value)} for the network, expected a Network, a torch.nn.Module in "
        f"eval mode, or the name of a network file{advice}"
    )


def save_json(network: "NetworkLike", path: str | PathLike[str]) -> None:
    """Write a network, or what is read as one, to a ``.json`` file that :func:`exactbn.load` reads.

    What comes back is equal. The file appears whole or not at all, and replaces one of that name.

    Raises
    ------
    InputError
        If the network cannot be read, the file cannot be written, or a number is longer than the
        format's readers accept.
    """
    files.save_json(as_network(network), path)


def read_centered(
    value: object, data: object, centering: "Centering", *, logits: bool = False
) -> tuple[Network, bool]:
    """Return a network, and whether its activations were normalized while it was read.

    They are where a module is read by running it, and in ``.onnx`` files: there channels are known.
    """
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, (torch.nn.Module, torch.export.ExportedProgram)):
        from exactbn.readers.torch_module import example_of, read_module

        stages = read_module(value, example_of(data), centering=centering)
        return Network.from_stages(stages), isinstance(stages, Graph)
    if isinstance(value, (str, PathLike)) and as_path(value).suffix.lower() == ".onnx":
        return load_centered(value, centering, logits=logits), True
    return as_network(value), False


def as_domain(value: object, d: int) -> Domain:
    """Return a domain of d dimensions: a :class:`Domain`, what is a box, or None for all of R^d."""
    if value is None:
        return Domain.space(d)
    return value if isinstance(value, Domain) else Domain.of(as_box(value, d))


def as_box(value: object, d: int) -> Box:
    """Return a box of d dimensions: a :class:`Box`, or a pair (lo, hi) as :meth:`Box.of` takes it.

    One pair an axis is not guessed at: for d = 2 it would be a pair (lo, hi) as well.

    Raises
    ------
    InputError
        If it is neither; what was probably meant is said.
    DimensionError
        If the bounds are not as many as axes.

    Examples
    --------
    >>> as_box([(-1, 1), (-1, 1), (0, 2)], 3)
    Traceback (most recent call last):
      ...
    exactbn.errors.InputError: the box has one pair an axis, expected a pair (lo, hi) of corners; \
write box=((-1, -1, 0), (1, 1, 2))
    """
    if isinstance(value, Box):
        return value
    if isinstance(value, Domain) and value.is_box and value.box is not None:
        return value.box
    value = value.tolist() if hasattr(value, "tolist") else value
    items = [] if isinstance(value, str) or not hasattr(value, "__iter__") else list(value)
    meant = _pairs(items, d)
    if len(items) == 2:
        try:
            return Box.of(items[0], items[1], d)
        except InputError as error:
            if meant is None:
                raise
            raise type(error)(f"{error}; if that was one pair an axis, write box={meant}") from None
    if meant is not None:
        raise InputError(
            f"the box has one pair an axis, expected a pair (lo, hi) of corners; write box={meant}"
        )
    text = repr(value)
    got = text if len(text) < 60 else f"a {type(value).__name__}"
    raise InputError(
        f"the box is {got}, expected a pair (lo, hi) of bounds, each a number for all axes or {d} "
        f"number{'s' * (d > 1)}"
    )


def _pairs(items: Sequence[Any], d: int) -> str | None:
    """Return how the box of one pair an axis is written, None where the items are no such box."""
    if len(items) != d:
        return None
    try:
        lo, hi = zip(*((lo, hi) for lo, hi in items), strict=True)
        box = Box(tuple(lo), tuple(hi))
    except (TypeError, ValueError, DimensionError):
        return None
    corners = (
        tuple(int(t) if t.denominator == 1 else to_text(t) for t in side)
        for side in (box.lo, box.hi)
    )
    return repr(tuple(corners))


def as_index(value: object, count: int, name: str) -> int:
    """Return the number of one of ``count`` things, after a look at its type and range.

    A truth value is no number: a mask would be taken for the numbers 0 and 1.

    Raises
    ------
    InputError
        If it is no integer from 0 to ``count`` - 1.
    """
    is_number = isinstance(value, Integral) and not isinstance(value, bool)
    if not is_number or not 0 <= int(value) < count:  # type: ignore[call-overload]
        raise InputError(f"{name} {value!r}, expected an integer from 0 to {count - 1}")
    return int(value)  # type: ignore[call-overload, no-any-return]
