"""Exact numbers: rationals, averages, algebra, affine maps; nothing here knows a network."""
