"""What the measures of a comparison say: theorems they must obey, paired tests, and words.

Signs, counts and medians are exact; p-values and intervals are float64.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from exactbn.comparison import NETWORKS, Comparison, NetworkMeasures, measure_labels
from exactbn.paired import PairedTest, compare_pairs

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

#: A difference is called clear where Wilcoxon's p, times the number of tests made, is below this.
LEVEL = 0.05


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


@dataclass(frozen=True)
class PairedRow:
    """The paired test of one measure between two networks; None where no seed has both."""

    data: str
    first: str
    second: str
    measure: str
    result: PairedTest | None


@dataclass(frozen=True)
class Finding:
    """One paired row in words; ``direction`` is 1 or -1 where the difference is clear, else 0."""

    row: PairedRow
    direction: int
    text: str


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


def clear_direction(result: PairedTest, tests: int) -> int:
    """Return the sign of a difference that stands out among ``tests`` tests (Bonferroni), or 0.

    Both the signed-rank test, corrected, and the bootstrap interval must agree on the side.
    """
    if result.interval is None or result.wilcoxon_p * tests >= LEVEL:
        return 0
    low, high = result.interval
    if low > 0 and result.median > 0:
        return 1
    return -1 if high < 0 and result.median < 0 else 0


def put_in_words(
    comparison: Comparison, rows: tuple[PairedRow, ...]
) -> Iterator[tuple[str, str, str, list[Finding]]]:
    """Yield (data variant, first, second, findings) for the main pairs."""
    tests = sum(row.result is not None for row in rows)
    phrases = _phrases(comparison)
    for variant in comparison.variants:
        for first, second in MAIN_PAIRS:
            findings = []
            for row in rows:
                wanted = (row.data, row.first, row.second) == (variant.key, first, second)
                if wanted and row.measure in phrases and row.result is not None:
                    direction = clear_direction(row.result, tests)
                    text = _sentence(row.result, direction, phrases[row.measure])
                    findings.append(Finding(row, direction, text))
            yield variant.key, first, second, findings


def _phrases(comparison: Comparison) -> dict[str, tuple[str, str, str]]:
    """Return for the measures that are put into words: more, fewer, and the thing itself."""
    phrases = {"regions": ("more regions in the box", "fewer regions in the box",
                           "the number of regions in the box")}
    for radius in comparison.settings.radii:
        ball = f"around a data point at radius {decimal(radius)}"
        phrases[f"near_data@{radius}"] = (
            f"more regions {ball}", f"fewer regions {ball}", f"the number of regions {ball}")
    for radius in comparison.settings.radii:
        excess = f"concentration of regions at the data at radius {decimal(radius)}"
        phrases[f"concentration@{radius}"] = (
            f"a higher {excess}", f"a lower {excess}", f"the {excess}")
    phrases["mean_squared_distance"] = (
        "data farther from the nearest boundary", "data nearer to the nearest boundary",
        "the distance of the data to the nearest boundary")
    phrases["cut_units"] = (
        "more units with data on both sides", "fewer units with data on both sides",
        "the number of units with data on both sides")
    phrases["regions_with_data"] = (
        "more regions that hold data", "fewer regions that hold data",
        "the number of regions that hold data")
    return phrases


def _sentence(result: PairedTest, direction: int, phrase: tuple[str, str, str]) -> str:
    """Return one finding as a clause with its numbers."""
    counts = f"up in {result.positive}, down in {result.negative}"
    if result.zero:
        counts += f", equal in {result.zero}"
    median = number(result.median, sign=True)
    numbers = f"median difference {median}; {counts} of {result.count} seeds"
    if direction > 0:
        return f"{phrase[0]} ({numbers})"
    if direction < 0:
        return f"{phrase[1]} ({numbers})"
    if result.zero == result.count:
        return f"no difference at all in {phrase[2]} ({result.count} seeds)"
    return f"no clear difference in {phrase[2]} ({numbers})"


def decimal(value: Fraction) -> str:
    """Return a short decimal where it is exact, else p/q.

    >>> decimal(Fraction(1, 20)), decimal(Fraction(1, 3)), decimal(Fraction(2))
    ('0.05', '1/3', '2')
    """
    denominator = value.denominator
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator //= prime
    if denominator != 1 or value.denominator > 10**6:
        return str(value)
    digits = 0
    while (value * 10**digits).denominator != 1:
        digits += 1
    return f"{float(value):.{digits}f}"


def number(value: Fraction | float, *, sign: bool = False) -> str:
    r"""Return a number for people, to four significant digits.

    >>> number(Fraction(280), sign=True), number(-0.00123456), number(12345.6)
    ('+280', '−0.001235', '12\u202f346')
    """
    size = abs(value)
    if size >= 1000 and size < 10**9:
        text = f"{round(size):,}".replace(",", "\u202f")
    else:
        text = f"{float(size):.4g}"
    mark = "\u2212" if value < 0 else "+" if sign and value > 0 else ""
    return mark + text
