"""Modules of any kind, read by running them on symbols: the framework agrees with what is read."""

import random as python_random
import warnings
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import exactbn
from exactbn.errors import InputError, UnsupportedLayerError
from exactbn.exact.stages import Clip, Max
from exactbn.model.network import Network
from exactbn.readers.torch_module import read_module


def check(module: nn.Module, *shapes: tuple[int, ...]) -> Network:
    """Check that a network says in fractions what a module says in floats, and return it."""
    module = module.double().eval()
    zeros = tuple(torch.zeros(1, *shape, dtype=torch.float64) for shape in shapes)
    network = Network.from_torch(module, zeros)
    generator = torch.Generator().manual_seed(1)
    for scale in (1, 1, 3):
        inputs = [
            scale * torch.randn(1, *shape, generator=generator, dtype=torch.float64)
            for shape in shapes
        ]
        with torch.no_grad():
            result = module(*inputs)
        parts = result if isinstance(result, tuple) else (result,)
        expected = [t for part in parts for t in part.flatten().tolist()]
        found = network([t for part in inputs for t in part.flatten().tolist()])
        assert [float(t) for t in found] == pytest.approx(expected, rel=1e-12, abs=1e-12)
    return network


def settled(module: nn.Module, seed: int = 0) -> nn.Module:
    """Return a module with random statistics and scales of both signs."""
    generator = torch.Generator().manual_seed(seed)
    for part in module.modules():
        if isinstance(part, (nn.BatchNorm1d, nn.BatchNorm2d)):
            part.running_mean.copy_(torch.randn(part.num_features, generator=generator))
            part.running_var.copy_(0.5 + torch.rand(part.num_features, generator=generator))
            with torch.no_grad():
                part.weight.copy_(torch.randn(part.num_features, generator=generator))
                part.bias.copy_(torch.randn(part.num_features, generator=generator))
    return module


class Residual(nn.Module):
    """Skips, branches, maxima and clips by functions and operators."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(3, 4), nn.Linear(4, 3), nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.b(F.relu(self.a(x))) + x
        h = torch.maximum(h, -0.5 * x)
        h = torch.cat([h[:, :1].abs(), torch.clamp(h[:, 1:], -1, 1)], 1)
        return self.c(2 - h / 4)


class InPlace(nn.Module):
    """What is changed in place, of which no view is in use."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x - 1
        F.relu(y, inplace=True)
        w = y.clone()
        w += x
        z = (x + 2).view(-1, 2)
        z.mul_(3)
        return torch.cat([y, z, w, x], 1)


