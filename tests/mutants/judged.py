"""Mutants of the estimators, of the study that judges them, and of local complexity."""

from tests.mutants.mutation import Mutant

_ESTIMATORS = ("tests/test_estimators.py",)
_JUDGED = ("tests/test_judged.py",)
_LARGE = ("tests/test_judged_large.py",)

MUTANTS = [
    Mutant("sampling/estimators.py", "a = Fraction(m - 1, m)", "a = Fraction(1)",
           _ESTIMATORS, "Chao's estimator forgets the number of units"),
    Mutant("sampling/estimators.py", "(twice + 1)) ** 2 * twice", "(twice + 1)) ** 2",
           _ESTIMATORS, "the variance of Chao forgets f_2"),
    Mutant("sampling/estimators.py", "(4 * value)", "(4 * found.seen)",
           _ESTIMATORS, "the variance without pairs divides by what is seen"),
    Mutant("sampling/estimators.py", "Fraction(2 * m - 3, m)", "Fraction(2 * m - 2, m)",
           _ESTIMATORS, "the second jackknife counts single hits too high"),
    Mutant("sampling/estimators.py", "own = k if k > 1 else 0", "own = k",
           _ESTIMATORS, "a derivative counts single hits as rare ones"),
    Mutant("sampling/estimators.py", "if k <= rare]", "if k < rare]",
           _ESTIMATORS, "ten hits are not rare"),
    Mutant("sampling/estimators.py", "once * (1 - share) + 2 * twice", "once * (1 - share)",
           _ESTIMATORS, "Esty's variance forgets the pairs"),
    Mutant("sampling/estimators.py", "mean * mean / value", "mean * mean / found.seen",
           _ESTIMATORS, "the delta method divides by what is seen"),
    Mutant("sampling/sequence.py", "inside = regions[regions < self.classifier.outside]",
           "inside = regions[regions != self.classifier.on_boundary]",
           _JUDGED, "what is outside has a place"),
    Mutant("study/judged/judging.py", "shares[hits == 0]", "shares[hits <= 1]",
           _JUDGED, "a region that one point hits is unseen"),
    Mutant("study/judged/judging.py", "first[regions[half:]] == 0", "seen[regions[half:]] == 1",
           _JUDGED, "a later point is new only if it is alone"),
    Mutant("study/judged/figures.py", "clusters.setdefault((j.dim, j.index), [])",
           "clusters.setdefault((j.dim, j.sha256), [])",
           _JUDGED, "networks on one set of weights are independent"),
    Mutant("study/judged/figures.py", "size = min(size, clusters * repeats)", "pass",
           _JUDGED, "an interval has more trials than there were"),
    Mutant("study/judged/figures.py", "variance, clusters) if variance", "variance, 1) if variance",
           _JUDGED, "an interval has fewer trials than clusters"),
    Mutant("study/judged/local.py", "(patterns.min(axis=0) == 0) & ", "",
           _JUDGED, "a neuron that is on everywhere is cut"),
    Mutant("study/judged/local.py", "any(t > 0 for t in row) and any(t < 0 for t in row)",
           "any(t > 0 for t in row)",
           _JUDGED, "local complexity counts neurons that are on at all corners"),
    Mutant("study/judged/local.py", "any(t < 0 for t in row)", "any(t <= 0 for t in row)",
           _JUDGED, "a hyperplane that touches the hull cuts it"),
    Mutant("study/judged/local.py", "(count, directions + 1)", "(count, directions)",
           _JUDGED, "all points are on the boundary of the hull"),
    Mutant("study/judged/large.py", "d.directions == p and ", "",
           _LARGE, "segments calibrate what is no segment"),
    Mutant("study/judged/large.py", "(len(own) + 1) * 0.025", "(len(own) + 1) * 0.05",
           _LARGE, "the interval is one of 92.5 %"),
]  # fmt: skip
