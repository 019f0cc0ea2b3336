"""Mutants of sampling: error bounds, decisions, the table, points and counts."""

from tests.mutants.mutation import Mutant

BOUNDS = "tests/test_sampling_bounds.py"
RANGE = "tests/test_sampling_range.py"
STATIC = f"{BOUNDS}::test_every_rounding_of_a_static_bound_can_happen"
RUNNING = f"{BOUNDS}::test_every_rounding_of_a_running_bound_can_happen"
UNDERFLOW = f"{BOUNDS}::test_underflow_of_a_running_bound_can_happen"
SLOPES = f"{RANGE}::test_slopes_at_the_ends_of_the_range"
CASES = f"{RANGE}::test_entries_and_boxes_at_the_ends_of_the_range"
GRID = "tests/test_sampling_certainty.py::test_central_network_on_a_grid"
TABLE = "tests/test_sampling_table.py"
RUN = "tests/test_sampling.py"
DEVICE = "tests/test_device_check.py"
WIRED = "tests/test_sampling_wired.py"
VAGUE = f"{BOUNDS}::test_vague_enclosures_and_no_others_become_exact"
INTERVALS = f"{BOUNDS}::test_intervals_of_activations_hold_the_exact_ones"


def _of(module: str, *lines: tuple[str, str, str, str]) -> list[Mutant]:
    """Return mutants of one module of sampling: (remark, old, new, test)."""
    path = f"sampling/{module}.py"
    return [Mutant(path, old, new, (test,), remark) for remark, old, new, test in lines]


