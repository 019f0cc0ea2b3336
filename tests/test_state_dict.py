"""State dicts are read as the module that they are of, or refused with the file's name."""

import pickle
import sys
import warnings
import zipfile
from fractions import Fraction as F

import pytest
import torch
from torch import nn

from exactbn.cli import main
from exactbn.errors import (
    DegenerateError,
    DimensionError,
    InputError,
    NotRationalError,
    UnsupportedLayerError,
)
from exactbn.model.files import load
from exactbn.model.network import Network


def refused(path, message, error=InputError, **options):
    """Check that ``path`` is refused with its name and the message on one line."""
    with pytest.raises(error, match=message) as caught:
        load(path, **options)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


class Bomb:
    """An object that says so when it is unpickled."""

    exploded = False

    def __reduce__(self):
        return (setattr, (Bomb, "exploded", True))


def write_state(folder, state, suffix):
    """Write a state dict as .pt or .safetensors."""
    path = folder / f"net{suffix}"
    apart = {key: value.clone() for key, value in state.items()}  # no memory in common
    if suffix == ".safetensors":
        pytest.importorskip("safetensors.torch").save_file(apart, path)
    else:
        torch.save(apart, path)
    return path


@pytest.fixture(params=[".pt", ".pth", ".safetensors"])
def suffix(request):
    """Run a test for every kind of state dict."""
    if request.param == ".safetensors":
        pytest.importorskip("safetensors.torch")
    return request.param


def trained(*layers, seed=0):
    """Return a Sequential in eval mode whose BatchNorms have seen data."""
    torch.manual_seed(seed)
    module = nn.Sequential(*layers)
    with torch.no_grad():
        for _ in range(3):
            module(torch.randn(16, 3))
    return module.eval()


@pytest.mark.parametrize(
    "layers",
    [
        [nn.Linear(3, 2)],
        [nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4, bias=False), nn.ReLU(), nn.Linear(4, 2)],
        [nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2), nn.BatchNorm1d(2)],
        [nn.Linear(3, 4), nn.ReLU(), nn.BatchNorm1d(4, affine=False), nn.Linear(4, 2)],
        [nn.BatchNorm1d(3), nn.Linear(3, 4), nn.ReLU(), nn.Dropout(), nn.Linear(4, 2)],
        [nn.Flatten(), nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2), nn.Identity()],
        [
            nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU()),
            nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU()),
            nn.Linear(4, 1),
        ],
    ],
    ids=range(7),
)
def test_state_dict_is_the_module(tmp_path, suffix, layers):
    module = trained(*layers)
    path = write_state(tmp_path, module.state_dict(), suffix)
    expected = Network.from_torch(module)
    assert load(path) == expected
    assert load(path).sigma_policy == expected.sigma_policy
    prefixed = {f"module.net.{key}": value for key, value in module.state_dict().items()}
    assert load(write_state(tmp_path, prefixed, suffix)) == expected


def test_state_dict_of_a_bare_linear(tmp_path, suffix):
    module = nn.Linear(3, 2).eval()
    assert load(write_state(tmp_path, module.state_dict(), suffix)) == Network.from_torch(module)


def test_state_dict_with_more_than_ten_layers(tmp_path, suffix):
    layers = [nn.Linear(3, 2), *[nn.ReLU(), nn.Linear(2, 2)] * 8]
    module = trained(*layers)
    assert load(write_state(tmp_path, module.state_dict(), suffix)) == Network.from_torch(module)


def test_state_dict_with_slope_and_eps(tmp_path, suffix):
    module = trained(
        nn.Linear(3, 4), nn.BatchNorm1d(4, eps=0.25), nn.LeakyReLU(0.5), nn.Linear(4, 1)
    )
    path = write_state(tmp_path, module.state_dict(), suffix)
    assert load(path, slope=0.5, eps=0.25) == Network.from_torch(module)
    assert load(path, slope=["1/2"], eps="1/4") == Network.from_torch(module)
    assert load(path, slope="1/2") != Network.from_torch(module)
    refused(path, "got 2 slopes, expected 1, one a hidden layer", slope=[0, 0])
    refused(path, "slope is 'x', expected a number", slope="x")
    refused(path, "eps is -1, expected >= 0", eps=-1)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int32])
