"""Small ONNX models for tests, and the standard's own reference in float64 as their judge."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

import onnx
from exactbn.model.files import load
from exactbn.model.network import Network
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

#: What the reference may differ by: float64 with some thousand operations, on numbers of size 1.
CLOSE = 1e-9


def model(
    nodes: Sequence[Any], inputs: dict[str, Sequence[Any]], outputs: Sequence[str],
    constants: dict[str, Any] | None = None, *, opset: int = 17, ir: int = 8,
) -> Any:  # fmt: skip
    """Return a model of float64 inputs; constants are arrays by name."""
    graph = helper.make_graph(
        list(nodes), "graph",
        [helper.make_tensor_value_info(k, TensorProto.DOUBLE, list(v)) for k, v in inputs.items()],
        [helper.make_tensor_value_info(k, TensorProto.DOUBLE, None) for k in outputs],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in (constants or {}).items()],
    )  # fmt: skip
    return helper.make_model(
        graph, ir_version=ir, opset_imports=[helper.make_opsetid("", opset)]
    )  # fmt: skip


def one(
    operator: str, *shapes: Sequence[Any], constants: Sequence[Any] = (), opset: int = 17,
    change: Callable[[Any], None] | None = None, outputs: int = 1, **attributes: Any,
) -> Any:  # fmt: skip
    """Return the model of one node, whose inputs are the model's and then constants."""
    names = [f"x{i}" for i in range(len(shapes))]
    known = {f"c{i}": c for i, c in enumerate(constants) if c is not None}
    reads = names + ["" if c is None else f"c{i}" for i, c in enumerate(constants)]
    results = ["y", *(f"z{i}" for i in range(outputs - 1))]
    node = helper.make_node(operator, reads, results, name="it", **attributes)
    made = model([node], dict(zip(names, shapes)), ["y"], known, opset=opset)
    if change is not None:
        change(made)
    return made


def saved(folder: Path, made: Any) -> Path:
    """Write a model, or bytes, to a file."""
    path = folder / "net.onnx"
    path.write_bytes(made if isinstance(made, bytes) else made.SerializeToString())
    return path


def doubled(made: Any) -> Any:
    """Return a model with all its floats as float64, which holds them, and constants first."""
    result = onnx.ModelProto()
    result.CopyFrom(made)
    graph = result.graph
    for part in graph.initializer:
        _double(part)
    for info in [*graph.input, *graph.output, *graph.value_info]:
        if info.type.tensor_type.elem_type == TensorProto.FLOAT:
            info.type.tensor_type.elem_type = TensorProto.DOUBLE
    for node in graph.node:
        for attribute in node.attribute:
            _double(attribute.t)
            if node.op_type == "Cast" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.DOUBLE
    if any(node.op_type == "BatchNormalization" for node in graph.node):
        # Of version 9 the reference takes a batch's statistics although only one output is asked.
        result.opset_import[0].version = 17
    nodes = sorted(graph.node, key=lambda node: node.op_type != "Constant")
    del graph.node[:]
    graph.node.extend(nodes)
    return result


def _double(part: Any) -> None:
    if part.data_type == TensorProto.FLOAT:
        part.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(part).astype(float), part.name))


def agrees(folder: Path, made: Any, *, points: int = 3, exact: bool = False) -> Network:
    """Check that the exact network and the reference agree, and return the network."""
    network = load(saved(folder, made))
    reference = doubled(made)
    known = {part.name for part in reference.graph.initializer}
    inputs = [info for info in reference.graph.input if info.name not in known]
    shapes = [
        tuple(d.dim_value or 1 for d in info.type.tensor_type.shape.dim) for info in inputs
    ]
    judge = ReferenceEvaluator(reference)
    random = Random(0)
    for k in range(points):
        given = [
            np.array([random.randrange(-64, 65) / (16 if k else 64)
                      for _ in range(int(np.prod(shape)))]).reshape(shape)
            for shape in shapes
        ]  # fmt: skip
        x = [Fraction(t) for part in given for t in part.ravel().tolist()]
        results = judge.run(None, {i.name: part for i, part in zip(inputs, given)})
        expected = [t for part in results for t in np.asarray(part).ravel().tolist()]
        found = network(x)
        assert len(found) == len(expected)
        for a, b in zip(found, expected):
            error = abs(a - Fraction(b))
            assert error == 0 if exact else error <= CLOSE * max(1, abs(a)), (float(a), b)
    return network
