"""The folder of a study of sampling: a page, pictures, and tables."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exactbn.output import as_path
from exactbn.study.judged import pictures, wording
from exactbn.study.judged.families import FAMILIES
from exactbn.study.judged.figures import ALL, Figure, Need, Ranking, figures, needs, rankings
from exactbn.study.judged.judging import OF_REGIONS, OF_VOLUME, Study
from exactbn.study.judged.large import LargeStudy
from exactbn.study.judged.large_figures import LargeFigure, large_figures
from exactbn.study.judged.local import LocalStudy
from exactbn.study.judged.local_figures import LocalFigure, local_figures
from exactbn.study.judged.tables import write_large_tables, write_local_tables, write_tables
from exactbn.study.page import PAGE, embedded, write_page
from exactbn.wording import counted

TEMPLATE = "judged/report.html.j2"

#: Pictures by the names of their files.
OF_COUNTS, OF_UNSEEN, OF_NEEDS = "regions.png", "unseen_volume.png", "points_needed.png"
OF_LOCAL = "local.png"


@dataclass(frozen=True)
class Studies:
    """What was studied: small networks, their balls about data points, one large network."""

    study: Study
    locally: LocalStudy | None = None
    large: LargeStudy | None = None

    @property
    def stopped(self) -> str | None:
        """Return why the first part that a budget ended was stopped, None where none was."""
        parts = [part for part in (self.study, self.locally, self.large) if part is not None]
        return next((part.stopped for part in parts if part.stopped is not None), None)


@dataclass(frozen=True)
class Findings:
    """All figures of the studies; those of parts that were left out are none."""

    figures: Sequence[Figure]
    needs: Sequence[Need]
    rankings: Sequence[Ranking]
    local: Sequence[LocalFigure] = ()
    large: Sequence[LargeFigure] = ()

    @classmethod
    def of(cls, studies: Studies) -> "Findings":
        """Return them."""
        study = studies.study
        local = () if studies.locally is None else local_figures(studies.locally)
        large = () if studies.large is None else large_figures(studies.large)
        return cls(figures(study), needs(study), rankings(study), local, large)


def write_folder(
    folder: str | Path, studies: Studies, found: Findings, record: Mapping[str, Any]
) -> None:
    """Write ``report.html``, pictures and tables into an existing folder."""
    folder, study, locally = as_path(folder), studies.study, studies.locally
    write_tables(study, found.figures, found.needs, found.rankings, folder)
    if locally is not None and found.local:
        write_local_tables(locally, found.local, folder)
        pictures.draw_local(found.local, folder / OF_LOCAL)
    if studies.large is not None and found.large:
        write_large_tables(studies.large, found.large, folder)
    dims = [d for d in study.settings.dims if any(j.dim == d for j in study.judged)]
    if dims:
        pictures.draw_figures(found.figures, dims, folder / OF_COUNTS)
        pictures.draw_figures(found.figures, dims, folder / OF_UNSEEN, volume=True)
        most = study.settings.samples[-1]
        pictures.draw_needs(found.needs, dims, most, folder / OF_NEEDS)
    write_page(folder / PAGE, TEMPLATE, page_values(folder, studies, found, record))


def page_values(
    folder: Path, studies: Studies, found: Findings, record: Mapping[str, Any]
) -> dict[str, Any]:
    """Return everything that the page's template shows, as texts and numbers."""
    study, locally = studies.study, studies.locally
    settings = study.settings
    overall = [f for f in found.figures if f.family == ALL]
    most = settings.samples[-1]
    return {
        "data": study.data,
        "study": study,
        "settings": settings,
        "families": [FAMILIES[f] for f in settings.families],
        "dims": ", ".join(map(str, settings.dims)),
        "samples": ", ".join(wording.points(n) for n in settings.samples),
        "odd": odd_hits(study),
        "sentences": wording.describe(study, found.figures, found.needs, found.rankings),
        "pictures": {
            name: embedded(folder / file)
            for name, file in (("counts", OF_COUNTS), ("unseen", OF_UNSEEN), ("needs", OF_NEEDS),
                               ("local", OF_LOCAL))
        },
        "of_regions": [
            (dim, wording.figure_cells([f for f in overall if f.dim == dim
                                        and f.method in OF_REGIONS]))
            for dim in settings.dims
        ],
        "of_volume": wording.figure_cells([f for f in overall if f.method in OF_VOLUME]),
        "by_family": wording.figure_cells(
            [f for f in found.figures if f.family != ALL and f.dim != ALL and f.samples == most]
        ),
        "needs": wording.need_cells(found.needs),
        "rankings": wording.ranking_cells(found.rankings),
        "local": wording.local_cells(found.local),
        "local_sentences": wording.describe_local(found.local),
        "local_settings": None if locally is None else locally.settings,
        "stopped": studies.stopped,
        "large": wording.large_cells(found.large),
        "large_study": studies.large,
        "record": record,
        "command": shlex.join(["exactbn", *map(str, record.get("arguments", ()))]),
    }  # fmt: skip


def odd_hits(study: Study) -> str:
    """Return what the chi-square tests of the hits against the exact volumes say together."""
    if not study.judged:
        return ""
    count = len(study.judged)
    least = min(j.chi_square.p for j in study.judged)
    verdict = "which chance explains" if least * count >= 0.01 else "TOO SMALL for chance"
    return (
        f"The hits of all samples were compared with the exact volumes, one chi-square test a "
        f"network: the least of {counted(count, 'p-value')} is {least:.2g}, {verdict}."
    )
