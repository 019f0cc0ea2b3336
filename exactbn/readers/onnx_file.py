"""Networks as ``.onnx``: the graph of a model, node by node, exact.

Only operators, and versions of them, whose meaning is known to the letter are read; every other one
is refused by name, never skipped. Nothing is run, and no other file is opened.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from exactbn.errors import DegenerateError, DimensionError, InputError, UnsupportedLayerError
from exactbn.exact.stages import Graph
from exactbn.readers.allowance import Allowance
from exactbn.readers.onnx_bytes import (
    MAX_MODEL,
    REAL,
    array_of,
    parse_model,
    shown,
    type_name,
)
from exactbn.readers.onnx_operators import OPERATORS, left_out
from exactbn.readers.onnx_values import Call, Run, Value
from exactbn.readers.source import Source
from exactbn.readers.statistics import Statistics
from exactbn.readers.wiring import Normalizer, Rows, Wiring, left_out_note, tensor

#: The operator sets, and versions of the format itself, that are read.
OPSETS = range(7, 26)
_FORMATS = range(3, 15)
_DOMAINS = ("", "ai.onnx")


def read_onnx(
    source: Source,
    *,
    logits: bool = False,
    statistics: Statistics | None = None,
    centering: Normalizer | None = None,
) -> Graph:
    """Return the wired layers of an ``.onnx`` file, exact.

    Floats are read as the rationals that they are, and the operations on them as those on real
    numbers. Inputs are joined in the model's order, as are outputs. The first axis of an input, the
    batch, is 1 where the model leaves it open.

    Parameters
    ----------
    logits : bool
        Whether a Softmax, LogSoftmax or Sigmoid at the end is left out.
    statistics : Statistics, optional
        Where batch normalizations take mean and variance from, those of the file by default.
    centering : Normalizer, optional
        What is done to the rows of an activation before it.

    Raises
    ------
    UnsupportedLayerError
        For an operator, or a use of one, that is not read; the node is named.
    InputError
        If the file is damaged, asks for more than its size lets expect, or is no such network.
    DegenerateError
        If a batch normalization has variance + epsilon = 0.
    """
    content = source.read(MAX_MODEL)
    model = parse_model(content)
    opset = _opset(model)
    graph = model.graph
    allowance = Allowance(len(content))
    constants = _constants(graph, allowance)
    shapes = [(info.name, _shape(info)) for info in graph.input if info.name not in constants]
    if not shapes or not graph.output:
        raise InputError("the graph has no input or no output, expected both")
    sizes = [_size(shape) for _, shape in shapes]
    allowance.take_numbers(sum(sizes))
    wiring = Wiring(sum(sizes), centering)
    run = Run(wiring, allowance, logits, statistics or Statistics())
    run.charge(sum(sizes), 4)
    known: dict[str, Value | None] = dict(constants)
    first = 0
    for (name, shape), size in zip(shapes, sizes, strict=True):
        _define(known, name, Value(run.wiring.inputs(shape, first), True), "an input")
        first += size
    # Constants may stand anywhere; what else is read before it is made is refused.
    for index, node in sorted(enumerate(graph.node), key=lambda t: t[1].op_type != "Constant"):
        operator = node.op_type if node.op_type.isidentifier() else shown(node.op_type)
        where = f"node {shown(node.name) if node.name else index} ({operator[:60]})"
        try:
            result = _result(run, node, opset, known)
        except (InputError, DegenerateError) as error:
            raise type(error)(f"{where}: {error}") from error
        for k, name in enumerate(node.output):
            if name:
                _define(known, name, None if k else result, where)
    outputs = _outputs(run, [info.name for info in graph.output], known)
    read = run.wiring.graph(outputs, "rounded" if run.has_scale else "no-bn")
    return read if run.final is None else replace(read, notes=(left_out_note(run.final),))


def _opset(model: Any) -> int:
    """Return the operator set of a model after a look at what it says about itself."""
    import onnx

    if model.ir_version not in _FORMATS:
        raise InputError(
            f"its IR version, that of the format, is {model.ir_version}, expected {_FORMATS[0]} to "
            f"{_FORMATS[-1]}"
        )
    versions = [entry.version for entry in model.opset_import if entry.domain in _DOMAINS]
    if len(versions) != 1:
        raise InputError(f"the model names {len(versions)} sets of operators, expected one")
    most = min(OPSETS[-1], onnx.defs.onnx_opset_version())
    if not OPSETS[0] <= versions[0] <= most:
        raise UnsupportedLayerError(
            f"the set of operators has version {versions[0]}, expected {OPSETS[0]} to {most}"
        )
    if model.graph.sparse_initializer:
        raise UnsupportedLayerError("the graph has sparse initializers, expected dense ones")
    return int(versions[0])


def _constants(graph: Any, allowance: Allowance) -> dict[str, Value]:
    """Return the initializers by name."""
    constants: dict[str, Value] = {}
    for part in graph.initializer:
        what = f"initializer {shown(part.name)}"
        _define(constants, part.name, Value(array_of(part, allowance, what)), what)
    return constants


def _define(known: dict[str, Any], name: str, value: Value | None, what: str) -> None:
    """Write down what a name stands for; it must be a new one."""
    if not name or name in known:
        raise InputError(f"{what}: the name {shown(name)} is empty or stands for two tensors")
    known[name] = value


def _shape(info: Any) -> tuple[int, ...]:
    """Return the shape of an input, whose batch is 1 where it is left open."""
    where = f"input {shown(info.name)}"
    kind = info.type.tensor_type
    if not info.type.HasField("tensor_type") or type_name(kind.elem_type) not in REAL:
        raise UnsupportedLayerError(f"{where} is not a tensor of floats ({', '.join(REAL)})")
    if not kind.HasField("shape"):
        raise InputError(f"{where} has no shape; export the model with one")
    shape = []
    for axis, dim in enumerate(kind.shape.dim):
        size = dim.dim_value if dim.HasField("dim_value") else 0
        if size < 1 and axis:
            name = f" ({shown(dim.dim_param)})" if dim.dim_param else ""
            raise InputError(
                f"{where} has an axis {axis} of unknown size{name}, only the first, the batch, may "
                "be; export the model with the sizes fixed"
            )
        shape.append(max(size, 1))
    if len(shape) > 16:
        raise DimensionError(f"{where} has {len(shape)} axes, at most 16 are read")
    return tuple(shape)


def _size(shape: Sequence[int]) -> int:
    """Return the number of entries."""
    size = 1
    for n in shape:
        size *= n
    return size


def _result(run: Run, node: Any, opset: int, known: dict[str, Value | None]) -> Value:
    """Return what a node gives out first."""
    from onnx import defs

    if node.domain not in _DOMAINS or node.op_type not in OPERATORS:
        domain = f" of the domain {shown(node.domain)}" if node.domain else ""
        inner = [name for name, (operation, _) in OPERATORS.items() if operation is not left_out]
        final = [name for name in OPERATORS if name not in inner]
        raise UnsupportedLayerError(
            f"the operator{domain} is not supported; supported are {', '.join(inner)}; and "
            f"{', '.join(final)} at the end, which logits=True leaves out"
        )
    operation, versions = OPERATORS[node.op_type]
    try:
        schema = defs.get_schema(node.op_type, opset, "")
    except defs.SchemaError:
        raise UnsupportedLayerError(f"there is no such operator in version {opset}") from None
    if schema.since_version not in versions or schema.deprecated:
        raise UnsupportedLayerError(f"its version {schema.since_version} is not supported")
    if not schema.min_input <= len(node.input) <= schema.max_input:
        raise InputError(
            f"{len(node.input)} inputs, expected {schema.min_input} to {schema.max_input}"
        )
    if not 1 <= len(node.output) <= schema.max_output or not node.output[0]:
        raise InputError(f"{len(node.output)} outputs, expected 1 to {schema.max_output}")
    inputs = [_known(known, name) if name else None for name in node.input]
    attributes = dict(_attributes(node, schema))
    # Nodes cost something themselves.
    run.charge(8 + len(inputs))
    result = operation(Call(run, node.op_type, schema.since_version, inputs, attributes))
    run.charge(result.array.size)
    if result.is_traced and not result.array.size:
        raise DimensionError(f"gives an empty tensor, of shape {result.array.shape}")
    return result


def _known(known: dict[str, Value | None], name: str) -> Value:
    """Return a tensor that a node reads."""
    if name not in known:
        raise InputError(
            f"reads {shown(name)}, which neither an input, an initializer nor a node before it is"
        )
    value = known[name]
    if value is None:
        raise UnsupportedLayerError(f"reads {shown(name)}, a second output, which is not supported")
    if value.is_final:
        raise UnsupportedLayerError(
            f"reads {shown(name)}, which logits=True leaves out and so must be the end"
        )
    return value


def _attributes(node: Any, schema: Any) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of a node, with the standard's values for those that are not given."""
    from onnx import helper

    given = {}
    for part in node.attribute:
        kind = schema.attributes.get(part.name)
        if kind is None or part.name in given or part.ref_attr_name:
            raise InputError(f"the attribute {shown(part.name)} is unknown or stands there twice")
        if part.type != kind.type.value:
            raise InputError(f"the attribute {shown(part.name)} has the type {part.type}")
        given[part.name] = helper.get_attribute_value(part)
    for name, kind in schema.attributes.items():
        if name in given:
            yield name, given[name]
        elif kind.required:
            raise InputError(f"the attribute {name} is missing")
        elif kind.default_value.type:
            yield name, helper.get_attribute_value(kind.default_value)


def _outputs(run: Run, names: Sequence[str], known: dict[str, Value | None]) -> Rows:
    """Return the rows of all outputs, joined."""
    rows: list[Any] = []
    if len(set(names)) != len(names):
        raise InputError("an output stands there twice, expected each once")
    for name in names:
        value = known.get(name)
        if value is None:
            raise InputError(f"output {shown(name)} is made by no node")
        if not value.is_traced:
            raise UnsupportedLayerError(f"output {shown(name)} does not depend on the input")
        rows += value.array.ravel().tolist()
    reads = {feature for row in rows for feature in row.reads}
    run.charge(len(rows), max(len(reads), 1))
    return tensor(rows, (len(rows),))
