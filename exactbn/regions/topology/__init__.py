"""Topology of sets of faces, exact: homology, persistence, Euler integrals, certificates."""
