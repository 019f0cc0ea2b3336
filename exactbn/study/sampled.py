"""The sampling checks of a comparison, and what their chi-square tests say together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.sampling import SamplingResult

#: How often right volumes may give a report with a chi-square p that is called too small.
ODD = 0.01


@dataclass(frozen=True)
class SamplingCheck:
    """The sampling check of one network, or the reason why it could not be made."""

    data: str
    network: str
    result: "SamplingResult | None"
    refused: str = ""

    @property
    def agrees(self) -> bool:
        """Return whether no sample is outside the exact set, and the hits fit the volumes."""
        r = self.result
        return r is None or (r.outside == 0 and not self.contradicts)

    @property
    def contradicts(self) -> bool:
        """Return whether the hits contradict the exact volumes, which no chance explains."""
        return self.result is not None and self.result.chi_square.contradicts

    def summary(self) -> str:
        """Return the result in one line."""
        r = self.result
        if r is None:
            return f"not made: {self.refused}"
        return (
            f"{counted(r.samples, 'sample')}, {r.outside} outside the exact set, "
            f"{r.on_boundary} on a boundary, {r.hit} of {counted(r.regions, 'region')} hit, "
            f"chi-square p {p_text(r.chi_square.p)}"
        )

    def is_odd(self, checks: int) -> bool:
        """Return whether the chi-square p is too small for one of so many checks (Bonferroni)."""
        return self.result is not None and self.result.chi_square.p * checks < ODD

    def record(self) -> dict[str, Any]:
        """Return the check as plain values."""
        result = {"refused": self.refused} if self.result is None else self.result.to_json()
        return {"data": self.data, "network": self.network, **result}


def comment(sampling: Sequence[SamplingCheck]) -> str:
    """Return what the chi-square p of the sampling checks say together, nothing for none."""
    count = sum(s.result is not None for s in sampling)
    if count == 0:
        return ""
    odd = [f"{s.data}, {s.network}" for s in sampling if s.is_odd(count)]
    wrong = [f"{s.data}, {s.network}" for s in sampling if s.contradicts]
    rule = (
        f"A chi-square p is too small for chance below {ODD}/{count} = {ODD / count:.2g}, "
        f"as {counted(count, 'partition')} {'is' if count == 1 else 'are'} tested"
    )
    if wrong:
        return f"{rule}; the hits CONTRADICT the exact volumes of {'; '.join(wrong)}."
    if not odd:
        return f"{rule}; none is."
    return (
        f"{rule}; that of {'; '.join(odd)} is. Right volumes give this in one run of "
        f"{round(1 / ODD)}: repeat with more samples."
    )


def p_text(value: float | None) -> str:
    """Return a p-value for people."""
    if value is None or value != value:
        return "\u2013"
    return "< 0.0001" if value < 0.0001 else f"{value:.2g}" if value < 0.1 else f"{value:.2f}"
