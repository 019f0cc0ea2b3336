"""The claims themselves, one module a family."""
