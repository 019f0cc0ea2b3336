"""How far a run of an ONNX model in floats may be from the exact values, node by node.

The rules are those of :mod:`exactbn.readers.tracing.rounding`, for the operators of a graph: beside
each tensor v, as a runtime has computed it, stands r with |v - exact value| <= r.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

ENLARGED = 1 + 2.0**-30
MOVED = {"Reshape", "Flatten", "Transpose", "Concat", "Slice", "Gather", "Squeeze", "Unsqueeze",
         "Identity", "Dropout", "MaxPool", "GlobalMaxPool", "Pad"}  # fmt: skip
WHOLE = {"Shape", "Constant", "ConstantOfShape", "Cast"}


def bounds(made: Any, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the radius of each tensor; ``values`` are all tensors of a run, inputs among them."""
    kinds = {v.dtype for v in values.values() if v.dtype.kind == "f"}
    assert len(kinds) == 1, kinds
    info = np.finfo(kinds.pop())
    opset = made.opset_import[0].version
    zero = {name: np.zeros(v.shape) for name, v in values.items()}
    radii = {t.name: zero[t.name] for t in (*made.graph.initializer, *made.graph.input)}
    for node in ordered(made).graph.node:
        result = node.output[0]
        if node.op_type in WHOLE:
            radii[result] = zero[result]
            continue
        radii[result] = _Node(node, opset, values, radii, info).radius()
        assert radii[result].shape == values[result].shape, node
    return radii


class _Node:
    def __init__(self, node: Any, opset: int, values: Any, radii: Any, info: Any) -> None:
        self.node, self.opset, self.info = node, opset, info
        self.attributes = {t.name: helper.get_attribute_value(t) for t in node.attribute}
        self.given = [values[name] if name else None for name in node.input]
        self.sizes = [None if v is None else np.abs(v.astype(np.float64)) for v in self.given]
        self.before = [radii[name] if name else None for name in node.input]

    def radius(self) -> np.ndarray:
        kind = self.node.op_type
        if kind in MOVED:
            return self.run(self.before)
        return getattr(self, f"of_{kind.lower()}")()

    def run(self, tensors: list[Any], **changed: Any) -> np.ndarray:
        """Return what the node makes of floats in the place of its own."""
        kept = [given if given is None or given.dtype.kind != "f" else tensor
                for given, tensor in zip(self.given, tensors, strict=True)]  # fmt: skip
        node = helper.make_node(self.node.op_type, self.node.input, ["y"],
                                **{**self.attributes, **changed})  # fmt: skip
        names = [name for name, t in zip(self.node.input, kept, strict=True) if t is not None]
        feeds = {name: t for name, t in zip(self.node.input, kept, strict=True) if t is not None}
        graph = helper.make_graph(
            [node], "one",
            [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(feeds[name].dtype),
                                           feeds[name].shape) for name in dict.fromkeys(names)],
            [helper.make_tensor_value_info("y", 11, None)],
        )  # fmt: skip
        single = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)])
        return np.asarray(ReferenceEvaluator(single).run(["y"], feeds)[0], dtype=np.float64)

    def grown(self, radius: Any, size: Any, terms: int) -> np.ndarray:
        total = terms * float(self.info.eps) / 2
        assert terms <= 1 << 20 and total < 0.5
        gamma = total / (1 - total) * ENLARGED
        return (radius + gamma * size + terms * float(self.info.tiny)) * ENLARGED

    def of_conv(self, terms: int = 0, **changed: Any) -> np.ndarray:
        terms = terms or int(np.prod(self.given[1].shape[1:])) + 2
        (x, rx), others = (self.sizes[0], self.before[0]), self.sizes[1:]
        none = [None if t is None else np.zeros_like(t) for t in others[1:]]
        moved = self.run([rx, others[0], *none], **changed)
        return self.grown(moved, self.run([x + rx, *others], **changed), terms)

    def of_gemm(self) -> np.ndarray:
        changed = {name: abs(self.attributes.get(name, 1.0)) for name in ("alpha", "beta")}
        return self.of_conv(max(self.given[1].shape) + 4, **changed)

    def of_matmul(self) -> np.ndarray:
        a, b = (s + r for s, r in zip(self.sizes, self.before, strict=True))
        moved = np.matmul(self.before[0], b) + np.matmul(a, self.before[1])
        return self.grown(moved, np.matmul(a, b), self.given[0].shape[-1] + 1)

    def of_averagepool(self) -> np.ndarray:
        x, r = self.sizes[0], self.before[0]
        return self.grown(self.run([r]), self.run([x + r]), x.size + 2)

    of_globalaveragepool = of_averagepool

    def of_add(self) -> np.ndarray:
        total = sum(self.before[1:], self.before[0])
        return self.grown(total, sum(self.sizes[1:], self.sizes[0]) + total, len(self.given))

    of_sub = of_sum = of_add

    def of_mul(self) -> np.ndarray:
        (x, y), (r, s) = self.sizes, self.before
        return self.grown(r * (y + s) + x * s, (x + r) * (y + s), 1)

    def of_div(self) -> np.ndarray:
        (x, y), (r, _) = self.sizes, self.before
        return self.grown(r / y, (x + r) / y, 2)

    def of_batchnormalization(self) -> np.ndarray:
        x, *others = self.sizes
        shape = (1, -1) + (1,) * (x.ndim - 2)
        scale, bias, mean, variance = (t.reshape(shape) for t in others)
        factor = scale / np.sqrt(variance + self.attributes.get("epsilon", 1e-5))
        r = self.before[0]
        moved = factor * r * (1 + 16 * float(self.info.eps))
        return self.grown(moved, factor * (x + r + mean) + bias, 10)

    def of_relu(self) -> np.ndarray:
        return self.before[0]

    of_abs = of_neg = of_relu

    def of_clip(self) -> np.ndarray:
        ends = [float(s.ravel()[0]) for s in self.sizes[1:] if s is not None]
        ends += [abs(self.attributes[name]) for name in ("min", "max") if name in self.attributes]
        return self.grown(self.before[0], min(max(ends, default=0.0), 1e30), 1)

    def of_leakyrelu(self) -> np.ndarray:
        slope = abs(self.attributes.get("alpha", 0.01))
        return self._sloped(np.float64(slope))

    def of_prelu(self) -> np.ndarray:
        return self._sloped(self.sizes[1])

    def _sloped(self, slope: Any) -> np.ndarray:
        x, r = self.sizes[0], self.before[0]
        return self.grown(r * np.maximum(slope, 1), slope * (x + r), 2)

    def of_max(self) -> np.ndarray:
        result = self.before[0]
        for other in self.before[1:]:
            result = np.maximum(result, other)
        return np.broadcast_to(result, np.broadcast_shapes(*(t.shape for t in self.before)))

    of_min = of_max


