"""Readers and writers of network files; untrusted files stop here, or enter exactly.

No file is ever run: no pickles beyond torch's weights-only reader, sizes are looked at before
anything is unpacked, and whatever cannot be used is refused with an error that names the file.
torch, safetensors and onnx are imported by the readers that need them, never by this package
itself.
"""

import json
from typing import TYPE_CHECKING
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from flint import fmpz

from exactbn.errors import InputError
from exactbn.exact.rational import MAX_DIGITS
from exactbn.exact.stages import Chain, Graph, unit_document
from exactbn.model.network import Network
from exactbn.output import as_path, create_text
from exactbn.readers.json_file import read_json
from exactbn.readers.nnet_file import read_nnet
from exactbn.readers.npz_file import read_npz
from exactbn.readers.source import Path_, Source

if TYPE_CHECKING:
    from exactbn.readers.statistics import Centering, Statistics


@dataclass(frozen=True)
class _Options:
    """What the caller says beside the file; None or False is nothing."""

    slope: object
    eps: object
    logits: bool

    def refuse(self, suffix: str, *names: str) -> None:
        """Refuse options for which a file of this kind has no use."""
        if "slope" in names and self.slope is not None:
            raise InputError(f"a {suffix} file states its own slopes, expected no slope argument")
        if "eps" in names and self.eps is not None:
            raise InputError("the file holds no BatchNorm, expected no eps argument")
        if self.logits and suffix != ".onnx":
            raise InputError(
                f"a {suffix} file knows no Softmax or Sigmoid, expected no logits argument"
            )

    @property
    def slopes(self) -> object:
        """Return the slopes, ReLU's where nothing is said."""
        return 0 if self.slope is None else self.slope


def _load_json(source: Source, options: _Options) -> Chain | Graph:
    """Return the stages of a ``.json`` file, which states its own slopes."""
    options.refuse(".json", "slope", "eps")
    return replace(read_json(source), sigma_policy="unknown")


def _load_npz(source: Source, options: _Options) -> Chain:
    """Return the stages of an ``.npz`` file."""
    options.refuse(".npz", "eps")
    return replace(read_npz(source, slope=options.slopes), sigma_policy="unknown")


def _load_nnet(source: Source, options: _Options) -> Chain:
    """Return the stages of a ``.nnet`` file, whose activations are ReLU."""
    options.refuse(".nnet", "slope", "eps")
    return replace(read_nnet(source), sigma_policy="unknown")


def _load_onnx(source: Source, options: _Options) -> Graph:
    """Return the layers of an ``.onnx`` file."""
    from exactbn.readers.onnx_file import read_onnx

    options.refuse(".onnx", "slope", "eps")
    return read_onnx(source, logits=options.logits)


def _load_safetensors(source: Source, options: _Options) -> Chain:
    """Return the stages of a ``.safetensors`` state dict."""
    from exactbn.readers.state_dict import read_state_dict
    from exactbn.readers.tensor_files import read_safetensors

    options.refuse(".safetensors")
    return read_state_dict(read_safetensors(source), slope=options.slope, eps=options.eps)


def _load_torch(source: Source, options: _Options) -> Chain:
    """Return the stages of a ``.pt`` or ``.pth`` state dict."""
    from exactbn.readers.state_dict import read_state_dict
    from exactbn.readers.tensor_files import read_torch

    options.refuse(".pt")
    tensors, notes = read_torch(source)
    chain = read_state_dict(tensors, slope=options.slope, eps=options.eps)
    return replace(chain, notes=notes + chain.notes)


_READERS: dict[str, Callable[[Source, _Options], Chain | Graph]] = {
    ".json": _load_json,
    ".nnet": _load_nnet,
    ".npz": _load_npz,
    ".onnx": _load_onnx,
    ".pt": _load_torch,
    ".pth": _load_torch,
    ".safetensors": _load_safetensors,
}

#: The suffixes that :func:`load` reads.
SUFFIXES = tuple(_READERS)

#: Integers beyond this are written as texts: other readers of JSON would round them.
_LARGEST_INTEGER = 1 << 53


