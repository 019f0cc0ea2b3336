"""Mutants of the cross-examination: a comparison dropped, a voice not heard, one off."""

from tests.mutants.mutation import Mutant

SELFCHECK = "tests/test_selfcheck.py"
BRUTE = (f"{SELFCHECK}::test_brute_force_of_the_plane",)
WITNESS = (f"{SELFCHECK}::test_misplaced_witnesses_are_counted",)
TOY = (f"{SELFCHECK}::test_a_wrong_certificate_is_found",)

MUTANTS = [
    Mutant("selfcheck/brute.py", "_rank(common.lines, common.rays) == d",
           "_rank(common.lines, common.rays) == d - 1", BRUTE, "a facet one dimension too low"),
    Mutant("selfcheck/brute.py", "return bool(self.lines) or any(", "return any(", BRUTE,
           "lines are no directions"),
    Mutant("selfcheck/points.py", "if any(sign and (sign > 0) != bit",
           "if any(sign and False", WITNESS,
           "signs of a witness not compared"),
    Mutant("selfcheck/points.py", "lo < t < hi for", "lo <= t <= hi for", WITNESS,
           "a witness on the boundary of the box"),
    Mutant("selfcheck/points.py", "not any(pattern[i] for i in zero) and", "", WITNESS,
           "a unit that is on where it is zero"),
    Mutant("selfcheck/points.py", "(not zero or _vanish(problem, pattern, zero))", "True", WITNESS,
           "a witness on a hyperplane"),
    Mutant("selfcheck/certificates.py", "claimed is not None and claimed != right",
           "claimed is not None and claimed < right", TOY, "claims that are too large"),
]  # fmt: skip
