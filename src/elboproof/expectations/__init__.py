"""Expectations under a Gaussian q, proved: closed forms, a lattice, cells."""
