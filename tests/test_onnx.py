"""``.onnx`` models mean what the standard's own reference says, or are refused by node and name."""

import os
from fractions import Fraction as F
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")

from exactbn.cli import main  # noqa: E402
from exactbn.errors import DegenerateError, InputError, UnsupportedLayerError  # noqa: E402
from exactbn.model.files import load  # noqa: E402
from exactbn.readers.onnx_operators import OPERATORS  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from tests.onnx_models import agrees, model, one, saved  # noqa: E402

ROOT = Path(__file__).parents[1]
NETS = Path(os.environ.get("EXACTBN_SHARED", ROOT.parent / "shared")) / "nets"


def numbers(*shape: int, seed: int = 0) -> Any:
    """Return some numbers of both signs, in sixteenths."""
    generator = np.random.default_rng(seed)
    return generator.integers(-32, 33, shape) / 16


def whole(*values: int) -> Any:
    return np.array(values, dtype=np.int64)


W, V = numbers(3, 4), numbers(4, 2, seed=1)
C = numbers(4, 1, 3, 2)
#: One line an operator or a use of one: inputs' shapes, constants, what else.
CASES: list[tuple[str, list[Any], dict[str, Any]]] = [
    ("Abs", [(1, 3)], {}),
    ("Add", [(1, 3), (1, 3)], {}),
    ("Add", [(2, 3)], {"constants": [numbers(3)]}),
    ("Add", [(1, 2, 1), (1, 1, 3)], {"opset": 7}),
    ("Sub", [(1, 3), (3,)], {}),
    ("Sub", [(1, 3)], {"constants": [numbers(2, 3)], "opset": 8}),
    ("Mul", [(1, 3)], {"constants": [numbers(2, 1)]}),
    ("Div", [(1, 3)], {"constants": [np.array([2.0, -4, 0.5])]}),
    ("Neg", [(1, 3)], {}),
    ("Sum", [(1, 3), (1, 1), (3,)], {}),
    ("Max", [(1, 3), (1, 3), (1, 1)], {}),
    ("Max", [(1, 3)], {"constants": [np.array(0.5)]}),
    ("Max", [(1, 3)], {}),
    ("Min", [(1, 3), (3,)], {"opset": 8}),
    ("MatMul", [(1, 3)], {"constants": [W]}),
    ("MatMul", [(2, 1, 3)], {"constants": [W]}),
    ("MatMul", [(3,)], {"constants": [W]}),
    ("MatMul", [(1, 3)], {"constants": [numbers(3)]}),
    ("MatMul", [(3,)], {"constants": [numbers(3)]}),
    ("MatMul", [(2, 1, 3)], {"constants": [numbers(2, 3, 2)]}),
    ("MatMul", [(3,)], {"constants": [numbers(2, 3, 2)]}),
    ("Gemm", [(1, 3)], {"constants": [W, numbers(4)]}),
    ("Gemm", [(3, 1)], {"constants": [W.T, numbers(1, 4)], "alpha": 0.5, "beta": -2.0,
                        "transA": 1, "transB": 1}),
    ("Gemm", [(1, 3)], {"constants": [W], "opset": 13}),
    ("Gemm", [(1, 3)], {"constants": [W, np.array(2.0)], "opset": 7}),
    ("Conv", [(1, 1, 4, 3)], {"constants": [C, numbers(4)]}),
    ("Conv", [(1, 2, 5, 5)], {"constants": [C], "group": 2, "strides": [2, 1],
                              "pads": [0, 1, 2, 3], "dilations": [1, 2]}),
    ("Conv", [(1, 1, 5, 4)], {"constants": [C], "auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    ("Conv", [(1, 1, 5, 4)], {"constants": [C], "auto_pad": "SAME_LOWER"}),
    ("Conv", [(1, 1, 5, 4)], {"constants": [C], "auto_pad": "SAME_UPPER"}),
    ("Conv", [(1, 1, 5, 4)], {"constants": [C], "auto_pad": "VALID", "kernel_shape": [3, 2]}),
    ("Conv", [(1, 2, 6)], {"constants": [numbers(3, 2, 3)], "opset": 10}),
    ("MaxPool", [(1, 2, 4, 4)], {"kernel_shape": [2, 2], "strides": [2, 2]}),
    ("MaxPool", [(1, 1, 5, 4)], {"kernel_shape": [3, 2], "pads": [1, 0, 1, 1], "strides": [2, 1]}),
    ("MaxPool", [(1, 1, 7)], {"kernel_shape": [2], "dilations": [2], "opset": 10}),
    ("MaxPool", [(1, 1, 6)], {"kernel_shape": [3], "strides": [2], "ceil_mode": 1}),
    ("MaxPool", [(1, 1, 5)], {"kernel_shape": [2], "opset": 7}),
    ("AveragePool", [(1, 2, 4, 4)], {"kernel_shape": [2, 3], "strides": [2, 1]}),
    ("AveragePool", [(1, 1, 4, 4)], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
    ("AveragePool", [(1, 1, 4, 4)], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1],
                                     "count_include_pad": 1}),
    ("AveragePool", [(1, 1, 6)], {"kernel_shape": [2], "dilations": [2], "opset": 19}),
    ("GlobalAveragePool", [(1, 2, 3, 2)], {}),
    ("GlobalMaxPool", [(1, 2, 3, 2)], {}),
    ("BatchNormalization", [(1, 2, 3)], {"constants": [
        np.array([1.5, -2]), numbers(2), numbers(2, seed=3), np.array([0.25, 3])]}),
    ("BatchNormalization", [(2, 2)], {"constants": [
        np.array([0.0, 1]), numbers(2), numbers(2), np.array([1.0, 0])], "epsilon": 0.5,
        "opset": 9}),
    ("Relu", [(1, 3)], {}),
    ("LeakyRelu", [(1, 3)], {"alpha": 0.25}),
    ("LeakyRelu", [(1, 3)], {"opset": 7}),
    ("PRelu", [(1, 3, 2)], {"constants": [np.array([[0.5], [-1], [2]])]}),
    ("PRelu", [(1, 3, 2)], {"constants": [np.array(0.5)], "opset": 7}),
    ("Clip", [(1, 4)], {"constants": [np.array(-1.0), np.array(0.5)]}),
    ("Clip", [(1, 4)], {"constants": [None, np.array(0.5)]}),
    ("Clip", [(1, 4)], {"constants": [np.array(-0.5)]}),
    ("Clip", [(1, 4)], {"constants": [np.array(-np.inf), np.array(np.inf)]}),
    ("Clip", [(1, 4)], {}),
    ("Clip", [(1, 4)], {"min": -0.5, "opset": 7}),
    ("Clip", [(1, 4)], {"min": 0.0, "max": 6.0, "opset": 10}),
    ("Concat", [(1, 2), (1, 3)], {"axis": 1}),
    ("Concat", [(1, 2)], {"axis": -2, "constants": [numbers(2, 2)]}),
    ("Flatten", [(1, 2, 3)], {}),
    ("Flatten", [(2, 2, 3)], {"axis": 0, "opset": 7}),
    ("Flatten", [(2, 2, 3)], {"axis": -1, "opset": 13}),
    ("Flatten", [(2, 2)], {"axis": 2}),
    ("Reshape", [(1, 2, 6)], {"constants": [whole(0, -1, 3)]}),
    ("Reshape", [(1, 2, 6)], {"constants": [whole(12)], "opset": 7}),
    ("Reshape", [(1,)], {"constants": [np.zeros(0, np.int64)]}),
    ("Transpose", [(1, 2, 3)], {}),
    ("Transpose", [(1, 2, 3)], {"perm": [2, 0, 1]}),
    ("Slice", [(1, 5, 4)], {"constants": [whole(1, -1), whole(4, -5), whole(1, 2), whole(2, -2)]}),
    ("Slice", [(1, 5)], {"constants": [whole(-3), whole(2**62), whole(-1)]}),
    ("Slice", [(2, 5)], {"constants": [whole(1), whole(2)], "opset": 10}),
    ("Slice", [(1, 5)], {"starts": [1], "ends": [-1], "axes": [1], "opset": 9}),
    ("Pad", [(1, 2)], {"constants": [whole(0, 1, 0, 2), np.array(0.5)]}),
    ("Pad", [(1, 2)], {"constants": [whole(0, 1, 0, 0)], "mode": "constant", "opset": 11}),
    ("Pad", [(2, 3)], {"constants": [whole(1, 2), None, whole(-1)], "opset": 18}),
    ("Pad", [(1, 2)], {"pads": [0, 1, 0, 2], "value": 2.0, "opset": 10}),
    ("Identity", [(1, 2)], {}),
    ("Dropout", [(1, 2)], {}),
    ("Dropout", [(1, 2)], {"ratio": 0.25, "opset": 7}),
    ("Dropout", [(1, 2)], {"constants": [np.array(0.5), np.array(False)], "outputs": 2}),
    ("Squeeze", [(1, 2, 1)], {}),
    ("Squeeze", [(1, 2, 1)], {"constants": [whole(-1)]}),
    ("Squeeze", [(1, 2, 1)], {"axes": [0], "opset": 11}),
    ("Unsqueeze", [(1, 2)], {"constants": [whole(0, -1)]}),
    ("Unsqueeze", [(1, 2)], {"axes": [1], "opset": 9}),
    ("Gather", [(1, 4)], {"constants": [np.array([[2, -1], [0, 0]])], "axis": 1}),
    ("Cast", [(1, 2)], {"to": TensorProto.DOUBLE}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("operator", "shapes", "more"), CASES, ids=[f"{i}-{c[0]}" for i, c in enumerate(CASES)]
)
def test_operators(tmp_path: Path, operator: str, shapes: list[Any], more: dict[str, Any]) -> None:
    agrees(tmp_path, one(operator, *shapes, **more))


def test_every_operator_has_a_case() -> None:
    elsewhere = {"Constant", "ConstantOfShape", "Shape", "Sigmoid", "Softmax", "LogSoftmax"}
    assert {operator for operator, _, _ in CASES} | elsewhere == set(OPERATORS)


def refused(
    folder: Path, made: Any, message: str, error: type[Exception] = InputError, **options: Any
) -> None:
    path = saved(folder, made)
    with pytest.raises(error, match=message) as caught:
        load(path, **options)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


node = helper.make_node


def test_shapes_are_folded(tmp_path: Path) -> None:
    """What exporters write for x.view(x.size(0), -1) * 2."""
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "zero"], ["n"]),
        node("Unsqueeze", ["n", "axis"], ["u"]),
        node("Mul", ["minus", "one"], ["rest"]),
        node("Concat", ["u", "rest"], ["t"], axis=0),
        node("Reshape", ["x", "t"], ["r"]),
        node("ConstantOfShape", ["t1"], ["twos"], value=helper.make_tensor("", 11, [1], [2.0])),
        node("Mul", ["r", "twos"], ["m"]),
        node("Constant", [], ["k"], value=numpy_helper.from_array(numbers(6))),
        node("Add", ["m", "k"], ["y"]),
    ]
    constants = {
        "zero": np.array(0), "axis": whole(0), "minus": whole(-1), "one": whole(1),
        "t1": whole(1, 6),
    }  # fmt: skip
    network = agrees(tmp_path, model(nodes, {"x": ("batch", 2, 3)}, ["y"], constants), exact=True)
    assert network.num_inputs == 6 and network.num_outputs == 6


