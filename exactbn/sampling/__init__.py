"""Random points against exact partitions, on a CPU or a GPU."""

from exactbn.sampling.check import SamplingResult, sample
from exactbn.sampling.devices import DeviceComparison, compare_devices

__all__ = ["DeviceComparison", "SamplingResult", "compare_devices", "sample"]
