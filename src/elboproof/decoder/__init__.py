"""The closed-form optimal decoder of a Gaussian VAE."""
