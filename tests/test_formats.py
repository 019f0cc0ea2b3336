"""Network files are read exactly, or refused with an error that names the file."""

import json
import os
import pickle
import subprocess
import sys
import zipfile
from fractions import Fraction as F
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exactbn.errors import InputError
from exactbn.model.files import SUFFIXES, load, save_json
from exactbn.model.network import Network
from exactbn.readers import source
from exactbn.readers.allowance import Allowance
from exactbn.readers.json_file import parse, read_network

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("EXACTBN_SHARED", ROOT.parent / "shared"))
NET = Network.from_arrays([[[1, "-1/3"], [0.1, 2**70]], [[1, 2]]], [[0, "5/7"], [-4]], slope="1/8")


def refused(path, message, error=InputError, **options):
    """Check that ``path`` is refused with its name and the message on one line."""
    with pytest.raises(error, match=message) as caught:
        load(path, **options)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def write_json(folder, document):
    """Write a JSON document, given as text or as an object."""
    path = folder / "net.json"
    text = document if isinstance(document, str) else json.dumps(document)
    path.write_text(text, encoding="utf-8")
    return path


def layer(weight, bias, **more):
    """Return one layer of the .json format."""
    return {"W": weight, "b": bias, **more}


# --- any file ---------------------------------------------------------------------------------


def test_missing_file(tmp_path):
    refused(tmp_path / "net.npz", "there is no such file")


def test_directory(tmp_path):
    (tmp_path / "net.npz").mkdir()
    refused(tmp_path / "net.npz", "not a regular file")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_pipes_and_devices(tmp_path, suffix):
    """None of them is opened, nor waited for."""
    pipe, device = tmp_path / f"pipe{suffix}", tmp_path / f"device{suffix}"
    os.mkfifo(pipe)
    device.symlink_to("/dev/zero")
    refused(pipe, "not a regular file")
    refused(device, "not a regular file")
    # Nor where it becomes one behind our back.
    with pytest.raises(InputError, match="not a regular file"):
        open(pipe, "rb", opener=source._open_regular)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_empty_file(tmp_path, suffix):
    path = tmp_path / f"net{suffix}"
    path.touch()
    refused(path, "the file is empty")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_too_large_a_file(tmp_path, suffix):
    path = tmp_path / f"net{suffix}"
    with path.open("wb") as stream:
        stream.truncate(source.MAX_BYTES + 1)
    refused(path, "the file is larger than [0-9]+ bytes, the most that is read")