def load(
    path: Path_, *, slope: object = None, eps: object = None, logits: bool = False
) -> Network:
    """Return the exact network of a file; its suffix says the format.

    ``.npz``
        Arrays ``W0, b0, W1, b1, ...``, the last pair the output layer.
    ``.json``
        ``{"layers": [{"W": [["p/q", ...], ...], "b": [...], "slope": 0}, ...]}``, the last layer
        the output layer; numbers are integers, decimals (read as the decimals that they say) or
        ``"p/q"`` texts.
    ``.nnet``
        A text of decimals, with ReLU between the layers; the normalization of inputs and outputs
        that it states is part of the network, the least and greatest inputs are not.
    ``.onnx``
        A model of the operators that :mod:`exactbn.readers.onnx_operators` lists, of inference; its
        inputs are joined in its order, and so are its outputs.
    ``.safetensors``, ``.pt``, ``.pth``
        A state dict of a ``Sequential`` of ``Linear`` and ``BatchNorm1d``. A state dict says
        nothing about activations: one activation is assumed between every two ``Linear`` layers,
        at the one place where the numbering of the modules leaves room for it, and none after
        the last. Where there is no such place, or more than one, the file is refused: give the
        module itself to :meth:`exactbn.Network.from_torch`. Of a checkpoint, a ``.pt`` whose entry
        ``state_dict`` or ``model_state_dict`` is the state dict, that entry is read and nothing
        else; the network's ``notes`` say so.

    A ``.npz``, ``.json`` or ``.nnet`` file does not say whether batch normalization is in its
    numbers: the ``sigma_policy`` is then "unknown".

    Parameters
    ----------
    path : str or path
        The file.
    slope : number, or a sequence of one number per hidden layer
        The activations' slope for negative values, 0 (ReLU) by default; not for ``.json``,
        ``.nnet`` and ``.onnx``, which state their own.
    eps : number
        What BatchNorm adds to its variances, which a state dict does not say; by default torch's
        own default, the float64 nearest to 1e-5.
    logits : bool
        Whether a Softmax, LogSoftmax or Sigmoid at the end of an ``.onnx`` model is left out.

    Raises
    ------
    InputError
        If the file is missing, damaged, too large, of another format, or not such a network;
        the message names the file and the place.
    DegenerateError
        If a BatchNorm has variance + eps = 0.
    """
    source = Source(as_path(path))
    suffix = source.path.suffix.lower()
    with source.named():
        source.check()
        if suffix == ".pt2":
            raise InputError(
                "a program that torch.export has saved; load it with torch.export.load and give "
                "it to Network.from_torch"
            )
        if suffix not in _READERS:
            readable = ", ".join(SUFFIXES)
            raise InputError(f"unknown suffix {suffix!r}, expected one of {readable}")
        return Network.from_stages(_READERS[suffix](source, _Options(slope, eps, logits)))


def load_with(
    path: Path_, statistics: "Statistics", *, slope: object = None, logits: bool = False
) -> Network:
    """Return the network of a file, its batch normalizations with other statistics.

    Those are in ``.pt``, ``.safetensors`` and ``.onnx`` files; for the others it is :func:`load`.
    """
    source = Source(as_path(path))
    suffix = source.path.suffix.lower()
    if suffix not in (".onnx", ".pt", ".pth", ".safetensors"):
        return load(path, slope=slope, logits=logits)
    with source.named():
        source.check()
        if suffix == ".onnx":
            from exactbn.readers.onnx_file import read_onnx

            return Network.from_stages(read_onnx(source, logits=logits, statistics=statistics))
        chain = _READERS[suffix](source, _Options(slope, None, False))
        network = Network.from_stages(chain)  # which looks at all shapes
        if isinstance(chain, Graph):
            return network
        statistics.check(network.num_inputs)
        return Network.from_stages(statistics.of_chain(chain))


def load_centered(path: Path_, centering: "Centering", *, logits: bool = False) -> Network:
    """Return the network of an ``.onnx`` file with its activations normalized."""
    from exactbn.readers.onnx_file import read_onnx

    source = Source(as_path(path))
    with source.named():
        source.check()
        return Network.from_stages(read_onnx(source, logits=logits, centering=centering))


def save_json(network: Network, path: Path_) -> None:
    """Write the network to a ``.json`` file that :func:`exactbn.load` reads back as equal.

    The file appears whole or not at all (see :mod:`exactbn.output`); a file of that name is
    replaced. The sigma policy is a remark and is not written; read back it is "unknown".

    Raises
    ------
    InputError
        If the file cannot be written, or a number is longer than the format's readers accept.
    """
    with create_text(path, force=True, encoding="ascii") as stream:
        stream.writelines(_text(network))


def _text(network: Network) -> Iterator[str]:
    """Yield the JSON text in pieces, one row of weights a line."""
    yield "{" if network.is_chain else f'{{"format": 2, "inputs": {network.num_inputs},\n'
    yield '"layers": ['
    for index, layer in enumerate(network.layers):
        yield ",\n" if index else "\n"
        yield '  {"W": ['
        for k, row in enumerate(layer.weight):
            yield ",\n    [" if k else "\n    ["
            yield ", ".join(_number(w, f"layer {index}, weight row {k}") for w in row)
            yield "]"
        yield '\n  ],\n  "b": ['
        yield ", ".join(_number(b, f"layer {index}, bias") for b in layer.bias)
        yield "]"
        if layer.reads is not None:
            yield f',\n  "reads": [{", ".join(map(str, layer.reads))}]'
        if layer is not network.layers[-1]:
            slopes = [_number(slope, f"layer {index}, slope") for slope in layer.slopes]
            if len(set(slopes)) == 1:
                yield f',\n  "slope": {slopes[0]}'
            else:
                yield f',\n  "slopes": [{", ".join(slopes)}]'
        yield "}"
    yield "\n]"
    if network.units:
        yield f',\n"units": {json.dumps([unit_document(unit) for unit in network.units])}'
    yield "}\n"


def _number(value: Fraction, where: str) -> str:
    """Return a JSON integer where every reader takes it exactly, else the text ``"p/q"``."""
    if value.denominator == 1 and abs(value.numerator) <= _LARGEST_INTEGER:
        return str(value.numerator)
    # str of an int refuses to write more than some thousand digits; flint's does not.
    text = f"{fmpz(value.numerator)}/{fmpz(value.denominator)}"
    if len(text) > MAX_DIGITS:
        raise InputError(
            f"{where}: a number has {len(text)} characters, expected at most {MAX_DIGITS}"
        )
    return f'"{text}"'
