"""Random points against exact partitions, on a CPU or a GPU."""

from exactbn.sampling.check import SamplingResult as SamplingResult
from exactbn.sampling.check import sample as sample
