"""Evidence that is kept as files: counterexamples of the package, and real data sets."""

from pathlib import Path

from exactbn.claims.ledger.instance import Instance, read_instance
from exactbn.errors import InputError
from exactbn.exact.rational import Matrix
from exactbn.study.dataset import read_csv

_INSTANCES = Path(__file__).parents[1] / "instances"
_DATA = Path(__file__).parents[3] / "data"

#: Real data sets that are used where a checkout has them, and their coordinates (None: all).
_DATA_SETS = {
    "iris": ("sepal_length", "sepal_width", "petal_length", "petal_width"),
    "wine": None,
}


def stored(name: str) -> Instance:
    """Return a stored instance; ``name`` is its claim's key, or the key and a remark (F11-apart).

    Raises
    ------
    InputError
        If there is no such file, it is damaged, or it belongs to another claim.
    """
    key, instance = read_instance(_INSTANCES / f"{name}.json")
    if key != name.split("-")[0]:
        raise InputError(f"{name}.json is an instance of claim {key}, expected one of {name}")
    return instance


def real_data() -> dict[str, Matrix]:
    """Return the points of the real data sets at hand, read exactly; none in an installed copy."""
    return {
        name: read_csv(_DATA / f"{name}.csv", features=features).points
        for name, features in _DATA_SETS.items()
        if (_DATA / f"{name}.csv").exists()
    }
