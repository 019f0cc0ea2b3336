"""Before loops are compiled for the first time a line says so, to whoever sits at a terminal."""

import logging
from pathlib import Path

import pytest

import exactbn
from exactbn.engines import first_use

NETWORK = exactbn.Network.from_arrays([[[1]], [[1]]], [[0], [0]])


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let nothing be compiled, and nothing said, and standard error be a terminal."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr(first_use, "__file__", str(tmp_path / "first_use.py"))
    monkeypatch.setattr(first_use, "_seen", set())
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)


@pytest.mark.parametrize("engine", ["complex", "lp"])
def test_it_is_said_once(fresh: None, caplog: pytest.LogCaptureFixture, engine: str) -> None:
    for _ in range(2):
        exactbn.partition(NETWORK, (-1, 1), engine=engine)
    assert caplog.record_tuples == [("exactbn", logging.WARNING, first_use.COMPILING)]


def test_it_is_said_to_a_terminal_only(
    fresh: None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)
    exactbn.partition(NETWORK, (-1, 1))
    monkeypatch.setattr("sys.stderr", None)
    exactbn.partition(NETWORK, (-1, 1), engine="lp")
    assert not caplog.record_tuples


def test_what_is_compiled_is_not_announced(fresh: None, tmp_path: Path) -> None:
    (tmp_path / "lp" / "__pycache__").mkdir(parents=True)
    (tmp_path / "lp" / "__pycache__" / "search.nbi").touch()
    assert first_use.is_first_use("complex") and not first_use.is_first_use("complex")
    assert not first_use.is_first_use("lp")
