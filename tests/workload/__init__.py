"""The workload networks and their exact counts; what they are stands in README.md."""

import json
from pathlib import Path

import numpy as np

from exactbn.model.network import Network

FOLDER = Path(__file__).parent
#: name -> "box1" or "Rd" -> "regions" or "adjacencies" -> count
TRUTH: dict[str, dict[str, dict[str, int]]] = json.loads((FOLDER / "truth.json").read_text())


def load_workload(name: str) -> Network:
    """Return a workload network, read without the package's own readers."""
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as arrays:
        count = len(arrays.files) // 2
        weights = [arrays[f"W{i}"] for i in range(count)]
        biases = [arrays[f"b{i}"] for i in range(count)]
    return Network.from_arrays(weights, biases)
