"""Estimates from random samples, judged by the exact partition of many small networks."""
