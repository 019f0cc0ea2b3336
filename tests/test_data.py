"""The data that the project ships are the data that ``data/README.md`` describes."""

import csv
import hashlib
from collections import Counter
from pathlib import Path

DATA = Path(__file__).parents[1] / "data"


def test_hash_is_in_the_readme() -> None:
    digest = hashlib.sha256((DATA / "iris.csv").read_bytes()).hexdigest()
    assert digest in (DATA / "README.md").read_text(encoding="utf-8")


def test_iris_is_fishers_table() -> None:
    header, *rows = csv.reader((DATA / "iris.csv").read_text(encoding="utf-8").splitlines())
    assert header[4] == "species" and all(len(row) == 5 for row in rows)
    assert Counter(row[4] for row in rows) == {"setosa": 50, "versicolor": 50, "virginica": 50}
    # The two rows in which the variants of the table differ, as printed in the paper.
    assert rows[34] == ["4.9", "3.1", "1.5", "0.2", "setosa"]
    assert rows[37] == ["4.9", "3.6", "1.4", "0.1", "setosa"]
