"""S1: what half the outputs are, counted in the networks themselves."""

from elboproof.checking import Run, Verdict, all_of, control, equal
from elboproof.networks import VARIANTS, Autoencoder

from . import claim

PIXELS = 64
SIZES = (("mlp", 2), ("mlp", 8), ("mlp", 16), ("conv", 8))
"""Architecture and latents."""
HALF, WHOLE = "bilbo-baggins", "vae-per-pixel"


def _network(variant: str, architecture: str, latents: int) -> Autoencoder:
    conv = architecture == "conv"
    return Autoencoder(
        VARIANTS[variant],
        PIXELS,
        latents=latents,
        hidden=(8, 16) if conv else (32,),
        architecture="conv" if conv else "mlp",
        image=(1, 8, 8) if conv else None,
    )


def _outputs(network: Autoencoder) -> int:
    """Return how many numbers the encoder gives for one image."""
    import torch

    with torch.no_grad():
        mean, log_variance = network.encode(torch.zeros(1, PIXELS))
    own = network.log_variance_head is not None and log_variance is not None
    return mean.numel() + (log_variance.numel() if own and log_variance is not None else 0)


def _learned_variances(network: Autoencoder) -> int:
    """Return how many parameters are used for variances only."""
    heads = [one for one in (network.log_variance_head, network.likelihood_head) if one is not None]
    inside = sum(p.numel() for head in heads for p in head.parameters())
    numbers = (network.log_posterior_variance, network.log_likelihood_variance)
    return inside + sum(p.numel() for p in numbers if p is not None)


def _decoded(network: Autoencoder) -> int:
    """Return how many numbers the decoder gives for one image."""
    import torch

    with torch.no_grad():
        both = network.decode_both(torch.zeros(1, network.latents))
    return sum(one.numel() for one in both if one is not None)


@claim.check(
    statement="S1",
    role="confirms",
    method="numeric",
    relation="=",
    states=(
        "a BILBO + BAGGINS encoder has d outputs where that of an ordinary VAE has 2d, its decoder has D where that of "
        "an ordinary VAE with a variance for each pixel has 2D, and no parameter of either is there for a variance"
    ),
    domain=", ".join(f"{kind} with d = {d}" for kind, d in SIZES)
    + f"; D = {PIXELS}; all counted in the networks",
    hypotheses="none",
    controls=(
        control("a sigma-VAE", refutes=("*encoder", "*variances"), variant="sigma-vae"),
        control("one learned variance for each latent", refutes="*variances", variant="sigma-vae-shared"),
        control("a VAE with a variance for each pixel", variant=WHOLE),
        control("against a decoder of means", refutes="*decoder", whole="vae"),
    ),
    tier="quick",
)
def half_the_outputs(run: Run, *, variant: str = HALF, whole: str = WHOLE) -> Verdict:  # noqa: ARG001
    """Outputs are counted where an image goes through; parameters where they are kept."""
    parts = {}
    for kind, d in SIZES:
        half, full = _network(variant, kind, d), _network(whole, kind, d)
        parts[f"{kind}, d = {d}: encoder"] = equal(2.0 * _outputs(half), float(_outputs(full)), 0.5)
        parts[f"{kind}, d = {d}: variances"] = equal(float(_learned_variances(half)), 0.0, 0.5)
        parts[f"{kind}, d = {d}: decoder"] = equal(2.0 * _decoded(half), float(_decoded(full)), 0.5)
    return all_of(parts)
