"""torch modules become exact networks, or are refused by name."""

from fractions import Fraction as F

import pytest
import torch
from torch import nn

from exactbn.errors import (
    DegenerateError,
    DimensionError,
    InputError,
    NotRationalError,
    UnsupportedLayerError,
)
from exactbn.exact.rational import sqrt_rounded
from exactbn.model.network import Network


def linear(weight, bias=None):
    """Return a Linear with the given numbers."""
    weight = torch.tensor(weight, dtype=torch.float64)
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias is not None, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None:
            layer.bias.copy_(torch.tensor(bias))
    return layer


def batchnorm(mean, var, *, gamma=None, beta=None, eps=0.0):
    """Return a BatchNorm1d with the given statistics, affine where gamma is given."""
    layer = nn.BatchNorm1d(len(mean), eps=eps, affine=gamma is not None, dtype=torch.float64)
    layer.running_mean.copy_(torch.tensor(mean))
    layer.running_var.copy_(torch.tensor(var))
    if gamma is not None:
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(gamma))
            layer.bias.copy_(torch.tensor(beta))
    return layer


def read(*layers):
    """Return the exact network of the layers in a row."""
    return Network.from_torch(nn.Sequential(*layers).eval())


def net(weights, biases, slope=0):
    """Return the network expected."""
    return Network.from_arrays(weights, biases, slope=slope)


def test_plain_chain():
    layers = [linear([[1, 2], [3, 4]], [5, 6]), nn.ReLU(), linear([[7, 8]])]
    expected = net([[[1, 2], [3, 4]], [[7, 8]]], [[5, 6], [0]])
    assert read(*layers) == expected
    assert read(*layers).sigma_policy == "no-bn"
    assert Network.from_torch(nn.Sequential(*layers).eval()) == expected


def test_single_linear():
    assert Network.from_torch(linear([[1, 2]], [3]).eval()) == net([[[1, 2]]], [[3]])


def test_floats_are_dyadics():
    layer = nn.Linear(1, 1)
    nn.init.constant_(layer.weight, 0.1)
    nn.init.constant_(layer.bias, 0.2)
    result = read(layer).layers[0]
    assert result.weight[0][0] == F(13421773, 134217728)
    assert result.bias[0] == F(13421773, 67108864)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_float_type_is_exact(dtype):
    layer = nn.Linear(3, 2, dtype=dtype)
    result = read(layer).layers[0]
    expected = layer.weight.detach().to(torch.float64).tolist()
    assert result.weight == tuple(tuple(map(F, row)) for row in expected)


def test_leaky_slope_is_the_float_that_it_is():
    result = read(linear([[1]]), nn.LeakyReLU(0.1), linear([[1]]))
    assert result.layers[0].slope == F(0.1) != F(1, 10)
    assert read(linear([[1]]), nn.LeakyReLU(-1), linear([[1]])).layers[0].slope == -1


def test_batchnorm_before_the_activation():
    # sigma = sqrt(3 + 1) = 2: gamma / sigma is -3/2 and 0.
    result = read(
        linear([[1, 2], [3, 4]], [5, 6]),
        batchnorm([1, 2], [3.0, 3.0], gamma=[-3, 0], beta=[1, 7], eps=1.0),
        nn.ReLU(),
        linear([[1, 1]], [0]),
    )
    assert result == net([[["-3/2", -3], [0, 0]], [[1, 1]]], [[-5, 7], [0]])
    assert result.sigma_policy == "rounded"


def test_batchnorm_after_the_activation():
    # z -> (z - 3) / 2 and (z + 1) / 3 go into the next weights and bias.
    result = read(
        linear([[1], [2]], [0, 0]), nn.ReLU(), batchnorm([3, -1], [4.0, 9.0]), linear([[6, 6]], [1])
    )
    assert result == net([[[1], [2]], [[3, 2]]], [[0, 0], [1 - 9 + 2]])


def test_batchnorm_of_the_inputs():
    result = read(batchnorm([3, -1], [4.0, 9.0]), linear([[6, 6]], [1]), nn.ReLU(), linear([[1]]))
    assert result == net([[[3, 2]], [[1]]], [[1 - 9 + 2], [0]])


def test_batchnorm_at_the_end():
    hidden = [linear([[1], [2]], [0, 0]), nn.ReLU()]
    bn = batchnorm([3, -1], [4.0, 9.0])
    assert read(*hidden, bn) == net(
        [[[1], [2]], [["1/2", 0], [0, "1/3"]]], [[0, 0], ["-3/2", "1/3"]]
    )
    assert read(*hidden, linear([[2, 0], [0, 3]]), bn) == net(
        [[[1], [2]], [[1, 0], [0, 1]]], [[0, 0], ["-3/2", "1/3"]]
    )


