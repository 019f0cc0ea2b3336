"""Changed ``.onnx`` models end in a network or in one line of our own, and soon.

``hunt`` changes the bytes of a model, or the fields of its messages, which reaches further; a test
hunts some hundred mutants, and thousands are hunted by calling it with a larger number.
"""

from pathlib import Path
from random import Random
from typing import Any

import pytest

pytest.importorskip("onnx")

import numpy as np  # noqa: E402

from exactbn.errors import ExactBNError  # noqa: E402
from exactbn.model.files import load  # noqa: E402
from exactbn.selfcheck.file_mutations import message_mutant, mutant  # noqa: E402
from onnx import helper  # noqa: E402
from tests.onnx_models import model, saved  # noqa: E402


def sources() -> dict[str, Any]:
    """Return good models: dense layers, windows, and shapes that are folded."""
    node = helper.make_node
    w, c = np.ones((3, 4)) / 2, np.arange(8.0).reshape(2, 1, 2, 2)
    dense = [
        node("Gemm", ["x", "w", "b"], ["h"], alpha=0.5, transB=0), node("Relu", ["h"], ["r"]),
        node("Clip", ["r", "", "top"], ["k"]), node("Concat", ["k", "x"], ["j"], axis=1),
        node("PRelu", ["j", "s"], ["y"]),
    ]  # fmt: skip
    windows = [
        node("Conv", ["x", "c"], ["h"], strides=[1, 1], pads=[1, 0, 0, 1], kernel_shape=[2, 2]),
        node("BatchNormalization", ["h", "o", "z", "z", "o"], ["n"], epsilon=0.5),
        node("LeakyRelu", ["n"], ["r"], alpha=0.25),
        node("MaxPool", ["r"], ["m"], kernel_shape=[2, 2], ceil_mode=1, strides=[2, 1]),
        node("AveragePool", ["m"], ["a"], kernel_shape=[1, 2], count_include_pad=1),
        node("Pad", ["a", "p"], ["q"]), node("Flatten", ["q"], ["y"]),
    ]  # fmt: skip
    shapes = [
        node("Shape", ["x"], ["s"]), node("Gather", ["s", "i"], ["g"], axis=0),
        node("ConstantOfShape", ["g"], ["t"], value=helper.make_tensor("", 11, [1], [2.0])),
        node("Mul", ["x", "t"], ["m"]), node("Transpose", ["m"], ["n"], perm=[1, 0, 2]),
        node("Slice", ["n", "f", "l"], ["k"]), node("Reshape", ["k", "r"], ["y"]),
    ]  # fmt: skip
    lists = {"i": [0, 1, 2], "f": [0, 0, 1], "l": [9, 9, 9], "r": [1, -1]}
    whole = {k: np.array(v) for k, v in lists.items()}
    return {
        "dense": model(dense, {"x": ("n", 3)}, ["y"],
                       {"w": w, "b": np.ones(4), "top": np.array(2.0), "s": np.ones(7) / 4}),
        "windows": model(windows, {"x": (1, 1, 3, 3)}, ["y"],
                         {"c": c, "o": np.ones(2), "z": np.zeros(2),
                          "p": np.array([0, 0, 0, 1, 0, 0, 1, 0])}),
        "shapes": model(shapes, {"x": (1, 2, 3)}, ["y"], whole),
    }  # fmt: skip


def hunt(name: str, folder: Path, count: int, seed: int = 0) -> tuple[int, int]:
    """Read so many mutants by bytes, and by fields; return how many of each were taken."""
    made = sources()[name]
    random = Random(f"{seed} {name}")
    taken = [0, 0]
    for k in range(2 * count):
        content = (
            mutant(made.SerializeToString(), random)
            if k % 2 == 0
            else message_mutant(made, random).SerializeToString()
        )
        try:
            load(saved(folder, content))
            taken[k % 2] += 1
        except ExactBNError as error:
            assert len(str(error).splitlines()) == 1
    return taken[0], taken[1]


@pytest.mark.parametrize("name", sources())
def test_mutants_end_in_our_errors(tmp_path: Path, name: str) -> None:
    load(saved(tmp_path, sources()[name]))
    by_bytes, by_fields = hunt(name, tmp_path, 120)
    assert by_bytes < 120 and 0 < by_fields < 120


@pytest.mark.parametrize("name", sources())
def test_what_is_cut_off_is_refused(tmp_path: Path, name: str) -> None:
    content = sources()[name].SerializeToString()
    for length in range(0, len(content), 7):
        with pytest.raises(ExactBNError) as caught:
            load(saved(tmp_path, content[:length]))
        assert len(str(caught.value).splitlines()) == 1