class Twice(nn.Module):
    """One module in two places, and several outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.f = nn.Sequential(nn.Linear(2, 2), nn.ReLU())

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.f(x) - self.f(y), torch.min(x, y)


def test_operators_and_functions() -> None:
    network = check(Residual(), (3,))
    assert network.widths == (4, 3, 5)


def test_what_is_changed_in_place() -> None:
    check(InPlace(), (2,))


def test_one_module_twice_and_several_inputs() -> None:
    network = check(Twice(), (2,), (2,))
    assert network.num_inputs == 4 and network.num_outputs == 4


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (nn.Sequential(nn.Conv1d(2, 3, 3, stride=2, padding=1), nn.PReLU(3)), (2, 7)),
        (nn.Sequential(nn.Conv2d(2, 4, 3, groups=2, dilation=2, padding="same"), nn.LeakyReLU(),
                       nn.MaxPool2d(3, 2, 1, ceil_mode=True), nn.AdaptiveAvgPool2d(1)), (2, 6, 5)),
        (settled(nn.Sequential(nn.Conv2d(1, 2, 2, bias=False), nn.BatchNorm2d(2), nn.ReLU6(),
                               nn.AvgPool2d(2, 1, 1), nn.Flatten(), nn.Linear(18, 2))), (1, 3, 3)),
        (nn.Sequential(nn.AvgPool1d(2, 2, 1, ceil_mode=True, count_include_pad=False),
                       nn.Hardtanh(-0.25, 0.5)), (1, 6)),
        (nn.Sequential(nn.AvgPool2d(2, ceil_mode=True), nn.AdaptiveAvgPool2d((2, 3))), (1, 7, 7)),
        (nn.Sequential(nn.MaxPool1d(3), nn.Flatten(), nn.Linear(2, 2), nn.ReLU(), nn.ReLU()),
         (1, 6)),
        (settled(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.PReLU())), (2,)),
        (nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)), (2,)),
    ],
    ids=lambda value: "",
)
def test_modules(module: nn.Module, shape: tuple[int, ...]) -> None:
    check(module, shape)


def test_an_exported_program() -> None:
    module = settled(nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(2, 2),
    )).double().eval()  # fmt: skip
    example = torch.zeros(1, 1, 4, 4, dtype=torch.float64)
    program = torch.export.export(module, (example,))
    assert Network.from_torch(program, example) == Network.from_torch(module, example)


def test_units_are_those_of_the_user() -> None:
    module = nn.Sequential(nn.MaxPool1d(3), nn.Hardtanh(), nn.Flatten(), nn.ReLU()).eval()
    graph = read_module(module, torch.zeros(1, 1, 3))
    # Two units for the maximum of three, two for the clip, one for the ReLU.
    (maximum, clip, unit) = graph.units
    assert isinstance(maximum, Max) and isinstance(clip, Clip) and unit == 4
    assert (clip.low, clip.high) == (2, 3)
    assert sum(len(layer.bias) for layer in graph.layers[:-1]) == 5


def test_a_tie_goes_to_the_first() -> None:
    network = Network.from_torch(nn.MaxPool1d(2).eval(), torch.zeros(1, 1, 2))
    assert network.preactivations((1, 1)) == ((0,),)
    assert network((1, 1)) == (1,) and network((0, 2)) == (2,)


def swallowed(x: torch.Tensor) -> torch.Tensor:
    try:
        return x if x.sum() > 0 else -x
    except Exception:
        return 3 * x


def changed_view(make: Callable[[torch.Tensor], torch.Tensor]) -> Callable[..., torch.Tensor]:
    def function(x: torch.Tensor) -> torch.Tensor:
        h = x + 0
        make(h).relu_()
        return h

    return function


def constant_in_place(x: torch.Tensor) -> torch.Tensor:
    c = torch.ones(1, 4, dtype=torch.float64)
    c.sub_(x)
    return c + x


class Runs(nn.Module):
    """A function as a module, with a number of float64."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function
        self.number = nn.Parameter(torch.zeros(1, dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


@pytest.mark.parametrize(
    "function",
    [
        changed_view(lambda h: h.select(1, 0)),
        changed_view(lambda h: h.narrow(1, 0, 3)),
        changed_view(lambda h: h[0, 0]),
        changed_view(lambda h: h.float()),
        changed_view(lambda h: h.reshape(2, 2).t().contiguous()),
        changed_view(lambda h: (h.reshape(2, 2).t() * 1).reshape(4)),
        changed_view(lambda h: h.reshape(4)),
        changed_view(lambda h: next(iter(h))),
        lambda x: x.sum(()),
        lambda x: torch.mean(x, [], keepdim=True),
        lambda x: x.to(torch.int64).double(),
        lambda x: torch.sum(x, 1, dtype=torch.int64).double(),
        lambda x: x.reshape(1, 2, 2)[0, :, [0, 1]].reshape(1, -1),
        lambda x: x[:, torch.tensor([True, False, True, True])],
        lambda x: x if torch.is_tensor(x) else -x,
        lambda x: x if x.dtype == torch.float64 else -x,
        constant_in_place,
        swallowed,
    ],
)
def test_right_or_refused(function: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """What torch makes of memory, types and questions is followed, or it is refused."""
    module = Runs(function).eval()
    x = torch.tensor([[-1.0, 2.0, -3.5, -4.25]], dtype=torch.float64)
    with torch.no_grad():
        expected = module(x.clone()).flatten().tolist()
    try:
        network = Network.from_torch(module, torch.zeros(1, 4, dtype=torch.float64))
    except (InputError, UnsupportedLayerError):
        return
    assert [float(t) for t in network(x.flatten().tolist())] == expected


def test_a_forward_of_its_own_counts() -> None:
    layer = nn.Linear(3, 3)
    layer.forward = lambda x: x.abs()  # type: ignore[method-assign]
    module = nn.Sequential(layer, nn.ReLU()).eval()
    assert Network.from_torch(module, torch.zeros(1, 3))((-1, 2, -3)) == (1, 2, 3)


def test_only_a_first_layer_says_what_the_input_is() -> None:
    class Slices(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.f = nn.Linear(3, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.f(x[:, :3])

    with pytest.raises(InputError, match="give an example"):
        Network.from_torch(Slices().eval())
    assert Network.from_torch(Slices().eval(), torch.zeros(1, 5)).num_inputs == 5


class Asks(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x if x.sum() > 0 else -x


class Multiplies(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * x


class Assigns(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x[:, 0] = 1
        return x


@pytest.mark.parametrize(
    ("module", "error", "text"),
    [
        (Asks(), InputError, "data-dependent control flow"),
        (Multiplies(), UnsupportedLayerError, "product of two tensors that depend on the input"),
        (Assigns(), UnsupportedLayerError, "assignment to entries"),
        (nn.Sequential(nn.Linear(3, 1)), InputError, "does not multiply a tensor of shape"),
        (nn.LSTM(2, 2), UnsupportedLayerError, "LSTM"),
        (nn.Identity(), None, ""),
    ],
)
def test_what_cannot_be_followed(
    module: nn.Module, error: type[Exception] | None, text: str
) -> None:
    if error is None:
        assert Network.from_torch(module.eval(), torch.zeros(1, 2))((1, 2)) == (1, 2)
        return
    with pytest.raises(error, match=text):
        Network.from_torch(module.eval(), torch.zeros(1, 2))


def test_the_shape_of_the_input_must_be_known() -> None:
    module = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU()).eval()
    with pytest.raises(InputError, match="give an example, such as"):
        Network.from_torch(module)
    with pytest.raises(InputError, match="expected a tensor with a batch axis"):
        Network.from_torch(module, [1, 2])


def test_a_convolution_in_a_slice() -> None:
    module = settled(nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2, 1)
    )).double().eval()  # fmt: skip
    network = Network.from_torch(module, torch.zeros(1, 1, 4, 4))
    plane = network.restrict([0] * 16, [[Fraction(1, 2)] * 16, [i % 3 for i in range(16)]])
    part = exactbn.partition(plane, (-1, 1))
    part.check()
    assert part.is_complete and part.num_regions > 1


class Applies(nn.Module):
    """A function after a layer."""

    def __init__(self, function: Callable[[torch.Tensor], object]) -> None:
        super().__init__()
        self.first, self.function = nn.Linear(2, 2), function

    def forward(self, x: torch.Tensor) -> object:
        return self.function(self.first(x))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: -x if x == 0 else x, lambda x: -x if x != 0 else x, lambda x: x > 0,
        lambda x: 0 < x, lambda x: x >= x, lambda x: torch.gt(x, 0), lambda x: x.item(),
        lambda x: x.tolist(), lambda x: x.numpy(), lambda x: torch.where(x > 0, x, -x),
        lambda x: x if x.sum() else -x, lambda x: x if 0 in x else -x, lambda x: x * int(x[0, 0]),
        lambda x: x.masked_fill(x < 0, 0), lambda x: torch.heaviside(x, x), lambda x: x[x > 0],
    ],
)  # fmt: skip
def test_who_asks_for_values_is_told_so(function: Callable[[torch.Tensor], object]) -> None:
    """A comparison without an answer of its own would be False, and half of the module lost."""
    with pytest.raises(InputError, match=r"^the module \(Applies\): .*data-dependent control flow"):
        Network.from_torch(Applies(function).eval(), torch.zeros(1, 2))


@pytest.mark.parametrize(
    ("function", "possible"),
    [
        (lambda x: torch.where(x > 0, x, -x), "relu, leaky_relu, maximum, minimum, clamp or abs"),
        (lambda x: torch.sort(x).values, "are amax and amin"),
        (lambda x: x.topk(1), "are amax and amin"),
        (lambda x: x.argmax(1), "return the values of which it is the index"),
        (lambda x: torch.tensor(x.tolist()), "keep to operations on tensors"),
        (lambda x: x.max(1), "amax and amin give the values alone"),
    ],
)
def test_what_is_possible_instead(
    function: Callable[[torch.Tensor], object], possible: str
) -> None:
    with pytest.raises(InputError, match=rf"^the module \(Applies\): .*{possible}$"):
        Network.from_torch(Applies(function).eval(), torch.zeros(1, 2))


def test_as_many_examples_as_inputs() -> None:
    one = torch.zeros(1, 2)
    for examples, got in ((one, "1 example;"), ((one, one, one), "3 examples;")):
        with pytest.raises(InputError, match=rf"\(Twice\) takes the inputs x, y, got {got}"):
            Network.from_torch(Twice().eval(), examples)
    with pytest.raises(InputError, match=r"has the shape \(2,\).* is torch.zeros\(1, d\)"):
        Network.from_torch(Twice().eval(), torch.zeros(2))


def exported(module: nn.Module, *args: object, **options: object) -> torch.export.ExportedProgram:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.export.export(module, *args, **options)


def test_exported_programs() -> None:
    """Their inputs are known; a batch that is fixed, sizes that are not, and modes are named."""
    module = settled(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 1)))
    expected = Network.from_torch(module.eval(), torch.zeros(1, 2))
    point, points = torch.zeros(1, 2), torch.zeros(4, 2)
    batch = torch.export.Dim("batch")
    for program in (
        exported(module, (point,)), exported(module, (points,), dynamic_shapes=({0: batch},))
    ):  # fmt: skip
        assert Network.from_torch(program) == Network.from_torch(program, point) == expected
        assert exactbn.partition(program, box=(-1, 1)).network == expected
    with pytest.raises(InputError, match="exported for batches of 4 points, expected 1 or any"):
        Network.from_torch(exported(module, (points,)))
    wide = exported(nn.ReLU(), (points,), dynamic_shapes=({1: torch.export.Dim("width")},))
    with pytest.raises(InputError, match="batches of 4|has dynamic sizes"):
        Network.from_torch(wide)
    wide = exported(nn.ReLU(), (point,), dynamic_shapes=({1: torch.export.Dim("width")},))
    with pytest.raises(InputError, match="'input' of the program has dynamic sizes"):
        Network.from_torch(wide)
    with pytest.raises(InputError, match=r"takes inputs by name \(y\)"):
        Network.from_torch(exported(Twice().eval(), (point,), {"y": point}))
    trained = exported(module.train(), (points,), dynamic_shapes=({0: batch},))
    with pytest.raises(InputError, match="in train mode, depends on the batch|in place"):
        Network.from_torch(trained)


def test_programs_of_core_operators() -> None:
    module = settled(nn.Sequential(
        nn.Conv2d(1, 2, 2), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(2, 2), nn.Softmax(1),
    )).eval()  # fmt: skip
    expected = Network.from_torch(module, torch.zeros(1, 1, 5, 5), logits=True)
    assert expected.notes[0].startswith("read up to the Softmax at the end")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = exported(module, (torch.zeros(1, 1, 5, 5),)).run_decompositions()
    assert Network.from_torch(program, logits=True) == expected


def test_what_is_supported_is_said_in_the_names_of_the_user() -> None:
    with pytest.raises(UnsupportedLayerError) as caught:
        Network.from_torch(Applies(torch.sin).eval(), torch.zeros(1, 2))
    text = str(caught.value)
    assert text.startswith("the module (Applies): the operation sin is not supported; supported ")
    assert "_" not in text and len(text) < 400 and text.endswith("write the module with these")

    def assign(x: torch.Tensor) -> torch.Tensor:
        x[0, 0] = 1
        return x

    with pytest.raises(UnsupportedLayerError, match="assignment to entries .* torch.cat"):
        Network.from_torch(Applies(assign).eval(), torch.zeros(1, 2))


class Draws(nn.Module):
    """Adds what a function draws to a layer."""

    def __init__(self, draw: Callable[[], Any]) -> None:
        super().__init__()
        self.layer, self.draw = nn.Linear(2, 2), draw

    def forward(self, x: torch.Tensor) -> Any:
        """Return the output."""
        return self.layer(x) + self.draw()


@pytest.mark.parametrize(
    ("draw", "source"),
    [
        (lambda: torch.randn(2), "torch"),
        (lambda: torch.bernoulli(torch.full((2,), 0.5)), "torch"),
        (lambda: nn.functional.dropout(torch.ones(2), 0.5), "torch"),
        (np.random.rand, "numpy.random"),
        (python_random.random, "random"),
    ],
)
def test_what_is_drawn_in_the_forward_pass_is_no_network(
    draw: Callable[[], Any], source: str
) -> None:
    """It would be another one each time, called exact."""
    with pytest.raises(UnsupportedLayerError, match=f"draws random numbers of {source} in its"):
        Network.from_torch(Draws(draw).eval(), torch.zeros(1, 2))


def test_what_was_drawn_before_is_no_hindrance() -> None:
    torch.manual_seed(3)
    fixed = torch.randn(2)
    assert Network.from_torch(Draws(lambda: fixed).eval(), torch.zeros(1, 2)).num_inputs == 2


def test_a_module_and_a_file_are_saved_as_what_is_read_from_them(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)).eval()
    exactbn.save_json(module, tmp_path / "a.json")
    exactbn.save_json(str(tmp_path / "a.json"), tmp_path / "b.json")
    assert exactbn.load(tmp_path / "b.json") == Network.from_torch(module)
