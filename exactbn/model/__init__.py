"""Networks with rational parameters, the domains they are asked about, and batch normalization."""
