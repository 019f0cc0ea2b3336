"""Certificates of partitions: what exactbn/checker.py checks without believing us."""
