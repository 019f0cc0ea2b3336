"""The formats that are read, each with a good file and how it is changed, for ``--files``."""

import io
import json
import struct
import tempfile
import zlib
from base64 import b85decode
from collections.abc import Callable, Mapping
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch

from exactbn import checker
from exactbn.model.files import load
from exactbn.model.network import Network
from exactbn.readers.onnx_bytes import parse_model
from exactbn.regions.arrow_files import sha256_of
from exactbn.regions.partitioning import Partition, partition
from exactbn.regions.storage import digest_of
from exactbn.selfcheck.file_mutations import message_mutant, mutant, zip_mutant
from exactbn.selfcheck.file_reading import Files, Format
from exactbn.study.dataset import read_csv

_LAYERS = [
    {"W": [[1, 0.5], ["1/3", 2]], "b": [0, "5"], "slope": 0.1},
    {"W": [[1, 2]], "b": [3]},
]
# x, y -> max(x, y) + a clip of 2 x + 1, and a unit that reads both.
_WIRED = {
    "format": 2, "inputs": 2,
    "layers": [
        {"W": [[-1, 1]], "b": [0]},
        {"W": [[2], [2]], "b": [1, "-1/2"], "reads": [0]},
        {"W": [["1/3", 1, 1, -1]], "b": ["0.25"], "reads": [0, 2, 3, 4], "slope": -1},
        {"W": [[1, 1, 2]], "b": [0], "reads": [0, 2, 5]},
    ],
    "units": [{"max": [0, 1, 0]}, {"clip": [1, 2]}, 3],
}  # fmt: skip
_NNET = "// a comment|2,2,1,2|2,2,1|0|0,0|1,1|0.5,0,0,|1,2,3.5,|1,2|-3,4e-1|5,|6,|7,8,|9,|"
_CSV = b"a,b,kind\n5.1,1/3,u\n-2,1e-1,v\n0.5,7,u\n"
#: A model of most operators, packed: the package that writes models may be missing.
_ONNX = (
    "c-oDVKWx)L6vq7=2Rlzq>l~CnVktLzffa_<4H5_os;F!%<r<%2E9XD8outW>k+CC43>g_2nV=&hBV$KKMn>K_iBym("
    "IQu8-eSWsT@7Z>oNAGMrKsZI{BZLehZavP@vA2yILs_I!9hH&DrEmJ?0&K5?RxZNQ2j8F#wB({)Rz)02t!f1yB18xo"
    "!mQpi1}SG<QT3yPtVo24XQGO;lx}9ryo^<rZX1TNw*WwnkTNKE>$w!e>7i63Zws43<&mJC`L6B>5DEqfw_k|UUY03x"
    "(CW)r9VJ;PZ<7P_D)*PHnoFy<5E5*tY=Tx44<ZIb%CF)aHxY&iIfE14=!p=w5Kb6W+<u}&Rml|ZAyfzxgkuIHZatMr"
    ";<fQwRfx3g)-G@ZVZ>m}EuBN(aa;=}Z|sL5wh>AOk~d#!i^!-%kPHUgK9sd>ypAwHh!GTnDK)CNFIjU?h&=M{JEjAK"
    "=|UI!!H!}0UucTN{IgN7`L3QS>BM}`>nvNtz*)DhrA$lnKe}dGS}w0mf*w&|)#WCY^{{kJS3GkZ*X}|d_{J3r{!{nf"
    ">p)CDe-fO*zY-b7f;cBG2>Kokm)Id55I)f(UK2SnC*BZe#9LxPd>}p&pNMnfEAfr^PFxT_h@ZqS9c_O-o8wCpyh9R&"
    "j|2DbaO+bla9b<MTpeHCr5}#n#2XGU7wI*wXlRaG2vcThscWI(c76j;sG~~"
)