def test_constants_are_computed_exactly(tmp_path: Path) -> None:
    nodes = [
        node("Div", ["a", "b"], ["third"]),
        node("Mul", ["third", "b"], ["one"]),
        node("Neg", ["one"], ["m"]),
        node("Sub", ["x", "m"], ["y"]),
    ]
    made = model(nodes, {"x": (1, 1)}, ["y"], {"a": np.array([[1.0]]), "b": np.array([[3.0]])})
    assert load(saved(tmp_path, made))((F(1, 7),)) == (F(8, 7),)


def test_several_inputs_and_outputs_in_the_order_of_the_model(tmp_path: Path) -> None:
    nodes = [node("Relu", ["b"], ["p"]), node("Sub", ["p", "a"], ["q"])]
    made = model(nodes, {"a": ("N", 2), "b": (1, 2)}, ["q", "p"])
    assert agrees(tmp_path, made, exact=True)((1, 2, 3, -4)) == (2, -2, 3, 0)


def test_a_residual_network_has_no_idle_units(tmp_path: Path) -> None:
    nodes = [
        node("Gemm", ["x", "w", "b"], ["h"]), node("Relu", ["h"], ["r"]),
        node("MatMul", ["r", "v"], ["g"]), node("Add", ["g", "x"], ["s"]),
        node("Relu", ["s"], ["t"]), node("Gemm", ["t", "w"], ["y"]),
    ]  # fmt: skip
    constants = {"w": W, "b": numbers(4), "v": numbers(4, 3, seed=5)}
    assert agrees(tmp_path, model(nodes, {"x": (1, 3)}, ["y"], constants)).widths == (4, 3)


