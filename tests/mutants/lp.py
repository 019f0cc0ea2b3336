"""Lines of the LP engine made wrong.

Every mutant makes the kernels compile anew, minutes of work; ``NUMBA_DISABLE_JIT=1`` in the
environment, with ``PYTEST_ADDOPTS="-W ignore::RuntimeWarning"`` as plain Python warns where
compiled code overflows in silence, runs them as Python, some seconds each.
"""

from tests.mutants.mutation import Mutant

_BOUNDS, _FAR, _BUDGET, _LP = (
    f"tests/test_lp{name}.py" for name in ("_bounds", "_far", "_budget", "")
)
_REDUNDANT = "tests/test_lp_redundancy.py::test_rows_that_bound_are_those_of_the_whole_program"
_DEGENERATE = f"{_LP}::test_degenerate"
_POLYTOPES = "tests/test_lp_polytopes.py"
_NO_INTERIOR = f"{_POLYTOPES}::test_both_engines_say_the_same_of_what_has_no_interior"

MUTANTS = [
    # search
    Mutant(
        "engines/lp/search.py",
        "(value > bounds[n]) - ",
        "(value > 0.0) - ",
        (_FAR,),
        "a sign is believed without its bound",
    ),
    Mutant(
        "engines/lp/search.py",
        "        power = math.ldexp(1.0, -math.frexp(largest)[1]) if inside else 1.0\n",
        "        power = 1.0\n",
        (f"{_FAR}::test_every_ray_is_seen_in_the_cube",),
        "rays are not shortened",
    ),
    Mutant(
        "engines/lp/search.py",
        "        inside = inside and abs(y[i]) + F.blur[i] <= F.reach[i]\n",
        "        inside = inside and True\n",
        (f"{_FAR}::test_a_point_outside_the_box_proves_nothing",),
        "a point beyond the reach is taken",
    ),
    Mutant(
        "engines/lp/search.py",
        "(D + 2) * UNIT * size",
        "(D + 2) * UNIT * size / 16.0",
        (f"{_BOUNDS}::test_evaluating_a_form",),
        "the rounding term divided by 16",
    ),
    Mutant(
        "engines/lp/search.py",
        " + form_size(row, F.blur) + FORM_UNDERFLOW\n    bound *=",
        " + FORM_UNDERFLOW\n    bound *=",
        (f"{_BOUNDS}::test_a_point_seen_from_afar",),
        "the blur dropped",
    ),
    Mutant(
        "engines/lp/search.py",
        "error + share * total + FORM_UNDERFLOW",
        "error + FORM_UNDERFLOW",
        (f"{_BOUNDS}::test_forms_of_the_next_layer",),
        "the roundings of a layer dropped",
    ),
    Mutant(
        "engines/lp/search.py",
        "            if _strict(R, m, back):\n",
        "            if True:\n",
        (_DEGENERATE, f"{_FAR}::test_parallel_bundles"),
        "a witness is not checked against the path",
    ),
    # simplex and its proofs
    Mutant(
        "engines/lp/multipliers.py",
        "share = (count + D) * _UNIT",
        "share = D * _UNIT",
        (f"{_BOUNDS}::test_rounding_of_a_combination_of_rows",),
        "the additions of a combination are exact",
    ),
    Mutant(
        "engines/lp/multipliers.py",
        "share = (count + D) * _UNIT",
        "share = count * _UNIT",
        (f"{_BOUNDS}::test_rounding_of_a_combination_of_rows",),
        "the maximum over a box is exact",
    ),
    Mutant(
        "engines/lp/multipliers.py",
        "top * (objective.error + share * objective.size)",
        "top * objective.error",
        (f"{_BOUNDS}::test_rounding_of_a_combination_of_rows",),
        "the objective of a combination is not rounded",
    ),
    Mutant(
        "engines/lp/multipliers.py",
        "        error += factor * (R.error[r] + share * R.size[r])\n",
        "        error += factor * share * R.size[r]\n",
        (f"{_BOUNDS}::test_what_multipliers_prove_in_a_box",),
        "the errors of the rows dropped",
    ),
    Mutant(
        "engines/lp/multipliers.py",
        "    rho += _UNIT * lost\n",
        "",
        (f"{_BOUNDS}::test_rounding_of_the_multipliers_of_a_cone",),
        "a residual is not rounded",
    ),
    Mutant(
        "engines/lp/multipliers.py",
        "    beta[k] = _ENCLOSURE * rho * column_size(inv, k)\n",
        "    beta[k] = 0.25 * rho * column_size(inv, k)\n",
        (f"{_BOUNDS}::test_rounding_of_the_multipliers_of_a_cone",),
        "an enclosure is a quarter of what it must be",
    ),
    Mutant(
        "engines/lp/multipliers.py",
        "        if not -mu[k] > 2.0 * beta[k]:\n",
        "        if not -mu[k] > 0.0:\n",
        (f"{_BOUNDS}::test_a_cone_whose_rows_may_err",),
        "a multiplier needs only look positive",
    ),
    Mutant(
        "engines/lp/multipliers.py",
        "        elif not R.is_zero[r]:\n            return -1\n",
        "        elif not R.is_zero[r]:\n            pass\n",
        (f"{_BOUNDS}::test_a_cone_whose_rows_may_err",),
        "a row with a constant makes a cone",
    ),
    Mutant(
        "engines/lp/multipliers.py",
        "        if not 2.0 * kappa < 0.9375 * beta[k]:\n",
        "        if False:\n",
        (f"{_BOUNDS}::test_multipliers_that_fit_prove_nothing_without_the_inverse",),
        "the inverse may be anything",
    ),
    Mutant(
        "engines/lp/multipliers.py",
        "        if not 2.0 * kappa < 0.9375 * beta[k]:\n",
        "        if not kappa < 0.9375 * beta[k]:\n",
        (f"{_BOUNDS}::test_multipliers_that_fit_prove_nothing_without_the_inverse",),
        "an inverse may be wrong by nearly one",
    ),
    Mutant(
        "engines/lp/multipliers.py",
        "            kappa += beta[j] * entry\n",
        "            kappa = max(kappa, beta[j] * entry)\n",
        (f"{_BOUNDS}::test_multipliers_that_fit_prove_nothing_without_the_inverse",),
        "the defects of an inverse do not add up",
    ),
    Mutant(
        "engines/lp/simplex.py",
        "        if best < 0:\n            return OPTIMAL\n",
        "        if best < 0:\n            return ABOVE\n",
        (f"{_LP}::test_examples",),
        "an optimum is said to be above",
        redundant="floats propose only: where no witness follows, integers decide",
    ),
    # frame
    Mutant(
        "engines/lp/frame.py",
        "UNIT * _ROW_SLACK * inexact",
        "0.0 * inexact",
        (f"{_BOUNDS}::test_coefficients_of_the_first_layer",),
        "rounded coefficients count as exact",
    ),
    Mutant(
        "engines/lp/frame.py",
        "(most + 2.0 * np.abs(p))",
        "(most + 0.0 * np.abs(p))",
        (f"{_BOUNDS}::test_a_point_seen_from_afar",),
        "a far point blurs no more than a near one",
    ),
    Mutant(
        "engines/lp/frame.py",
        "(most + np.abs(p) / scale)",
        "(most + 0.0 * np.abs(p) / scale)",
        (f"{_BOUNDS}::test_a_box_that_is_far_away",),
        "a far box blurs no more than a near one",
    ),
    # exact
    Mutant(
        "engines/lp/exact.py",
        "    return proof if is_proof(program, f, proof) else None\n",
        "    return proof\n",
        (f"{_LP}::test_a_basis_keeps_its_promise_or_not",),
        "a basis is believed",
    ),
    Mutant(
        "engines/lp/exact.py",
        "    while table[-1][0] <= 0:\n",
        "    while table[-1][0] < 0:\n",
        (f"{_LP}::test_exact_programs_against_highs",),
        "zero counts as above",
    ),
    Mutant(
        "engines/lp/exact.py",
        "            budget.check_time()\n",
        "            pass\n",
        (_BUDGET,),
        "a pivot never looks at the clock",
    ),
    Mutant(
        "engines/lp/engine.py",
        "        self.budget.check_time()\n",
        "        pass\n",
        (f"{_BUDGET}::test_a_search_without_questions_looks_at_the_clock_too",),
        "the search never looks at the clock",
    ),
    Mutant(
        "engines/lp/stack.py",
        "        pools[name][:used] = old[:used]\n",
        "        pools[name][: used - 1] = old[: used - 1]\n",
        (f"{_BUDGET}::test_the_pool_of_vertices_grows",),
        "a vertex is lost when the pool grows",
    ),
    Mutant(
        "engines/lp/interior.py",
        "        own = () if cone else sides[2 * i - 2 : 2 * i]\n",
        "        own: tuple[Row, ...] = ()\n",
        (f"{_LP}::test_rows_that_cannot_be", _NO_INTERIOR),
        "a side of the box is forgotten on a hyperplane",
    ),
    Mutant(
        "engines/lp/interior.py",
        "        last = max(last, number)\n",
        "        last = max(0, number)\n",
        (_NO_INTERIOR,),
        "a row is blamed before which no point is left",
    ),
    Mutant(
        "engines/lp/interior.py",
        "        turn = 1 if zero[i] > 0 else -1\n",
        "        turn = 1\n",
        (_NO_INTERIOR,),
        "rows change their side on a hyperplane",
    ),
    Mutant(
        "engines/lp/adjacency.py",
        "signs, gradients = self.signs[i].tolist(), gradients_of(self.domain_rows)",
        "signs, gradients = self.signs[i].tolist(), gradients_of(())",
        (f"{_POLYTOPES}::test_known",),
        "a row of the domain bounds no region",
    ),
    Mutant(
        "engines/lp/adjacency.py",
        "bases = np.where(bases < base, -1 - bases, bases - base)",
        "bases = np.where(bases < base, bases, bases - base)",
        (f"{_POLYTOPES}::test_all_agree",),
        "rows of the domain count as neurons in the proof of an extent",
    ),
    # facets and adjacency
    Mutant(
        "engines/lp/facets.py",
        "        if not side * z[m] > R.bound[base + m]:\n",
        "        if not side * z[m] > 0.0:\n",
        (f"{_BOUNDS}::test_a_point_beyond_a_facet_is_believed_beyond_the_bounds_only",),
        "a point beyond is believed without the bounds",
    ),
    Mutant(
        "engines/lp/facets.py",
        "            if not _are_independent(rows[m], rows[n], errors[m], errors[n]):\n",
        "            if False:\n",
        (_DEGENERATE,),
        "equal hyperplanes pass for two",
    ),
    Mutant(
        "engines/lp/facets.py",
        "            fits = fits and row_slope(a, r, f) > bound[r]\n",
        "            fits = fits and row_slope(a, r, f) > -bound[r]\n",
        (_DEGENERATE, _FAR),
        "a row may stand still along a direction to infinity",
    ),
    Mutant(
        "engines/lp/redundancy.py",
        "    return groups, has_zero or any(len(members) > 1 for members in groups)\n",
        "    return groups, has_zero\n",
        (_DEGENERATE,),
        "multiples are no degeneracy",
    ),
    Mutant(
        "engines/lp/adjacency.py",
        "side = value(row, along, 0)",
        "side = value(row, along, 1)",
        (_DEGENERATE,),
        "a step across a facet is taken for a point",
    ),
    Mutant(
        "engines/lp/redundancy.py",
        "ratio = min(there.values()) * int(self.denominator)",
        "ratio = max(there.values()) * int(self.denominator)",
        (_REDUNDANT,),
        "a point beyond a row is beyond others",
    ),
    Mutant(
        "engines/lp/redundancy.py",
        "names = [*range(base), *(base + j for j in kept)]",
        "names = [*range(base), *(base + j for j in range(len(kept)))]",
        (_REDUNDANT,),
        "multipliers are those of other rows",
    ),
    # proofs
    Mutant(
        "engines/proofs/tree.py",
        "            multipliers[n] *= -signs[n]\n",
        "            multipliers[n] *= signs[n]\n",
        (_DEGENERATE, f"{_FAR}::test_far_common_points"),
        "the form of a missing facet has its other sign",
    ),
    Mutant(
        "engines/proofs/tree_text.py",
        "            name = r - rows if r >= rows else -1 - r\n",
        "            name = r\n",
        (f"{_LP}::test_a_missing_facet_may_be_proven_by_a_row",),
        "rows of the domain count as neurons in the proof of a pair",
    ),
]
