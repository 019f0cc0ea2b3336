"""Mutants of the complex engine: signs, kernels, lattice, start, engine, numbering, volumes."""

from tests.mutants.mutation import Mutant

_COMPLEX = "engines/complex/"
_BOUNDS = "tests/test_complex_bounds.py"
_BUDGET = "tests/test_complex_budget.py"
_SIGNS = "tests/test_complex_signs.py"
_EXAMPLES = "tests/test_complex.py::test_examples"
_WIDE = "tests/test_complex.py::test_layers_of_about_64_neurons"


def _mutant(module: str, old: str, new: str, remark: str, *tests: str) -> Mutant:
    """Return a mutant of the engine."""
    return Mutant(_COMPLEX + module, old, new, tests, remark)


MUTANTS = [
    _mutant(
        "kernels.py",
        "                + INTERPOLATION_ROUNDING * (abs(ya) + abs(yb))\n",
        "",
        "an interpolation is not rounded",
        f"{_BOUNDS}::test_rounding_of_an_interpolation",
    ),
    _mutant(
        "kernels.py",
        "place.dt * abs(difference)",
        "0.0 * abs(difference)",
        "the place of an interpolation is exact",
        f"{_BOUNDS}::test_errors_that_an_interpolation_takes_over",
    ),
    _mutant(
        "kernels.py",
        "                + SIGN_FLOOR\n",
        "",
        "an interpolation does not underflow",
        f"{_BOUNDS}::test_underflow_of_an_interpolation",
    ),
    _mutant(
        "kernels.py",
        "            bound *= TO_SINGLE\n",
        "",
        "a bound is not rounded to float32",
        f"{_BOUNDS}::test_errors_that_an_interpolation_takes_over",
    ),
    _mutant(
        "kernels.py",
        "bound if ea + eb + bound < np.inf else np.inf",
        "bound",
        "a bound may be not a number",
        f"{_BOUNDS}::test_what_is_no_number_gets_an_infinite_bound",
    ),
    _mutant(
        "kernels.py",
        "* CROSSING_INFLATION + CROSSING_ROUNDING",
        "* CROSSING_INFLATION",
        "a crossing is not rounded",
        f"{_BOUNDS}::test_rounding_of_a_crossing",
    ),
    _mutant(
        "kernels.py",
        "(zb / total * ea + za / total * eb)",
        "(za / total * ea + zb / total * eb)",
        "the values of a crossing are exchanged",
        f"{_BOUNDS}::test_errors_that_a_crossing_takes_over",
    ),
    _mutant(
        "kernels.py",
        "    if value == 0.0 and bound == 0.0:\n",
        "    if value == 0.0:\n",
        "a float that is 0 is an exact 0",
        f"{_SIGNS}::test_sign_gaps_far_below_float_resolution",
    ),
    _mutant(
        "kernels.py",
        "    if value > bound:\n",
        "    if value > 0.0:\n",
        "floats above 0 are certain",
        f"{_SIGNS}::test_sign_gaps_far_below_float_resolution",
    ),
    _mutant(
        "kernels.py",
        "                    if signs.zer & bit != _ZERO:\n",
        "                    if False:\n",
        "no ridge lies in a hyperplane",
        _EXAMPLES,
    ),
    _mutant(
        "float_blocks.py",
        "return (int(self.weight.shape[0]) + 5) * UNIT_ROUNDOFF",
        "return 0.5 * UNIT_ROUNDOFF",
        "products are hardly rounded",
        f"{_BOUNDS}::test_rounding_of_a_product",
    ),
    _mutant(
        "float_blocks.py",
        "lead + self.error(h, bound) * (self.growth * self.spread)",
        "lead + self.error(h, bound) * self.growth",
        "an activation does not spread errors",
        f"{_BOUNDS}::test_an_error_that_an_activation_spreads",
    ),
    _mutant(
        "float_blocks.py",
        "lead + self.error(h, bound) * (self.growth * self.spread)",
        "lead + self.error(h, bound) * self.spread",
        "an activation lets no error grow",
        f"{_BOUNDS}::test_an_error_that_an_activation_spreads",
    ),
    _mutant(
        "float_blocks.py",
        "np.add(error, SIGN_FLOOR, out=ez",
        "np.add(error, 0.0, out=ez",
        "a preactivation does not underflow",
        f"{_BOUNDS}::test_underflow_of_a_preactivation",
    ),
    _mutant(
        "signs.py",
        "self.is_in_range = units_in_range and reach < RANGE_LIMIT",
        "self.is_in_range = not reach > np.inf",
        "every number is in range",
        f"{_BOUNDS}::test_beyond_the_range_no_float_decides",
    ),
    _mutant(
        "signs.py",
        "abs(value) * NEAREST_ROUNDING + SIGN_FLOOR",
        "abs(value) * 0.25 * NEAREST_ROUNDING + SIGN_FLOOR",
        "the nearest float is a quarter of a unit off",
        f"{_BOUNDS}::test_numbers_that_are_rounded_afresh",
    ),
    _mutant(
        "start.py",
        "wrong = np.abs(nearest) * NEAREST_ROUNDING + CORNER_FLOOR",
        "wrong = np.abs(nearest) * 0.0 + CORNER_FLOOR",
        "corners are not rounded",
        f"{_BOUNDS}::test_corners_that_no_float_is",
    ),
    _mutant(
        "polytopes.py",
        "cuts, touches = crossed[k][facet], flat[facet] >= 0",
        "cuts, touches = crossed[k][facet], flat[facet] >= len(flat)",
        "a row has no facets that lie in it already",
        "tests/test_polytopes.py::test_faces_of_polytopes",
    ),
    _mutant(
        "polytopes.py",
        "whole, flat = _face(whole, values), flat or (a, b)",
        "flat = flat or (a, b)",
        "what is flat cannot be empty",
        "tests/test_polytopes.py::test_no_interior",
    ),
    _mutant(
        "templates.py",
        "steps = np.multiply.outer(places[stars], (2, 1))",
        "steps = np.multiply.outer(places[stars], (2, 2))",
        "a facet of the cube is taken twice",
        f"{_BUDGET}::test_faces_of_a_cube",
    ),
    _mutant(
        "lattice.py",
        "            self._sort(roots=True, renew=new_layer)\n",
        "            self._sort(roots=True, renew=False)\n",
        "an edge keeps its root in the next layer",
        _EXAMPLES,
    ),
    _mutant(
        "lattice.py",
        "        lengths[starts[1] : starts[2]] += 2 * roots\n",
        "        lengths[starts[1] : starts[2]] += 0 * roots\n",
        "an edge has no room for its root",
        _EXAMPLES,
    ),
    _mutant(
        "engine.py",
        "                    zer |= (value == 0) << k\n",
        "                    zer |= 0\n",
        "an exact 0 is no sign",
        _EXAMPLES,
    ),
    _mutant(
        "engine.py",
        "        mask = np.uint64((1 << done) - 1)\n",
        "        mask = np.uint64(2**64 - 1)\n",
        "signs of neurons that are not done stay",
        f"{_BUDGET}::test_wherever_the_clock_strikes_the_complex_is_whole",
    ),
    _mutant(
        "engine.py",
        "            with suppress(_Late):\n                self._settle(",
        "            if True:\n                self._settle(",
        "a step that the clock ends is left half done",
        f"{_BUDGET}::test_wherever_the_clock_strikes_the_complex_is_whole",
    ),
    _mutant(
        "engine.py",
        "            self._evaluated = count\n",
        "            self._evaluated = 0\n",
        "nothing is evaluated when a layer begins",
        _EXAMPLES,
    ),
    _mutant(
        "numbering.py",
        "        offset = 0 if renew else 2\n",
        "        offset = 2\n",
        "the root of a new layer's edge is the old one",
        _EXAMPLES,
    ),
    Mutant(
        "regions/geometry.py",
        "return abs(table[full, 0]), (table[full, 2] + rounding)",
        "return abs(table[full, 0]), rounding",
        (f"{_BOUNDS}::test_determinants_of_entries_that_are_wrong",),
        "errors of coordinates do not change a determinant",
    ),
    Mutant(
        "regions/geometry.py",
        "rounding = 0.5 * (d - 1) * (d + 2)",
        "rounding = 0.5 * (d - 1) * d",
        (f"{_BOUNDS}::test_rounding_of_determinants",),
        "the products of a determinant are not rounded",
    ),
    Mutant(
        "regions/geometry.py",
        "+ wrong * table[minor, 1]",
        "+ 0.0 * table[minor, 1]",
        (f"{_BOUNDS}::test_determinants_of_entries_that_are_wrong",),
        "errors of one row change nothing",
    ),
    Mutant(
        "regions/geometry.py",
        "error += bound + UNIT_ROUNDOFF * total",
        "error += bound",
        (f"{_BOUNDS}::test_rounding_of_sums_of_simplices",),
        "a sum of simplices is not rounded",
    ),
    Mutant(
        "regions/geometry.py",
        "bounds + np.abs(points) * UNIT_ROUNDOFF",
        "bounds",
        (f"{_BOUNDS}::test_rounding_of_points_of_rays",),
        "a quotient of coordinates is not rounded",
    ),
    Mutant(
        "regions/geometry.py",
        "bounds = (ex + np.abs(points) * error) / ",
        "bounds = ex / ",
        (f"{_BOUNDS}::test_rounding_of_points_of_rays",),
        "the length of a ray has no error",
    ),
    Mutant(
        "engines/complex/start.py",
        "    errors[lost] = np.nextafter(errors[lost], np.inf)\n",
        "",
        (f"{_BOUNDS}::test_coordinates_that_underflow_in_plain_units",),
        "nothing underflows in plain units",
    ),
    Mutant(
        "engines/complex/start.py",
        "    errors[~np.isfinite(plain)] = np.inf\n",
        "",
        (f"{_BOUNDS}::test_coordinates_that_underflow_in_plain_units",),
        "nothing overflows in plain units",
    ),
    Mutant(
        "engines/complex/start.py",
        "max(_exponent_above(*end) for end in ends if end[0] > 0)",
        "0 * max(_exponent_above(*end) for end in ends if end[0] > 0)",
        (f"{_BOUNDS}::test_volumes_are_relative_to_the_box",),
        "bounds are not relative to the box",
    ),
    Mutant(
        "engines/complex/engine.py",
        "rounded(above, below, exponents[row])",
        "rounded(above, below)",
        (f"{_BOUNDS}::test_a_value_that_integers_settle_has_the_unit_of_its_neuron",),
        "a value is not in the unit of its neuron",
    ),
    Mutant(
        "engines/complex/signs.py",
        "rounded(t, length, e)",
        "rounded(t, length)",
        (f"{_BOUNDS}::test_a_value_that_integers_settle_has_the_unit_of_its_neuron",),
        "a coordinate is not in the unit of its axis",
    ),
    Mutant(
        "regions/geometry.py",
        "error_of_both = ex[v, axis] + ex[g, axis] + UNIT",
        "error_of_both = UNIT",
        (f"{_BOUNDS}::test_volumes_of_boxes_on_no_float",),
        "coordinates have no errors in a volume",
    ),
]
