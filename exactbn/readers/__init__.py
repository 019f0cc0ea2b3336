"""Files and torch modules read as stages: affine maps and activations, exact."""
