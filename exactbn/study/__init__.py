"""The comparison of batch normalization with random initialization: data, statistics, report."""
