"""Claims, checks, findings and the runner. Knows nothing of VAEs."""
