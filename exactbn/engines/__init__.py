"""The two engines, complex and lp, and the proofs that they write."""
