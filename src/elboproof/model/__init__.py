"""What is verified: latent-variable models, their likelihoods and priors."""