def test_initializers_that_are_inputs_are_constants(tmp_path: Path) -> None:
    made = one("Add", (1, 3), constants=[numbers(3)], opset=8)
    made.ir_version = 3
    made.graph.input.append(helper.make_tensor_value_info("c0", TensorProto.DOUBLE, [3]))
    assert agrees(tmp_path, made).num_inputs == 3


@pytest.mark.parametrize("operator", ["Softmax", "LogSoftmax", "Sigmoid"])
def test_what_is_not_affine_at_the_end(tmp_path: Path, operator: str) -> None:
    nodes = [node("MatMul", ["x", "w"], ["h"]), node(operator, ["h"], ["y"], name="last")]
    made = model(nodes, {"x": (1, 3)}, ["y"], {"w": W})
    message = rf"node 'last' \({operator}\): it is not piecewise affine; where it is the end"
    refused(tmp_path, made, message, UnsupportedLayerError)
    without = model(nodes[:1], {"x": (1, 3)}, ["h"], {"w": W})
    logits = load(saved(tmp_path, made), logits=True)
    assert logits == load(saved(tmp_path, without))
    assert logits.notes[0].startswith(f"read up to the {operator} at the end")
    exported = [str(saved(tmp_path, made)), str(tmp_path / "net.json")]
    assert main(["export", *exported]) == 2 and main(["export", *exported, "--logits"]) == 0
    assert load(tmp_path / "net.json") == logits
    nodes.append(node("Relu", ["y"], ["z"]))
    made = model(nodes, {"x": (1, 3)}, ["z"], {"w": W})
    refused(tmp_path, made, "node 2 .Relu.: reads 'y', which logits=True leaves out",
            UnsupportedLayerError, logits=True)  # fmt: skip


