"""What the measures of a comparison say: theorems they must obey, paired tests, and words.

Signs, counts and medians are exact; p-values and intervals are float64.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from exactbn.study.comparison import NETWORKS, Comparison, NetworkMeasures, measure_labels
from exactbn.study.paired import PairedTest, compare_pairs, decimal, exact_median, number
from exactbn.wording import counted

#: The pairs whose differences (first minus second) are tested.
PAIRS = (
    ("centred", "random"),
    ("centred", "zero"),
    ("scaled", "random"),
    ("scaled", "zero"),
    ("scaled", "centred"),
    ("zero", "random"),
)

#: The pairs that are put into words.
MAIN_PAIRS = (("centred", "random"), ("centred", "zero"), ("scaled", "centred"))

#: How a measure, or a family of measures over radii, is put into words: more, less, of what.
PHRASES = {
    "regions": ("more", "fewer", "regions in the box"),
    "near_data": ("more", "fewer", "regions around data points"),
    "near_random": ("more", "fewer", "regions around random points"),
    "concentration": ("a higher", "a lower",
                      "ratio of regions around data points to regions around random points"),
    "mean_squared_distance": ("a greater", "a smaller",
                              "mean squared distance from the data to the nearest boundary"),
    "median_squared_distance": (
        "a greater", "a smaller", "median squared distance from the data to the nearest boundary"),
    "layer1_sum": ("a greater", "a smaller",
                   "sum of squared distances from the data to the first-layer hyperplanes"),
    "cut_units": ("more", "fewer", "units with data strictly on both sides"),
    "regions_with_data": ("more", "fewer", "regions that hold data"),
}

#: The level of significance.
LEVEL = 0.05

#: Seeds with which no p-value is below the level: 2 / 2^n, the least of n seeds, is not.
TOO_FEW = next(n for n in range(99) if 2.0 ** -n < LEVEL)

#: How much stands behind a clause, the strongest first.
FORCES = (
    "clearly",
    "probably",
    "no clear difference in",
    f"too few seeds to tell anything (at least {TOO_FEW + 1} are needed) of",
    "no difference in any seed in",
)


@dataclass(frozen=True)
class Check:
    """An exact statement that must hold, and how often it did."""

    name: str
    statement: str
    held: int
    total: int

    @property
    def is_held(self) -> bool:
        """Return whether it held every time."""
        return self.held == self.total

    @property
    def verdict(self) -> str:
        """Return what a reader is told; a check that a budget left out has not held."""
        if self.total == 0:
            return "not reached"
        return "held" if self.is_held else "FAILED"


@dataclass(frozen=True)
class PairedRow:
    """The paired test of one measure between two networks; None where no seed has both."""

    data: str
    first: str
    second: str
    measure: str
    result: PairedTest | None


@dataclass(frozen=True)
class Sentence:
    """What one pair of networks shows on one form of the data.

    ``clauses`` are (force, text), the force one of :data:`FORCES`.
    """

    data: str
    heading: str
    clauses: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """Return all clauses as one text, the strongest first."""
        parts = [f"{force} {', '.join(texts)}" for force, texts in self._by_force()]
        return _capital("; ".join(parts) + ".")

    @property
    def short(self) -> str:
        """Return the clauses with a direction only."""
        parts = [f"{force} {', '.join(texts)}" for force, texts in self._by_force()
                 if force in FORCES[:2]]
        is_silent = any(force == FORCES[3] for force, _ in self.clauses)
        nothing = f"cannot tell, {FORCES[3].removesuffix(' of')}"
        parts = parts or [nothing if is_silent else "no clear difference in anything"]
        return _capital("; ".join(parts) + ".")

    def _by_force(self) -> list[tuple[str, list[str]]]:
        grouped = [(f, [text for force, text in self.clauses if force == f]) for f in FORCES]
        return [(force, texts) for force, texts in grouped if texts]


def check_theorems(comparison: Comparison) -> tuple[Check, ...]:
    """Return the theorems that the exact numbers must obey, tested on every network.

    With mu the mean of w x over the data, the sum of squared distances of the data to the
    hyperplane w x + b = 0 is least at b = -mu, whatever w (the difference is N (b + mu)^2 /
    |w|^2); values of mean zero are all zero or take both signs.
    """
    central: list[bool] = []
    least: list[bool] = []
    same: list[bool] = []
    origin: list[bool] = []
    sides: list[bool] = []
    for variant in comparison.variants:
        found = {name: comparison.select(variant.key, name) for name in NETWORKS}
        for name in ("centred", "scaled"):
            for measures in found[name].values():
                central.append(measures.is_central)
                pairs = zip(measures.points.cut_units, measures.points.zero_units, strict=True)
                sides += [cut or zero for cut, zero in pairs]
        for seed, measures in found["centred"].items():
            best = measures.points.layer1_sum
            sums = {name: by_seed[seed].points.layer1_sum
                    for name, by_seed in found.items() if seed in by_seed}
            least += [best <= sums[name] for name in ("random", "zero")]
            same += [best == sums[name] for name in ("scaled",) if name in sums]
            if variant.key == "standardized":
                origin.append(best == sums["zero"])
    statements = {
        "central": ("Every first-layer hyperplane of a BN network holds the mean of the data.",
                    central),
        "least squares": ("BN centering has the least layer-1 sum of squared distances: none of "
                          "the other biases has a smaller one on the same weights.", least),
        "scale": ("Scaling does not move the first-layer hyperplanes: the layer-1 sums of the two "
                  "BN networks are equal.", same),
        "origin": ("On standardized data, whose mean is 0, zero bias and BN centering have equal "
                   "layer-1 sums.", origin),
        "both sides": ("Every unit of a BN network has data strictly on both sides, or the value "
                       "0 at every data point.", sides),
    }
    return tuple(Check(name, text, sum(held), len(held))
                 for name, (text, held) in statements.items())


def paired_rows(comparison: Comparison) -> tuple[PairedRow, ...]:
    """Return the paired tests over seeds of every measure, pair and form of the data."""
    rows = []
    for variant in comparison.variants:
        found = {name: comparison.select(variant.key, name) for name in NETWORKS}
        for first, second in PAIRS:
            for key in measure_labels(comparison.settings):
                differences = pair_differences(found[first], found[second], key)
                result = compare_pairs(list(differences.values())) if differences else None
                rows.append(PairedRow(variant.key, first, second, key, result))
    return tuple(rows)


def pair_differences(
    first: Mapping[int, NetworkMeasures], second: Mapping[int, NetworkMeasures], key: str
) -> dict[int, Fraction]:
    """Return first minus second for every seed that has both."""
    differences = {}
    for seed, measures in first.items():
        a, b = measures.values[key], second[seed].values[key] if seed in second else None
        if a is not None and b is not None:
            differences[seed] = a - b
    return differences


def verdict(result: PairedTest, tests: int) -> tuple[int, str]:
    """Return the sign of a difference and how much stands behind it: clearly, probably, or ''.

    The bootstrap interval must lie on one side of zero. Then the difference is clear where
    Wilcoxon's p times ``tests``, the number of tests made, is below 0.05 (Bonferroni), and
    probable where p alone is.
    """
    low, high = result.interval if result.interval is not None else (0.0, 0.0)
    side = 1 if low > 0 and result.median > 0 else -1 if high < 0 and result.median < 0 else 0
    if side == 0 or result.wilcoxon_p >= LEVEL:
        return 0, ""
    return side, "clearly" if result.wilcoxon_p * tests < LEVEL else "probably"


def count_tests(rows: Sequence[PairedRow]) -> int:
    """Return the number of paired tests that were made, those without any difference left out."""
    return sum(row.result is not None and row.result.zero < row.result.count for row in rows)


def describe(comparison: Comparison, rows: Sequence[PairedRow]) -> list[Sentence]:
    """Return what the paired tests of the main pairs say, in words."""
    tests = count_tests(rows)
    found = {(r.data, r.first, r.second, r.measure): r.result for r in rows}
    radii = comparison.settings.radii
    sentences = []
    for variant in comparison.variants:
        for first, second in MAIN_PAIRS:
            clauses: list[tuple[str, str]] = []
            for group, words in PHRASES.items():
                keys = {group: ""}
                if (variant.key, first, second, group) not in found:
                    keys = {f"{group}@{r}": decimal(r) for r in radii}
                results = {name: found[variant.key, first, second, key]
                           for key, name in keys.items()}
                known = {name: r for name, r in results.items() if r is not None}
                clauses += _clauses(known, words, tests)
            heading = f"{NETWORKS[first]} against {NETWORKS[second]}"
            if clauses:
                sentences.append(Sentence(variant.key, heading, tuple(clauses)))
    return sentences


def _clauses(
    results: Mapping[str, PairedTest], words: tuple[str, str, str], tests: int
) -> Iterator[tuple[str, str]]:
    """Yield the clauses of one measure, whose radii of equal verdict share a clause."""
    more, less, what = words
    thing = f"the number of {what}" if more == "more" else f"the {what}"
    groups: dict[tuple[str, str], list[str]] = {}
    for name, result in results.items():
        side, force = verdict(result, tests)
        clause = (force, f"{more if side > 0 else less} {what}")
        if side == 0:
            clause = (_silence(result), thing)
        groups.setdefault(clause, []).append(name)
    for (force, text), names in groups.items():
        if names == [""]:
            yield force, text
        elif len(names) == len(results) > 1:
            yield force, f"{text} at every radius"
        else:
            yield force, f"{text} at radius {_listed(names)}"


def _silence(result: PairedTest) -> str:
    """Return what is said of differences that show no direction."""
    if result.zero == result.count:
        return FORCES[4]
    return FORCES[3 if result.count <= TOO_FEW else 2]


def few_seeds(seeds: int, tests: int) -> str:
    """Return what so many seeds cannot show whatever the differences are, or nothing.

    The least two-sided p of the signed-rank test is 2 / 2^n for n seeds.
    """
    clear = next(n for n in range(2000) if 2.0 ** (1 - n) * tests < LEVEL)
    told = f"With {counted(seeds, 'seed')} no difference can be called"
    in_tests = f"in {counted(tests, 'test')}"
    if seeds <= TOO_FEW:
        return (f"{told} probable or clear: at least {TOO_FEW + 1} are needed for the first, "
                f"{clear} for the second {in_tests}.")
    return f"{told} clear {in_tests}: at least {clear} are needed." if seeds < clear else ""


def _capital(text: str) -> str:
    """Return the text with a capital first letter."""
    return text[:1].upper() + text[1:]


def _listed(names: Sequence[str]) -> str:
    """Return names as a list with a last "and"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def medians(comparison: Comparison, data: str, network: str) -> dict[str, Fraction | None]:
    """Return the median over seeds of every measure of one network, None where undefined."""
    result: dict[str, Fraction | None] = {}
    for key in measure_labels(comparison.settings):
        found = [m.values[key] for m in comparison.select(data, network).values()]
        values = [value for value in found if value is not None]
        result[key] = exact_median(values) if values else None
    return result


def median_table(comparison: Comparison, data: str) -> list[tuple[str, list[str]]]:
    """Return for every measure its label and the median over seeds for each network, as text."""
    columns = [medians(comparison, data, name) for name in NETWORKS]
    return [
        (label, ["not defined" if (t := column[key]) is None else number(t) for column in columns])
        for key, label in measure_labels(comparison.settings).items()
    ]