@pytest.mark.parametrize("name", ["net.txt", "net"])
def test_unknown_suffix(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    message = r"unknown suffix '.*', expected one of \.json, \.nnet, \.npz, \.onnx, \.pt"
    refused(tmp_path / name, message)


def test_suffix_in_capitals_and_path_as_text(tmp_path):
    save_json(NET, tmp_path / "NET.JSON")
    assert load(str(tmp_path / "NET.JSON")) == NET


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_unreadable_file(tmp_path):
    path = write_json(tmp_path, "{}")
    path.chmod(0)
    refused(path, "the file cannot be read: Permission denied")


def test_torch_is_not_imported_for_plain_formats(tmp_path):
    save_json(NET, tmp_path / "net.json")
    code = (
        "import sys, exactbn; exactbn.load(sys.argv[1]); "
        "sys.exit('torch' in sys.modules or 'safetensors' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "net.json")]
    assert subprocess.run(command, cwd=ROOT, timeout=60).returncode == 0


# --- .json ------------------------------------------------------------------------------------


def test_json_by_hand(tmp_path):
    text = """{"layers": [
        {"W": [[1, 0.1], ["1/3", -2.50e-1]], "b": ["0.2", 1E2], "slope": 0.3},
        {"W": [[1, 123456789012345678901234567890]], "b": [0]}
    ]}"""
    expected = Network.from_arrays(
        [[["1", "1/10"], ["1/3", "-1/4"]], [[1, 123456789012345678901234567890]]],
        [["1/5", 100], [0]],
        slope="3/10",
    )
    assert load(write_json(tmp_path, text)) == expected


def test_json_decimals_are_not_floats(tmp_path):
    document = '{"layers": [{"W": [[0.1000000000000000055511151231257827021181583404541015625]], '
    path = write_json(tmp_path, document + '"b": [0.1]}]}')
    assert load(path).layers[0].weight[0][0] == F(0.1)
    assert load(path).layers[0].bias[0] == F(1, 10) != F(0.1)


@pytest.mark.parametrize("slope", [0, 1, "1"])
def test_json_output_layer_has_no_activation(tmp_path, slope):
    path = write_json(tmp_path, {"layers": [layer([[1]], [0]), layer([[2]], [0], slope=slope)]})
    assert load(path) == Network.from_arrays([[[1]], [[2]]], [[0], [0]])


def test_json_with_byte_order_mark(tmp_path):
    path = tmp_path / "net.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({"layers": [layer([[1]], [0])]}).encode())
    assert load(path).architecture == "1-1"


def test_canonical_form_is_readable(tmp_path):
    assert load(write_json(tmp_path, NET.canonical())) == NET


BAD_JSON = [
    ("{", "not JSON: Expecting property name"),

    ("[1, 2", "not JSON"),
    ("[" * 100_000, "the JSON is nested too deeply|not JSON"),
    ('{"a":' * 100_000, "the JSON is nested too deeply|not JSON"),
    ("[" * 100_000 + "]" * 100_000, "nested too deeply|expected an object"),
    ("[]", 'got a list of 0, expected an object with the one key "layers"'),
    ("null", "got null, expected an object"),
    ("3", "got the number 3, expected an object"),
    ("{}", "got an object without keys, expected an object"),
    ('{"layers": [], "name": 1}', "got an object with the keys 'layers', 'name'"),
    ('{"layers": []}', '"layers" is a list of 0, expected a list of at least one layer'),
    ('{"layers": {}}', '"layers" is an object without keys'),
    ('{"layers": [], "layers": []}', "the key 'layers' occurs twice in one object"),
    ('{"layers": [3]}', r"layers\[0\] is the number 3, expected an object with"),
    ({"layers": [{"W": [[1]]}]}, r"layers\[0\] is an object with the keys 'W'"),
    ({"layers": [layer([[1]], [0], name=1)]}, r"layers\[0\] is an object with the keys 'W', 'b',"),
    ('{"layers": [{"W": [[1]], "b": [0], "W": [[2]]}]}', "the key 'W' occurs twice"),
    ({"layers": [layer([], [])]}, r"layers\[0\].W is a list of 0, expected a list of rows"),
    ({"layers": [layer([[]], [0])]}, r"layers\[0\].W\[0\] is a list of 0, expected a list of num"),
    ({"layers": [layer([1], [0])]}, r"layers\[0\].W\[0\] is the number 1, expected a list of num"),
    ({"layers": [layer([[1]], 0)]}, r"layers\[0\].b is the number 0, expected a list of numbers"),
    ({"layers": [layer([[1], [2, 3]], [0, 0])]}, r"layers\[0\].W\[1\] has 2 entries, expected 1"),
    ({"layers": [layer([[1]], [0, 0])]}, r"layers\[0\].W has 1 row and layers\[0\].b has 2"),
    (
        {"layers": [layer([[1]], [0]), layer([[1, 2]], [0])]},
        r"layers\[1\].W takes 2 features, expected 1",
    ),
    ({"layers": [layer([[True]], [0])]}, r"layers\[0\].W\[0\]\[0\] is True, expected a number"),
    ({"layers": [layer([[None]], [0])]}, r"layers\[0\].W\[0\]\[0\] is of type NoneType"),
    ({"layers": [layer([[[1]]], [0])]}, r"layers\[0\].W\[0\]\[0\] is of type list"),
    ({"layers": [layer([["one"]], [0])]}, r"layers\[0\].W\[0\]\[0\] is 'one', expected a number"),
    ({"layers": [layer([["1/0"]], [0])]}, "its denominator is 0"),
    ({"layers": [layer([["1e99999"]], [0])]}, "has the exponent 99999, expected at most 20000"),
    ({"layers": [layer([["nan"]], [0])]}, "is 'nan', expected a number"),
    ('{"layers": [{"W": [[NaN]], "b": [0]}]}', "the token NaN stands for no finite number"),
    ('{"layers": [{"W": [[1]], "b": [-Infinity]}]}', "the token -Infinity stands for no finite"),
    ('{"layers": [{"W": [[1e400000]], "b": [0]}]}', "has the exponent 400000"),
    ('{"layers": [{"W": [[%s]], "b": [0]}]}' % ("9" * 30_000), "has 30000 characters"),
    ({"layers": [layer([[1]], [0], slope="x")] * 2}, r"layers\[0\].slope is 'x'"),
    ({"layers": [layer([[1]], [0], slope=2)]}, r"layers\[0\] is the output layer and has slope 2"),
]


@pytest.mark.parametrize(("document", "message"), BAD_JSON, ids=range(len(BAD_JSON)))
def test_bad_json(tmp_path, document, message):
    refused(write_json(tmp_path, document), message)


def test_json_that_is_not_utf8(tmp_path):
    path = tmp_path / "net.json"
    path.write_bytes(b'{"layers": "\xff"}')
    refused(path, "not UTF-8 text: invalid start byte at byte 12")


def test_json_with_too_many_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr("exactbn.readers.allowance.MAX_NUMBERS", 5)
    refused(write_json(tmp_path, {"layers": [layer([[1, 2, 3]] * 2, [0, 0])]}), "more than 5 numb")


@pytest.mark.parametrize("number", ["1e20000", "1e-20000", '"-1E+20000"', "1e4000"])
def test_few_bytes_that_stand_for_many_digits(tmp_path, number):
    text = '{"layers": [{"W": [[%s]], "b": [0]}]}'
    assert load(write_json(tmp_path, text % number)).num_inputs == 1
    refused(
        write_json(tmp_path, text % ", ".join([number] * 700)),
        "its numbers, written out, have more than 2[0-9]{6} digits, the most that are read from",
    )


def test_json_of_one_key_many_times_is_refused_at_once(tmp_path):
    keys = ", ".join(f'"{k}": 0' for k in range(40_000))
    refused(write_json(tmp_path, "{%s, %s}" % (keys, '"39999": 0')), "the key '39999' occurs twice")


def test_a_document_that_is_parsed_already():
    text = '{"name": "x", "layers": [{"W": [[1, "1/3"]], "b": [0.1]}]}'
    document = parse(text.encode())
    assert isinstance(document, dict)
    chain = read_network({"layers": document["layers"]}, Allowance(len(text)))
    assert Network.from_chain(chain) == Network.from_arrays([[[1, "1/3"]]], [["1/10"]])


def test_json_states_its_own_slopes(tmp_path):
    save_json(NET, tmp_path / "net.json")
    refused(tmp_path / "net.json", "a .json file states its own slopes", slope=0)
    refused(tmp_path / "net.json", "the file holds no BatchNorm", eps=0)


NUMBERS = st.one_of(
    st.integers(-(2**80), 2**80), st.fractions(), st.floats(allow_nan=False, allow_infinity=False)
)


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_json_round_trip(tmp_path_factory, data):
    sizes = data.draw(st.lists(st.integers(1, 3), min_size=2, max_size=4))
    weights = [
        [[data.draw(NUMBERS) for _ in range(m)] for _ in range(n)] for m, n in zip(sizes, sizes[1:])
    ]
    biases = [[data.draw(NUMBERS) for _ in range(n)] for n in sizes[1:]]
    net = Network.from_arrays(weights, biases, slope=[data.draw(NUMBERS) for _ in sizes[2:]])
    path = tmp_path_factory.getbasetemp() / "round_trip.json"
    save_json(net, path)
    assert load(path) == net


def test_saved_json_is_the_documented_form(tmp_path):
    save_json(NET, tmp_path / "net.json")
    assert json.loads((tmp_path / "net.json").read_text()) == {
        "layers": [
            {
                "W": [
                    [1, "-1/3"],
                    ["3602879701896397/36028797018963968", "1180591620717411303424/1"],
                ],
                "b": [0, "5/7"],
                "slope": "1/8",
            },
            {"W": [[1, 2]], "b": [-4]},
        ]
    }
    assert [path.name for path in tmp_path.iterdir()] == ["net.json"]


def test_saved_json_of_long_numbers(tmp_path):
    net = Network.from_arrays([[[F(7**9000, 2**9000)]]], [[0]])  # some 7600 and 2700 digits
    save_json(net, tmp_path / "net.json")
    assert load(tmp_path / "net.json") == net
    with pytest.raises(InputError, match="layer 0, weight row 0: a number has [0-9]+ characters"):
        save_json(Network.from_arrays([[[7**30000]]], [[0]]), tmp_path / "new.json")
    assert [path.name for path in tmp_path.iterdir()] == ["net.json"]


def test_save_where_there_is_no_place(tmp_path):
    with pytest.raises(InputError, match="none/net.json: the folder .*none does not exist"):
        save_json(NET, tmp_path / "none" / "net.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(InputError, match="folder.json: is a folder"):
        save_json(NET, tmp_path / "folder.json")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.json"]


# --- .npz -------------------------------------------------------------------------------------


def write_npz(folder, **arrays):
    """Write an .npz file as numpy does."""
    path = folder / "net.npz"
    np.savez(path, **arrays)
    return path


def good_arrays(dtype=np.float64):
    """Return the arrays of a 2-2-1 network."""
    return {
        "W0": np.array([[1, -2], [3, 4]], dtype),
        "b0": np.array([5, 6], dtype),
        "W1": np.array([[7, 8]], dtype),
        "b1": np.array([9], dtype),
    }


GOOD = Network.from_arrays([[[1, -2], [3, 4]], [[7, 8]]], [[5, 6], [9]])


@pytest.mark.parametrize("dtype", ["f2", "<f4", ">f4", "<f8", ">f8", "i1", "<i2", ">i4", "<i8"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(tmp_path, dtype, save):
    save(tmp_path / "net.npz", **good_arrays(dtype))
    assert load(tmp_path / "net.npz") == GOOD


def test_npz_in_fortran_order_and_slope(tmp_path):
    path = write_npz(tmp_path, **{k: np.asfortranarray(v) for k, v in good_arrays().items()})
    assert load(path) == GOOD
    assert load(path, slope="1/10").layers[0].slope == F(1, 10)
    refused(path, "the file holds no BatchNorm, expected no eps", eps=0)
    refused(path, "got 2 slopes, expected 1, one a hidden layer", slope=[0, 0])


def test_npz_keeps_every_bit(tmp_path):
    values = np.array([[5e-324, -1.7976931348623157e308, 0.1]])
    path = write_npz(tmp_path, W0=values, b0=np.array([2**64 - 1], np.uint64))
    assert load(path).layers[0].weight[0] == tuple(map(F, values[0].tolist()))
    assert load(path).layers[0].bias == (2**64 - 1,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"W0": None}, "no array W0, expected W0, b0, ... in pairs"),
        ({"b1": None}, "no array b1, expected W0, b0, ... in pairs"),
        ({"W3": np.ones((1, 1)), "b3": np.ones(1)}, "no array W2"),
        ({"W999999": np.ones((1, 1))}, "no array W2"),
        ({"slope": np.array(0)}, "unknown array 'slope', expected W0, b0, W1, b1, ..."),
        ({"W01": np.ones((1, 1))}, "unknown array 'W01'"),
        ({"W0": np.ones(2)}, r"W0 has shape \(2,\), expected 2 dimensions"),
        ({"b0": np.ones((2, 1))}, r"b0 has shape \(2, 1\), expected 1 dimension and at least"),
        ({"b1": np.array(3.0)}, r"b1 has shape \(\), expected 1 dimension and"),
        ({"b1": np.ones(0)}, r"b1 has shape \(0,\), expected 1 dimension and at least one entry"),
        ({"b0": np.ones(3)}, "W0 has 2 rows and b0 has 3 entries"),
        ({"W1": np.ones((1, 3))}, "W1 takes 3 features, expected 2 as the layer before it gives"),
        ({"W0": np.array([[1, np.nan], [0, 0]])}, r"W0\[0\]\[1\] is nan, expected a finite number"),
        ({"b0": np.array([0, -np.inf])}, r"b0\[1\] is -inf, expected a finite number"),
        ({"b0": np.array([1, 2], complex)}, "b0 has the type '<c16', expected integers or floats"),
        ({"b0": np.array([True, False])}, "b0 has the type '|b1'"),
        ({"b0": np.array(["1", "2"])}, "b0 has the type '<U1'"),
        ({"b0": np.array([1, 2], object)}, "b0 has the type '|O'"),
        ({"b0": np.array([1, 2], np.longdouble)}, "b0 has the type '<f16'"),
        ({"b0": np.zeros(2, [("a", "f8")])}, "b0 is not an array of plain numbers"),
    ],
)
def test_bad_npz(tmp_path, change, message):
    arrays = {key: value for key, value in (good_arrays() | change).items() if value is not None}
    refused(write_npz(tmp_path, **arrays), message)


def test_npz_is_never_unpickled(tmp_path):
    path = write_npz(tmp_path, **good_arrays() | {"b0": np.array([Bomb()], object)})
    refused(path, "b0 has the type '|O'")
    assert not Bomb.exploded


class Bomb:
    """An object that says so when it is unpickled."""

    exploded = False

    def __reduce__(self):
        return (setattr, (Bomb, "exploded", True))


def test_bomb_works():
    pickle.loads(pickle.dumps(Bomb()))
    assert Bomb.exploded
    Bomb.exploded = False


def test_npz_that_unpacks_to_too_much(tmp_path):
    path = tmp_path / "net.npz"
    np.savez_compressed(path, W0=np.zeros((3000, 3000)), b0=np.zeros(3000))
    assert path.stat().st_size < 100_000
    refused(path, "unpacks to more than [0-9]+ bytes, the most that is read")


def test_npz_with_too_many_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr("exactbn.readers.allowance.MAX_NUMBERS", 7)
    refused(write_npz(tmp_path, **good_arrays()), "more than 7 numbers")


def test_npz_of_zeros_that_are_packed(tmp_path):
    path = tmp_path / "net.npz"
    np.savez_compressed(path, W0=np.zeros((900, 900)), b0=np.zeros(900))
    refused(path, "more than [0-9]+ numbers, the most that are read from")


def test_npz_of_denormals(tmp_path):
    """Each has a denominator of 1074 bits."""
    path = tmp_path / "net.npz"
    np.savez(path, W0=np.full((100, 200), 5e-324), b0=np.zeros(100))
    refused(path, "its numbers, written out, have more than")
    np.savez(path, W0=np.full((100, 10), 5e-324), b0=np.zeros(100))
    assert load(path).layers[0].weight[0][0] == F(1, 2**1074)


def test_npz_that_stands_behind_something_else(tmp_path):
    path = write_npz(tmp_path, **good_arrays())
    path.write_bytes(b"PK\x03\x04" + path.read_bytes())
    refused(path, "it does not begin as a zip file does")


def test_a_member_that_begins_far_outside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("W0.npy", b"")
        archive.writestr("b0.npy", b"")
        archive.filelist[1].header_offset = 1 << 63
    refused(path, "a member begins behind the end of the file")


def test_npz_without_arrays(tmp_path):
    refused(write_npz(tmp_path), "no arrays, expected W0, b0, W1, b1")


def test_npz_that_is_no_zip(tmp_path):
    path = tmp_path / "net.npz"
    path.write_bytes(b"hello")
    refused(path, "not an .npz file, or damaged: File is not a zip file")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "W0 is not an array, or damaged"),
        (b"\x93NUMPY", "W0 is not an array, or damaged"),
        (b"\x93NUMPY\x04\x00", "W0 is not an array, or damaged"),
        (b"\x93NUMPY\x01\x00\xff\xff{", "W0 is not an array of plain numbers"),
        (b"\x93NUMPY\x01\x00\x02\x00()", "W0 is not an array of plain numbers"),
    ],
)
def test_npz_member_that_is_no_array(tmp_path, content, message):
    path = tmp_path / "net.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("W0.npy", content)
    refused(path, message)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ("(4, 2)", r"W0 has 32 bytes of data, expected 64 for shape \(4, 2\)"),
        ("(1, 1)", "W0 has 32 bytes of data, expected 8"),
        ("(99999999999, 99999999999)", "W0 has 32 bytes of data, expected 7999999999"),
        ("(9999999999999, 0)", "W0 has a shape beyond all bounds"),
        ("(2, 2, 1, 1, 1, 1, 1, 1, 1)", "W0 has a shape beyond all bounds"),
        ("(-2, -2)", "W0 is not an array of plain numbers"),
        ("(2, __import__('os'))", "W0 is not an array of plain numbers"),
    ],
)
def test_npz_whose_shape_lies(tmp_path, shape, message):
    path = tmp_path / "net.npz"
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    with zipfile.ZipFile(path, "w") as archive:
        content = len(header).to_bytes(2, "little") + header + np.ones((2, 2)).tobytes()
        archive.writestr("W0.npy", b"\x93NUMPY\x01\x00" + content)
    refused(path, message)