#: Those of the public networks that are refused, and why.
REFUSED = {
    "sigmoid.onnx": r"node 0 \(Sigmoid\): it is not piecewise affine; where it is the end",
    "tanh.onnx": r"node 0 \(Tanh\): the operator is not supported; supported are Abs, Add",
}
PUBLIC = sorted(NETS.glob("*.onnx"))


@pytest.mark.skipif(not PUBLIC, reason="the public networks are absent")
@pytest.mark.parametrize("path", PUBLIC, ids=lambda path: path.stem)
def test_public_networks(tmp_path: Path, path: Path) -> None:
    import onnx

    if path.name in REFUSED:
        with pytest.raises(UnsupportedLayerError, match=REFUSED[path.name]):
            load(path)
        return
    agrees(tmp_path, onnx.load_from_string(path.read_bytes()), points=1)


# --- what is refused -----------------------------------------------------------------------------


def plain() -> Any:
    """Return a model of two nodes that is read."""
    nodes = [node("Gemm", ["x", "w"], ["h"], name="first"), node("Relu", ["h"], ["y"])]
    return model(nodes, {"x": (1, 3)}, ["y"], {"w": W})


def external(made: Any) -> None:
    part = made.graph.initializer[0]
    part.data_location = TensorProto.EXTERNAL
    part.external_data.add(key="location", value="/etc/passwd")
    part.ClearField("raw_data")


def set_dims(made: Any) -> None:
    made.graph.initializer[0].dims[:] = [10**6, 10**6]


def swap_nodes(made: Any) -> None:
    nodes = list(made.graph.node)[::-1]
    del made.graph.node[:]
    made.graph.node.extend(nodes)


