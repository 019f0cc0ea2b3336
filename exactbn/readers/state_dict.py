"""From a state dict of a ``Sequential`` of ``Linear`` and ``BatchNorm1d`` to an exact network.

A state dict names the modules that have parameters, by their places in the ``Sequential``:
``0.weight``, ``0.bias``, ``2.weight``, ... What has no parameters leaves a gap in the numbering.
Between every two ``Linear`` layers one activation is assumed, in the one gap that there is;
nothing is assumed about a gap before the first layer (a ``Flatten``, say) or after the last.
A class of its own calls its layers ``fc0``, ``fc1``, ...: one word, numbered without a gap. They
are taken in this order, with an activation between every two, and a note says so.
"""

import os
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import torch

from exactbn.errors import DimensionError, InputError, UnsupportedLayerError
from exactbn.exact.normalization import Normalization
from exactbn.exact.rational import Vector, to_fraction, to_vector
from exactbn.exact.stages import Activation, Chain, Linear, Scaling, Stage
from exactbn.readers.tensors import matrix_of, vector_of

#: What torch's BatchNorm1d adds to its variances by default: the float64 nearest to 1e-5.
DEFAULT_EPS = to_fraction(float("1e-5"))

_STATISTICS = {"running_mean", "running_var"}
_BATCHNORM = _STATISTICS | {"weight", "bias", "num_batches_tracked"}

# A word and a number, as in fc1.
_NUMBERED = re.compile(r"([A-Za-z_]{1,40}?)([0-9]{1,6})", re.ASCII)

# What to do where a state dict does not say enough.
_MODULE = (
    "build the module, load_state_dict into it, and give it to Network.from_torch in eval mode"
)

Place = tuple[int, ...]
Group = dict[str, torch.Tensor]


def read_state_dict(
    tensors: Mapping[str, torch.Tensor], *, slope: object = None, eps: object = None
) -> Chain:
    """Return the stages of a state dict, exact.

    Parameters
    ----------
    tensors : mapping of names to tensors
        Names such as ``"0.weight"`` or ``"fc0.weight"``; a common prefix such as ``"net."`` is
        dropped.
    slope : number, or a sequence of one number per hidden layer
        The slope of the assumed activations; None is ReLU, and a note says so.
    eps : number
        What every BatchNorm adds to its variances; torch's default where None.

    Raises
    ------
    UnsupportedLayerError
        If some parameters are not those of a ``Linear`` or a ``BatchNorm1d``.
    InputError
        If there is no place for an activation between two ``Linear`` layers, or more than one.
    """
    _refuse_convolutions(tensors)
    groups, word = _groups(tensors)
    offset = DEFAULT_EPS if eps is None else to_fraction(eps, "eps")
    names = {place: _name(place) if word is None else f"{word}{place[0] // 2}" for place in groups}
    affine = [
        (place, _stage(f"layer {names[place] or 0}", groups[place], offset))
        for place in sorted(groups)
    ]
    gaps = _activation_gaps(affine)
    slopes = _slopes(0 if slope is None else slope, len(gaps))
    after = dict(zip(gaps, slopes, strict=True))
    stages: list[Stage] = []
    for index, (_, stage) in enumerate(affine):
        stages.append(stage)
        if index in after:
            stages.append(Activation(after[index]))
    notes = []
    if word is not None:
        first, last = names[affine[0][0]], names[affine[-1][0]]
        notes.append(
            f"the layers {first} to {last} are taken in this order, with an activation between "
            "every two, which the file does not say"
        )
    if slope is None and gaps:
        notes.append(
            "a state dict does not say its activations: ReLU is taken; slope=... (--slope) names "
            "others"
        )
    return replace(Chain.of(stages), notes=tuple(notes))


def _refuse_convolutions(tensors: Mapping[str, torch.Tensor]) -> None:
    """Raise if a weight has as many axes as one of a convolution."""
    for key in sorted(tensors):
        axes = tensors[key].ndim - 2
        if key.rpartition(".")[2] == "weight" and axes in (1, 2, 3):
            where = key.rpartition(".")[0][:60]
            raise UnsupportedLayerError(
                f"layer {where!r} has a weight of shape {tuple(tensors[key].shape)}, that of a "
                f"Conv{axes}d, expected a Linear with a matrix: a state dict says neither stride "
                f"nor padding; {_MODULE}, with an example of its input"
            )


