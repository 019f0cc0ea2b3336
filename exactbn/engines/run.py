"""What every run of an engine knows: its budget, and whom to tell how far it is."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

#: Called with (neurons done, all neurons, remark).
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Budget:
    """Limits after which a run stops; ``started`` is when its seconds began to count."""

    max_regions: int | None = None
    max_seconds: float | None = None
    max_neurons: int | None = None
    started: float = field(default_factory=time.monotonic)

    def is_spent(self, regions: int, neurons: int) -> bool:
        """Return whether regions or seconds are over their limits, or neurons at theirs."""
        if self.max_regions is not None and regions > self.max_regions:
            return True
        if self.max_neurons is not None and neurons >= self.max_neurons:
            return True
        return self.is_late()

    def is_late(self) -> bool:
        """Return whether the seconds are spent."""
        return self.max_seconds is not None and time.monotonic() - self.started > self.max_seconds
