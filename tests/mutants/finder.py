"""Mutants of the finder, the exhaustion, the mean degree and the bounds."""

from tests.mutants.mutation import Mutant


def finder(name: str) -> tuple[str, ...]:
    """Return a test of the finder as an argument."""
    return (f"tests/test_finder.py::test_{name}",)


def degree(name: str) -> tuple[str, ...]:
    """Return a test of the mean degree as an argument."""
    return (f"tests/test_claims_degree.py::test_{name}",)


EXHAUSTION = ("tests/test_exhaustion.py",)
BOUNDS = ("tests/test_claims_bounds.py",)
ERRATA = ("tests/test_errata.py",)

MUTANTS = [
    # climbing and shrinking
    Mutant("claims/tools/climbing.py", "if value is None or value < best:",
           "if value is None:", finder("a_climb_stays_where_every_step_goes_down"),
           "steps down are taken"),
    Mutant("claims/tools/climbing.py", "while best <= 0 and idle", "while best < 0 and idle",
           finder("a_climb_ends_at_the_first_positive_margin_and_on_a_plateau"),
           "a margin of zero ends a climb"),
    Mutant("claims/tools/climbing.py", "if value > best:\n            idle = 0",
           "if value > best:\n            idle = patience",
           finder("the_search_climbs_where_no_draw_violates"),
           "a gain ends a climb"),
    Mutant("claims/tools/climbing.py", "rows = tuple(tuple(row[k] for k in chosen) for row",
           "rows = tuple(tuple(row[k] for k in sorted(chosen)) for row",
           finder("chosen_units_keep_their_weights"),
           "columns do not follow the units"),
    Mutant("claims/tools/search.py", "if entry.margin is not None:", "if entry.margin is None:",
           ("tests/test_finder.py",), "the search never climbs"),
    Mutant("claims/tools/search.py", "if d == 1 or any(len(x) != d for x in instance.data):",
           "if d == 1:", finder("inputs_stay_where_the_data_have_others"),
           "inputs go where data have no such coordinate"),
    Mutant("model/shrinking.py", "b + dot(row, first.bias) for row, b in pairs",
           "b for row, b in pairs", finder("a_layer_goes_with_its_activation_or_whole"),
           "a product forgets the first bias"),
    Mutant("claims/ledger/instance.py", "if not self.network.hidden:",
           "if self.network.hidden and not self.network.hidden:",
           finder("every_claim_judges_what_the_shrinker_proposes"),
           "networks without hidden layers are instances"),
    # exhaustion
    Mutant("claims/tools/exhaustion.py", "combinations_with_replacement(rows(m, size), n)",
           "combinations(rows(m, size), n)", EXHAUSTION, "equal units are left out"),
    Mutant("claims/tools/exhaustion.py", "range(2 * size + 1)", "range(size + 1)", EXHAUSTION,
           "data are half as wide"),
    Mutant("claims/tools/exhaustion.py", "return self.violation is None and self.judged > 0",
           "return self.violation is None", EXHAUSTION, "nothing judged proves all"),
    Mutant("claims/tools/exhaustion.py", "if not found.is_empty:", "if found.judged < 0:",
           EXHAUSTION, "a smaller one is let pass"),
    Mutant("claims/tools/exhaustion.py", "for m in range(1, units - n))",
           "for m in range(1, units - n - 1))", EXHAUSTION, "two-layer shapes are left out"),
    # surfaces on grids
    Mutant("claims/tools/grids.py", "gains = -2 * _cut(below, above, pieces)",
           "gains = -3 * _cut(below, above, pieces)", degree("greatest_gains"),
           "three times the cells"),
    Mutant("claims/tools/grids.py", "above[1:-1, 1:-1, 1:-1] = ~sets",
           "above[1:-1, 1:-1, 1:-1] = sets", degree("greatest_gains"),
           "above is below"),
    Mutant("claims/tools/grids.py", "[(kink, k + 1), (0, kink),", "[(kink, k + 1),",
           degree("greatest_gains"), "waves only rise at their ends"),
    Mutant("claims/tools/grids.py", "if all(t <= s for s, t in zip(top, row, strict=True)):",
           "if all(t < s for s, t in zip(top, row, strict=True)):",
           degree("down_sets_are_plane_partitions"), "plane partitions that fall strictly"),
    Mutant("claims/tools/grids.py", "levels * side_bound(grid) > slack(grid)",
           "levels * side_bound(grid) > slack(grid) + 4",
           degree("grids_that_counting_sides_leaves"), "grids are excluded too soon"),
    # the mean degree
    Mutant("claims/families/degree.py", "if cells.num_adjacencies > d * (cells.num_regions - 1):",
           "if cells.num_adjacencies > d * cells.num_regions:",
           degree("too_many_adjacencies_would_be_seen"), "one more is allowed"),
    Mutant("claims/families/degree.py", "if edges <= d * regions:", "if edges < d * regions:",
           degree("three_levels_are_not_enough"), "a mean degree of 2 d violates"),
    Mutant("claims/families/degree.py", "return not meets_vertex or not _has_flat_piece",
           "return not _has_flat_piece", degree("class_of_the_exhaustion"),
           "flat pieces are never allowed"),
    Mutant("claims/families/degree.py", "return not meets_vertex or not _has_flat_piece",
           "return True or not _has_flat_piece", degree("class_of_the_exhaustion"),
           "flat pieces are always allowed"),
    Mutant("claims/families/degree.py", "if network.num_hidden >= SMALLEST:",
           "if network.num_hidden > SMALLEST:", degree("class_of_the_exhaustion"),
           "the counterexample is in the class"),
    # bounds
    Mutant("claims/tools/bounds.py", "min(room, n - j))", "room)", BOUNDS,
           "units that are off lower no dimension"),
    Mutant("claims/tools/bounds.py", "central_count(first, d)", "generic_count(first, d)", BOUNDS,
           "layer 1 is generic"),
    Mutant("claims/families/bounds.py", "if regions <= sharp <= plain:",
           "if regions <= plain:", BOUNDS, "the sharper bound is not looked at"),
    # errata
    Mutant("claims/errata.py", "Layer(last.weight, last.bias, network.layers[0].slope)",
           "Layer(last.weight, last.bias, last.slope)", ERRATA, "the output stays affine"),
    Mutant("claims/errata.py", "return cells.num_adjacencies", "return cells.num_regions", ERRATA,
           "adjacencies are regions"),
]
