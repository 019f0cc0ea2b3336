"""Snapshots while training: exact, small, and of the moment at which they were taken."""

import copy

import pytest
import torch
from torch import nn

import exactbn
from exactbn.errors import InputError, LimitError
from exactbn.model.network import Network


def normalized(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 1))


def trained(module, steps=4):
    """Train a module and yield after every step."""
    parameters = list(module.parameters())
    points = torch.tensor([[1.0, 2.0], [-1.0, 0.5], [0.0, -3.0]])
    for step in range(steps):
        gradients = torch.autograd.grad(module(points).square().sum(), parameters)
        # By hand: the optimizers of torch import its compiler, which takes seconds.
        with torch.no_grad():
            for tensor, gradient in zip(parameters, gradients, strict=True):
                tensor.sub_(gradient, alpha=0.1)
        yield step


def test_every_network_is_that_of_its_moment():
    module, expected = normalized(), []
    with exactbn.record(module) as history:
        for step in trained(module):
            history.snapshot(10 * step)
            expected.append(Network.from_torch(copy.deepcopy(module).eval()))
    assert module.training and history.steps == [0, 10, 20, 30]
    assert list(history) == expected and len(set(expected)) == 4
    assert history[-1] == expected[3] and history[1:3] == expected[1:3]
    with pytest.raises(IndexError):
        history[4]


def test_snapshots_by_forward_passes_in_train_mode():
    module, expected = normalized(), []
    with exactbn.record(module, every=2) as history:
        seen = copy.deepcopy(module)
        for step in trained(module, 5):
            module.eval()
            module(torch.ones(1, 2))  # is not counted
            module.train()
            # The parameters are those before the step, the statistics those after the pass.
            before = {**module.state_dict(), **dict(seen.named_parameters())}
            seen.load_state_dict(before)
            if step % 2 == 0:
                expected.append(Network.from_torch(copy.deepcopy(seen).eval()))
            seen.load_state_dict(module.state_dict())
    assert list(history) == expected and len(history) == 3
    list(trained(module, 2))
    assert len(history) == 3  # the hook is gone
    assert Network.from_torch(module.eval()) != expected[-1]


def test_only_what_has_changed_is_kept():
    module = normalized()
    whole = sum(t.numel() * t.element_size() for t in module.state_dict().values())
    history = exactbn.record(module)
    history.snapshot()
    assert history.nbytes == whole
    history.snapshot()
    assert history.nbytes == whole
    with torch.no_grad():
        module[3].bias.add_(1)
    history.snapshot()
    assert history.nbytes == whole + 4 and len(history) == 3
    assert history[0] == history[1] != history[2]
    small = exactbn.record(module, max_bytes=whole)
    small.snapshot()
    with torch.no_grad():
        module[0].weight.mul_(-1)
    with pytest.raises(LimitError, match="recording of 1 snapshots is full: .* max_bytes"):
        small.snapshot()
    assert len(small) == 1 and small[0] == history[2]


def test_modules_of_any_form_and_tied_tensors():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)
            self.b.weight = self.a.weight
            self.register_buffer("shift", torch.ones(2), persistent=False)

        def forward(self, x):
            return x + torch.relu(self.b(torch.relu(self.a(x)))) + self.shift

    torch.manual_seed(0)
    module = Tied()
    history = exactbn.record(module, torch.zeros(1, 2))
    history.snapshot()
    assert history.nbytes == 4 * (4 + 2 + 2 + 2)
    with torch.no_grad():
        module.a.weight.fill_(0.5)
        module.shift.fill_(3)
    history.snapshot()
    assert not history[0].is_chain
    assert history[1] == Network.from_torch(module.eval(), torch.zeros(1, 2)) != history[0]


def test_other_statistics_and_logits():
    module = normalized().append(nn.Sigmoid())
    points = [[1, 2], [3, 5], [0, 1]]
    history = exactbn.record(module, torch.zeros(1, 2), logits=True)
    history.snapshot()
    eval_mode = copy.deepcopy(module).eval()
    options = {"logits": True, "statistics": "batch", "data": points}
    assert history.network(0, **dict(list(options.items())[1:])) == Network.from_torch(
        eval_mode, torch.zeros(1, 2), **options
    )


def test_what_cannot_be_recorded():
    with pytest.raises(InputError, match="got a dict to record, expected a torch.nn.Module"):
        exactbn.record({})
    with pytest.raises(InputError, match="every is 0"):
        exactbn.record(normalized(), every=0)
    module = nn.Sequential(nn.Linear(1, 1))
    history = exactbn.record(module)
    module.append(nn.Linear(1, 2))
    history.snapshot()
    with pytest.raises(InputError, match="other parameters than .* 1.bias, 1.weight; begin"):
        history[0]
    odd = nn.Linear(1, 1)
    odd.kept = odd(torch.ones(1, 1))  # no leaf of the graph
    with pytest.raises(InputError, match=r"the module \(Linear\) has no copy"):
        exactbn.record(odd)
