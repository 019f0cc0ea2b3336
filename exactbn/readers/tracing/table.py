"""The operations of torch that are read, by name."""

from collections.abc import Callable
from typing import Any

import torch

from exactbn.errors import InputError, UnsupportedLayerError
from exactbn.readers.tracing import affine, pieces, shapes

#: Queries that are properties.
PROPERTIES = {"shape", "ndim", "device", "dtype", "requires_grad", "is_quantized", "layout"}
#: What may be asked of a tensor without its values.
QUERIES: dict[str, Callable[..., Any]] = {
    "shape": shapes.size, "size": shapes.size, "sym_size": shapes.size,
    "ndim": lambda x: x.rows.ndim, "dim": lambda x: x.rows.ndim,
    "numel": lambda x: x.rows.size,
    "device": lambda x: torch.device("cpu"), "dtype": lambda x: x.run.dtype,
    "requires_grad": lambda x: False, "is_floating_point": lambda x: True,
    "is_quantized": lambda x: False, "layout": lambda x: torch.strided,
    "is_complex": lambda x: False,
}  # fmt: skip

#: Other names of operations.
ALIASES = {
    "absolute": "abs",
    "true_divide": "div", "divide": "div", "multiply": "mul", "subtract": "sub", "negative": "neg",
    "concat": "cat", "concatenate": "cat", "view": "reshape", "_unsafe_view": "reshape",
    "mm": "matmul", "bmm": "matmul", "_max_pool1d": "max_pool1d", "_max_pool2d": "max_pool2d",
    "_adaptive_avg_pool2d": "adaptive_avg_pool2d",
    "swapaxes": "transpose", "clip": "clamp", "feature_dropout": "dropout", "dropout2d": "dropout",
    "alpha_dropout": "dropout", "dropout1d": "dropout", "_softmax": "softmax",
    "_log_softmax": "log_softmax", "constant_pad_nd": "pad", "__radd__": "add", "__rmul__": "mul",
}  # fmt: skip

#: What is read; the arguments are those of torch.
OPERATIONS: dict[str, Callable[..., Any]] = {
    "linear": affine.linear, "matmul": affine.matmul, "addmm": affine.addmm,
    "conv1d": affine.convolution(1), "conv2d": affine.convolution(2),
    "convolution": affine.general_convolution, "batch_norm": affine.batch_norm,
    "functional_batch_norm": affine.functional_batch_norm,
    "_native_batch_norm_legit_no_training": affine.legit_batch_norm, "add": affine.add,
    "sub": affine.sub, "rsub": lambda x, y, alpha=1: affine.sub(y, x, alpha=alpha),
    "mul": affine.scaled, "div": affine.divided, "neg": lambda x: affine.scaled(x, -1),
    "truediv": affine.divided, "mean": affine.summed(True), "sum": affine.summed(False),
    "pad": affine.padded, "relu": pieces.relu, "leaky_relu": pieces.leaky_relu,
    "prelu": pieces.prelu, "clamp": pieces.clamp,
    "clamp_min": lambda x, min: pieces.clipped(x, min, None),
    "clamp_max": lambda x, max: pieces.clipped(x, None, max), "hardtanh": pieces.hardtanh,
    "relu6": pieces.relu6, "abs": pieces.absolute, "maximum": pieces.extreme(1),
    "minimum": pieces.extreme(-1), "max": pieces.extreme(1), "min": pieces.extreme(-1),
    "amax": pieces.extreme_along(1), "amin": pieces.extreme_along(-1),
    "max_pool1d": pieces.max_pool(1), "max_pool2d": pieces.max_pool(2),
    "max_pool2d_with_indices": pieces.max_pool_and_indices,
    "avg_pool1d": pieces.average_pool(1), "avg_pool2d": pieces.average_pool(2),
    "adaptive_avg_pool1d": pieces.adaptive(1), "adaptive_avg_pool2d": pieces.adaptive(2),
    "reshape": shapes.reshape, "flatten": shapes.flatten, "unflatten": shapes.unflatten,
    "permute": shapes.permute, "transpose": shapes.transpose, "t": shapes.t,
    "squeeze": shapes.squeeze, "unsqueeze": shapes.unsqueeze, "cat": shapes.cat,
    "stack": shapes.stacked, "split": shapes.split, "chunk": shapes.chunk,
    "getitem": shapes.getitem, "select": shapes.select, "narrow": shapes.narrow,
    "slice": shapes.sliced, "expand": shapes.expand, "contiguous": shapes.same,
    "clone": shapes.cloned, "detach": shapes.same, "float": shapes.same, "double": shapes.same,
    "to": shapes.cast, "type_as": shapes.cast, "_to_copy": shapes.cast, "identity": shapes.same,
    "dropout": shapes.dropout, "softmax": pieces.left_out("Softmax"),
    "log_softmax": pieces.left_out("LogSoftmax"), "sigmoid": pieces.left_out("Sigmoid"),
}  # fmt: skip

#: Operations whose results share no memory with what they are made of. All others may.
FRESH = {
    "linear", "matmul", "addmm", "conv1d", "conv2d", "convolution", "batch_norm",
    "functional_batch_norm", "_native_batch_norm_legit_no_training", "add", "sub", "rsub", "mul",
    "div", "neg", "truediv", "relu", "leaky_relu", "prelu", "clamp", "clamp_min", "clamp_max",
    "hardtanh", "relu6", "abs", "maximum", "minimum", "amax", "amin", "max_pool1d", "max_pool2d",
    "avg_pool1d", "avg_pool2d", "cat", "stack", "clone",
}  # fmt: skip

#: What can be written in the place of a comparison.
CHOICES = (
    "a choice whose sides agree where it changes can be written with relu, leaky_relu, maximum, "
    "minimum, clamp or abs"
)
_ORDER = "the greatest and the least entries along an axis are amax and amin"

#: What asks for the values of a tensor, of which there are none while a module is read, and what
#: is possible in its place.
ASKING = {
    **dict.fromkeys(
        ("gt", "ge", "lt", "le", "eq", "ne", "greater", "greater_equal", "less", "less_equal",
         "not_equal", "equal", "allclose", "isclose", "where", "any", "all", "nonzero", "isnan",
         "sign", "heaviside", "masked_fill", "cond", "while_loop"), CHOICES),
    **dict.fromkeys(("sort", "argsort", "topk", "kthvalue", "median"), _ORDER),
    **dict.fromkeys(("argmax", "argmin"), "return the values of which it is the index"),
    **dict.fromkeys(("item", "tolist", "numpy", "__array__"), "keep to operations on tensors"),
}  # fmt: skip

#: What a message calls that which is read: the names that a user knows.
KNOWN = (
    "Linear, Conv1d, Conv2d, BatchNorm1d, BatchNorm2d, ReLU, LeakyReLU, PReLU, ReLU6, Hardtanh, "
    "clamp, abs, max and average pooling, sums, multiples by numbers, maxima, minima, "
    "concatenation, slicing and reshaping"
)


def asks_for_values(place: str, how: str, instead: str = CHOICES) -> InputError:
    """Return the error of a module that asks for the values of a tensor."""
    return InputError(
        f"{place}the module asks for values of a tensor by {how} (data-dependent control flow), "
        f"which no partition of the input space by one network can follow; {instead}"
    )


def unsupported(what: str) -> UnsupportedLayerError:
    """Return the error that says what is not supported, and what is."""
    return UnsupportedLayerError(
        f"{what} is not supported; supported are {KNOWN}; write the module with these"
    )
