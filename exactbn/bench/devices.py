"""Networks on which a device is checked and timed: their shapes, from the plane to 64 inputs."""

from exactbn.bench.engines import Recipe, named_network, random_network
from exactbn.model.network import Network

#: The widths of the products are what counts for a device; biases are random.
DEVICE_NETWORKS = {
    "2-64-64": Recipe((2, 64, 64, 1), False, 2),
    "3-32-32-32": Recipe((3, 32, 32, 32, 1), False, 3),
    "10-128-128": Recipe((10, 128, 128, 1), False, 10),
    "64-256-256": Recipe((64, 256, 256, 1), False, 64),
}


def device_network(name: str) -> Network:
    """Return the network of this name, one of ``exactbn bench``, or that of a file."""
    recipe = DEVICE_NETWORKS.get(name)
    return named_network(name) if recipe is None else random_network(recipe)
