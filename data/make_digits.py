"""Write ``digits.csv`` here: ``pip install scikit-learn && python data/make_digits.py``.

The table that scikit-learn ships has no header. Its numbers, integers from 0 to 16, are copied as
integers; the digit that an image shows is text, so that it is a class and no feature.
"""

import csv
import gzip
import hashlib
from importlib.resources import files
from pathlib import Path

TARGET = Path(__file__).with_name("digits.csv")


def main() -> None:
    """Write the table and print its SHA-256."""
    packed = files("sklearn.datasets.data").joinpath("digits.csv.gz").read_bytes()
    rows = csv.reader(gzip.decompress(packed).decode("ascii").splitlines())
    with TARGET.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow([*(f"pixel_{i}_{j}" for i in range(8) for j in range(8)), "digit"])
        table.writerows([*(int(float(t)) for t in row[:64]), f"digit {row[64]}"] for row in rows)
    print(hashlib.sha256(TARGET.read_bytes()).hexdigest(), TARGET.name)


if __name__ == "__main__":
    main()
