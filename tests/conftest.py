"""Settings of the whole test suite: hypothesis profiles, markers, versions, optional data."""

import gc
import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

ROOT = Path(__file__).parents[1]
VERSIONS = ("numpy", "scipy", "numba", "python-flint", "torch", "networkx", "pyarrow", "hypothesis")

# No deadline: the first example pays for numba's compilation.
settings.register_profile(
    "default", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", settings.get_profile("default"), derandomize=False)
settings.register_profile("thorough", settings.get_profile("explore"), max_examples=2000)
# Whether a test fails is all that is asked when mutants are hunted.
settings.register_profile(
    "unshrunk", settings.get_profile("default"), phases=[Phase.explicit, Phase.generate]
)
settings.load_profile(os.environ.get("EXACTBN_HYPOTHESIS", "default"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--slow``."""
    parser.addoption("--slow", action="store_true", help="run the tests marked slow as well")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what is slow, unless asked for."""
    if not config.getoption("--slow"):
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="slow, run with --slow"))


def pytest_collection_finish() -> None:
    """Let the collector of garbage pass over what stays: the modules and some 5000 tests."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a GPU where there is none; torch is imported for such tests only."""
    if "gpu" in item.keywords:
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device")


def pytest_report_header() -> str:
    """Return the versions on which the results depend."""
    found = []
    for name in VERSIONS:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} absent")
    return ", ".join(found)


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """Return the folder with ``workload/`` and ``nets/`` that lies beside the project, or skip.

    The environment variable EXACTBN_SHARED names it; by default it is ``../shared``.
    """
    folder = Path(os.environ.get("EXACTBN_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}; EXACTBN_SHARED can name another")
    return folder
