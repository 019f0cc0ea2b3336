"""Changed files of every format end in a network, in data, in a verdict, or in our own errors.

``hunt`` changes bytes, cuts, repeats, swaps fields, enlarges numbers and nests; a test hunts fifty
mutants of each format, and thousands are hunted by calling it with a larger number.
"""

import io
import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from exactbn import checker
from exactbn.claims.ledger.instance import read_instance
from exactbn.errors import ExactBNError
from exactbn.model.files import load
from exactbn.selfcheck.file_mutations import mutant
from exactbn.study.dataset import read_csv
from tests.test_damaged_files import examples

CERTIFICATES = Path(__file__).parent / "certificates"


def formats() -> dict[str, tuple[bytes, Callable[[Path, bytes], object]]]:
    """Return a good file of each format, and how a mutant of it is read."""
    result: dict[str, tuple[bytes, Callable[[Path, bytes], object]]] = {}

    def written(read: Callable[[Path], object], suffix: str) -> Callable[[Path, bytes], object]:
        def read_mutant(folder: Path, content: bytes) -> object:
            path = folder / f"mutant{suffix}"
            path.write_bytes(content)
            return read(path)

        return read_mutant

    for index, (suffix, content) in enumerate(examples()):
        result[f"{suffix[1:]} {index}"] = content, written(load, suffix)
    nnet = "2,2,1,2 2,2,1 0 0,0 1,1 0.5,0,0, 1,2,3.5, 1,2 -3,4e-1 5, 6, 7,8, 9,"
    result["nnet"] = "\n".join(nnet.split(" ")).encode(), written(load, ".nnet")
    text = next(content for suffix, content in examples() if suffix == ".json")
    result["json of the checker"] = text, written(checker.read_network, ".json")
    table = b"a,b,kind\n5.1,1/3,u\n-2,1e-1,v\n0.5,7,u\n"
    result["csv"] = table, written(read_csv, ".csv")
    instance = {
        "format": "exactbn-instance 1", "claim": "K1", "layers": json.loads(text)["layers"],
        "data": [["1/3", "2"]], "numbers": {"radius": "1/3"},
    }  # fmt: skip
    result["instance"] = json.dumps(instance).encode(), written(read_instance, ".json")
    for name in ("abs.all-tree", "leaky.box-complex", "dead.box-tree"):
        network = checker.read_network(CERTIFICATES / "networks" / f"{name.split('.')[0]}.json")

        def judge(
            folder: Path, content: bytes, network: checker.Network = network
        ) -> checker.Proof:
            return checker.check(network, io.BytesIO(content))

        result[f"certificate {name}"] = (CERTIFICATES / "accepted" / name).read_bytes(), judge
    return result


FORMATS = formats()
OURS = (ExactBNError, checker.Rejection, checker.Unreadable)


def hunt(name: str, folder: Path, count: int, seed: int = 0) -> int:
    """Read so many mutants of a format; return how many were taken. Other errors come through."""
    content, read = FORMATS[name]
    random = Random(f"{seed} {name}")
    taken = 0
    for _ in range(count):
        try:
            read(folder, mutant(content, random))
            taken += 1
        except OURS as error:
            assert len(str(error).splitlines()) == 1
    return taken


@pytest.mark.parametrize("name", FORMATS)
def test_mutants_end_in_our_errors(name: str, tmp_path: Path) -> None:
    assert hunt(name, tmp_path, 50) < 50


@pytest.mark.parametrize("name", FORMATS)
def test_the_good_file_is_taken(name: str, tmp_path: Path) -> None:
    content, read = FORMATS[name]
    read(tmp_path, content)
