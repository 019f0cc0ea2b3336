"""Random points against exact partitions, on a CPU or a GPU."""

from exactbn.sampling.check import SamplingResult, sample

__all__ = ["SamplingResult", "sample"]
