"""Theorems over boxes of parameters: statements, their proofs with certificates, and an independent check of these."""
