"""Theorems over boxes of parameters: the search for a proof, and its certificate."""