def test_state_dict_of_every_type(tmp_path, suffix, dtype):
    state = {"0.weight": torch.tensor([[3, -1.5]]).to(dtype), "0.bias": torch.tensor([2]).to(dtype)}
    second = -1 if dtype == torch.int32 else F(-3, 2)
    assert load(write_state(tmp_path, state, suffix)) == Network.from_arrays([[[3, second]]], [[2]])


def state(*, n=2, **more):
    """Return the tensors of a Linear at 0, and more; ``_`` stands for the dot."""
    tensors = {"0.weight": torch.ones(n, 2), "0.bias": torch.ones(n)}
    renamed = {key.replace("_", ".", 1)[1:]: value.clone() for key, value in more.items()}
    return tensors | renamed


ONES = torch.ones(2)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        (state(k1_weight=torch.ones(2, 2)), "found no place for an activation between the Linear"),
        (
            state(k2_running_mean=ONES, k2_running_var=ONES, k4_weight=torch.ones(1, 2)),
            "found 2 places for an activation between the Linear layers 0 and 4",
        ),
        (state(k2_running_mean=ONES, k2_running_var=ONES), "the modules between 0 and 2 have no"),
        (state(k2_weight=torch.ones(1, 3)), "layer 2 takes 3 features, expected 2"),
        (state(k2_weight=torch.ones(1, 1, 3)), r"layer '2' .* \(1, 1, 3\), that of a Conv1d"),
        (
            {"conv1.weight": torch.ones(2, 1, 3, 3), "fc.weight": ONES},
            r"layer 'conv1' .*, that of a Conv2d, .*; build the module, load_state_dict into it",
        ),
        (state(k4_weight=torch.ones(2, 1, 3, 3, 3)), "layer '4' .*, that of a Conv3d"),
        (state(k2_weight=torch.ones(2)), r"layer 2 has a weight of shape \(2,\) and no running"),
        (state(k2_bias=torch.ones(2)), "layer 2 has the tensors 'bias', expected those of a Lin"),
        (state(k2_weight_ih_l0=ONES), "layer 2 has the tensors 'weight_ih_l0'"),
        ({"2.a\nb": ONES}, r"layer 2 has the tensors 'a\\nb', expected"),
        (state(k2_running_mean=ONES), "layer 2 has the tensors 'running_mean'"),
        (state(kx_weight=ONES), "the entry 'x.weight' does not say its place in a Sequential"),
        ({"fc1.weight": ONES, "fc3.weight": ONES}, "the entry 'fc1.weight' does not say its place"),
        ({"fc1.weight": ONES, "out.weight": ONES}, "the entry 'fc1.weight' does not say its place"),
        ({"fc1.weight": ONES, "fc01.weight": ONES}, "the entry 'fc01.weight' does not say its pl"),
        ({"fc1.weight": ONES, "fc2.weight": ONES}, r"layer fc1 has a weight of shape \(2,\)"),
        ({"0.weight": torch.ones(2, 2), "0.bias": torch.ones(3)}, "2 weight rows and 3 biases"),
        ({"0.weight": torch.ones(0, 2)}, r"layer 0: weight has shape \(0, 2\), expected 2 dim"),
        ({"0.weight": torch.tensor([[1, float("nan")]])}, r"layer 0: weight\[0\]\[1\] is nan"),
        ({"0.weight": torch.tensor([[True]])}, "'0.weight' has the type torch.bool"),
        (
            {"0.running_mean": ONES, "0.running_var": ONES},
            "there is no Linear layer, expected at least one",
        ),
        (
            state(k1_running_mean=ONES, k1_running_var=-ONES),
            r"layer 1 \(BatchNorm\): running_var\[0\] is -1, expected >= 0",
        ),
        (
            state(k1_running_mean=torch.ones(3), k1_running_var=torch.ones(3)),
            r"layer 1 \(BatchNorm\) takes 3 features, expected 2",
        ),
    ],
)
def test_bad_state_dict(tmp_path, suffix, tensors, message):
    refused(write_state(tmp_path, tensors, suffix), message)


