"""S1, S2, S6: the library's paths, by sums over lattices of all starts, and by sampling."""

from typing import Any

import numpy as np

from elboproof.checking import (
    Run,
    VarianceAtMost,
    Verdict,
    all_of,
    control,
    equal,
    mean_equals,
)

from . import claim
from .fields import FIELDS, Tensor, evidence, force, lattice, log_joint, slope
from .hypotheses import continuous_field, everywhere_positive, positive_precision, tempered

STEP, BETA, STEPS = 0.35, 0.7, (1, 3)
CLOSE = 1e-9
"""Of p(x): the lattice's error, 1e-11 at half the mesh, and rounding."""


def _unkicked(field: Any, z: Tensor, rho: Tensor, step: Tensor, factors: Any) -> Any:
    """Return a path whose drift takes the momentum before the kick."""
    for factor in factors:
        kicked = rho + 0.5 * step * field(z)
        z = z + step * rho
        rho = factor * (kicked + 0.5 * step * field(z))
    return log_joint(z), z, rho


def mean_weight(name: str, steps: int, drift: str, power: float, inverted: bool, reach: float) -> float:
    """Return E w by the sum of p(x, z_K) N(rho_K; 0, 1) over all starts, the density of q0 and gamma cancelled."""
    import torch

    from elboproof.objectives.hamiltonian import cooling, leapfrog

    z, gamma, cell = lattice()
    step, temperature = torch.tensor(STEP, dtype=torch.float64), torch.tensor(BETA).double() ** -0.5
    factors = [1 / one if inverted else one for one in cooling(temperature, steps)]
    field = FIELDS[name]
    path: Any = (
        leapfrog(force(field), z, temperature * gamma, step, factors)
        if drift == "kicked"
        else _unkicked(field, z, temperature * gamma, step, factors)
    )
    weight = torch.exp(path[0] - (path[2] ** 2).sum(-1) / 2) / np.sqrt(2 * np.pi) * temperature**power
    return float((weight[:, 0] * (z[:, 0, 0].abs() <= reach)).sum() * cell)


@claim.check(
    statement="S1",
    role="confirms",
    method="numeric",
    relation="=",
    states=(
        f"E w = p(x) within {CLOSE:g} of it, by the sum over a lattice of starts, for the log joint's gradient and "
        f"for "
        "two fields that are not: a wrong gradient is not seen"
    ),
    domain=(
        f"z ~ N(0, 1), x = 3/5 ~ N(3/2 tanh z + z/4, 1/2); e = {STEP}, beta_0 = {BETA}, K = "
        f"{', '.join(map(str, STEPS))}; fields: {', '.join(FIELDS)}; float64"
    ),
    hypotheses=(everywhere_positive, continuous_field, tempered),
    controls=(
        control("a drift by the momentum before the kick", drift="old"),
        control("the determinant dropped: weights times T_0", power=1.0),
        control("momenta heated by T_(k-1)/T_k", inverted=True),
        control("a start that has no mass beyond 3/2", reach=1.5, drops=(everywhere_positive,)),
    ),
)
def any_field_gives_the_evidence(
    run: Run, *, drift: str = "kicked", power: float = 0.0, inverted: bool = False, reach: float = np.inf
) -> Verdict:
    """The wrong fields are continuous, which is all that is needed."""
    import torch

    run.assume(everywhere_positive, lambda z: np.where(np.abs(z) <= reach, -(z**2) / 2, -np.inf))
    run.assume(tempered, BETA)
    parts = {}
    for name, field in FIELDS.items():
        run.assume(continuous_field, lambda z, field=field: field(torch.as_tensor(z)).numpy())
        for steps in STEPS:
            value = mean_weight(name, steps, drift, power, inverted, reach)
            parts[f"{name}, K = {steps}"] = equal(value / evidence(), 1.0, CLOSE)
    return all_of(parts)


PRECISION = 9.0
SAMPLES = 500_000