#: What is changed of the model above, the message, and the class of the error.
CHANGES: list[tuple[Any, str, type[Exception]]] = [
    (external, r"initializer 'w' lies in another file \(external data\)", InputError),
    (set_dims, "initializer 'w' has a shape beyond all bounds", InputError),
    (lambda m: m.graph.initializer[0].dims.append(2), "initializer 'w' is damaged", InputError),
    (lambda m: m.graph.initializer[0].dims.insert(0, -1), "beyond all bounds", InputError),
    (lambda m: m.graph.initializer[0].float_data.append(1), "data in several places", InputError),
    (lambda m: setattr(m.graph.initializer[0], "data_type", 14), "has the type COMPLEX64",
     InputError),
    (lambda m: m.graph.ClearField("initializer"),
     r"node 'first' \(Gemm\): reads 'w', which neither an input, an initializer nor", InputError),
    (swap_nodes, r"node 0 \(Relu\): reads 'h', which neither", InputError),
    (lambda m: m.graph.node[0].input.__setitem__(0, "y"), "reads 'y', which neither", InputError),
    (lambda m: m.graph.node[1].output.__setitem__(0, "h"), r"node 1 \(Relu\): the name 'h' is",
     InputError),
    (lambda m: m.graph.initializer.append(m.graph.initializer[0]), "the name 'w' is empty or stan",
     InputError),
    (lambda m: m.graph.input.append(m.graph.input[0]), "an input: the name 'x' is", InputError),
    (lambda m: m.graph.output.append(m.graph.output[0]), "an output stands there twice",
     InputError),
    (lambda m: setattr(m.graph.output[0], "name", "z"), "output 'z' is made by no node",
     InputError),
    (lambda m: setattr(m.graph.output[0], "name", "w"), "output 'w' does not depend on the input",
     UnsupportedLayerError),
    (lambda m: m.graph.ClearField("output"), "no input or no output", InputError),
    (lambda m: m.ClearField("graph"), "no input or no output", InputError),
    (lambda m: setattr(m.graph.node[1], "op_type", "Erf"), r"node 1 \(Erf\): the operator is not",
     UnsupportedLayerError),
    (lambda m: setattr(m.graph.node[1], "op_type", "E\nrf"), r"node 1 \('E\\nrf'\): the operator",
     UnsupportedLayerError),
    (lambda m: setattr(m.graph.node[1], "domain", "com.microsoft"),
     "the operator of the domain 'com.microsoft' is not supported", UnsupportedLayerError),
    (lambda m: setattr(m.opset_import[0], "version", 6), "has version 6, expected 7 to 2",
     UnsupportedLayerError),
    (lambda m: setattr(m.opset_import[0], "version", 99), "has version 99", UnsupportedLayerError),
    (lambda m: m.opset_import.add(domain="ai.onnx", version=8), "names 2 sets of op", InputError),
    (lambda m: m.ClearField("opset_import"), "names 0 sets of operators", InputError),
    (lambda m: setattr(m, "ir_version", 2), "that of the format, is 2, expected 3 to",
     InputError),
    (lambda m: m.graph.node[1].attribute.append(helper.make_attribute("alpha", 1.0)),
     "the attribute 'alpha' is unknown", InputError),
    (lambda m: m.graph.node[0].attribute.append(helper.make_attribute("alpha", 1)),
     "the attribute 'alpha' has the type 2", InputError),
    (lambda m: m.graph.node[0].attribute.append(helper.make_attribute("alpha", np.nan)),
     "alpha is nan, expected a finite number", InputError),
    (lambda m: m.graph.node[1].input.append("w"), "2 inputs, expected 1 to 1", InputError),
    (lambda m: m.graph.node[1].output.append("w"), "2 outputs, expected 1 to 1", InputError),
    (lambda m: m.graph.node[0].input.__setitem__(0, ""), "input 0 is missing", InputError),
    (lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", 7),
     "input 'x' is not a tensor of floats", UnsupportedLayerError),
    (lambda m: m.graph.input[0].type.sequence_type.elem_type.tensor_type.SetInParent(),
     "input 'x' is not a tensor of floats", UnsupportedLayerError),
    (lambda m: m.graph.input[0].type.tensor_type.ClearField("shape"), "input 'x' has no shape",
     InputError),
    (lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[1], "dim_param", "k"),
     r"input 'x' has an axis 1 of unknown size \('k'\), only the first, the batch", InputError),
    (lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[1], "dim_value", 4),
     r"tensors of shapes \(1, 4\) and \(3, 4\) have no product", InputError),
    (lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[1], "dim_value", 10**12),
     "more than [0-9]+ numbers", InputError),
    (lambda m: m.graph.sparse_initializer.add(), "sparse initializers", UnsupportedLayerError),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message", "error"), CHANGES, ids=range(len(CHANGES)))