def test_state_dict_errors_keep_their_kind(tmp_path, suffix):
    conv = write_state(tmp_path, {"0.weight": torch.ones(1, 1, 1)}, suffix)
    refused(conv, "expected a Linear", UnsupportedLayerError)
    wide = write_state(tmp_path, state(k2_weight=torch.ones(1, 3)), suffix)
    refused(wide, "expected 2", DimensionError)
    inf = write_state(tmp_path, {"0.weight": torch.tensor([[float("inf")]])}, suffix)
    refused(inf, "is inf", NotRationalError)
    bn = state(k1_running_mean=ONES, k1_running_var=0 * ONES)
    refused(write_state(tmp_path, bn, suffix), "variance is 0 and eps is 0", DegenerateError, eps=0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "holds a dict, expected a state dict of tensors"),
        ([torch.ones(1)], "holds a list, expected a state dict of tensors"),
        (torch.ones(1), "holds a Tensor, expected a state dict"),
        ({"state_dict": {}}, "holds a dict, expected a state dict of tensors"),
        ({"state_dict": {"state_dict": state()}}, "the entry 'state_dict' is a dict, expected a t"),
        ({"state_dict": state(), "model_state_dict": state()}, "the entries 'state_dict' and 'mod"),
        ({"model_state_dict": {"0.weight": torch.eye(2).to_sparse()}}, "'0.weight' is a sparse"),
        ({"epoch": 3, **state()}, "the entry 'epoch' is an int, expected a tensor"),
        ({0: torch.ones(1)}, "the entry '0' is a Tensor"),
        (nn.Sequential(nn.Linear(1, 1)), "not a plain state dict of tensors, or damaged; save"),
        ({"0.weight": torch.eye(2).to_sparse()}, "'0.weight' is a sparse, nested, quantized"),
        ({"0.weight": torch.ones(1, device="meta")}, "is a sparse|has a weight of shape"),
        ({"0.weight": torch.ones(1, 1).expand(5000, 5000)}, "more than 52[0-9]+ numbers, the most"),
    ],
    ids=range(13),
)
def test_bad_pt(tmp_path, content, message):
    torch.save(content, tmp_path / "net.pt")
    refused(tmp_path / "net.pt", message)


@pytest.mark.parametrize("entry", ["state_dict", "model_state_dict"])
def test_checkpoints_are_read_by_their_entry(tmp_path, entry):
    module = trained(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1))
    optimizer = torch.optim.Adam(module.parameters())
    content = {"epoch": 3, "loss": torch.ones(()), "optimizer": optimizer.state_dict()}
    torch.save({**content, entry: module.state_dict()}, tmp_path / "net.pt")
    network = load(tmp_path / "net.pt")
    assert network == Network.from_torch(module) and network.sigma_policy == "rounded"
    assert network.notes[0] == f"a checkpoint, of which the entry {entry!r} is read"
    torch.save(module.state_dict(), tmp_path / "net.pt")
    assert len(load(tmp_path / "net.pt").notes) == 1


def test_the_command_line_says_which_entry_is_read(tmp_path, capsys):
    torch.save({"state_dict": state()}, tmp_path / "net.pt")
    assert main(["export", str(tmp_path / "net.pt"), str(tmp_path / "net.json")]) == 0
    said = capsys.readouterr().err
    assert "net.pt: a checkpoint, of which the entry 'state_dict' is read." in said


def test_the_code_of_a_checkpoint_is_never_run(tmp_path):
    torch.save({"state_dict": state(), "args": Bomb()}, tmp_path / "net.pt")
    refused(tmp_path / "net.pt", "no file's code is ever run")
    assert not Bomb.exploded


