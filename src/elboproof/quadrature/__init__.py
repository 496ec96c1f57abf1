"""Quadrature on cells: rules with proved errors, and boxes."""
