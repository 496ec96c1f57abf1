"""Train a small VAE, then say what its ELBO loses: to the Gaussian family, and to the encoder; proved, row by row.

    python examples/gap_of_a_trained_vae.py

writes gap.png and posterior.png into the current folder.
"""

import numpy as np

import elboproof as ep
from elboproof import networks

rng = np.random.default_rng(0)
t = rng.standard_normal((400, 1))
x = np.hstack([2 * t, t**2, np.sin(2 * t)]) + 0.3 * rng.standard_normal((400, 3))  # a bent line with noise

trained = networks.train(x, variant="vae", latents=1, hidden=(12,), steps=400)
print(f"{trained.stopped}; ELBO of the validation split: {trained.terms['validation'].objective:.3f} nats")

rows = x[:4]
means, log_variances = trained.encode(rows)
model = trained.latent_model()  # the decoder's own weights, and the residuals' variance for p(x|z)
found = ep.decompose(model, rows, ep.GaussianPosteriors(means, np.exp(log_variances)), digits=4)
print(found)
found.plot().figure.savefig("gap.png")

posterior = ep.Posterior(model, rows[0], digits=4)  # of one row, with the best Gaussian beside it
posterior.plot().figure.savefig("posterior.png")
q = ep.GaussianPosterior(means[0], np.diag(np.exp(log_variances[0])))
print(f"KL of the encoder's q from p(z|x) of row 0: {posterior.kl(q):.3S} nats")
