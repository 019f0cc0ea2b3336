"""The problems of the training experiments: two classes, two features, exact points, fixed split.

Made by ``data/make_training_data.py``. Within each class every third point is a test point.
"""

import json
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from importlib.resources import files

from exactbn.exact.rational import Matrix, Vector, to_matrix
from exactbn.model.batchnorm import standardize
from exactbn.model.domain import Box

#: The forms of the data, and what they are.
FORMS = {
    "raw": "as it is",
    "standardized": "minus the mean, over sigma, rounded to multiples of 1/256",
}


@dataclass(frozen=True)
class Problem:
    """Points of two classes, 0 and 1, split into a training and a test set."""

    name: str
    form: str
    train: Matrix
    train_labels: tuple[int, ...]
    test: Matrix
    test_labels: tuple[int, ...]

    @property
    def key(self) -> str:
        """Return the name and the form."""
        return f"{self.name}, {self.form}"

    @cached_property
    def bounds(self) -> tuple[Vector, Vector]:
        """Return the least and the greatest value of each coordinate in the training set."""
        columns = list(zip(*self.train, strict=True))
        return tuple(map(min, columns)), tuple(map(max, columns))

    @property
    def longest(self) -> Fraction:
        """Return the longest side of the training set."""
        return max(hi - lo for lo, hi in zip(*self.bounds, strict=True))

    def box(self, factor: int) -> Box:
        """Return the box that exceeds the training set by ``factor`` longest sides everywhere."""
        (lo, hi), room = self.bounds, factor * self.longest
        return Box(tuple(t - room for t in lo), tuple(t + room for t in hi))

    def balls(self, radius: Fraction) -> list[Box]:
        """Return the l_inf balls about the training points, of a radius relative to the side."""
        size = radius * self.longest
        return [Box.ball(x, size) for x in self.train]

    def grid(self, count: int) -> Matrix:
        """Return the middles of ``count`` by ``count`` equal boxes that fill the training box."""
        lo, hi = self.bounds
        steps = [Fraction(2 * i + 1, 2 * count) for i in range(count)]
        return tuple(
            (lo[0] + s * (hi[0] - lo[0]), lo[1] + t * (hi[1] - lo[1])) for s in steps for t in steps
        )


def problems() -> list[Problem]:
    """Return every problem in both forms."""
    source = files("exactbn.claims").joinpath("figures", "training_data.json")
    return [
        _problem(record, form)
        for record in json.loads(source.read_text(encoding="utf-8"))
        for form in FORMS
    ]


def _problem(record: dict[str, list[object]], form: str) -> Problem:
    """Return one problem in one form."""
    points = to_matrix(record["points"], "points")  # type: ignore[arg-type]
    if form == "standardized":
        points = tuple(
            tuple(Fraction(round(t * 256), 256) for t in x) for x in standardize(points)
        )
    labels = [int(str(label)) for label in record["labels"]]
    seen, is_test = {0: 0, 1: 0}, []
    for label in labels:
        seen[label] += 1
        is_test.append(seen[label] % 3 == 0)
    parts = []
    for wanted in (False, True):
        chosen = [i for i, test in enumerate(is_test) if test is wanted]
        parts.append((tuple(points[i] for i in chosen), tuple(labels[i] for i in chosen)))
    return Problem(str(record["name"]), form, *parts[0], *parts[1])
