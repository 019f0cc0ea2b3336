"""Random points against exact partitions, on a CPU or a GPU."""

from exactbn.sampling.check import SamplingResult, sample
from exactbn.sampling.device_check import DeviceCheck, check_device
from exactbn.sampling.devices import DeviceComparison, compare_devices

__all__ = [
    "DeviceCheck", "DeviceComparison", "SamplingResult", "check_device", "compare_devices",
    "sample",
]  # fmt: skip
