"""Time and memory of the engines and of the proofs."""
