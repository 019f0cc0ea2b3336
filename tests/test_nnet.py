"""``.nnet`` texts are read as the decimals that they say, or refused with their line."""

import os
from fractions import Fraction as F
from pathlib import Path
from random import Random

import pytest

from exactbn.errors import DimensionError, ExactBNError, InputError
from exactbn.exact.stages import Chain
from exactbn.model.files import load
from exactbn.readers.allowance import Allowance
from exactbn.readers.nnet_file import read_nnet
from exactbn.readers.source import Source

ROOT = Path(__file__).parents[1]
NETS = Path(os.environ.get("EXACTBN_SHARED", ROOT.parent / "shared")) / "nets"

TEXT = """// what stands here is no part of it
//
2,2,1,2,
2,2,1,
0,
-1.0,-1.0,
1.0,1.0,
0.1,-2,5e-1,
0.3,4,-7,
0.1,-0.2,
1e1,3,
0.7,
-.5,
1.1,-2.25,
0.01,
"""


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "net.nnet"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def refused(
    folder: Path, text: str | bytes, message: str, error: type[ExactBNError] = InputError
) -> None:
    path = write(folder, text)
    with pytest.raises(error, match=message) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def told(text: str, x: list[F]) -> list[F]:
    """Return what the format says, number by number, with decimals as fractions."""
    lines = [line.strip().rstrip(",") for line in text.splitlines() if not line.startswith("//")]
    rows = [[F(word) for word in line.split(",")] for line in lines if line]
    (count, *_), sizes, _, _, _, means, ranges, *rest = rows
    h = [(t - m) / r for t, m, r in zip(x, means, ranges)]
    for k in range(int(count)):
        height = int(sizes[k + 1])
        weight, bias, rest = rest[:height], rest[height : 2 * height], rest[2 * height :]
        h = [sum(w * t for w, t in zip(row, h)) + b[0] for row, b in zip(weight, bias)]
        if k + 1 < count:
            h = [max(t, F(0)) for t in h]
    assert not rest
    return [ranges[-1] * t + means[-1] for t in h]


def test_decimals_and_both_normalizations(tmp_path: Path) -> None:
    network = load(write(tmp_path, TEXT))
    assert network.sigma_policy == "unknown" and network.widths == (2,)
    # x = (0.4, 2) is (1, 1) once it is normalized, and far outside the box that the file names.
    inner = F(11, 10) * F(6, 10) - F(9, 4) * F(25, 2) + F(1, 100)
    assert network((F(4, 10), 2)) == (-7 * inner + F(1, 2),)
    assert network((F(10, 3), F(-5, 7))) == tuple(told(TEXT, [F(10, 3), F(-5, 7)]))


def test_every_beginning_is_refused_or_the_whole(tmp_path: Path) -> None:
    whole = load(write(tmp_path, TEXT))
    for length in range(len(TEXT)):
        try:
            assert load(write(tmp_path, TEXT[:length])) == whole, length
        except InputError as error:
            assert "\n" not in str(error)
    refused(tmp_path, TEXT[:-2], "the text ends within a line")


