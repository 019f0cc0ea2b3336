"""Training experiments on small networks."""
