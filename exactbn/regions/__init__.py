"""Partitions: regions, their graph, geometry and location, and what is stored of them."""
