"""What several claims need: symbols, balls, Gaussian expectations on the line, predicates."""
