"""The data that the project ships are the data that ``data/README.md`` describes."""

import csv
import hashlib
from collections import Counter
from pathlib import Path

import pytest

DATA = Path(__file__).parents[1] / "data"


@pytest.mark.parametrize("name", ["iris.csv", "wine.csv", "digits.csv"])
def test_hash_is_in_the_readme(name: str) -> None:
    digest = hashlib.sha256((DATA / name).read_bytes()).hexdigest()
    assert digest in (DATA / "README.md").read_text(encoding="utf-8")


def test_iris_is_fishers_table() -> None:
    header, *rows = csv.reader((DATA / "iris.csv").read_text(encoding="utf-8").splitlines())
    assert header[4] == "species" and all(len(row) == 5 for row in rows)
    assert Counter(row[4] for row in rows) == {"setosa": 50, "versicolor": 50, "virginica": 50}
    # The two rows in which the variants of the table differ, as printed in the paper.
    assert rows[34] == ["4.9", "3.1", "1.5", "0.2", "setosa"]
    assert rows[37] == ["4.9", "3.6", "1.4", "0.1", "setosa"]


def test_wine_is_the_table_of_three_cultivars() -> None:
    header, *rows = csv.reader((DATA / "wine.csv").read_text(encoding="utf-8").splitlines())
    assert header[-1] == "cultivar" and all(len(row) == 14 for row in rows)
    assert Counter(row[-1] for row in rows) == {
        "cultivar 1": 59, "cultivar 2": 71, "cultivar 3": 48}
    assert all(float(entry) > 0 for row in rows for entry in row[:-1])


def test_digits_are_images_of_eight_by_eight() -> None:
    header, *rows = csv.reader((DATA / "digits.csv").read_text(encoding="utf-8").splitlines())
    assert header[0] == "pixel_0_0" and header[63:] == ["pixel_7_7", "digit"]
    assert len(rows) == 1797 and all(len(row) == 65 for row in rows)
    assert {int(t) for row in rows for t in row[:64]} == set(range(17))
    assert {row[64] for row in rows} == {f"digit {k}" for k in range(10)}
