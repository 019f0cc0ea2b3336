"""The ledger: claims, verdicts, and the instances that settle them."""
