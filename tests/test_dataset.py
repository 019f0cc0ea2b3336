"""CSV files: exact reading, and every refusal with its place."""

import os
from fractions import Fraction
from pathlib import Path

import pytest

from exactbn.errors import InputError
from exactbn.study import dataset
from exactbn.study.dataset import read_csv

IRIS = (
    b"sepal_length,sepal_width,petal_length,petal_width,species\n"
    b"5.1,3.5,1.4,0.2,setosa\n7.0,3.2,4.7,1.4,versicolor\n6.3,3.3,6.0,2.5,virginica\n"
)


def test_decimals_are_read_as_written():
    data = read_csv("x.csv", content=b"a,b\n5.1,-1e-3\n1/3, 2 \n")
    assert data.points == (
        (Fraction(51, 10), Fraction(-1, 1000)),
        (Fraction(1, 3), Fraction(2)),
    )
    assert data.bounds == ((Fraction(1, 3), Fraction(-1, 1000)), (Fraction(51, 10), Fraction(2)))
    assert data.mean == (Fraction(163, 60), Fraction(1999, 2000))
    assert (data.num_points, data.dim, data.labels, data.left_out) == (2, 2, None, ())


def test_iris_has_two_default_features_and_its_classes():
    data = read_csv("data/iris.csv", content=IRIS, presets=True)
    assert data.features == ("petal_length", "petal_width")
    assert data.points[0] == (Fraction(7, 5), Fraction(1, 5))
    assert data.labels == ("setosa", "versicolor", "virginica")
    assert data.label_name == "species"
    assert data.left_out == ("sepal_length", "sepal_width", "species")


def test_features_in_the_order_asked_for():
    data = read_csv("iris.csv", content=IRIS, features=["sepal_width", "sepal_length"])
    assert data.points[0] == (Fraction(7, 2), Fraction(51, 10))


def test_other_files_use_every_numeric_column():
    data = read_csv("mine.csv", content=IRIS)
    assert data.dim == 4
    assert data.left_out == ("species",)


def test_a_text_column_of_many_values_is_no_label():
    rows = b"".join(b"%d,id%d\n" % (i, i) for i in range(11))
    assert read_csv("x.csv", content=b"a,id\n" + rows).labels is None


def test_byte_order_mark_line_ends_and_empty_lines():
    data = read_csv("x.csv", content=b"\xef\xbb\xbfa,b\r\n1,2\r\n\r\n3,4\r\n")
    assert data.features == ("a", "b")
    assert data.num_points == 2


def test_hash_is_that_of_the_bytes(tmp_path: Path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"a\n1\n")
    assert read_csv(path).sha256 == read_csv("y", content=b"a\n1\n").sha256
    assert read_csv(path).sha256 != read_csv("y", content=b"a\n1.0\n").sha256


@pytest.mark.parametrize(
    ("content", "features", "message"),
    [
        (b"", None, "x.csv is empty, expected a header row"),
        (b"\n\n", None, "x.csv is empty"),
        (b"a,b\n", None, "has a header and no data rows"),
        (b"a,b\n1,2\n3\n", None, r"x.csv, row 3: got 1 cells, expected 2"),
        (b"a,b\n1,2\n\n3,4,5\n", None, r"x.csv, row 4: got 3 cells, expected 2"),
        (b"a,a\n1,2\n", None, "the column name 'a' occurs twice"),
        (b"a,\n1,2\n", None, "column 2 has no name"),
        (b"1,2\n3,4\n", None, "row 1: got only numbers .1, 2., expected a header row"),
        (b"a;b\n1;2\n", None, "got no comma, expected columns separated by commas"),
        (b"a,b\nx,y\n", None, "has no numeric column; its columns: a, b"),
        (b"a,b\n1,\n", None, None),
        (b"a,b\n1,2\n3,\n", None, "x.csv, row 3, column 'b': got an empty cell"),
        (b"a,b\n1,2\n3,?\n", None, r"row 3, column 'b': got '\?', expected a number"),
        (b"a,b\n1,2\n,\n", None, "row 3, column 'a': got an empty cell"),
        (b"a,b\n1,2\n\n\n3,nan\n", None, "row 5, column 'b': got 'nan', expected a number"),
        (b"a,b\n1,inf\n1,2\n", None, "row 2, column 'b': got 'inf', expected a number"),
        (b"a,b\n1,2e101\n", None, "got '2e101', expected at most 1e100"),
        (b"a,b\n1,-2e101\n", None, "got '-2e101', expected at most 1e100"),
        (b"a,b\n1,1e99999\n1,2\n", None, "got '1e99999', expected a number"),
        (b"a,b\n1,x\n", ["b"], "row 2, column 'b': got 'x', expected a number"),
        (b"a,b\n1,2\n", ["c"], "has no column 'c', expected one of: a, b"),
        (b"a,b\n1,2\n", ["a", "a"], "the feature 'a' is named twice"),
        (b"a,b\n1,2\n", [], "no features are named"),
        (b"a,b\n1,\xff\n", None, "byte 6 is not UTF-8"),
        (b"a,b\n1,\x002\n", None, "holds a NUL byte"),
        (b'a,b\n1,"' + b"2" * 200_000 + b'"\n', None, "is not a CSV file: field larger"),
    ],
)
def test_refusals_name_the_place(content, features, message):
    if message is None:  # a column without any number is left out, not an error
        assert read_csv("x.csv", content=content, features=features).left_out == ("b",)
        return
    with pytest.raises(InputError, match=message):
        read_csv("x.csv", content=content, features=features)


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(InputError, match="missing.csv: there is no such file"):
        read_csv(tmp_path / "missing.csv")
    with pytest.raises(InputError, match="not a regular file"):
        read_csv(tmp_path)
    path = tmp_path / "big.csv"
    path.write_bytes(b"a\n1\n")
    monkeypatch.setattr(dataset, "MAX_BYTES", 3)
    with pytest.raises(InputError, match="is larger than 3 bytes"):
        read_csv(path)


def test_pipes_and_devices(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "pipe.csv", "/dev/zero"):
        with pytest.raises(InputError, match="not a regular file"):
            read_csv(path)


def test_few_bytes_that_stand_for_many_digits():
    content = b"a,b\n" + b"1e-20000,1\n" * 200
    with pytest.raises(InputError, match="x.csv: its numbers, written out, have more than"):
        read_csv("x.csv", content=content)
    assert read_csv("x.csv", content=content, features=["b"]).num_points == 200


def test_as_many_columns_as_one_likes():
    names = [f"c{i}" for i in range(20_000)]
    text = ",".join(names) + "\n" + ",".join("1" * 20_000) + "\n"
    assert read_csv("x.csv", content=text.encode(), features=names).dim == 20_000
    with pytest.raises(InputError, match="expected one of: c0, c1, .* and 19980 more$"):
        read_csv("x.csv", content=text.encode(), features=["x"])
    with pytest.raises(InputError, match="the column name 'c7' occurs twice"):
        read_csv("x.csv", content=text.replace("c19999", "c7").encode())


def test_columns_are_preset_for_who_asks_for_it_alone() -> None:
    assert len(read_csv("iris.csv", content=IRIS).features) == 4
    assert read_csv("iris.csv", content=IRIS, presets=True).dim == 2
    other = b"a,b\n1,2\n"
    assert read_csv("iris.csv", content=other, presets=True).features == ("a", "b")