def ordered(made: Any) -> Any:
    """Return a model whose constants stand first, as the reference needs them."""
    result = onnx.ModelProto()
    result.CopyFrom(made)
    nodes = sorted(made.graph.node, key=lambda node: node.op_type != "Constant")
    del result.graph.node[:]
    result.graph.node.extend(nodes)
    return result


def traced_values(made: Any, feeds: Mapping[str, np.ndarray]) -> tuple[str, dict[str, Any]]:
    """Return a runtime's name and all tensors of its run: onnxruntime's, or the reference's."""
    wide = ordered(made)
    stored = {node.output[0]: node.attribute[0].t for node in made.graph.node
              if node.op_type == "Constant"}  # fmt: skip
    seen = {t.name for t in made.graph.output}
    names = [node.output[0] for node in made.graph.node if node.output[0] not in stored]
    wide.graph.output.extend(
        helper.make_empty_tensor_value_info(name) for name in names if name not in seen
    )
    try:
        import onnxruntime
    except ImportError:
        kind = "reference"
        results = ReferenceEvaluator(wide).run(names, dict(feeds))
    else:
        kind = "onnxruntime"
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        # Every node as it stands: fused ones round in other places.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(
            wide.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        results = session.run(names, dict(feeds))
    constants = {t.name: t for t in made.graph.initializer} | stored
    numbers = {name: numpy_helper.to_array(t) for name, t in constants.items()}
    values = {**numbers, **feeds, **dict(zip(names, results, strict=True))}
    return kind, {name: np.asarray(v) for name, v in values.items()}
