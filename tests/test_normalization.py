"""Batch normalization in four readings, before and after linear maps and convolutions, anywhere."""

from fractions import Fraction as F
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import exactbn
from exactbn.errors import DegenerateError, DimensionError, InputError
from exactbn.exact.batch import Values, columns_of
from exactbn.model.batchnorm import LayerStatistics, center, statistics
from exactbn.model.network import Network

GENERATOR = torch.Generator().manual_seed(3)
POINTS = torch.randint(-4, 5, (7, 3), generator=GENERATOR).double()
IMAGES = torch.randint(-4, 5, (4, 1, 4, 4), generator=GENERATOR).double()


def norm(kind, n, **options):
    """Return a normalization whose gamma takes both signs and, of more than two channels, 0."""
    layer = kind(n, dtype=torch.float64, **options)
    if layer.affine:
        with torch.no_grad():
            layer.weight.copy_(torch.tensor([-1.5, 2.0, 0.0, 0.5][:n]))
            layer.bias.copy_(torch.tensor([0.25, -0.5, 1.0, 0.0][:n]))
    layer.running_mean.copy_(torch.arange(n) / 2)
    layer.running_var.copy_(torch.arange(n) + 0.5)
    return layer


class Skip(nn.Module):
    """A residual connection around a normalization, and one of the sum."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(3, 4), nn.Linear(4, 4)
        self.inner, self.outer = norm(nn.BatchNorm1d, 4), norm(nn.BatchNorm1d, 4, affine=False)
        self.last = nn.Linear(4, 2)

    def forward(self, x):
        h = torch.relu(self.a(x))
        return self.last(torch.relu(self.outer(h + self.inner(self.b(h)))))


def modules():
    """Return modules with points: normalization before and after everything that there is."""
    linear = [nn.Linear(3, 4), norm(nn.BatchNorm1d, 4), nn.ReLU(), nn.Linear(4, 2)]
    after = [norm(nn.BatchNorm1d, 3), nn.Linear(3, 4), nn.LeakyReLU(0.25), norm(nn.BatchNorm1d, 4),
             nn.Linear(4, 2), norm(nn.BatchNorm1d, 2)]  # fmt: skip
    conv = [nn.Conv2d(1, 2, 2, padding=1), norm(nn.BatchNorm2d, 2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(2, 3, 2), nn.ReLU(), norm(nn.BatchNorm2d, 3), nn.Flatten(),
            nn.Linear(3, 2)]  # fmt: skip
    torch.manual_seed(0)
    return {
        "linear": (nn.Sequential(*linear), POINTS), "after": (nn.Sequential(*after), POINTS),
        "conv": (nn.Sequential(*conv), IMAGES), "skip": (Skip(), POINTS),
    }  # fmt: skip


NAMES = list(modules())


def built(name):
    module, points = modules()[name]
    return module.double(), points


def check_at(network, points, values):
    """Check the network at points against what torch says of all of them."""
    for x, y in zip(points.flatten(1).tolist(), values.tolist(), strict=True):
        assert [float(t) for t in network(x)] == pytest.approx(y, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_the_statistics_of_a_batch_are_those_of_train_mode(name):
    module, points = built(name)
    network = Network.from_torch(module.eval(), statistics="batch", data=points)
    assert network.sigma_policy == "rounded"
    with torch.no_grad():
        check_at(network, points, module.train()(points))


@pytest.mark.parametrize("name", NAMES)
def test_supplied_statistics_are_taken_by_name(name):
    module, points = built(name)
    module.eval()
    stored = {
        key: (part.running_mean, part.running_var) for key, part in module.named_modules()
        if isinstance(part, (nn.BatchNorm1d, nn.BatchNorm2d))
    }  # fmt: skip
    network = Network.from_torch(module, points, statistics=stored)
    with torch.no_grad():
        check_at(network, points, module(points))
    assert network == Network.from_torch(module, points)


@pytest.mark.parametrize("place", range(4))
def test_the_unbiased_variance_is_the_one_that_torch_keeps(place):
    kinds = [
        [nn.Linear(3, 2), norm(nn.BatchNorm1d, 2, momentum=1.0), nn.ReLU()],
        [norm(nn.BatchNorm1d, 3, momentum=1.0), nn.Linear(3, 2), nn.ReLU()],
        [nn.Conv2d(1, 2, 3), norm(nn.BatchNorm2d, 2, momentum=1.0), nn.ReLU(), nn.Flatten()],
        [nn.Conv2d(1, 2, 3), nn.ReLU(), norm(nn.BatchNorm2d, 2, momentum=1.0), nn.Flatten()],
    ]
    torch.manual_seed(1)
    module, points = nn.Sequential(*kinds[place]).double(), IMAGES if place > 1 else POINTS
    network = Network.from_torch(module.eval(), statistics="unbiased", data=points)
    with torch.no_grad():
        module.train()(points)
        check_at(network, points, module.eval()(points))


def test_by_hand():
    """t = x at 0, 2, 4: mean 2, variance 8/3 or 4; with gamma -1, and gamma 0 leaves beta."""
    bn = nn.BatchNorm1d(2, eps=0.0, dtype=torch.float64)
    with torch.no_grad():
        bn.weight.copy_(torch.tensor([-1.0, 0.0]))
        bn.bias.copy_(torch.tensor([0.5, 3.0]))
    points = [[0, 1], [2, 0], [4, 5]]
    network = Network.from_torch(nn.Sequential(bn).eval(), statistics="unbiased", data=points)
    assert network((0, 9)) == (F(3, 2), 3) and network((6, 0)) == (F(-3, 2), 3)
    network = Network.from_torch(nn.Sequential(bn).eval(), statistics={"0": ([1, 0], [4, 1])},
                                 example=torch.zeros(1, 2))  # fmt: skip
    assert network((3, 9)) == (F(-1, 2), 3)


def test_what_does_not_go_together():
    module, points = built("linear")
    module.eval()
    one, one_point = [[1, 2, 3]], torch.zeros(1, 3)
    for options, message in (
        ({"statistics": "batch"}, "'batch' are those of a batch, expected data"),
        ({"data": points}, "the statistics are the running ones"),
        ({"statistics": "mean", "data": points}, "statistics 'mean', expected one of 'batch', 'u"),
        ({"statistics": {}, "data": points}, "are supplied, expected no data"),
        ({"statistics": {"0": (1,)}}, "the statistics of '0' are no pair"),
        ({"statistics": {"0": ([0], [1])}}, "no statistics are supplied for .* '1', only for '0'"),
        ({"statistics": {"1": ([0] * 3, [1] * 4)}}, "running_var has 4 entries, expected 3"),
        ({"statistics": {"1": ([0] * 4, [1] * 4), "x": ([0], [1])}}, "supplied for 'x', which is"),
        ({"statistics": "batch", "data": [[1]], "example": one_point}, "1 column, expected 3 as t"),
    ):
        with pytest.raises(InputError, match=message):
            Network.from_torch(module, **options)
    with pytest.raises(DegenerateError, match="unbiased variance of 1 value is undefined"):
        Network.from_torch(module, statistics="unbiased", data=one)
    module[1].eps = 0.0
    with pytest.raises(DegenerateError, match=r"layer 1 \(BatchNorm1d\): .*unit 0: variance is 0"):
        Network.from_torch(module, statistics="batch", data=one)


def without_norms(scale):
    """Return a convolutional and a residual network with normalizations, and without."""
    made = []
    for has_norm in (True, False):
        torch.manual_seed(2)
        parts = [nn.Conv2d(1, 2, 2), nn.ReLU6(), nn.MaxPool2d(2), nn.Conv2d(2, 2, 1), nn.ReLU(),
                 nn.Flatten(), nn.Linear(2, 1)]  # fmt: skip
        if has_norm:
            for place, kind in ((4, nn.BatchNorm2d), (1, nn.BatchNorm2d)):
                parts.insert(place, kind(2, affine=False, eps=0.125))
        made.append(nn.Sequential(*parts).double().eval())
    return made


@pytest.mark.parametrize("kind", ["batch", "unbiased"])
def test_centering_a_module_is_normalization_before_each_activation(kind):
    normalized, plain = without_norms(True)
    expected = Network.from_torch(normalized, statistics=kind, data=IMAGES)
    found = center(plain, IMAGES, scale=True, eps=F(1, 8), statistics=kind)
    assert found == expected and found.sigma_policy == "rounded"
    assert center(plain, IMAGES.numpy(), scale=True, eps=0.125, statistics=kind) == expected
    assert center(plain, IMAGES).sigma_policy == "none"


def test_channels_of_a_network():
    """What a network in normal form is told of its channels is what the module knows."""
    torch.manual_seed(4)
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 1)).eval()
    network = Network.from_torch(module, torch.zeros(1, 1, 4, 4))
    points = IMAGES.flatten(1)
    # The units of the layers come place by place, those of the user channel by channel.
    units = network.units or range(8)
    channels = [units[:4], units[4:]]
    by_channel = center(network, points, channels=channels, scale=True)
    assert by_channel == center(module, IMAGES, scale=True)
    means = [t for part in statistics(by_channel, points) for t in part.mean]
    assert any(means) and all(sum(means[u] for u in channel) == 0 for channel in channels)
    alone = center(network, points)
    assert not any(t for part in statistics(alone, points) for t in part.mean)
    for bad, message in (
        ([[0, 9]], "do not stand in one block"), ([[]], "do not stand"), ([[0], [0]], "two chan"),
        ([0], "channels are .0., expected a list of lists"), ([["0"]], "expected a list of lists"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message):
            center(network, points, channels=bad)


def test_every_unit_of_a_residual_network_is_centred():
    torch.manual_seed(5)
    module = Skip().double().eval()
    network = Network.from_torch(module, POINTS)
    for scale in (False, True):
        found = center(network, POINTS, scale=scale, eps=F(1, 4))
        assert not found.is_chain and found.num_hidden == network.num_hidden
        assert not any(t for part in statistics(found, POINTS) for t in part.mean)
        by_module = center(module, POINTS, scale=scale, eps=F(1, 4))
        assert [by_module(x) for x in POINTS.tolist()] == [found(x) for x in POINTS.tolist()]
    variances = [t for part in statistics(found, POINTS) for t in part.variance]
    assert all(t == 0 or abs(float(t) - 1) < 1 for t in variances)


def test_maxima_stay_and_clips_need_the_module():
    class Pieces(nn.Module):
        def __init__(self, ends):
            super().__init__()
            self.first, self.ends = nn.Linear(3, 2), ends

        def forward(self, x):
            h = torch.clamp(self.first(x), *self.ends)
            return torch.maximum(h[:, :1], x[:, :1])

    torch.manual_seed(6)
    module = Pieces((-1, 2)).double().eval()
    with pytest.raises(InputError, match="clips, whose zero .* give center the module"):
        center(Network.from_torch(module, POINTS), POINTS)
    for ends in ((-1, 2), (0.5, None), (None, 0.5)):  # one unit or two, and an end that stays
        module.ends = ends
        found = center(module, POINTS)
        with torch.no_grad():
            t = module.first(POINTS)
            h = torch.clamp(t - t.mean(0), *ends)
        check_at(found, POINTS, torch.maximum(h[:, :1], POINTS[:, :1]))
    maximum = Network.from_torch(nn.MaxPool1d(2).eval(), torch.zeros(1, 1, 4))
    assert center(maximum, [[1, 2, 3, 4], [5, 0, 2, 0]]) == maximum


def test_a_relu_that_comes_twice_is_one_unit():
    module = nn.Sequential(nn.Conv1d(1, 1, 1), nn.ReLU(), nn.Flatten(), nn.ReLU()).double().eval()
    points = np.array([[[1.0, 2.0]], [[3.0, 0.0]]])
    network = center(module, points)
    assert network.num_hidden == 2
    assert sum(t for part in statistics(network, points) for t in part.mean) == 0


class Afterwards(nn.Module):
    """An activation of what is >= 0 in part, or since it is a maximum, or which it changes."""

    def __init__(self, which: str, *, is_normal: bool) -> None:
        super().__init__()
        self.which, self.first, self.is_normal = which, nn.Linear(3, 2), is_normal

    def norm(self, t: torch.Tensor) -> torch.Tensor:
        return t - t.mean(0) if self.is_normal else t

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        t = self.first(x)
        if self.which == "maximum":
            return torch.relu(self.norm(torch.maximum(torch.zeros(1, dtype=t.dtype), t)))
        h = torch.relu(self.norm(t))
        if self.which == "clip":
            return nn.functional.hardtanh(self.norm(h), -0.25, 0.5)
        return torch.relu(self.norm(torch.cat([h, t], dim=1)))


@pytest.mark.parametrize("which", ["maximum", "clip", "joined"])
def test_only_what_changes_nothing_is_no_activation(which: str) -> None:
    module = Afterwards(which, is_normal=False).double().eval()
    judge = Afterwards(which, is_normal=True).double()
    judge.load_state_dict(module.state_dict())
    with torch.no_grad():
        check_at(center(module, POINTS), POINTS, judge(POINTS))


def test_onnx_models_are_normalized_where_they_are_read(tmp_path: Path):
    pytest.importorskip("onnx")
    from onnx import helper
    from tests.onnx_models import model, saved

    c = np.arange(8.0).reshape(2, 1, 2, 2) - 3
    nodes = [helper.make_node("Conv", ["x", "c"], ["h"]), helper.make_node("Relu", ["h"], ["r"]),
             helper.make_node("Flatten", ["r"], ["y"])]  # fmt: skip
    path = saved(tmp_path, model(nodes, {"x": (1, 1, 4, 4)}, ["y"], {"c": c}))
    conv = nn.Conv2d(1, 2, 2, bias=False)
    with torch.no_grad():
        conv.weight.copy_(torch.tensor(c))
    module = nn.Sequential(conv, nn.ReLU(), nn.Flatten()).eval()
    found, expected = center(path, IMAGES), center(module, IMAGES)
    assert all(found(x) == expected(x) for x in IMAGES.flatten(1).tolist())


def test_supplied_and_unbiased_statistics_of_networks():
    net = Network.from_arrays([[[1], [-3]], [[1, 1]], [[1]]], [[5, 5], [1], [0]])
    points = [[0], [1], [5]]
    given = [LayerStatistics((F(1), F(2)), (F(4), F(9))), LayerStatistics((F(0),), (F(1),))]
    found = center(net, scale=True, statistics=given)
    assert found.layers[0].weight == ((F(1, 2),), (F(-1),))
    assert found.layers[0].bias == (F(-1, 2), F(-2, 3)) and found.layers[1].bias == (0,)
    assert center(net, statistics=given).layers[0].bias == (-1, -2)
    assert statistics(net, points, divisor="unbiased")[0].variance == (7, 63)
    assert statistics(net, points)[0].variance == (F(14, 3), 42)
    assert center(net, points, statistics="unbiased") == center(net, points)
    for bad, message in (
        (given[:1], r"layers of \[2\] units, expected \[2, 1\]"),
        ([LayerStatistics((F(1), F(2)), (F(-4), F(9))), given[1]], "variance is -4, expected >= 0"),
        (5, "the statistics are 5, expected 'batch'"), ([5, 5], "one LayerStatistics a hidden"),
    ):
        with pytest.raises(InputError, match=message):
            center(net, statistics=bad)
    with pytest.raises(InputError, match="expected neither data nor channels"):
        center(net, points, statistics=given)
    with pytest.raises(InputError, match="no data is given"):
        center(net)
    with pytest.raises(DimensionError, match="does not multiply a tensor of shape"):
        center(Skip().double().eval(), [[1]])


def test_values_of_several_units_are_joined():
    parts = columns_of(((F(1, 2), F(1, 3)), (F(3), F(-1))))
    joined = Values.joined(parts)
    assert joined.fractions() == [F(1, 2), 3, F(1, 3), -1]
    assert joined.mean() == F(17, 24)
    assert joined.variance("unbiased") == joined.variance() * F(4, 3)


def test_a_centred_residual_network_is_partitioned():
    torch.manual_seed(7)
    network = center(Skip().double().eval(), POINTS)
    plane = network.restrict([0, 0, 0], [[1, 0, 0], [0, 1, 0]])
    part = exactbn.partition(plane, box=(-3, 3))
    part.check()
    assert part.is_complete