def formats() -> list[Format]:
    """Return all formats; those whose packages are missing are left out."""
    numbers: dict[str, Any] = {"W0": [[1.0, -2], [3, 4]], "b0": [5.0, 6], "W1": [[7, 8.0]]}
    arrays: dict[str, Any] = {**numbers, "b1": [9.0]}
    tensors = _tensors()
    checkpoint = {"epoch": 3, "state_dict": tensors, "optimizer": {"lr": 0.1}}
    documents = {"json": {"layers": _LAYERS}, "json format 2": _WIRED}
    zips = {
        "npz": (".npz", _written(lambda stream: np.savez(stream, **arrays))),
        "pt": (".pt", _written(lambda stream: torch.save(tensors, stream))),
        "pt checkpoint": (".pt", _written(lambda stream: torch.save(checkpoint, stream))),
    }
    found = [
        _file(name, ".json", json.dumps(made).encode(), load) for name, made in documents.items()
    ]
    for name, (suffix, content) in zips.items():
        found.append(_file(name, suffix, content, load))
        found.append(_file(f"{name}, members", suffix, content, load, _change_member))
    found.append(_file("nnet", ".nnet", _NNET.replace("|", "\n").encode(), load))
    if find_spec("safetensors") is not None:
        found.append(_file("safetensors", ".safetensors", _safetensors(tensors), load))
    if find_spec("onnx") is not None:
        model = zlib.decompress(b85decode("".join(_ONNX)))
        found.append(_file("onnx", ".onnx", model, load))
        found.append(_file("onnx, fields", ".onnx", model, load, _change_field))
    found.append(_file("csv", ".csv", _CSV, read_csv))
    document = json.dumps({"layers": _LAYERS}).encode()
    found.append(_file("json of the checker", ".json", document, checker.read_network))
    for engine in ("complex", "lp"):
        found += _folders(engine)
    return found


def change_bytes(files: Files, random: Random) -> Files:
    """Return the files with one of them changed."""
    name = random.choice(sorted(files))
    return {**files, name: mutant(files[name], random)}


def _change_member(files: Files, random: Random) -> Files:
    return {name: zip_mutant(content, random) for name, content in files.items()}


def _change_field(files: Files, random: Random) -> Files:
    return {
        name: message_mutant(parse_model(content), random).SerializeToString()
        for name, content in files.items()
    }


def change_and_seal(files: Files, random: Random) -> Files:
    """Return a folder with one thing changed, its hashes and lengths those of what it holds."""
    name = random.choice(sorted(files))
    told = json.loads(files["partition.json"])
    del told["digest"]
    if name == "partition.json":
        try:
            told = json.loads(mutant(json.dumps(told).encode(), random))
        except (ValueError, RecursionError):
            return change_bytes(files, random)
        changed = dict(files)
    else:
        content = mutant(files[name], random)
        changed = {**files, name: content}
        if name == "network.json":
            told["network"] = sha256_of(content)
        else:
            own = {"sha256": sha256_of(content), "bytes": len(content)}
            told["files"][name.removesuffix(".arrow")] = own
    if isinstance(told, dict):
        told["digest"] = digest_of(told)
    return {**changed, "partition.json": json.dumps(told).encode()}


def open_folder(path: Path) -> object:
    """Open a saved partition, check it, and ask it for what is read when it is asked for."""
    part = Partition.open(path, check=True)
    return part.patterns, part.witnesses(), part.is_unbounded, part.edges


def _file(
    name: str, suffix: str, content: bytes, read: Callable[[Path], object],
    change: Callable[[Files, Random], Files] = change_bytes,
) -> Format:  # fmt: skip
    return Format(name, suffix, {"": content}, change, read)


def _folders(engine: str) -> list[Format]:
    """Return a saved partition, changed as it is and with right hashes."""
    network = Network.from_arrays([[[1, 2], [3, -1]], [[1, 1]]], [[0, Fraction(1, 3)], [0]])
    with tempfile.TemporaryDirectory() as name:
        place = Path(name) / "saved"
        partition(network, (-1, 1), engine=engine).save(place)
        files = {path.name: path.read_bytes() for path in sorted(place.iterdir())}
    return [
        Format(f"folder, {engine}", "", files, change_bytes, open_folder),
        Format(f"folder, {engine}, sealed", "", files, change_and_seal, open_folder),
    ]


def _tensors() -> dict[str, torch.Tensor]:
    return {
        "0.weight": torch.tensor([[1.0, -2], [3, 4]]), "0.bias": torch.tensor([5.0, 6]),
        "1.running_mean": torch.ones(2), "1.running_var": torch.ones(2),
        "3.weight": torch.ones(1, 2),
    }  # fmt: skip


def _written(write: Callable[[io.BytesIO], object]) -> bytes:
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


def _safetensors(tensors: Mapping[str, torch.Tensor]) -> bytes:
    """Return the tensors as such a file says them: a length, a header, the numbers."""
    header: dict[str, Any] = {}
    data = b""
    for name, tensor in tensors.items():
        numbers = tensor.numpy().astype("<f4").tobytes()
        ends = [len(data), len(data) + len(numbers)]
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": ends}
        data += numbers
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data
