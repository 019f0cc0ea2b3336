"""What claims are settled with: drawing, algebra, arrangements, search for counterexamples."""
