"""Mutants of the readers of .onnx and .nnet: what is computed, charged and refused."""

from tests.mutants.mutation import Mutant

_NNET = "tests/test_nnet.py"
_ONNX = "tests/test_onnx.py"

MUTANTS = [
    Mutant(
        "readers/nnet_file.py", "tuple(1 / r for r in ranges[:-1])",
        "tuple(r for r in ranges[:-1])",
        (f"{_NNET}::test_decimals_and_both_normalizations",), "inputs times their range",
    ),
    Mutant(
        "readers/nnet_file.py", "(means[-1],) * num_outputs", "(means[0],) * num_outputs",
        (f"{_NNET}::test_decimals_and_both_normalizations",), "outputs by another mean",
    ),
    Mutant(
        "readers/nnet_file.py", "lines.check_end()", "pass",
        (f"{_NNET}::test_what_is_refused",), "what stands behind the end is skipped",
    ),
    Mutant(
        "readers/nnet_file.py", "self._allowance.take_text(word)", "pass",
        (f"{_NNET}::test_few_bytes_that_stand_for_much",), "digits are free",
    ),
    Mutant(
        "readers/nnet_file.py", 'not in ("\\n", ","):', 'not in ("\\n", *",0123456789"):',
        (f"{_NNET}::test_every_beginning_is_refused_or_the_whole",), "a number may be cut off",
    ),
    Mutant(
        "readers/onnx_bytes.py",
        "tensor.data_location == TensorProto.EXTERNAL or tensor.external_data", "False",
        (f"{_ONNX}::test_changed_models",), "external data is taken for none",
    ),
    Mutant(
        "readers/onnx_bytes.py", "or size > MAX_NUMBERS:", "or False:",
        (f"{_ONNX}::test_changed_models",), "shapes of any size",
    ),
    Mutant(
        "readers/onnx_file.py", "if not name or name in known:", "if not name:",
        (f"{_ONNX}::test_changed_models",), "a name may stand for two tensors",
    ),
    Mutant(
        "readers/onnx_file.py", "if size < 1 and axis:", "if size < 1 and axis > 1:",
        (f"{_ONNX}::test_changed_models",), "any open axis is 1",
    ),
    Mutant(
        "readers/onnx_file.py", "if value.is_final:", "if False:",
        (f"{_ONNX}::test_what_is_not_affine_at_the_end",), "what follows a Softmax is read",
    ),
    Mutant(
        "readers/onnx_file.py", "if node.domain not in _DOMAINS or", "if",
        (f"{_ONNX}::test_changed_models",), "operators of other domains",
    ),
    Mutant(
        "readers/onnx_operators.py", 'more_before=mode == "SAME_LOWER"', "more_before=True",
        (f"{_ONNX}::test_operators",), "the odd padding of SAME_UPPER stands before",
    ),
    Mutant(
        "readers/onnx_operators.py", 'if call.attributes.get("training_mode"):', "if False:",
        (f"{_ONNX}::test_uses_that_are_refused",), "normalization in training mode",
    ),
    Mutant(
        "readers/onnx_operators.py", "Fraction(int(a / b)) if is_whole else a / b",
        "Fraction(int(a / b))",
        (f"{_ONNX}::test_constants_are_computed_exactly",), "constants are divided as integers",
    ),
    Mutant(
        "readers/onnx_shapes.py", "w == 0 and i >= len(have)", "False",
        (f"{_ONNX}::test_uses_that_are_refused",), "an axis is copied that is not there",
    ),
    Mutant(
        "readers/operations.py", "if not count:\n", "if False:\n",
        (f"{_ONNX}::test_uses_that_are_refused",), "the mean of nothing",
    ),
    Mutant(
        "readers/operations.py", "sign = Fraction(1 if high is None else -1)", "sign = Fraction(1)",
        (f"{_ONNX}::test_operators",), "a clip from above is one from below",
    ),
]
