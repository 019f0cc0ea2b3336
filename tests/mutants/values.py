"""Mutants of domains, networks, partitions as values, and of folders."""

from tests.mutants.mutation import Mutant

DOMAIN = ("tests/test_domain.py",)
VALUES = ("tests/test_values.py",)
STORAGE = ("tests/test_storage.py",)
ASKING = ("tests/test_partition.py",)

MUTANTS = [
    Mutant("model/domain.py", "            if lo >= hi:", "            if lo > hi:", DOMAIN,
           "a flat box is a box"),
    Mutant("model/domain.py", "            if b < 0:", "            if b < -1:", DOMAIN,
           "a row that holds nowhere bounds nothing"),
    Mutant("model/domain.py", "        content = gcd(*row)", "        content = 1", DOMAIN,
           "multiples of a row are two rows"),
    Mutant("model/domain.py", "all(dot(a, x) < b for a, b in rows)",
           "all(dot(a, x) <= b for a, b in rows)", DOMAIN, "points on a row are inside"),
    Mutant("model/domain.py", "object.__setattr__(self, name, to_vector(bounds, name))",
           "object.__setattr__(self, name, tuple(bounds))", DOMAIN,
           "bounds stay as they are given"),
    Mutant("model/layers.py", 'return (to_fraction(value, "slope"),) * count',
           "return (value,) * count",
           ("tests/test_network.py::test_one_slope_of_a_layer_is_that_of_all_its_units",),
           "slopes stay as they are given"),
    Mutant("exact/values.py", "for field in fields(cast(Any, self))",
           "for field in fields(cast(Any, self))[:1]", VALUES, "copies have the first field only"),
    Mutant("model/arrays.py", "    array.setflags(write=False)\n", "", VALUES,
           "arrays may be written to"),
    Mutant("regions/arrow_files.py", "    if sha256_of(content) != sha256:", "    if False:",
           ("tests/test_storage.py::test_damaged_files",), "any bytes have the hash"),
    Mutant("regions/arrow_files.py", "    if found != length:", "    if False:",
           ("tests/test_storage.py::test_damaged_files",), "any length is right"),
    Mutant("regions/arrow_files.py", "column.dtype == dtype and rows in (None, len(column))",
           "rows in (None, len(column))", STORAGE, "columns of any type"),
    Mutant("regions/storage.py", 'if told.pop("digest", None) != digest_of(told):',
           'if told.pop("digest", None) is None:', STORAGE, "any digest is right"),
    Mutant("regions/storage.py", "listed.min() >= starts[k - 1] and listed.max() < starts[k]",
           "listed.max() < starts[k]", STORAGE, "facets of any lower dimension"),
    Mutant("regions/storage.py", "(made[:, :2] < earlier)", "(made[:, :2] < len(parents))",
           STORAGE, "a vertex before its own parents"),
    Mutant("regions/storage.py", "np.all(keys[1:] > keys[:-1])", "True", STORAGE,
           "a pair of neighbours twice"),
    Mutant("regions/by_file.py", "return self.stopped is None and self.whole.is_complete",
           "return True", STORAGE, "every folder is complete"),
    Mutant("regions/faces.py", "low, high = Fraction(x) - Fraction(e), Fraction(x) + ",
           "low, high = Fraction(x) - 9, 9 + Fraction(x) + ", STORAGE,
           "coordinates that are far off"),
    Mutant("regions/faces.py", "np.array_equal(_sorted(made.edges), _sorted(known.edges))", "True",
           STORAGE, "adjacencies of a folder are believed"),
    Mutant("regions/by_search.py", "        if len(inside) < len(words):", "        if False:",
           STORAGE, "witnesses of a folder are believed"),
    Mutant("model/asking.py", "            if meant is None:\n                raise\n",
           "            if True:\n                raise\n", ASKING,
           "one pair an axis is not noticed"),
]
