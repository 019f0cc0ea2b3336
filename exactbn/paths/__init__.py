"""Networks that move along a path, and all events of their partitions, exact."""
