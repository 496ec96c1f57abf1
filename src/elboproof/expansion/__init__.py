"""The gap law: how the gap falls with the variance of the likelihood, symbolically."""