@claim.check(
    statement="S1",
    role="confirms",
    method="statistical",
    relation="=",
    states=(
        "the mean weight of elboproof.objectives.hvae_elbo is p(x); the variance of w/p is c^2/(2c - 1) - 1, c = "
        "sqrt(L), by S11"
    ),
    domain=f"z ~ N(0, 1), L = {PRECISION:g}, m = 0, one step with e = sqrt(2/L), beta_0 = 2/c; {SAMPLES:,} samples",
    hypotheses=(positive_precision,),
    controls=(
        control("1.02 p(x)", stated=1.02),
        control("the determinant dropped: weights times T_0", power=1.0),
    ),
)
def samples_give_the_evidence(run: Run, *, stated: float = 1.0, power: float = 0.0) -> Verdict:
    """The datum 0 of x ~ N(a z, 1) with a^2 = L - 1: p(0) = 1/sqrt(2 pi L)."""
    import torch

    from elboproof import objectives

    run.assume(positive_precision, PRECISION)
    c = float(np.sqrt(PRECISION))
    zero = torch.zeros(1, 1, dtype=torch.float64)
    generator = torch.Generator().manual_seed(run.integer_seed)

    def joint(z: Tensor, x: Tensor) -> Tensor:
        return (-(z**2) / 2 - (x - np.sqrt(PRECISION - 1) * z) ** 2 / 2).sum(-1) - np.log(2 * np.pi)

    with torch.no_grad():
        log_w, _, _ = objectives.hvae_elbo(
            joint, zero, zero, zero, steps=1, step_size=float(np.sqrt(2 / PRECISION)),
            inverse_temperature=2 / c, samples=SAMPLES, generator=generator,
        )  # fmt: skip
    shares = (log_w[:, 0] + np.log(2 * np.pi * PRECISION) / 2).exp().numpy() * (c / 2) ** (power / 2)
    bound = VarianceAtMost(c**2 / (2 * c - 1) - 1, known_by="S11")
    return mean_equals(shares, stated, bound, run.false_alarm)


ROUND = 1e-12


def _undone(z: Tensor, rho: Tensor, step: Tensor, factors: Any, turned: int) -> tuple[Tensor, Tensor]:
    """Return where a path began: each step warmed, turned around, moved and turned back."""
    import torch

    from elboproof.objectives.hamiltonian import leapfrog

    for factor in factors:
        _, z, back = leapfrog(force(slope), z, turned * rho / factor, step, [torch.ones(())])
        rho = turned * back
    return z, rho


@claim.check(
    statement="S2",
    role="confirms",
    method="numeric",
    relation="=",
    states=(
        f"the library's tempered path is undone by the reversed schedule within {ROUND:g}, and the determinant of "
        f"its "
        f"derivative in the start is T_0^-1 within {ROUND:g}: the entropy of (z_K, rho_K) is H(q0) + H(N(0, 1))"
    ),
    domain=f"the model of S1, 15 starts, e = {STEP}, beta_0 = {BETA}, K = 3; float64",
    hypotheses=(tempered,),
    controls=(
        control("the same schedule once more", refutes="undone*", reverse=False),
        control("momenta not turned around", refutes="undone*", turned=1),
        control("determinant beta_0, the square of it", refutes="determinant", power=-2.0),
    ),
)
def the_library_is_undone(
    run: Run, *, reverse: bool = True, turned: int = -1, power: float = -1.0
) -> Verdict:
    """Derivatives by torch."""
    import torch

    from elboproof.objectives.hamiltonian import cooling, leapfrog

    run.assume(tempered, BETA)
    step, temperature = torch.tensor(STEP, dtype=torch.float64), torch.tensor(BETA).double() ** -0.5
    factors = cooling(temperature, 3)
    grid = torch.cartesian_prod(torch.linspace(-2, 2, 5).double(), torch.linspace(-1, 1, 3).double())
    z, rho = grid[:, :1, None], temperature * grid[:, 1:, None]

    def move(start: Tensor) -> Tensor:
        _, place, momentum = leapfrog(
            force(slope), start[:1, None, None], temperature * start[1:, None, None], step, factors
        )
        return torch.cat([place.reshape(1), momentum.reshape(1)])

    _, place, momentum = leapfrog(force(slope), z, rho, step, factors)
    found = _undone(place, momentum, step, factors[::-1] if reverse else factors, turned)
    # from gamma: the first momentum is T_0 gamma, so that the determinant with respect to (z, gamma) is 1
    volume = torch.linalg.det(torch.func.vmap(torch.func.jacrev(move))(grid)) / temperature
    return all_of(
        {
            "undone place": equal(found[0].numpy(), z.numpy(), ROUND),
            "undone momentum": equal(found[1].numpy(), rho.numpy(), ROUND),
            "determinant": equal(volume.numpy(), float(temperature**power), ROUND),
        }
    )