def _groups(tensors: Mapping[str, torch.Tensor]) -> tuple[dict[Place, Group], str | None]:
    """Return the tensors by the place of their module, a common prefix dropped.

    Layers that are a word and a number k have the place 2 k; the word is returned too.
    """
    split = {key: key.split(".") for key in sorted(tensors)}
    # The names of the modules around, common to all: no number, and never the tensor's own name.
    common = os.path.commonprefix([parts[:-1] for parts in split.values()])
    start = next((i for i, name in enumerate(common) if name.isdecimal()), len(common))
    split = {key: parts[start:] for key, parts in split.items()}
    word = _word(split)
    if word is not None:
        split = {
            key: [str(2 * int(path[0][len(word) :])), *path[1:]] for key, path in split.items()
        }
    groups: dict[Place, Group] = {}
    for key, (*path, name) in split.items():
        if not all(part.isascii() and part.isdecimal() and len(part) < 10 for part in path):
            raise InputError(
                f"the entry {key[:60]!r} does not say its place in a Sequential, expected names "
                "such as '0.weight', 'net.0.weight', or 'fc0.weight' and 'fc1.weight' for Linear "
                "layers; of any other module read itself with Network.from_torch"
            )
        groups.setdefault(tuple(map(int, path)), {})[name] = tensors[key]
    return groups, word


def _word(split: Mapping[str, list[str]]) -> str | None:
    """Return the word that all layers are called by, before numbers without a gap, or None."""
    found = [_NUMBERED.fullmatch(path[0]) for path in split.values() if len(path) == 2]
    matches = [match for match in found if match is not None]
    numbers = {int(match[2]) for match in matches}
    if len(matches) < len(split) or len({match[1] for match in matches}) != 1:
        return None
    names = {match[0] for match in matches}
    is_whole = len(numbers) == len(names) == 1 + max(numbers) - min(numbers)
    return matches[0][1] if is_whole and len(numbers) > 1 else None


def _stage(where: str, group: Group, eps: Fraction) -> Linear | Scaling:
    """Return the affine map of one module's tensors."""
    names = set(group)
    if _STATISTICS <= names <= _BATCHNORM:
        vectors = {
            name: vector_of(tensor, f"{where}: {name}")
            for name, tensor in group.items()
            if name != "num_batches_tracked"
        }
        normalization = Normalization(
            f"{where} (BatchNorm)", vectors["running_mean"], vectors["running_var"],
            vectors.get("weight"), vectors.get("bias"), eps,
        )  # fmt: skip
        return Scaling.of(normalization)
    if not {"weight"} <= names <= {"weight", "bias"}:
        listed = repr(", ".join(sorted(names))[:120])  # names from outside may hold anything
        raise UnsupportedLayerError(
            f"{where} has the tensors {listed}, expected those of a Linear (weight, bias) or of "
            "a BatchNorm1d with running statistics"
        )
    if group["weight"].ndim != 2:
        raise UnsupportedLayerError(
            f"{where} has a weight of shape {tuple(group['weight'].shape)} and no running "
            "statistics, as a PReLU or a LayerNorm, expected a Linear with a matrix or a "
            f"BatchNorm1d with statistics; {_MODULE}"
        )
    weight = matrix_of(group["weight"], f"{where}: weight")
    if "bias" not in group:
        return Linear(where, weight, (to_fraction(0),) * len(weight))
    bias = vector_of(group["bias"], f"{where}: bias")
    if len(bias) != len(weight):
        raise DimensionError(
            f"{where} has {len(weight)} weight rows and {len(bias)} biases, "
            "expected as many of one as of the other"
        )
    return Linear(where, weight, bias)


def _activation_gaps(affine: Sequence[tuple[Place, Linear | Scaling]]) -> list[int]:
    """Return the indices of the stages after which an activation stands."""
    linear = [index for index, (_, stage) in enumerate(affine) if isinstance(stage, Linear)]
    if not linear:
        raise InputError("there is no Linear layer, expected at least one")
    gaps = []
    places = [place for place, _ in affine]
    open_after = [index for index, (a, b) in enumerate(pairwise(places)) if not _adjacent(a, b)]
    for first, last in pairwise(linear):
        found = open_after[bisect_left(open_after, first) : bisect_left(open_after, last)]
        if len(found) != 1:
            count = f"{len(found)} places" if found else "no place"
            raise InputError(
                f"found {count} for an activation between the Linear layers "
                f"{_name(places[first])} and {_name(places[last])}, expected one gap in the "
                "numbering; read the module itself with Network.from_torch"
            )
        gaps += found
    for index in open_after:
        if index < linear[0] or index >= linear[-1]:
            raise InputError(
                f"the modules between {_name(places[index])} and {_name(places[index + 1])} have "
                "no parameters and may be anything; read the module itself with Network.from_torch"
            )
    return gaps


def _adjacent(a: Place, b: Place) -> bool:
    """Return whether nothing can stand between two places: neighbours in one ``Sequential``."""
    return a[:-1] == b[:-1] and b[-1] == a[-1] + 1


def _name(place: Place) -> str:
    """Return a place as a state dict writes it."""
    return ".".join(map(str, place))


def _slopes(slope: object, count: int) -> Vector:
    """Return one slope an activation."""
    if not isinstance(slope, (list, tuple)):
        return (to_fraction(slope, "slope"),) * count
    slopes = to_vector(slope, "slope")
    if len(slopes) != count:
        raise DimensionError(f"got {len(slopes)} slopes, expected {count}, one a hidden layer")
    return slopes
