"""Boundaries in the input space as complexes: of decisions, and the bent hyperplanes of units."""