def test_pt_code_is_never_run(tmp_path):
    torch.save({"0.weight": Bomb()}, tmp_path / "net.pt")
    refused(tmp_path / "net.pt", "no file's code is ever run")
    assert not Bomb.exploded


def test_pt_that_names_a_class_by_a_very_long_name(tmp_path):
    """torch looks for patterns in its own message, which takes the square of its length."""
    torch.save(state(), tmp_path / "net.pt")
    with zipfile.ZipFile(tmp_path / "net.pt") as old, zipfile.ZipFile(
        tmp_path / "new.pt", "w"
    ) as new:
        for info in old.infolist():
            content = old.read(info)
            if info.filename.endswith("data.pkl"):
                content = content.replace(b"_rebuild_tensor_v2", b"_reb" + b'{"a":' * 9000, 1)
            new.writestr(info, content)
    refused(tmp_path / "new.pt", "damaged: a name of 450[0-9]+ characters")


def test_pt_with_a_wrong_checksum(tmp_path):
    torch.save({"0.weight": torch.full((1, 2), 3.0)}, tmp_path / "net.pt")
    content = (tmp_path / "net.pt").read_bytes()
    data = torch.full((1, 2), 3.0).numpy().tobytes()
    assert content.count(data) == 1
    (tmp_path / "net.pt").write_bytes(content.replace(data, data[:-1] + b"\x41"))
    refused(tmp_path / "net.pt", "member '.*data/0' is damaged: Bad CRC-32")


def test_pt_of_old_kind_or_bare_pickle(tmp_path):
    path = tmp_path / "net.pt"
    torch.save(state(), path, _use_new_zipfile_serialization=False)
    refused(path, "not a .pt file as torch.save has written it since version 1.6, or damaged")
    path.write_bytes(pickle.dumps({"0.weight": 1}))
    refused(path, "not a .pt file")


def test_pt_whose_tensor_is_larger_than_its_data(tmp_path):
    torch.save({"0.weight": torch.ones(7, 9), "0.bias": torch.ones(7)}, tmp_path / "net.pt")
    with zipfile.ZipFile(tmp_path / "net.pt") as old, zipfile.ZipFile(
        tmp_path / "new.pt", "w"
    ) as new:
        for info in old.infolist():
            content = old.read(info)
            if info.filename.endswith("data.pkl"):
                # The size (7, 9), strides (9, 1) become (70, 9), (9, 1).
                assert content.count(b"K\x07K\x09") == 1
                content = content.replace(b"K\x07K\x09", b"K\x46K\x09")
            new.writestr(info, content)
    refused(tmp_path / "new.pt", "damaged")


def test_safetensors_absent(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    (tmp_path / "net.safetensors").write_bytes(b"x")
    refused(tmp_path / "net.safetensors", r'install it with pip install "exactbn\[formats\]"')


@pytest.mark.parametrize(
    "content",
    [
        b"x",
        b"\xff" * 8,
        b"\xff" * 100,
        (10**9).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"{",
        (2).to_bytes(8, "little") + b"[]",
        (60000).to_bytes(8, "little") + b"[" * 60000,
    ],
)
def test_bad_safetensors(tmp_path, content):
    pytest.importorskip("safetensors")
    (tmp_path / "net.safetensors").write_bytes(content)
    refused(tmp_path / "net.safetensors", "not a .safetensors file, or damaged")


def test_safetensors_without_tensors(tmp_path):
    pytest.importorskip("safetensors")
    (tmp_path / "net.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    refused(tmp_path / "net.safetensors", "holds a dict, expected a state dict of tensors")


def test_types_that_are_no_plain_numbers(tmp_path, suffix):
    """Half bytes, raw bits and nested tensors are refused by name, not by what they break."""
    if suffix == ".safetensors":
        return
    whole = torch.zeros(2, 2, dtype=torch.uint8)
    for name in ("float4_e2m1fn_x2", "bits8", "bits16", "quint8"):
        if hasattr(torch, name):
            try:
                odd = whole.view(getattr(torch, name))
                path = write_bytes_of(tmp_path, {"0.weight": odd}, suffix)
            except (RuntimeError, TypeError, NotImplementedError):
                continue  # this torch cannot write it
            refused(path, "'0.weight' (has the type torch|is a sparse)|not a (plain )?state")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that nested tensors are a prototype
        nested = torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)])
    path = write_bytes_of(tmp_path, {"0.weight": nested}, suffix)
    refused(path, "'0.weight' is a sparse, nested,|not a plain state dict")


