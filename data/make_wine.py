"""Write ``wine.csv`` beside this file: ``pip install scikit-learn && python data/make_wine.py``.

The table that scikit-learn ships has no header of the usual form. Its numbers are copied as the
text that they are, so that no digit changes; the classes are named 1, 2 and 3 as in the source.
"""

import csv
import hashlib
from importlib.resources import files
from pathlib import Path

HEADER = (
    "alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols",
    "flavanoids", "nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue",
    "od280_od315", "proline", "cultivar",
)  # fmt: skip
TARGET = Path(__file__).with_name("wine.csv")


def main() -> None:
    """Write the table and print its SHA-256."""
    source = files("sklearn.datasets.data").joinpath("wine_data.csv").read_text(encoding="utf-8")
    _, *rows = csv.reader(source.splitlines())
    with TARGET.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(HEADER)
        table.writerows([*row[:13], f"cultivar {int(row[13]) + 1}"] for row in rows)
    print(hashlib.sha256(TARGET.read_bytes()).hexdigest(), TARGET.name)


if __name__ == "__main__":
    main()