def test_blanks_carriage_returns_and_comments_anywhere(tmp_path: Path) -> None:
    whole = load(write(tmp_path, TEXT))
    other = TEXT.replace(",\n", " , \r\n").replace("0.7", "\r\n// a bias\r\n\t0.7")
    assert load(write(tmp_path, other)) == whole


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2,2,1,2,", "2,2,1,", r"line 3, the header: got 3 numbers, expected 4"),
        ("2,2,1,2,", "2,x,1,2,", r"line 3, the header: got 'x', expected a natural number"),
        ("2,2,1,2,", "0,2,1,2,", r"line 3, the header: got '0', expected a natural number"),
        ("2,2,1,2,", "-2,2,1,2,", r"line 3, the header: got '-2'"),
        ("2,2,1,2,", "9999999999,2,1,2,", r"line 3, the header: got '9999999999'"),
        ("2,2,1,2,", "999999999,2,1,2,", r"line 4, the sizes .*: got 3 numbers, expected 10+"),
        ("2,2,1,2,", "2,3,1,2,", r"the sizes of the layers go from 2 to 1, expected from 3 to 1"),
        ("2,2,1,\n", "2,3,1,\n", r"line 12, layer 0, weight row 2: got 1 number, expected 2"),
        ("2,2,1,\n", "2,1,1,\n", r"line 11, layer 0, bias 0: got 2 numbers, expected 1"),
        ("0,\n", "0,0,\n", r"line 5, the flag: got 2 numbers, expected 1"),
        ("0.1,-2,5e-1,", "0.1,-2,", r"line 8, the means: got 2 numbers, expected 3"),
        ("0.3,4,-7,", "0.3,0,-7,", r"range 1 is 0, expected another number"),
        ("0.3,4,-7,", "0.3,4,0e5,", r"range 2 is 0, expected another number"),
        ("1e1,3,", "nan,3,", r"line 11, layer 0, weight row 1\[0\] is 'nan', expected a number"),
        ("1e1,3,", "1e1,,3", r"line 11, layer 0, weight row 1: got 3 numbers, expected 2"),
        ("1e1,3,", "1e1,,", r"line 11, layer 0, weight row 1\[1\] is ''"),
        ("1e1,3,", "1e99999,3,", r"row 1\[0\] has the exponent 99999"),
        ("1e1,3,", "1e999999999999,3,", r"row 1\[0\] is '1e999999999999', expected a number"),
        ("0.01,\n", "0.01,\n1,\n", r"line 16 stands behind the last bias, expected none"),
        ("0.01,\n", "", "the text ends before layer 1, bias 0"),
        ("is no", "is n\u00f6", "not ASCII text: byte 24 is 195"),
    ],
)
def test_what_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in TEXT
    refused(tmp_path, TEXT.replace(old, new, 1), message)


def test_options_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, TEXT)
    for option, message in (
        ({"slope": 0}, "a .nnet file states its own slopes"),
        ({"eps": 1}, "the file holds no BatchNorm"),
        ({"logits": True}, "a .nnet file knows no Softmax or Sigmoid"),
    ):
        with pytest.raises(InputError, match=message):
            load(path, **option)


def test_few_bytes_that_stand_for_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many = ",".join(["1e19999"] * 2000)
    text = f"1,2000,1,2000\n2000,1\n0\n{many}\n{many}\n{many},1\n{many},1\n{many}\n0\n"
    refused(tmp_path, text, "its numbers, written out, have more than")
    refused(tmp_path, "2,2,1,2\n" + "," * 10**6 + "\n", "got 1000000 numbers", DimensionError)
    monkeypatch.setattr("exactbn.readers.allowance.MAX_NUMBERS", 7)
    refused(tmp_path, TEXT, "more than 7 numbers")


@pytest.mark.skipif(not NETS.is_dir(), reason="the public networks are absent")
def test_public_networks() -> None:
    paths = sorted(NETS.glob("*.nnet"))
    assert len(paths) == 9
    for path in paths:
        stages = read_nnet(Source(path))
        assert isinstance(stages, Chain)
        network = load(path)
        random = Random(path.name)
        points = [[F(random.randrange(-99, 99), 7) for _ in range(network.num_inputs)]
                  for _ in range(2)]  # fmt: skip
        for x in points:
            assert network(x) == tuple(told(path.read_text("ascii"), x))


def test_the_allowance_is_that_of_the_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []

    def allowance(size: int) -> Allowance:
        sizes.append(size)
        return Allowance(size)

    monkeypatch.setattr("exactbn.readers.nnet_file.Allowance", allowance)
    load(write(tmp_path, TEXT))
    assert sizes == [len(TEXT)]


def test_a_fraction_is_no_decimal(tmp_path: Path) -> None:
    refused(tmp_path, TEXT.replace("0.3,4,-7,", "1/3,4,-7,"), "is '1/3', expected a decimal")
