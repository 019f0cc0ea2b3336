"""Write the problems of the training experiments: ``python data/make_training_data.py``.

Two classes and two features each: Fisher's versicolor and virginica, two cultivars of wine, and
two half moons with noise from an explicit generator, rounded to multiples of 1/64. Decimals are
copied as the text that they are.
"""

import csv
import json
import math
import random
from pathlib import Path

HERE = Path(__file__).parent
TARGET = HERE.parent / "exactbn" / "claims" / "figures" / "training_data.json"
TABLES = (
    ("iris", ("petal_length", "petal_width"), ("versicolor", "virginica")),
    ("wine", ("alcohol", "flavanoids"), ("cultivar 1", "cultivar 2")),
)
MOON, SEED, NOISE = 60, 20, 0.15


def from_table(name: str, features: tuple[str, ...], classes: tuple[str, ...]) -> dict[str, object]:
    """Return two classes of a CSV file, on two of its columns."""
    header, *rows = csv.reader((HERE / f"{name}.csv").read_text(encoding="utf-8").splitlines())
    columns = [header.index(feature) for feature in features]
    rows = [row for row in rows if row[-1] in classes]
    return {
        "name": name,
        "features": features,
        "classes": classes,
        "points": [[row[j] for j in columns] for row in rows],
        "labels": [classes.index(row[-1]) for row in rows],
    }


def moons() -> dict[str, object]:
    """Return two half circles that reach into each other, with normal noise."""
    rng, points = random.Random(SEED), []
    for label in (0, 1):
        for k in range(MOON):
            t = math.pi * (k + 0.5) / MOON
            x, y = (math.cos(t), math.sin(t)) if label == 0 else (
                1 - math.cos(t), 0.5 - math.sin(t))
            place = (x + rng.gauss(0, NOISE), y + rng.gauss(0, NOISE))
            points.append([f"{round(64 * c)}/64" for c in place])
    return {
        "name": "moons",
        "features": ("x", "y"),
        "classes": ("upper", "lower"),
        "points": points,
        "labels": [0] * MOON + [1] * MOON,
    }


def main() -> None:
    """Write the file."""
    problems = [*(from_table(*table) for table in TABLES), moons()]
    TARGET.parent.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(problem) for problem in problems)
    TARGET.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
