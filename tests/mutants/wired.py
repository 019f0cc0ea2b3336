"""Mutants of networks that are no chains: blocks of layers, and what each of them reads."""

from tests.mutants.mutation import Mutant

_WIRED = "tests/test_wired.py"
_INTEGERS = f"{_WIRED}::test_integers_agree_with_fractions"
_FORMS = f"{_WIRED}::test_forms_are_those_of_the_pattern"
_BRUTE = f"{_WIRED}::test_engines_agree_with_brute_force"
_BLOCK = f"{_WIRED}::test_layers_that_do_not_read_each_other_are_a_block"
_CHAIN = f"{_WIRED}::test_what_is_a_chain_is_one_however_it_is_given"


def _of(module: str, *lines: tuple[str, str, str, str]) -> list[Mutant]:
    """Return mutants of one module: (remark, old, new, test)."""
    return [Mutant(module, old, new, (test,), remark) for remark, old, new, test in lines]


MUTANTS: list[Mutant] = [
    Mutant(
        "model/evaluation.py", "reads == range(*self.starts[source : source + 2]):",
        "reads[0] == self.starts[source]:", (_INTEGERS,), "what begins like a source is the source",
        "a range is all of the layer before, which is the last of its block: where it begins one "
        "it is the whole block",
    ),
    *_of(
        "model/evaluation.py",
        ("the earlier features keep their denominator",
         "parts = tuple([above * t for t in part] for part in parts)", "pass", _FORMS),
        ("the common denominator forgets the slopes",
         "denominators = [above * t for t in denominators]", "pass", _FORMS),
        ("the features of a block replace those of the one before",
         "(*parts, new), (*self.starts,", "(*parts[:-1], new, new), (*self.starts,", _INTEGERS),
        ("what is read in part is read from the beginning of its source",
         "at = (feature - self.starts[source]) * columns", "at = 0 * columns", _INTEGERS),
        ("all that is read comes from the source of the first",
         "                source = bisect_right(self.starts, feature) - 1\n"
         "                at =", "                at =", _INTEGERS),
        ("the scales of the features are those of the inputs",
         "            scales += own\n", "            scales += [Fraction(1)] * len(own)\n",
         _INTEGERS),
        ("the scales of all features before are those of the last ones",
         "before = [scales[f] for f in reads]", "before = scales[-len(reads) :]", _INTEGERS),
        ("of a cone only what its last block reads is evaluated",
         "for index in range(last, 0, -1):", "for index in range(last, last - 1, -1):", _INTEGERS),
        ("a cone has the layer of the unit before",
         "places[feature - starts[source]]", "places[feature - starts[source] - 1]", _INTEGERS),
        ("a layer that is not asked for is evaluated and the others are not",
         "if layers is None or number in layers:", "if layers is None or number not in layers:",
         _INTEGERS),
        ("every layer of a block reads what its first layer reads",
         "(layer.matrix * features.gathered(layer.reads)).entries()",
         "(layer.matrix * features.gathered([*block.layers[0].reads, *layer.reads][: "
         "len(layer.reads)])).entries()", _INTEGERS),
        ("units of a block come in the order of their layers",
         "for (i, _), row in zip(wanted, _rows_of(z), strict=True):",
         "for i, row in enumerate(_rows_of(z)):", _INTEGERS),
        ("units of one layer only are all of its first units",
         "[[layer.matrix[k, c] for c in columns] for _, k in wanted]",
         "[[layer.matrix[k, c] for c in columns] for k in range(len(wanted))]", _INTEGERS),
    ),
    *_of(
        "model/layers.py",
        ("layers that read the last unit of a block are in it",
         "reads[-1] >= first or", "reads[-1] > first or", _BRUTE),
        ("a block begins where its layer does not read the input",
         "reads[-1] >= first or", "reads[0] >= first or", _BRUTE),
        ("an output that reads no unit of the last block is hidden",
         " or layer is layers[-1]):", "):",
         f"{_WIRED}::test_an_output_that_reads_inputs_only_is_a_block_of_its_own"),
        ("what a layer reads is counted from 0",
         "reads = tuple(1 + f for f in layer.reads)", "reads = tuple(f for f in layer.reads)",
         _INTEGERS),
        ("all of the layer before is all features",
         "before, begin = begin, begin + layer.num_neurons",
         "begin = begin + layer.num_neurons", _INTEGERS),
        ("the first unit of a block is that of the first block",
         "            run, first = [], begin\n", "            run, first = [], first\n", _BLOCK),
        ("a chain that is told keeps its lists",
         "elif layer.reads == tuple(range(start, count)):", "elif layer.reads == ():", _CHAIN),
        ("as many features as the layer before has are all of it",
         "elif layer.reads == tuple(range(start, count)):",
         "elif len(layer.reads) == count - start:",
         f"{_WIRED}::test_as_many_features_as_the_layer_before_has_may_be_others"),
        ("a layer may read its own units",
         "elif layer.reads[-1] >= count:", "elif layer.reads[-1] > count:",
         f"{_WIRED}::test_what_is_not_there_cannot_be_read"),
    ),
    *_of(
        "engines/complex/signs.py",
        ("the errors of several sources are those of the last",
         "            bound = bound + error\n", "            bound = error\n",
         "tests/test_complex_bounds.py::test_errors_of_several_sources_add_up"),
        ("the errors of several sources are those of the constant",
         "            bound = bound + error\n", "            pass\n",
         "tests/test_complex_bounds.py::test_errors_of_several_sources_add_up"),
        ("the columns of the inputs are one off",
         "own - start + (source > 0)", "own - start + 1", _BRUTE),
        ("the columns of the units are one off",
         "own - start + (source > 0)", "own - start", _BRUTE),
        ("some features of one source are all of them",
         "if not others and len(features) == stop - start - (source == 0):", "if not others:",
         _BRUTE),
        ("as many features as the first source has are all of it",
         "if not others and len(features)", "if len(features)", _BRUTE),
        ("the features that a block reads have the scales of the first ones",
         "_scaled(rounded_block, exponents[features], None)",
         "_scaled(rounded_block, exponents[: len(features)], None)", _BRUTE),
        ("the exponents of a block are not kept",
         "exponents = np.append(exponents, floats.exponent)",
         "exponents = np.append(exponents, 0 * floats.exponent)", _BRUTE),
    ),
]  # fmt: skip
