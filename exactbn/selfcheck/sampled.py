"""The sampling check under cross-examination: each point is found again in fractions."""

from fractions import Fraction

import numpy as np

from exactbn.errors import InputError
from exactbn.regions.partition import Partition
from exactbn.selfcheck.points import regions_at, signs_at
from exactbn.selfcheck.problem import Problem

#: Points for each float type.
SAMPLES = 32
DTYPES = ("float32", "float64")


def sampling_faults(problem: Problem, part: Partition, seed: int) -> tuple[int, list[str]]:
    """Return how many points of a box were looked up, and what is wrong with the regions found.

    A float type that cannot fill the box is left out, as the sampling check refuses it.
    """
    # Torch takes seconds to import, and few problems are sampled.
    from exactbn.sampling.classify import Classifier
    from exactbn.sampling.devices import find_device
    from exactbn.sampling.points import float_bounds
    from exactbn.sampling.stream import CountedStream

    points, faults = 0, []
    for dtype in DTYPES:
        assert problem.box is not None
        try:
            bounds = float_bounds(problem.box, dtype)
        except InputError:
            continue
        device = find_device("cpu")
        drawn = CountedStream(bounds, SAMPLES, seed, dtype).rows(0, SAMPLES)
        for row, corner in enumerate(bounds):  # where hyperplanes of the grid go
            drawn[row, :-1] = drawn.new_tensor(corner)
        classifier = Classifier.of(
            part.network, part.patterns, np.ones(part.num_regions), bounds,
            dtype=dtype, device=device, chunk=SAMPLES,
        )  # fmt: skip
        results = classifier.classify(drawn)[0].tolist()
        patterns = {row.tobytes(): i for i, row in enumerate(part.patterns)}
        wrong = outside = 0
        for x, result in zip(drawn[:, :-1].tolist(), results, strict=True):
            found = regions_at(signs_at(problem, tuple(map(Fraction, x))), patterns)
            outside += not found
            if found:
                expected = patterns[found[0]] if len(found) == 1 else classifier.on_boundary
                wrong += result != expected
        points += SAMPLES
        if wrong:
            faults.append(f"sampling: {wrong} of {SAMPLES} {dtype} points are in another region")
        if outside:
            faults.append(f"sampling: {outside} points of the box are in no region")
    return points, faults
