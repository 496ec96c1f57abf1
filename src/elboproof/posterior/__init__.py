"""Gaussian q(z): ELBO, stationary points and gap, proved."""
