"""Lines of the deciding modules made wrong, one at a time: do the tests that should see it see it?

``python -m tests.mutants`` plants each mutant of the lists beside this file in a copy of the tree,
runs the tests that are meant to catch it, and says caught or survived. A survivor is a line that
can be wrong unseen: it gets a test, or the reason why the line is redundant.
"""
