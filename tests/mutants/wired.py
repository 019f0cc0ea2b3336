"""Mutants of networks that are no chains: blocks of layers, and what each of them reads."""

from tests.mutants.mutation import Mutant

_WIRED = "tests/test_wired.py"
_INTEGERS = f"{_WIRED}::test_integers_agree_with_fractions"
_FORMS = f"{_WIRED}::test_forms_are_those_of_the_pattern"
_ZEROS = "tests/test_vanishing.py::test_what_is_zero_with_what_it_reads"
_PARTS = "tests/test_vanishing.py::test_bounds_of_parts_hold"
_PASSED = "tests/test_vanishing.py::test_an_error_that_passes_a_unit"
_TWINS = "tests/test_vanishing.py::test_filtered_and_exact_signs_agree_where_twins_are"
_BRUTE = f"{_WIRED}::test_engines_agree_with_brute_force"
_STAY = "tests/test_lp_wired.py::test_forms_of_every_layer_stay_where_they_are"
_ZERO = "tests/test_lp_wired.py::test_a_skip_to_the_inputs_keeps_what_is_exactly_zero"
_JOINED = "tests/test_lp_wired.py::test_cells_of_a_maximum_are_joined"
_CELLS = "tests/test_lp_wired.py::test_cells_that_do_not_make_the_regions_are_refused"
_LABELS = "tests/test_labels.py::test_random_networks"
_VALUES = "tests/test_carried.py::test_every_value_is_within_its_bound"
_DECIDING = "tests/test_labels.py::test_deciding_bits_are_equal_where_labels_are"
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
         "for index in range(last, -1, -1):", "for index in range(last, last - 2, -1):", _INTEGERS),
        ("a cone has the unit before",
         "wanted[source].add(feature - starts[source])",
         "wanted[source].add(max(feature - starts[source] - 1, 0))", _INTEGERS),
        ("the features of a cone keep their denominator",
         "values = {f: [block.above * t for t in row] for f, row in values.items()}",
         "values = dict(values)", _INTEGERS),
        ("a unit of a cone that is off is zero",
         "t * block.above if t > 0 else t * below if below != 0 else zero",
         "t * block.above if t > 0 else zero", _INTEGERS),
        ("every layer of a block reads what its first layer reads",
         "(layer.matrix * features.gathered(layer.reads)).entries()",
         "(layer.matrix * features.gathered([*block.layers[0].reads, *layer.reads][: "
         "len(layer.reads)])).entries()", _INTEGERS),
        ("units of a cone are the first of their layers",
         "                result[k] = z[row]\n", "                result[k] = z[0]\n", _INTEGERS),
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
         "and layer.reads == tuple(range(start, count)):", "and layer.reads == ():", _CHAIN),
        ("as many features as the layer before has are all of it",
         " and layer.reads == tuple(range(start, count)):", ":",
         f"{_WIRED}::test_as_many_features_as_the_layer_before_has_may_be_others"),
        ("a layer may read its own units",
         "elif layer.reads[-1] >= count:", "elif layer.reads[-1] > count:",
         f"{_WIRED}::test_what_is_not_there_cannot_be_read"),
    ),
    *_of(
        "engines/complex/float_blocks.py",
        ("the error of what is read is left out",
         "        error *= 1.0 + c\n", "        error *= 0.0\n", _PARTS),
        ("the rounding of a sparse product is left out",
         "        error += c * np.abs(h)\n", "", _PARTS),
        ("a unit that is off has no error",
         "        z += bound\n", "", _PASSED),
        ("a slope over 1 does not spread errors",
         "bound[leaky] * np.maximum(1.0, np.abs(slope))", "bound[leaky]", _PASSED),
        ("the columns of the inputs are one off",
         "own - start + (source > 0)", "own - start + 1", _BRUTE),
        ("the columns of the units are one off",
         "own - start + (source > 0)", "own - start", _BRUTE),
        ("some features of one source are all of them",
         "if not others and len(features) == stop - start - (source == 0):", "if not others:",
         _BRUTE),
        ("as many features as the first source has are all of it",
         "if not others and len(features)", "if len(features)", _BRUTE),
    ),
    *_of(
        "engines/complex/carried.py",
        ("a feature that is 0 at some vertex is not kept",
         "np.bitwise_or.reduce(word)", "np.bitwise_and.reduce(word)", _VALUES),
        ("features that are 0 at all vertices are kept",
         "(last[1:] > block) & (is_alive > 0)", "last[1:] > block",
         "tests/test_carried.py::test_what_is_zero_at_all_vertices_is_not_kept"),
    ),
    *_of(
        "engines/complex/float_blocks.py",
        ("all sources have the weights of the first",
         "        begin += len(at)\n        if source:", "        if source:", _VALUES),
    ),
    *_of(
        "regions/contests.py",
        ("the side that loses goes on", "contests[at, 1] if on else contests[at, 0]",
         "contests[at, 0] if on else contests[at, 1]", _DECIDING),
        ("contests of entries that lose count",
         "    result &= ~pack(contested, widths)\n", "", _DECIDING),
    ),
    *_of(
        "engines/complex/vanishing.py",
        ("a unit with a bias is zero with what it reads",
         "if row.bias or not row.is_short:", "if not row.is_short:", _ZEROS),
        ("units with other biases are twins",
         "(bias, slope, read.tobytes()", "(slope, read.tobytes()", _ZEROS),
        ("units with other slopes are twins",
         "(bias, slope, read.tobytes()", "(bias, read.tobytes()", _TWINS),
        ("units whose floats are equal are twins", "if other.exact() == row:", "if True:",
         "tests/test_vanishing.py::test_rows_whose_floats_are_equal_are_no_twins"),
        ("a leaky unit of a negative bias that reads nothing is zero",
         "(bias < 0 and slope == 0)", "bias < 0", _TWINS),
        ("a unit is zero where one feature that it reads is",
         "np.maximum.reduceat(", "np.minimum.reduceat(", _BRUTE),
    ),
    *_of(
        "engines/complex/units.py",
        ("leaky units count as off",
         "[slope != 0 for slope in block.slopes]", "[slope > 9 for slope in block.slopes]", _TWINS),
    ),
    *_of(
        "engines/complex/kernels.py",
        ("a new vertex has the zeros of one end of its edge",
         "alive[slot[a], i] | alive[slot[b], i]", "alive[slot[a], i]", _TWINS),
    ),
    *_of(
        "engines/complex/vertex_signs.py",
        ("a zero with a bound is known",
         "elif not (value == 0.0 and bound == 0.0):", "elif not value == 0.0:",
         "tests/test_carried.py::test_a_float_of_the_second_look_decides_beyond_its_bound_alone"),
    ),
    *_of(
        "engines/complex/signs.py",
        ("the features that a block reads have the scales of the first ones",
         "scaled(rounded_block, exponents[features], None)",
         "scaled(rounded_block, exponents[: len(features)], None)", _BRUTE),
        ("the exponents of a block are not kept",
         "exponents = np.append(exponents, floats.exponent)",
         "exponents = np.append(exponents, 0 * floats.exponent)", _BRUTE),
    ),
    *_of(
        "engines/lp/frame.py",
        ("inputs are not multiplied by the slopes' denominators",
         "Fraction(weight * above)", "Fraction(weight)", _STAY),
        ("a bias is not multiplied by the slopes' denominators",
         "int(bias) * above)", "int(bias))", _STAY),
        ("units of earlier blocks count as those of the last one",
         "weight * (above // grown[source + 1])", "weight", _STAY),
        ("constants are zero whatever the blocks have that are read",
         " and all(is_zero[s] for s in sources)", "", _ZERO),
        ("all that is read is as large as its constant",
         "        sizes += size\n", "        sizes += 0.0 if place > frame.bias_column else size\n",
         "tests/test_lp_bounds.py::test_a_row_that_reads_inputs_above_all"),
    ),
    *_of(
        "engines/lp/search.py",
        ("the roundings of what reads the inputs do not count",
         "total, error = forms.own_size[n], 0.0", "total, error = 0.0, 0.0",
         "tests/test_lp_bounds.py::test_a_row_that_reads_inputs_above_all"),
        ("what reads the inputs alone has no error",
         "error = forms.own_error[n]", "error = 0.0",
         "tests/test_lp_bounds.py::test_coefficients_of_the_first_layer"),
        ("what is read are the first units", "j = units[e]", "j = e - begin", _STAY),
    ),
    *_of(
        "regions/by_search.py",
        ("the witness of a region is that of a cell of its number",
         "self._points(first[list(regions)].tolist())", "self._points(list(regions))", _JOINED),
        ("a region is unbounded where the first of its cells is",
         "unbounded[of_cell[found.is_unbounded]] = True",
         "unbounded[:] = found.is_unbounded[first]",
         _LABELS),
    ),
    *_of(
        "regions/merging.py",
        ("a region may be its own neighbour", "keys[one != other]", "keys", _JOINED),
    ),
    *_of(
        "regions/storage.py",
        ("cells may be of any regions", "np.array_equal(of_cell, regions) and ", "", _CELLS),
        ("cells may have any patterns", " and np.array_equal(words[first], patterns)", "", _CELLS),
    ),
]  # fmt: skip