def test_npz_with_one_name_twice(tmp_path):
    path = write_npz(tmp_path, **good_arrays())
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("W0.npy", b"")
    refused(path, "member 'W0.npy' occurs twice")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_npz_with_another_compression(tmp_path, method):
    path = tmp_path / "net.npz"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("W0.npy", b"x" * 100)
    refused(path, "member 'W0.npy' has an unknown compression")


@pytest.mark.skipif(not (SHARED / "workload").is_dir(), reason="the workload networks are absent")
def test_workload_networks_load(tmp_path):
    paths = sorted((SHARED / "workload").glob("*.npz"))
    assert len(paths) == 30
    for path in paths:
        net = load(path)
        arrays = np.load(path)
        assert [list(layer.bias) for layer in net.layers] == [
            [F(t) for t in arrays[f"b{i}"].tolist()] for i in range(len(net.layers))
        ]
        save_json(net, tmp_path / "net.json")
        assert load(tmp_path / "net.json") == net


def test_the_example_of_format_2_in_the_documents(tmp_path):
    """x -> 2 h + |h| with h = max(x, 0)."""
    text = (ROOT / "docs" / "file_formats.md").read_text(encoding="utf-8")
    start = text.index('{"format": 2')
    path = write_json(tmp_path, text[start : text.index("```", start)])
    assert [load(path)((x,)) for x in (-2, 0, F(1, 3))] == [(0,), (0,), (1,)]
    assert not load(path).is_chain