def write_bytes_of(folder, state, suffix):
    """Write a state dict as it is, without copies."""
    path = folder / f"odd{suffix}"
    torch.save(state, path)
    return path


def test_a_pickle_with_a_zip_behind_it(tmp_path):
    """torch would read the pickle, while the zip passes every look at its directory."""
    module = nn.Linear(2, 1).eval()
    good, path = write_state(tmp_path, module.state_dict(), ".pt"), tmp_path / "both.pt"
    path.write_bytes(pickle.dumps({"0.weight": 1}) + good.read_bytes())
    refused(path, "it does not begin as a zip file does")
    path.write_bytes(b"PK\x03\x04" + good.read_bytes())
    refused(path, "it does not begin as a zip file does")
    # The directory far behind the place where it is: members would begin before the file.
    content = good.read_bytes()
    place = content.index(b"PK\x06\x06") + 48
    path.write_bytes(content[:place] + (1 << 63).to_bytes(8, "little") + content[place + 8 :])
    refused(path, "it does not begin as a zip file does")


@pytest.mark.parametrize("count", [2, 3])
def test_many_layers_and_long_names_take_no_longer(tmp_path, count):
    """Names of 20 000 parts; and 2000 layers with one gap each."""
    prefix = "a." * 20_000
    state = {f"{prefix}{2 * i}.weight": torch.ones(1, 1) for i in range(count)}
    assert load(write_state(tmp_path, state, ".pt")).architecture == "-".join(["1"] * (count + 1))
    state = {f"{2 * i}.weight": torch.ones(1, 1) for i in range(1000)}
    assert load(write_state(tmp_path, state, ".pt")).num_hidden == 999


def test_numbered_layers_of_a_class_are_read_in_order(tmp_path):
    """Their names leave no gap where an activation could be: that one is assumed is said."""
    first, second, third = nn.Linear(2, 3), nn.Linear(3, 3), nn.Linear(3, 1)
    layers = {"net.fc9": first, "net.fc10": second, "net.fc11": third}
    state = {f"{name}.{key}": t for name, m in layers.items() for key, t in m.state_dict().items()}
    path = tmp_path / "net.pt"
    torch.save({"state_dict": state}, path)
    network = load(path)
    assert network == Network.from_torch(
        nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), third).eval()
    )
    assert "state_dict" in network.notes[0]
    assert network.notes[1].startswith("the layers fc9 to fc11 are taken in this order")


def test_a_state_dict_says_what_it_was_taken_for(tmp_path):
    """Nobody sees that a network was leaky: its regions are others."""
    module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.LeakyReLU(), torch.nn.Linear(3, 1))
    path = write_state(tmp_path, module.state_dict(), ".pt")
    (note,) = load(path).notes
    assert note.startswith("a state dict does not say its activations: ReLU is taken")
    assert load(path, slope="1/100").notes == ()
    only = write_state(tmp_path, torch.nn.Linear(2, 1).state_dict(), ".pt")
    assert load(only).notes == ()


def test_a_leaky_network_is_exported_with_its_slope(tmp_path):
    path = write_state(tmp_path, torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(),
                                                     torch.nn.Linear(3, 1)).state_dict(), ".pt")
    assert main(["export", str(path), str(tmp_path / "net.json"), "--slope", "0.1"]) == 0
    assert load(tmp_path / "net.json") == load(path, slope="0.1")
