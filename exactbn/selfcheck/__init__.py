"""Cross-examination: random networks, every engine, brute force, every certificate, its mutants.

Engines that share no idea must give the same regions, adjacencies, unbounded regions and volumes;
the checker must accept what they certify, and nothing false. What disagrees is saved and shrunk.
"""

from exactbn.selfcheck.families import NAMES, draw_problem, random_problem
from exactbn.selfcheck.problem import Problem
from exactbn.selfcheck.running import Summary, run

__all__ = ["NAMES", "Problem", "Summary", "draw_problem", "random_problem", "run"]