def test_changed_models(
    tmp_path: Path, change: Any, message: str, error: type[Exception]
) -> None:
    made = plain()
    load(saved(tmp_path, made))
    change(made)
    refused(tmp_path, made, message, error)


#: Uses of operators that are refused.
USES: list[tuple[str, list[Any], dict[str, Any], str]] = [
    ("Mul", [(1, 2), (1, 2)], {}, "a product of two tensors that depend on the input"),
    ("MatMul", [(2, 2), (2, 2)], {}, "a product of two tensors that depend on the input"),
    ("Div", [(1, 2), (1, 2)], {}, "the divisor depends on the input, expected a constant"),
    ("Div", [(1, 2)], {"constants": [np.array([1.0, 0])]}, "a divisor is 0"),
    ("Add", [(1, 2), (1, 3)], {}, r"the shapes \(1, 2\) and \(1, 3\) do not go together"),
    ("Add", [(1, 2)], {"constants": [np.array([np.nan, 1])]}, "input 1 is nan"),
    ("Gemm", [(1, 2)], {"constants": [numbers(2, 2), numbers(2, 2)]}, "C has shape"),
    ("Gemm", [(1, 1, 2)], {"constants": [numbers(2, 2)]}, "expected two matrices"),
    ("Conv", [(1, 1, 2)], {"constants": [C]}, "windows of 2 axes, got a tensor of shape"),
    ("Conv", [(1, 1, 2, 2)], {"constants": [C]}, "a window of 3 entries does not fit 2"),
    ("Conv", [(1, 3, 4, 4)], {"constants": [C]}, "takes 1 channels, got 3"),
    ("Conv", [(1, 1, 4, 4)], {"constants": [C], "group": 0}, "group is 0"),
    ("Conv", [(1, 1, 4, 4)], {"constants": [C], "strides": [0, 1]}, "strides is .*at least 1"),
    ("Conv", [(1, 1, 4, 4)], {"constants": [C], "pads": [0, 0, -1, 0]}, "pads is .*at least 0"),
    ("Conv", [(1, 1, 4, 4)], {"constants": [C], "pads": [0, 0]}, "do not go with 2 axes"),
    ("Conv", [(1, 1, 4, 4)], {"constants": [C], "auto_pad": "SOME"}, "auto_pad 'SOME'"),
    ("Conv", [(1, 1, 4, 4)], {"constants": [C], "kernel_shape": [1, 1]}, "kernel_shape is not"),
    ("Conv", [(1, 1, 4, 4)], {"constants": [C, numbers(3)]}, "the bias has shape"),
    ("MaxPool", [(1, 1, 4)], {"kernel_shape": [1], "pads": [1, 0]}, "lies in the padding altog"),
    ("AveragePool", [(1, 1, 4)], {"kernel_shape": [1], "pads": [1, 0]}, "lies in the padding"),
    ("MaxPool", [(1, 1, 4)], {"kernel_shape": [2**40], "pads": [2**41, 0]}, "asks for more work"),
    ("MaxPool", [(1, 1, 4)], {"kernel_shape": [1], "pads": [2**60, 0]}, "asks for more work"),
    ("MaxPool", [(1, 1, 4)], {}, "the attribute kernel_shape is missing"),
    ("BatchNormalization", [(1, 1)], {"constants": [np.ones(1)] * 4, "training_mode": 1},
     "is in training mode"),
    ("BatchNormalization", [(1, 2)], {"constants": [np.ones(1)] * 4}, "1 channels, got a tensor"),
    ("BatchNormalization", [(1, 1)], {"constants": [np.ones(1)] * 3 + [-np.ones(1)]},
     "running_var.0. is -1"),
    ("Clip", [(1, 1)], {"constants": [np.array(1.0), np.array(0.0)]}, "a clip from 1 to 0 is"),
    ("Clip", [(1, 1), ()], {}, "min depends on the input, expected a constant"),
    ("PRelu", [(1, 2)], {"constants": [numbers(2, 2)]}, "slopes of shape"),
    ("Concat", [(1, 2), (2, 2)], {"axis": 1}, "cannot be joined along axis 1"),
    ("Concat", [(1, 2)], {"axis": 2}, "axis 2 of a tensor of 2 axes"),
    ("Reshape", [(1, 2)], {"constants": [whole(3)]}, r"of shape \(1, 2\) cannot get shape \[3\]"),
    ("Reshape", [(1, 2)], {"constants": [whole(-1, -1)]}, "cannot get shape"),
    ("Reshape", [(1, 2)], {"constants": [whole(1, 2, 0)]}, "copies an axis"),
    ("Reshape", [(1, 2)], {"constants": [np.array([2.0])]}, "shape is not a list of integers"),
    ("Transpose", [(1, 2)], {"perm": [0, 0]}, r"perm is \[0, 0\], expected the axes 0 to 1"),
    ("Slice", [(1, 2)], {"constants": [whole(5), whole(9), whole(1)]}, "gives an empty tensor"),
    ("Slice", [(1, 2)], {"constants": [whole(0), whole(1), whole(0), whole(0)]}, "do not go tog"),
    ("Pad", [(1, 2)], {"constants": [whole(0, 1, 0, 1)], "mode": "edge"}, "the mode 'edge'"),
    ("Pad", [(1, 2)], {"constants": [whole(0, 2**50, 0, 1)]}, "asks for more work"),
    ("Pad", [(1, 2)], {"constants": [whole(0, 1)]}, "2 pads for 2 axes"),
    ("Pad", [(1, 2)], {"constants": [whole(0, -1, 0, -1)]}, "cuts off everything"),
    ("Dropout", [(1, 2)], {"constants": [np.array(0.5), np.array(True)]}, "is in training mode"),
    ("Squeeze", [(1, 2)], {"constants": [whole(1)]}, "are not of size 1"),
    ("Unsqueeze", [(1, 2)], {"constants": [whole(0, 0)]}, "the axes"),
    ("Gather", [(1, 2)], {"constants": [whole(2)], "axis": 1}, "a place beyond the 2 entries"),
    ("Gather", [(1, 2), (1, 2)], {}, "the places are no constant integers"),
    ("Cast", [(1, 2)], {"to": TensorProto.INT64}, "a cast of a tensor that depends on the input"),
    ("ConstantOfShape", [], {"constants": [whole(10**6, 10**6)]}, "asks for more work"),
    ("MaxPool", [(1, 1, 2)], {"kernel_shape": [1], "opset": 26}, "has version 26"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("operator", "shapes", "more", "message"), USES, ids=[f"{i}-{u[0]}" for i, u in enumerate(USES)]
)
def test_uses_that_are_refused(
    tmp_path: Path, operator: str, shapes: list[Any], more: dict[str, Any], message: str
) -> None:
    made = one(operator, *shapes, **more)
    if not shapes:
        made.graph.input.add().CopyFrom(helper.make_tensor_value_info("x", 1, [1]))
    refused(tmp_path, made, message if "version" in message else f"node 'it' .*{message}")


def test_zero_variance(tmp_path: Path) -> None:
    made = one("BatchNormalization", (1, 1), constants=[np.ones(1)] * 3 + [np.zeros(1)],
               epsilon=0.0)  # fmt: skip
    refused(tmp_path, made, "variance is 0 and eps is 0", DegenerateError)


def test_second_outputs(tmp_path: Path) -> None:
    nodes = [node("MaxPool", ["x"], ["m", "i"], kernel_shape=[2]), node("Identity", ["i"], ["y"])]
    refused(tmp_path, model(nodes, {"x": (1, 1, 4)}, ["y"]), "reads 'i', a second output")


def test_options(tmp_path: Path) -> None:
    refused(tmp_path, plain(), "an? .onnx file states its own slopes", slope=0)
    refused(tmp_path, plain(), "expected no eps argument", eps=1)


def test_one_entry_of_a_vector_is_gathered(tmp_path: Path) -> None:
    node = helper.make_node("Gather", ["x", "i"], ["y"])
    built = model([node], {"x": (4,)}, ["y"], {"i": np.array(1)})
    assert load(saved(tmp_path, built))((1, 2, 3, 4)) == (2,)
