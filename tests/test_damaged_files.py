"""Damaged network files of every format end in our own one-line errors, whatever the damage."""

import importlib.util
import io
import json
import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from exactbn.errors import ExactBNError
from exactbn.model.files import load


def examples():
    """Return the bytes of good files of a 2-2-1 network, with their suffixes."""
    arrays = {"W0": [[1.0, -2], [3, 4]], "b0": [5.0, 6], "W1": [[7.0, 8]], "b1": [9.0]}
    npz, packed, stream = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.savez(npz, **arrays)
    np.savez_compressed(packed, **arrays)
    layers = [
        {"W": [[1, 0.5], ["1/3", 2]], "b": [0, "5"], "slope": 0.1},
        {"W": [[1, 2]], "b": [3]},
    ]
    tensors = {
        "0.weight": torch.tensor([[1.0, -2], [3, 4]]),
        "0.bias": torch.tensor([5.0, 6]),
        "1.running_mean": torch.ones(2),
        "1.running_var": torch.ones(2),
        "3.weight": torch.ones(1, 2),
    }
    torch.save(tensors, stream)
    result = [
        (".npz", npz.getvalue()),
        (".npz", packed.getvalue()),
        (".json", json.dumps({"layers": layers}).encode()),
        (".pt", stream.getvalue()),
    ]
    if importlib.util.find_spec("safetensors") is None:
        return result
    from safetensors.torch import save

    return [*result, (".safetensors", save(tensors))]


def load_or_refuse(path, content):
    """Load the bytes; only our own errors may come out. Return whether they were accepted."""
    path.write_bytes(content)
    try:
        load(path)
    except ExactBNError as error:
        assert str(error).startswith(f"{path}: ")
        assert "\n" not in str(error)
        return False
    return True


NAMES = [suffix for suffix, _ in examples()]


@pytest.mark.parametrize(("suffix", "content"), examples(), ids=NAMES)
def test_truncated_files_are_refused(tmp_path, suffix, content):
    path = tmp_path / f"net{suffix}"
    assert load_or_refuse(path, content)
    step = max(1, len(content) // 150)
    for length in [*range(0, len(content), step), *range(len(content) - 20, len(content))]:
        assert not load_or_refuse(path, content[:length]), length


@pytest.mark.parametrize(("suffix", "content"), examples(), ids=NAMES)
def test_damaged_files_end_in_our_errors(tmp_path, suffix, content):
    generator = random.Random(0)
    path = tmp_path / f"net{suffix}"
    for _ in range(250):
        damaged = bytearray(content)
        for _ in range(generator.choice([1, 1, 2, 8])):
            damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        load_or_refuse(path, bytes(damaged))


@pytest.mark.parametrize("suffix", [".npz", ".json", ".pt", ".safetensors"])
@settings(deadline=None, max_examples=50)
@given(content=st.binary(max_size=200))
def test_any_bytes_end_in_our_errors(tmp_path_factory, suffix, content):
    load_or_refuse(tmp_path_factory.getbasetemp() / f"any{suffix}", content)
