"""Write ``iris.csv`` beside this file: ``pip install scikit-learn && python data/make_iris.py``.

The table that scikit-learn ships has no header of the usual form and codes the species as 0, 1
and 2. Its numbers are copied as the text that they are, so that no digit changes.
"""

import csv
import hashlib
from importlib.resources import files
from pathlib import Path

HEADER = ("sepal_length", "sepal_width", "petal_length", "petal_width", "species")
TARGET = Path(__file__).with_name("iris.csv")


def main() -> None:
    """Write the table and print its SHA-256."""
    source = files("sklearn.datasets.data").joinpath("iris.csv").read_text(encoding="utf-8")
    (_, _, *species), *rows = csv.reader(source.splitlines())
    with TARGET.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(HEADER)
        table.writerows([*row[:4], species[int(row[4])]] for row in rows)
    print(hashlib.sha256(TARGET.read_bytes()).hexdigest(), TARGET.name)


if __name__ == "__main__":
    main()
