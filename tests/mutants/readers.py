"""Mutants of the readers: what is refused, what is counted, what is believed."""

from tests.mutants.mutation import Mutant

_FORMATS = "tests/test_formats.py"
_STATE = "tests/test_state_dict.py"
_DATA = "tests/test_dataset.py"

MUTANTS = [
    Mutant(
        "readers/source.py", "if not stat.S_ISREG(os.fstat(descriptor).st_mode):", "if False:",
        (f"{_FORMATS}::test_pipes_and_devices",), "what is no regular file is opened",
    ),
    Mutant(
        "readers/source.py", "if not self.path.is_file():", "if False:",
        (f"{_FORMATS}::test_directory",), "no look at what a path is",
        "the opener looks again, at the file that it has opened; this look only keeps the order "
        "of the messages",
    ),
    Mutant(
        "readers/source.py", 'not content.startswith(b"PK\\x03\\x04")', "False",
        (f"{_STATE}::test_a_pickle_with_a_zip_behind_it",), "a zip begins anywhere",
        "then the first member does not stand at byte 0 either, as its directory says",
    ),
    Mutant(
        "readers/source.py", "if offsets and (min(offsets) != 0 or", "if offsets and (",
        (f"{_STATE}::test_a_pickle_with_a_zip_behind_it",), "a zip behind four bytes of its own",
    ),
    Mutant(
        "readers/source.py", "if len(content) > limit:", "if False:",
        (f"{_FORMATS}::test_too_large_a_file",), "files of any size",
    ),
    Mutant(
        "readers/source.py", "if unpacked > MAX_BYTES:", "if False:",
        (f"{_FORMATS}::test_npz_that_unpacks_to_too_much",), "unpacked to any size",
    ),
    Mutant(
        "readers/source.py", "if info.filename in seen:", "if False:",
        (f"{_FORMATS}::test_npz_with_one_name_twice",), "one name twice",
    ),
    Mutant(
        "readers/allowance.py", "if self._digits < 0:", "if False:",
        (
            f"{_FORMATS}::test_few_bytes_that_stand_for_many_digits",
            f"{_FORMATS}::test_npz_of_denormals",
        ),
        "any number of digits",
    ),
    Mutant(
        "readers/allowance.py", "if self._numbers < 0:", "if False:",
        (f"{_FORMATS}::test_npz_of_zeros_that_are_packed",), "any number of numbers",
    ),
    Mutant(
        "readers/allowance.py", "digits += abs(int(exponent.lstrip(\"+-\")))", "pass",
        (f"{_FORMATS}::test_few_bytes_that_stand_for_many_digits",), "powers of ten are free",
    ),
    Mutant(
        "readers/allowance.py", "int(np.abs(exponents, dtype=np.int64).sum())", "0",
        (f"{_FORMATS}::test_npz_of_denormals",), "powers of two are free",
    ),
    Mutant(
        "readers/tensors.py", "if tensor.dtype not in _PLAIN:", "if False:",
        (f"{_STATE}::test_types_that_are_no_plain_numbers", f"{_STATE}::test_bad_state_dict"),
        "tensors of any type",
    ),
    Mutant(
        "readers/tensors.py", "tensor.layout == torch.strided and not tensor.is_nested", "True",
        (f"{_STATE}::test_types_that_are_no_plain_numbers", f"{_STATE}::test_bad_pt"),
        "nested and sparse tensors",
    ),
    Mutant(
        "readers/tensor_files.py", "        take_tensor(allowance, value)\n", "",
        (f"{_STATE}::test_bad_pt",), "expanded tensors are free",
    ),
    Mutant(
        "readers/tensor_files.py", "weights_only=True", "weights_only=False",
        (_STATE,), "pickles are run",
    ),
    Mutant(
        "readers/json_file.py", "        if key in result:", "        if False:",
        (f"{_FORMATS}::test_json_of_one_key_many_times_is_refused_at_once",), "a key twice",
    ),
    Mutant(
        "readers/json_file.py", "parse_float=_Number,", "parse_float=float,",
        (f"{_FORMATS}::test_json_decimals_are_not_floats",), "decimals are floats",
    ),
    Mutant(
        "readers/npy.py", "if len(content) - end != prod(shape) * dtype.itemsize:", "if False:",
        (f"{_FORMATS}::test_npz_whose_shape_lies",), "a shape that lies",
    ),
    Mutant(
        "readers/npy.py", 'order="F" if match["fortran"] == "True" else "C"', 'order="C"',
        (f"{_FORMATS}::test_npz_in_fortran_order_and_slope",), "columns read as rows",
    ),
    Mutant(
        "readers/state_dict.py", "if name.isdecimal()), len(common))", "if False), len(common))",
        (f"{_STATE}::test_state_dict_is_the_module",), "a number is dropped with the prefix",
        "a head that is common to all places opens and closes no gap; only errors name it",
    ),
    Mutant(
        "readers/state_dict.py", "return a[:-1] == b[:-1] and b[-1] == a[-1] + 1", "return False",
        (_STATE,), "neighbours have room between them",
    ),
    Mutant(
        "study/dataset.py", "            allowance.take_text(cell)\n", "            pass\n",
        (f"{_DATA}::test_few_bytes_that_stand_for_many_digits",), "digits of cells are free",
    ),
    Mutant(
        "study/dataset.py", "if abs(number) > MAX_VALUE:", "if number > MAX_VALUE:",
        (_DATA,), "large negative entries",
    ),
]
