"""What ``exactbn compare`` is asked to do, its record in ``run.json``, and its repetition."""

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exactbn.cli.common import RUN_FILE, versions
from exactbn.errors import InputError
from exactbn.exact.rational import to_fraction
from exactbn.study.comparison import Comparison, Settings
from exactbn.study.dataset import read_bytes
from exactbn.study.paired import exact_text

DATA_COPY = "data.csv"


@dataclass(frozen=True)
class Request:
    """What is asked for, beside the settings of the comparison; all of it can be repeated."""

    data: Path
    content: bytes | None
    features: tuple[str, ...] | None
    settings: Settings
    samples: int
    device: str | None
    expected: str | None = None


def results_hash(comparison: Comparison) -> str:
    """Return the SHA-256 of all exact measures, equal for equal results only."""
    lines = []
    for m in comparison.measures:
        values = [f"{key}={None if value is None else exact_text(value)}"
                  for key, value in m.values.items()]
        lines.append(" ".join([str(m.seed), m.data, m.network, m.sha256, *values]))
        lines.append(repr((m.data_counts, m.random_counts)))
    lines += [f"{u.seed} {u.data} {u.network} undefined" for u in comparison.undefined]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def record_run(
    request: Request, comparison: Comparison, digest: str, seconds: float
) -> dict[str, Any]:
    """Return what run.json says: everything that is needed to repeat the run."""
    settings = request.settings
    return {
        "command": "compare",
        "arguments": sys.argv[1:],
        "complete": comparison.is_complete,
        "stopped": comparison.stopped,
        "seconds": round(seconds, 3),
        "versions": versions() | _more_versions(),
        "data": {
            "file": str(request.data),
            "copy": DATA_COPY,
            "sha256": comparison.data.sha256,
            "points": comparison.data.num_points,
            "features": list(comparison.data.features),
            "left_out": list(comparison.data.left_out),
        },
        "settings": {
            "seeds": list(settings.seeds),
            "widths": list(settings.widths),
            "slope": str(settings.slope),
            "radii": [str(r) for r in settings.radii],
            "random_points": settings.random_points,
            "margin": str(settings.margin),
            "eps": str(settings.eps),
            "max_regions": settings.max_regions,
            "max_seconds": settings.max_seconds,
            "samples": request.samples,
            "device": request.device,
        },
        "boxes": {v.key: {"lo": v.box.lo, "hi": v.box.hi} for v in comparison.variants},
        "networks": [
            {"seed": m.seed, "data": m.data, "network": m.network, "sha256": m.sha256,
             "sigma_policy": m.sigma_policy}
            for m in comparison.measures
        ],
        "undefined": [
            {"seed": u.seed, "data": u.data, "network": u.network, "reason": u.reason}
            for u in comparison.undefined
        ],
        "results_sha256": digest,
    }  # fmt: skip


def _more_versions() -> dict[str, str | None]:
    """Return the versions that matter here beside the common ones."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return {"matplotlib": version("matplotlib")}
    except PackageNotFoundError:
        return {"matplotlib": None}


def read_run(path: Path) -> Request:
    """Return the request that a run.json records; its data is the copy that lies beside it.

    Raises
    ------
    InputError
        If the file is not the record of a comparison, or the data is not what it was.
    """
    path = path / RUN_FILE if path.is_dir() else path
    try:
        # A number of too many digits is a ValueError too, and so is text that is not UTF-8.
        record = json.loads(read_bytes(path).decode("utf-8"))
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        reason = str(error).partition(";")[0]  # What comes after it is advice to programmers.
        raise InputError(f"{path} is not the record of a run: {reason}") from error
    try:
        data, told = record["data"], record["settings"]
        settings = Settings(
            seeds=tuple(int(s) for s in told["seeds"]),
            widths=tuple(int(w) for w in told["widths"]),
            slope=to_fraction(told["slope"]),
            radii=tuple(to_fraction(r) for r in told["radii"]),
            random_points=int(told["random_points"]),
            margin=to_fraction(told["margin"]),
            eps=to_fraction(told["eps"]),
            max_regions=None if told["max_regions"] is None else int(told["max_regions"]),
            max_seconds=told["max_seconds"],
        )
        features, named = tuple(str(f) for f in data["features"]), Path(str(data["file"]))
        digest, expected = str(data["sha256"]), str(record["results_sha256"])
        samples = int(told["samples"])
        if samples < 0:
            raise ValueError(f"samples is {samples}, expected 0 or more")
        device = None if told["device"] is None else str(told["device"])
        complete = bool(record["complete"])
    except KeyError as error:
        raise InputError(f"{path} is not the run.json of a comparison: it lacks {error}") from error
    except (TypeError, ValueError, OverflowError, AttributeError) as error:
        raise InputError(f"{path} is not the run.json of a comparison: {error}") from error
    content = _recorded_data(path, named, digest)
    return Request(named, content, features, settings, samples, device,
                   expected if complete else None)


def _recorded_data(path: Path, named: Path, digest: str) -> bytes:
    """Return the data of a recorded run, with the hash that was recorded."""
    tried = []
    for candidate in (path.parent / DATA_COPY, named):
        if candidate.is_file():
            content = read_bytes(candidate)
            if hashlib.sha256(content).hexdigest() == digest:
                return content
            tried.append(f"{candidate} has other content")
        else:
            tried.append(f"{candidate} is not there")
    raise InputError(f"the data of {path}, SHA-256 {digest}, is not found: {'; '.join(tried)}")