def test_batchnorm_alone_and_twice():
    assert read(batchnorm([3], [4.0])) == net([[["1/2"]]], [["-3/2"]])
    assert read(batchnorm([3], [4.0]), batchnorm([1], [4.0])) == net([[["1/4"]]], [["-5/4"]])


def test_irrational_sigma_is_rounded_once():
    bn = nn.BatchNorm1d(1, affine=False)
    bn.running_var.fill_(2.0)
    sigma = sqrt_rounded(2 + F(1e-5))
    assert read(linear([[1]]), bn, nn.ReLU(), linear([[1]])).layers[0].weight == ((1 / sigma,),)


def test_identities_are_passed_over():
    result = read(
        nn.Flatten(), linear([[1]], [2]), nn.Identity(), nn.Dropout(), nn.ReLU(), linear([[3]])
    )
    assert result == net([[[1]], [[3]]], [[2], [0]])


def test_nested_and_repeated_modules():
    relu = nn.ReLU()
    shared = linear([[2]], [1])
    block = nn.Sequential(shared, relu)
    result = read(block, nn.Sequential(block, nn.Sequential()), linear([[1]]))
    assert result == net([[[2]], [[2]], [[1]]], [[1], [1], [0]])


def test_subclass_that_only_builds():
    class Block(nn.Sequential):
        def __init__(self):
            super().__init__(linear([[2]]), nn.ReLU())

    assert read(Block(), linear([[1]])) == net([[[2]], [[1]]], [[0], [0]])


def test_two_linear_layers_compose():
    first = linear([[1, 2], [3, 4]], [5, 6])
    result = read(first, linear([[1, -1]], [7]), nn.ReLU(), linear([[1]]))
    assert result == net([[[-2, -2]], [[1]]], [[6], [0]])


@pytest.mark.parametrize(
    ("first", "second", "slope"),
    [(0, 0, 0), (0.5, 0.25, "1/8"), (0.5, 0, 0), (0, 0.5, 0), (-1, 0.5, -1), (0.5, -1, "-1/2")],
)
def test_two_activations_compose(first, second, slope):
    layers = [linear([[1]]), nn.LeakyReLU(first), nn.LeakyReLU(second), linear([[1]])]
    result = read(*layers)
    assert result == net([[[1]], [[1]]], [[0], [0]], slope)
    x = torch.tensor([[-2.0]], dtype=torch.float64)
    assert result.forward([-2])[0] == F(nn.Sequential(*layers)(x).item())


def test_activation_at_the_end_gets_an_identity_output():
    assert read(linear([[1], [2]], [3, 4]), nn.ReLU()) == net(
        [[[1], [2]], [[1, 0], [0, 1]]], [[3, 4], [0, 0]]
    )


def test_activation_at_the_beginning_gets_identity_weights():
    assert read(nn.ReLU(), linear([[1, 2]])) == net([[[1, 0], [0, 1]], [[1, 2]]], [[0, 0], [0]])