MUTANTS: list[Mutant] = [
    *_of(
        "floats",
        ("no rounding of the sum", "gamma * size + _product", "_product", STATIC),
        ("no error of the inputs", "_product(np.abs(weight), error) + ", "", STATIC),
        ("no error of the weights", " + _product(delta, exact)", "", STATIC),
        ("no underflow of products", "3 * terms + 2", "2",
         f"{BOUNDS}::test_products_that_are_flushed_err_as_much_as_their_bound"),
        ("no underflow of operands", " + 2 * np.abs(weight).sum(axis=1)", "",
         f"{BOUNDS}::test_flushed_operands_err_as_much_as_their_bound"),
        ("factors of bounds are raised too high", '_LEAST_BOUND = LEAST_NORMAL["float64"]',
         "_LEAST_BOUND = 2.0**-900",
         f"{BOUNDS}::test_what_a_flushed_operand_does_in_the_next_layer"),
        ("products do not underflow in intervals", "slack + _LEAST_BOUND * terms", "slack",
         f"{BOUNDS}::test_intervals_of_products_that_vanish"),
        ("no rounding of the slope", "off + UNIT_ROUNDOFF[dtype]", "UNIT_ROUNDOFF[dtype]", STATIC),
        ("no rounding of the product with the slope", "off + UNIT_ROUNDOFF[dtype] * abs(slope)",
         "off", STATIC),
        ("products with a slope may overflow", "if is_safe and abs", "if abs", SLOPES),
        ("constants may overflow", "np.where(idle, 2.0 * THRESHOLD,", "np.where(idle, 0.0,", CASES),
        ("slopes may be flushed", "abs(rounded) >= LEAST_NORMAL[dtype]", "abs(rounded) >= 0",
         f"{RANGE}::test_slopes_that_may_be_flushed_are_zero"),
        ("weights near 0 are 0 in intervals", "(layer.weight != 0) | (layer.error != 0)",
         "layer.weight != 0", CASES),
        ("activations near 0 are 0 in intervals", "is_sloped, _LEAST_BOUND, 0.0",
         "is_sloped, 0.0, 0.0", INTERVALS),
        ("slopes near 0 are 0 in intervals", "layer.slope != 0 or layer.slope_error != 0",
         "layer.slope != 0", INTERVALS),
        ("rows of any length", " if terms <= MOST_TERMS else np.inf", "",
         f"{RANGE}::test_rows_with_too_many_terms_have_no_bound"),
    ),
    *_of(
        "running",
        ("no underflow of products", "3.0 * touched + 2.0", "2.0", UNDERFLOW),
        ("no underflow of operands", "3.0 * touched + 2.0 * size", "3.0 * touched", UNDERFLOW),
        ("no rounding of the sum", "gamma * size + layer.error", "layer.error", RUNNING),
        ("no error of the weights", "gamma * size + layer.error", "gamma * size", RUNNING),
        ("no rounding of the slope", "(off + _UNIT * abs(slope))", "(_UNIT * abs(slope))", RUNNING),
        ("sums may overflow", "torch.where(bound < _PROVES_FINITE, bound, torch.inf)", "bound",
         f"{RUN}::test_sums_that_overflow_decide_nothing"),
        ("one known sign is enough", "(bound == 0)).all(dim=1)", "(bound == 0)).any(dim=1)",
         f"{BOUNDS}::test_products_that_vanish_in_floats_are_no_zeros"),
    ),
    *_of(
        "classify",
        ("a boundary is a region", "if len(candidates) > 1:", "if len(candidates) > 99:", GRID),
        ("one certain sign is enough", "(asked == mask).all(dim=1)", "(asked == mask).any(dim=1)",
         "tests/test_sampling_certainty.py::test_every_point_is_classified_as_in_fractions"),
    ),
    *_of(
        "kernels",
        ("any slot's region", "if other == 0 or region == _EMPTY",
         "if other >= 0 or region == _EMPTY",
         f"{RUN}::test_tensor_operations_and_compiled_loop_agree"),
        ("the third word is not compared",
         "other |= flat[at + np.uint64(2)] ^ np.uint32(c2[i])", "pass",
         f"{TABLE}::test_each_word_tells_patterns_apart"),
        ("every sign is certain", "if joined[i] & certain:", "if True:",
         f"{TABLE}::test_patterns_that_share_a_layer_are_counted_apart"),
        ("the same pattern twice",
         "            if differs == 0:\n                return False\n", "",
         f"{TABLE}::test_a_pattern_that_two_regions_share_is_refused"),
    ),
    *_of(
        "vectors",
        ("no bias", "            total = builder.fadd(total, spread(load(move(bias, k, bits // 8), "
         "scalar)))\n", "", f"{RUN}::test_compiled_loop_applies_biases_and_slopes"),
        ("no slope", " + steep * min(row[i], zero)", "",
         f"{RUN}::test_compiled_loop_applies_biases_and_slopes"),
        ("one certain sign is enough", "both = builder.and_(both, own)",
         "both = builder.or_(both, own)",
         f"{RUN}::test_compiled_loop_applies_biases_and_slopes"),
        ("slopes other than 0 are cut off", "floor = zero if slope == 0 else",
         "floor = zero if True else",
         f"{RUN}::test_compiled_loop_applies_biases_and_slopes"),
    ),
    *_of(
        "stream",
        ("points leave the box", "lo.astype(kind), (hi - lo).astype(kind)",
         "lo.astype(kind), ((hi - lo) * (1 + 2.0**-22)).astype(kind)",
         f"{RUN}::test_the_greatest_uniform_number_stays_in_the_box"),
        ("words of a pair overlap", "(_shifted(word, 40, 24), _shifted(word, 8, 24))",
         "(_shifted(word, 40, 24), _shifted(word, 24, 24))",
         f"{RUN}::test_points_follow_from_their_numbers"),
    ),
    *_of(
        "device_check",
        ("points are not compared", "np.flatnonzero(is_other | is_wrong)",
         "np.flatnonzero(is_wrong)", f"{DEVICE}::test_another_point_is_found"),
        ("what the CPU leaves open is believed",
         "is_wrong[i] = self._disagree(own_points[:, i], words[first + i]) is not None",
         "pass",
         f"{DEVICE}::test_signs_that_the_cpu_leaves_open_are_compared_with_exact_ones"),
        ("what is certain on both is believed", "is_wrong &= own_certain & certain[rows]",
         "is_wrong &= False", f"{DEVICE}::test_planted_fault_is_found_where_it_is"),
        ("what the device leaves open is compared", "is_wrong &= own_certain & certain[rows]",
         "is_wrong &= own_certain", f"{DEVICE}::test_an_undecided_sample_may_be_wrong"),
    ),
    *_of(
        "fused",
        ("products of any precision", "if not bool((product == number).all()):", "if False:",
         f"{DEVICE}::test_products_in_another_precision_are_refused"),
        ("settings of the environment count for nothing",
         'if device.type == "cuda" and found:', "if False:",
         f"{DEVICE}::test_settings_that_override_the_precision_are_refused"),
        ("one certain sign is enough", "& ((bits & (1 << top - 1)) != 0).all(dim=1)",
         "& ((bits & (1 << top - 1)) != 0).any(dim=1)",
         f"{DEVICE}::test_the_stages_give_the_same_words"),
        ("no slope", "h = h + slope * torch.clamp_max(z, 0.0)", "pass",
         f"{DEVICE}::test_the_stages_give_the_same_words"),
    ),
    *_of(
        "estimators",
        ("a point where all hits are single ones", "if once == total:", "if False:",
         "tests/test_estimators.py::test_single_hits_only_leave_an_interval"),
        ("intervals begin beyond the floats", "return min(_above(number), float_info.max)",
         "return _above(number)", "tests/test_estimators.py::test_counts_beyond_the_floats"),
    ),
    *_of(
        "sequence",
        ("seconds are not looked at", "budget.is_late()", "False",
         "tests/test_judged.py::test_seconds_are_looked_at_while_points_are_drawn"),
    ),
    *_of(
        "lookup",
        ("region 0 in an empty slot", "same & (regions < self.regions)", "same", TABLE),
        ("one word is enough", "(self.codes[regions] == codes).all(dim=1)",
         "(self.codes[regions] == codes).any(dim=1)",
         f"{TABLE}::test_codes_that_share_a_word_are_told_apart"),
        ("the same pattern twice", "if np.any(np.all(ordered[1:] == ordered[:-1], axis=1)):",
         "if False:", f"{TABLE}::test_a_pattern_that_two_regions_share_is_refused"),
    ),
    *_of(
        "points",
        ("points leave the box", "float(kind(high - low))",
         "float(kind((high - low) * (1 + 2.0**-22)))",
         f"{RUN}::test_the_greatest_uniform_number_stays_in_the_box"),
        ("bounds are rounded outward", "if up and exact < bound", "if up and exact > bound",
         f"{RUN}::test_points_stay_in_a_box_that_floats_cannot_bound"),
    ),
    *_of(
        "statistics",
        ("a degree of freedom too many", "freedom = len(expected) - 1", "freedom = len(expected)",
         "tests/test_sampling_statistics.py"),
        ("radii left out", "center + slack", "center", "tests/test_sampling_statistics.py"),
    ),
    *_of(
        "hits",
        ("points left over", "        counter.resolve()\n", "        pass\n",
         f"{RUN}::test_missing_region_is_found"),
        ("points that wait are forgotten", "self._number += left", "self._number = left",
         f"{RUN}::test_tensor_operations_and_compiled_loop_agree"),
    ),
    *_of(
        "checked",
        ("what is not a number is not vague", "~(radius * samples <= _HITS_LEFT_OPEN)",
         "radius * samples > _HITS_LEFT_OPEN", VAGUE),
        ("nothing is vague", "~(radius * samples <= _HITS_LEFT_OPEN)", "np.isnan(radius)", VAGUE),
        ("boxes of any volume", "vague[:] = True", "pass",
         f"{BOUNDS}::test_volumes_of_boxes_beyond_the_floats_are_exact"),
        ("no subnormal errors", " + _SUBNORMAL_ERRORS", "",
         f"{BOUNDS}::test_shares_that_are_subnormal_are_enclosed"),
    ),
    *_of(
        "wired",
        ("features have no errors",
         "            error[:, step.units] = step.layer.activated_error(z, bound, negative)\n", "",
         f"{WIRED}::test_errors_of_features_are_multiplied"),
        ("a sign within its bound is known",
         "known &= (positive | negative | (bound == 0)).all(dim=1)", "pass",
         f"{WIRED}::test_grids_on_which_zeros_abound"),
        ("the units of one slope are all of the layer's first ones",
         "torch.tensor(rows, device=device) + count",
         "torch.arange(len(rows), device=device) + count",
         f"{WIRED}::test_grids_on_which_zeros_abound"),
        ("a point of several regions is in the first",
         "matches[0] if len(matches) == 1 else several", "matches[0] if matches else several",
         f"{WIRED}::test_grids_on_which_zeros_abound"),
        ("what is outside is on a boundary",
         "self.on_boundary if matches else self.outside", "self.on_boundary",
         f"{WIRED}::test_a_missing_region_is_found"),
    ),
]  # fmt: skip
