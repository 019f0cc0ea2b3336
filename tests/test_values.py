"""Networks, domains and partitions are values: equal, hashed, copied and never changed."""

import copy
import importlib
import pickle
import pkgutil
from dataclasses import FrozenInstanceError, fields, is_dataclass
from fractions import Fraction

import numpy as np
import pytest
import torch

import exactbn
from exactbn.errors import InputError
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Layer, Network
from exactbn.regions.partitioning import partition
from tests.examples import NETWORK_A, one_layer

UNIT = Box.of(-1, 1, 2)
CROSS = one_layer([[1, 0], [0, 1]], [0, 0])
SCALED = Network.from_arrays([[["1/3", 0.1]], [[2**70]]], [[1], [0]], slope="-1/2")


def values():
    """Return one value of every kind, with all that it derives already derived."""
    found = [UNIT, Domain.space(2), Domain.cut(UNIT, ([[1, 1]], [1])), CROSS, SCALED]
    found += [partition(CROSS, UNIT), partition(CROSS), partition(CROSS, engine="lp")]
    found.append(partition(NETWORK_A, (-20, 20), max_regions=5, on_budget="return"))
    for network in (CROSS, SCALED):
        assert network.sha256 and network.integers
    for part in found[5:]:
        _ = part.patterns, part.edges, part.adjacency(), part.witness(0), part.is_complete
        if part.has_faces:
            _ = part.volumes(), part.vertex(0)
    return found


VALUES = values()


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_copies_are_equal(value):
    for twin in (pickle.loads(pickle.dumps(value)), copy.deepcopy(value), copy.copy(value)):
        assert twin == value and hash(twin) == hash(value) and type(twin) is type(value)
        assert repr(twin) == repr(value)


def test_copies_of_partitions_answer():
    for part in VALUES[5:8]:
        twin = pickle.loads(pickle.dumps(part))
        assert twin.region_of(part.witness(0)) == 0 and twin.is_complete
        assert np.array_equal(twin.edges, part.edges)
        twin.check()
        if twin.evidence.faces is not None:
            # As they are made: compiled loops would be compiled again for arrays of another type.
            assert not any(a.flags.writeable for a in vars(twin.evidence.faces.lattice).values()
                           if isinstance(a, np.ndarray))  # fmt: skip


def test_joblib_runs_on_them():
    joblib = pytest.importorskip("joblib")
    delayed = joblib.delayed(partition)
    found = joblib.Parallel(n_jobs=2)(delayed(CROSS, box) for box in (UNIT, Box.of(0, 1, 2)))
    assert found == [partition(CROSS, UNIT), partition(CROSS, (0, 1))]


def test_different_values_differ_and_no_comparison_raises():
    for i, a in enumerate(VALUES):
        for j, b in enumerate(VALUES):
            # The two engines number the regions of R^2 each in its own way.
            assert (a == b) == (i == j) or {i, j} == {6, 7}
        for other in (None, 1, "x", np.arange(3), [a], object()):
            if not isinstance(other, np.ndarray):
                assert a != other
    assert len(set(VALUES)) >= len(VALUES) - 1


def test_networks_are_equal_however_they_were_given():
    given = [
        Network.from_arrays([[[0.5, 1]], [[1]]], [[0], [0]]),
        Network.from_arrays([np.array([[0.5, 1]]), [["1"]]], [np.zeros(1), [0.0]], slope="0/7"),
        Network([Layer([[Fraction(1, 2), 1.0]], [0]), Layer(((1,),), (0,), 1)]),
        Network((Layer(np.array([[0.5, 1]]), np.array([0])), Layer([["1"]], ["0"], 1.0)), "none"),
    ]
    module = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.ReLU(), torch.nn.Linear(1, 1))
    with torch.no_grad():
        for parameter, value in zip(
            module.parameters(), ([[0.5, 1]], [0], [[1]], [0]), strict=True
        ):
            parameter.copy_(torch.tensor(value))
    given.append(Network.from_torch(module.eval()))
    assert len(set(given)) == 1 and len({network.sha256 for network in given}) == 1
    assert all(isinstance(network.layers, tuple) for network in given)
    # The vectors that are handed in may change afterwards.
    weights = np.ones((1, 2))
    network = Network.from_arrays([weights, [[1]]], [[0], [0]])
    weights[:] = 7
    assert network.layers[0].weight == ((1, 1),)


@pytest.mark.parametrize("engine", ["complex", "lp"])
@pytest.mark.parametrize("box", [UNIT, None])
def test_arrays_cannot_be_written_to(engine, box):
    part = partition(CROSS, box, engine=engine)
    matrix = part.adjacency()
    arrays = [part.patterns, part.words, part.edges, part.is_unbounded, part.interior_points()]
    arrays += [matrix.data, matrix.indices, matrix.indptr, part.neighbours(0)]
    if part.has_faces:
        arrays += [*part.volumes()]
        arrays += [v for v in vars(part.lattice).values() if isinstance(v, np.ndarray)]
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_fields_cannot_be_set(value):
    for field in fields(value):
        with pytest.raises(FrozenInstanceError):
            setattr(value, field.name, None)


def test_a_network_is_a_function():
    assert CROSS((1, "1/2")) == CROSS.forward((1, "1/2")) == (Fraction(3, 2),)
    with pytest.raises(InputError, match="x has 1 coordinates, expected 2"):
        CROSS((1,))


def dataclasses():
    """Yield the dataclasses of the package."""
    for module in pkgutil.walk_packages(exactbn.__path__, "exactbn."):
        if not module.name.endswith("__main__"):
            for value in vars(importlib.import_module(module.name)).values():
                if isinstance(value, type) and is_dataclass(value):
                    if value.__module__ == module.name:
                        yield value


def test_no_comparison_of_arrays_is_generated():
    """A generated ``==`` would ask an array for its truth, and a generated hash raise."""
    kinds = ("NDArray", "Floats", "Ints", "Bounds", "Words", "Ids", "ndarray", "_mat", "Tensor")
    wrong = [
        cls.__qualname__
        for cls in dataclasses()
        if cls.__dataclass_params__.eq
        and any(kind in str(field.type) for field in fields(cls) for kind in kinds)
    ]
    assert not wrong