@pytest.mark.parametrize("seed", range(6))
def test_forward_agrees_with_torch(seed):
    generator = torch.Generator().manual_seed(seed)

    def random_bn(n):
        draw = torch.randn(4, n, generator=generator, dtype=torch.float64).tolist()
        return batchnorm(
            draw[0], [abs(t) + 0.01 for t in draw[1]], gamma=draw[2], beta=draw[3], eps=1e-5
        )

    def random_linear(m, n):
        w = torch.randn(n, m, generator=generator, dtype=torch.float64)
        return linear(w.tolist(), torch.randn(n, generator=generator, dtype=torch.float64).tolist())

    module = nn.Sequential(
        random_bn(3),
        random_linear(3, 5),
        random_bn(5),
        nn.LeakyReLU(0.2),
        nn.Sequential(nn.Dropout(), random_linear(5, 4), nn.ReLU(), random_bn(4)),
        random_linear(4, 4),
        random_linear(4, 3),
        nn.ReLU(),
        nn.LeakyReLU(0.3),
        random_linear(3, 2),
        random_bn(2),
    ).eval()
    result = Network.from_torch(module)
    assert result.widths == (5, 4, 3)
    points = torch.randn(20, 3, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        expected = module(points).tolist()
    for x, y in zip(points.tolist(), expected, strict=True):
        assert [float(t) for t in result.forward(x)] == pytest.approx(y, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("layer", "operation"),
    [
        (nn.Tanh(), "tanh"),
        (nn.GELU(), "gelu"),
        (nn.RReLU(), "rrelu"),
        (nn.LayerNorm(1), "layer_norm"),
        (nn.Softplus(), "softplus"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_layers_are_refused_by_name(layer, operation):
    name = type(layer).__name__
    with pytest.raises(
        UnsupportedLayerError,
        match=rf"layer 2\.0 \({name}\): the operation {operation} is not supported; supported are ",
    ):
        read(nn.Linear(1, 1), nn.ReLU(), nn.Sequential(layer), nn.Linear(1, 1))


@pytest.mark.parametrize("layer", [nn.Sigmoid(), nn.Softmax(dim=1), nn.LogSoftmax(dim=1)])
def test_the_end_of_a_classifier_is_refused_with_advice(layer):
    module = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2), layer).eval()
    advice = "layer 3 .*the network up to it is Network.from_torch.module, logits=True"
    with pytest.raises(UnsupportedLayerError, match=advice):
        Network.from_torch(module)
    assert Network.from_torch(module, logits=True) == Network.from_torch(module[:3].eval())
    with pytest.raises(UnsupportedLayerError, match="must be the end of the network"):
        Network.from_torch(nn.Sequential(*module, nn.Linear(2, 1)).eval(), logits=True)


def test_flatten_of_the_batch_is_refused():
    with pytest.raises(UnsupportedLayerError, match=r"layer 0 \(Flatten\) has start_dim 0"):
        read(nn.Flatten(0), nn.Linear(1, 1))


def test_hooks_are_refused():
    layer = nn.Linear(1, 1)
    layer.register_forward_hook(lambda module, args, output: 2 * output)
    with pytest.raises(UnsupportedLayerError, match=r"layer 0 \(Linear\) has forward hooks"):
        read(layer)
    chain = nn.Sequential(nn.Linear(1, 1)).eval()
    chain.register_forward_pre_hook(lambda module, args: args)
    with pytest.raises(UnsupportedLayerError, match=r"layer 0 \(Sequential\) has forward hooks"):
        Network.from_torch(chain)


def test_train_mode_is_refused():
    module = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1))
    with pytest.raises(InputError, match=r"the module is in train mode.*call module.eval\(\)"):
        Network.from_torch(module)
    module.eval()
    module[1].train()
    with pytest.raises(InputError, match=r"layer 1 \(BatchNorm1d\) of the module is in train mode"):
        Network.from_torch(module)


def test_batchnorm_without_statistics_is_refused():
    with pytest.raises(InputError, match=r"layer 1 \(BatchNorm1d\) has no running statistics"):
        read(nn.Linear(1, 1), nn.BatchNorm1d(1, track_running_stats=False))


def test_zero_variance_is_refused():
    with pytest.raises(DegenerateError, match=r"layer 1 \(BatchNorm1d\), unit 1: variance is 0"):
        read(linear([[1], [1]]), batchnorm([0, 0], [1.0, 0.0]))


def test_negative_variance_is_refused():
    with pytest.raises(InputError, match=r"layer 0 \(BatchNorm1d\): running_var\[0\] is -1"):
        read(batchnorm([0], [-1.0]))


def test_nan_is_refused_with_its_place():
    layer = linear([[1, 2], [3, float("nan")]])
    with pytest.raises(NotRationalError, match=r"layer 0 \(Linear\): weight\[1\]\[1\] is nan"):
        read(layer)
    with pytest.raises(NotRationalError, match=r"layer 0 \(Linear\): bias\[0\] is inf"):
        read(linear([[1]], [float("inf")]))


def test_shapes_that_do_not_fit():
    with pytest.raises(DimensionError, match=r"layer 2 \(Linear\) takes 4 features, expected 3"):
        read(nn.Linear(2, 3), nn.ReLU(), nn.Linear(4, 1))
    with pytest.raises(DimensionError, match=r"layer 1 \(BatchNorm1d\) takes 2 features"):
        read(nn.Linear(2, 3), nn.BatchNorm1d(2))


def test_complex_and_meta_tensors_are_refused():
    with pytest.raises(InputError, match="weight has the type torch.complex64"):
        read(nn.Linear(1, 1, dtype=torch.complex64))
    with pytest.raises(InputError, match="is a sparse, nested, quantized or empty-shell tensor"):
        read(nn.Linear(1, 1, device="meta"))


@pytest.mark.parametrize("module", [nn.Sequential(), nn.Sequential(nn.ReLU(), nn.Identity())])
def test_nothing_linear(module):
    with pytest.raises(InputError, match="there is no Linear layer, expected at least one"):
        Network.from_torch(module.eval())


def test_not_a_module():
    with pytest.raises(InputError, match="got a dict, expected a torch.nn.Module"):
        Network.from_torch({})
