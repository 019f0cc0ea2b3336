"""What the sampling check cannot use is refused in one line."""

import inspect
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from exactbn import Box, Network, partition
from exactbn.errors import InputError, LimitError
from exactbn.model.domain import Domain
from exactbn.sampling import compare_devices, sample
from exactbn.sampling.points import choose_dtype
from tests.examples import NETWORK_A
from tests.planted import CPU, plane_part


def test_bad_options_are_refused() -> None:
    part = plane_part("B")
    with pytest.raises(InputError, match="samples is 0, expected at least 1"):
        sample(part, 0)
    with pytest.raises(InputError, match="dtype 'float16', expected one of float32, float64"):
        sample(part, 1, dtype="float16")
    with pytest.raises(InputError, match="chunk is -1, expected at least 1"):
        sample(part, 1, chunk=-1)
    with pytest.raises(InputError, match="seed is .*, expected an integer of 64 bits"):
        sample(part, 1, seed=1 << 64)
    with pytest.raises(InputError, match="device 'tpu', expected 'auto', 'cpu' or 'cuda'"):
        sample(part, 1, device="tpu")
    with pytest.raises(InputError, match="device 'cuda:77' is not there: torch sees"):
        sample(part, 1, device="cuda:77")
    with pytest.raises(InputError, match="device 3, expected 'auto', 'cpu' or 'cuda'"):
        sample(part, 1, device=3)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"dtype \['float32'\], expected one of float32, float64"):
        sample(part, 1, dtype=["float32"])  # type: ignore[arg-type]


@pytest.mark.parametrize(("options", "words"), [
    ({"samples": 1e6}, "samples is 1000000.0, expected an integer"),
    ({"samples": "10"}, "samples is '10', expected an integer"),
    ({"samples": (-1, 1)}, r"samples is \(-1, 1\), expected an integer"),
    ({"samples": 2**63}, "samples is 9223372036854775808, expected an integer of 64 bits"),
    ({"seed": None}, "seed is None, expected an integer"),
    ({"seed": np.zeros(99)}, "seed is a ndarray, expected an integer"),
    ({"chunk": 2.5}, "chunk is 2.5, expected an integer"),
])  # fmt: skip
def test_numbers_of_a_wrong_type_are_refused(options: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        sample(plane_part("B"), **{"samples": 1, **options})


def test_evident_arguments_are_taken() -> None:
    part = plane_part("B")
    few = sample(part, np.int64(100), seed=np.int32(1), device=CPU)  # type: ignore[arg-type]
    assert few.hits.tolist() == sample(part, 100, seed=1, device="cpu").hits.tolist()
    assert json.dumps(few.to_json())
    assert inspect.signature(sample).parameters["samples"].default == 1_000_000


@pytest.mark.parametrize("thing", [NETWORK_A, "net.npz", Path("net.npz"), None, torch.nn.ReLU()])
def test_what_is_no_partition_is_said(thing: Any) -> None:
    for function in (sample, compare_devices):
        with pytest.raises(InputError, match=r"^sampling got .*, expected a partition") as caught:
            function(thing)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 250


def test_domains_that_are_no_box_are_said() -> None:
    """A partition of another domain, and one without faces, are those of a box with a part changed.

    The one engine that makes them takes a minute to compile.
    """
    network = Network.from_arrays([[[1, 2]], [[1]]], [[0], [0]])
    with pytest.raises(InputError, match="the partition is of all of .*, expected one of a box"):
        sample(partition(network), 10)
    part = partition(network, (-4, 4))
    polytope = replace(part, domain=Domain.cut(part.domain, ([[1, 1]], [1])))
    with pytest.raises(InputError, match="the partition is of a polytope, expected one of a box"):
        sample(polytope, 10)
    evidence: Any = SimpleNamespace(engine="lp", faces=None, is_complete=True)
    by_search = replace(part, evidence=evidence)
    with pytest.raises(InputError, match="engine 'lp' makes no volumes; use engine='complex'"):
        sample(by_search, 10)


def test_incomplete_partition_is_refused() -> None:
    with pytest.raises(LimitError) as stop:
        partition(NETWORK_A, (-4, 4), max_regions=5)
    part: Any = stop.value.partial
    with pytest.raises(InputError, match="the partition is incomplete"):
        sample(part, 10)
    with pytest.raises(InputError, match="the partition is incomplete"):
        compare_devices(part, 10)


def test_box_without_enough_floats_is_refused() -> None:
    network = Network.from_arrays([[[1]], [[1]]], [[-1000], [0]])
    part = partition(network, (999, 1001))
    with pytest.raises(InputError, match=r"axis 0 of the box, \[999, 1001\].*--dtype float64"):
        sample(part, 10, dtype="float32")
    usual = sample(part, 1000)
    assert (usual.dtype, usual.outside) == ("float64", 0)
    far = partition(network, (-(10**40), 10**40))
    with pytest.raises(InputError, match="holds less than"):
        sample(far, 10, dtype="float32")
    assert sample(far, 1000).dtype == "float64"
    narrow = partition(network, (1000, Fraction(1000) + Fraction(1, 2**30)))
    with pytest.raises(InputError, match="use a larger box or one nearer to 0"):
        sample(narrow, 10, dtype="float64")


def test_narrow_boxes_are_sampled_in_double() -> None:
    """Where float32 numbers are few: in cells of one and a half steps their counts would be off."""
    step = Fraction(1, 2**23)
    for count, dtype in ((2**22, "float32"), (2**22 - 1, "float64")):
        assert choose_dtype(Box.of(1, 1 + count * step, 1)) == dtype
    thresholds = [1 + 40 * k * step + shift for k in range(40) for shift in (0, 3 * step / 2)]
    network = Network.from_arrays(
        [[[1]] * len(thresholds), [[1] * len(thresholds)]], [[-t for t in thresholds], [0]]
    )
    result = sample(partition(network, (1, 1 + 1600 * step)), 100_000)
    assert (result.dtype, result.outside) == ("float64", 0)
    assert result.chi_square.cells == 80 and result.chi_square.p > 1e-6


# -- GPU ------------------------------------------------------------------------------------------
