"""S7: the reparameterised gradient is that of the ELBO; how many gradients and curvatures it takes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray
from sympy import Rational

from elboproof.checking import Run, Verdict, all_of, control, equal

from .._shared.kept import kept
from . import claim
from .entropy import NODES, SHARES
from .fields import Tensor, lattice, log_joint
from .gaussian import cooling, trace
from .hypotheses import positive_precision, tempered

Array = NDArray[np.float64]
NAMES = ("mu", "log s0", "e", "beta_0", "m", "L")
PLACES = ((0.2, -0.1, 0.5, 0.6, 0.9, 2.5), (-0.4, 0.3, 0.15, 0.85, 0.5, 30.0))
CLOSE = 1e-11
"""Of gradients up to some tens: rounding."""


@kept
def closed_gradient(steps: int) -> Callable[..., Any]:
    """Return the gradient of 1/2 [2 + log(L s0^2) - tr M] in these six numbers, by SymPy."""
    symbols = sympy.symbols("mu l e beta m L")
    mu, log_s, step, beta, mean, precision = symbols
    V = precision * (sympy.exp(2 * log_s) + (mean - mu) ** 2)
    first = beta ** Rational(-1, 2)
    M = trace(step * sympy.sqrt(precision), cooling(first, steps), V, first**2)
    elbo = (2 + sympy.log(precision) + 2 * log_s - M) / 2
    function: Callable[..., Any] = sympy.lambdify(symbols, [elbo.diff(one) for one in symbols], "numpy")
    return function


def reparameterised(place: tuple[float, ...], steps: int, detached: bool) -> Array:
    """Return the mean over the noise of the log weight's gradient by torch, in the same six numbers."""
    import torch

    from elboproof.objectives.hamiltonian import weights

    leaf = torch.tensor(place, dtype=torch.float64, requires_grad=True)
    mu, log_s, step, beta, mean, precision = leaf

    def joint(z: Tensor, x: Tensor) -> Tensor:
        return (-precision * (z - x) ** 2 / 2 + torch.log(precision / (2 * torch.pi)) / 2).sum(-1)

    noise, gamma = torch.meshgrid(torch.tensor(NODES), torch.tensor(NODES), indexing="ij")
    with _kicks(detached):
        log_w, _, _ = weights(
            joint, mean.reshape(1, 1), mu.reshape(1, 1), log_s.reshape(1, 1), noise.reshape(9, 1, 1),
            gamma.reshape(9, 1, 1), steps=steps, step_size=step, inverse_temperature=beta,
        )  # fmt: skip
    value = torch.tensor(np.outer(SHARES, SHARES).ravel()) @ log_w[:, 0]
    return np.asarray(torch.autograd.grad(value, leaf)[0])


class _kicks:  # noqa: N801  (used as a function)
    """Lets the library's kicks forget their gradients, as an implementation that does not keep their graph would."""

    def __init__(self, detached: bool) -> None:
        self._detached = detached

    def __enter__(self) -> None:
        from elboproof.objectives import hamiltonian

        self._force_of = hamiltonian.force_of
        if self._detached:
            hamiltonian.force_of = self._forgetful  # type: ignore[assignment]

    def _forgetful(self, joint: Any, x: Tensor) -> Any:
        force = self._force_of(joint, x)

        def forgetful(z: Tensor) -> Any:
            value, slope = force(z)
            return value, slope.detach()

        return forgetful

    def __exit__(self, *_: object) -> None:
        from elboproof.objectives import hamiltonian

        hamiltonian.force_of = self._force_of


@claim.check(
    statement="S7",
    role="confirms",
    method="numeric",
    relation="=",
    states=(
        f"the mean gradient of the library's log weight in {', '.join(NAMES)} is the closed ELBO's within "
        f"{CLOSE:g}: the "
        "model's parameters too"
    ),
    domain=f"one coordinate, K = 1, 2, 3; at {' and '.join(map(str, PLACES))}; means exact by Gauss and Hermite's rule",
    hypotheses=(positive_precision, tempered),
    controls=(
        control("kicks whose gradients are forgotten: no curvature", detached=True),
        control("1 % more", factor=1.01),
    ),
)
def gradients_are_those_of_the_elbo(run: Run, *, detached: bool = False, factor: float = 1.0) -> Verdict:
    """Two routes: SymPy's derivative of the closed form, and torch through the path."""
    parts = {}
    for steps in (1, 2, 3):
        for k, place in enumerate(PLACES):
            run.assume(tempered, place[3])
            run.assume(positive_precision, place[5])
            wanted = np.array(closed_gradient(steps)(*place), dtype=float)
            parts[f"K = {steps}, place {k + 1}"] = equal(
                factor * reparameterised(place, steps, detached), wanted, CLOSE * float(np.abs(wanted).max())
            )
    return all_of(parts)


CURVED = (0.1, -0.1, 0.4, 0.7)
"""mu, log s0, e and beta_0 of the model without a closed form."""
NEAR = 1e-7
"""Central differences of a mean over a lattice: (1e-3)^4 and rounding over 1e-3."""


def lattice_elbo(place: Tensor) -> Tensor:
    """Return the ELBO of the model of S1 as a sum over a lattice of noise, K = 2."""
    import torch

    from elboproof.objectives.hamiltonian import weights

    mu, log_s, step, beta = place
    noise, gamma, cell = lattice()
    density = torch.exp(-(noise**2 + gamma**2) / 2)[:, 0, 0] * cell / (2 * torch.pi)
    log_w, _, _ = weights(
        lambda z, _: log_joint(z), torch.zeros(1, 1), mu.reshape(1, 1), log_s.reshape(1, 1), noise, gamma,
        steps=2, step_size=step, inverse_temperature=beta,
    )  # fmt: skip
    return density @ log_w[:, 0]


@claim.check(
    statement="S7",
    role="confirms",
    method="numeric",
    relation="=",
    states=(
        "the mean gradient of the library's log weight in mu, log s0, e and beta_0 is the derivative of the mean "
        "log weight "
        f"by differences of fourth order, within {NEAR:g}"
    ),
    domain=f"the model of S1, K = 2, at {CURVED}; means by sums over a lattice, float64",
    hypotheses=(tempered,),
    controls=(
        control("kicks whose gradients are forgotten: no curvature", detached=True),
        control("1 % more", factor=1.01),
    ),
)
def gradients_of_a_curved_model(run: Run, *, detached: bool = False, factor: float = 1.0) -> Verdict:
    """The lattice's sum is a fixed function of the four numbers: its derivative is what torch must find."""
    import torch

    run.assume(tempered, CURVED[3])
    leaf = torch.tensor(CURVED, dtype=torch.float64, requires_grad=True)
    with _kicks(detached):
        (found,) = torch.autograd.grad(lattice_elbo(leaf), leaf)
    parts = {}
    for k, name in enumerate(NAMES[:4]):
        values = []
        for times in (-2, -1, 1, 2):
            moved = torch.tensor(CURVED, dtype=torch.float64)
            moved[k] += times * 1e-3
            with torch.no_grad():
                values.append(float(lattice_elbo(moved)))
        difference = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / 12e-3
        parts[name] = equal(factor * float(found[k]), difference, NEAR)
    return all_of(parts)
