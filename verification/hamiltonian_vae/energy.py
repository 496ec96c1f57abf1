"""S8: where the log weight comes from, energy by energy; what sees a wrong gradient; the exact integrator."""

from itertools import pairwise
from typing import Any

import numpy as np
import sympy
from hypothesis import strategies as st
from numpy.typing import NDArray

from elboproof.checking import Run, Verdict, all_of, control, identity, property_holds, slope_equals

from . import claim
from .fields import Tensor, force, log_joint, slope
from .hypotheses import continuous_field, tempered

Array = NDArray[np.float64]
ROUND = 1e-12
"""Relative to 1 and the largest energy: rounding of a few dozen operations."""


class Net:
    """U(z) = |z|^2/2 + sum_i a_i tanh(b_i . z + c_i), without constants, in NumPy and in torch."""

    def __init__(self, numbers: list[float], d: int) -> None:
        free = np.array(numbers)
        self.a, self.c = 2 * free[:3], free[3:6]
        self.b = 2 * free[6 : 6 + 3 * d].reshape(3, d)

    def energy(self, z: Array) -> float:
        """Return U at z, (d,)."""
        return float((z**2).sum() / 2 + self.a @ np.tanh(self.b @ z + self.c))

    def slope(self, z: Array) -> Array:
        """Return grad U at z, by hand."""
        result: Array = z + self.b.T @ (self.a / np.cosh(self.b @ z + self.c) ** 2)
        return result

    def log_joint(self, z: Tensor, x: Tensor) -> Tensor:  # noqa: ARG002
        """Return -U in torch."""
        import torch

        a, b, c = (torch.tensor(one) for one in (self.a, self.b, self.c))
        return -(z**2).sum(-1) / 2 - torch.tanh(z @ b.T + c) @ a


def library_weight(net: Net, noise: Array, gamma: Array, steps: int, step: float, beta: float) -> float:
    """Return the library's log weight for q0 = N(0, I)."""
    import torch

    from elboproof.objectives.hamiltonian import weights

    zero = torch.zeros(1, len(noise), dtype=torch.float64)
    with torch.no_grad():
        log_w, _, _ = weights(
            net.log_joint, zero, zero, zero, torch.tensor(noise)[None, None], torch.tensor(gamma)[None, None],
            steps=steps, step_size=step, inverse_temperature=beta,
        )  # fmt: skip
    return float(log_w)


def bookkeeping(
    net: Net, z: Array, gamma: Array, schedule: Array, step: float, power: float, cooled: float
) -> tuple[float, float]:
    """Return the log weight from energies, and the size of what was added."""
    # log p(x, z0) - log q0(z0), with q0 = N(0, I)
    plain = -net.energy(z) + z @ z / 2 + len(z) * np.log(2 * np.pi) / 2
    total = plain - (schedule[0] ** power - 1) / 2 * (gamma @ gamma)
    size, rho = abs(total), schedule[0] * gamma
    for before, after in pairwise(schedule):
        energy = net.energy(z) + rho @ rho / 2
        rho = rho - step / 2 * net.slope(z)
        z = z + step * rho
        rho = rho - step / 2 * net.slope(z)
        total += (1 - (after / before) ** cooled) / 2 * (rho @ rho) - (net.energy(z) + rho @ rho / 2 - energy)
        size = max(size, abs(energy))
        rho = rho * after / before
    return float(total), float(size)


@claim.check(
    statement="S8",
    role="sharpens",
    method="property",
    relation="=",
    states=(
        "log w = log[p(x, z_0)/q0(z_0)] - 1/2 (T_0^2 - 1)|gamma|^2 + 1/2 sum_k (1 - (T_k/T_(k-1))^2)|rho'_k|^2 - "
        "sum_k "
        f"dH_k, rho'_k the momentum before cooling, dH_k a step's energy error, within {ROUND:g}"
    ),
    domain="generated potentials: a quadratic and a tanh network of width 3; d = 1, 2, K = 1 to 5, beta_0 in [.2, 1]",
    hypotheses=(tempered,),
    controls=(
        control("T_0 - 1 for T_0^2 - 1", power=1.0),
        control("1 - T_k/T_(k-1)", cooled=1.0),
        control("T_k/T_(k-1) inverted", cooled=-2.0),
    ),
)
def log_weight_by_energies(run: Run, *, power: float = 2.0, cooled: float = 2.0) -> Verdict:
    """The library's weight by torch, the energies by NumPy with gradients by hand."""
    number = st.floats(-1.0, 1.0)

    def holds(
        numbers: list[float], starts: list[float], steps: int, step: float, beta: float
    ) -> dict[str, bool]:
        run.assume(tempered, beta)
        found = {}
        for d in (1, 2):
            net, z, gamma = Net(numbers, d), 2 * np.array(starts[:d]), 2 * np.array(starts[2 : 2 + d])
            schedule = 1 + (beta**-0.5 - 1) * (1 - np.arange(steps + 1) ** 2 / steps**2)
            stated, size = bookkeeping(net, z, gamma, schedule, step, power, cooled)
            weight = library_weight(net, z, gamma, steps, step, beta)
            found[f"d = {d}"] = abs(weight - stated) <= ROUND * (1 + size)
        return found

    return property_holds(
        st.lists(number, min_size=12, max_size=12), st.lists(number, min_size=4, max_size=4),
        st.integers(1, 5), st.floats(0.05, 0.8), st.floats(0.2, 1.0),
        property=holds, examples=60, seed=run.integer_seed,
    )  # fmt: skip


TIME = 1.2
STEPS = (8, 16, 32, 64)


def untempered_gains(factor: float, steps: int) -> float:
    """Return the root mean square of log w less the VAE's log weight, over starts, for kicks of this size."""
    import torch

    from elboproof.objectives.hamiltonian import leapfrog

    grid = torch.cartesian_prod(torch.linspace(-2, 2, 9).double(), torch.linspace(-2, 2, 9).double())
    z, rho = grid[:, :1, None], grid[:, 1:, None]
    step, one = torch.tensor(TIME / steps, dtype=torch.float64), torch.ones(())
    value, _, last = leapfrog(force(lambda place: factor * slope(place)), z, rho, step, [one] * steps)
    gain = value - (last**2).sum(-1) / 2 + (rho**2).sum(-1) / 2 - log_joint(z)
    return float((gain**2).mean().sqrt())


@claim.check(
    statement="S8",
    role="limits",
    method="numeric",
    relation="order",
    states=(
        "without cooling all that distinguishes log w from the VAE's log p(x, z_0) - log q0(z_0) is the "
        "integrator's error, "
        "which falls like e^2 at fixed time (slope 2 within 0.02): for a wrong gradient, be it by 0.1 %, it does "
        "not, though "
        "its weights are unbiased (S1)"
    ),
    domain=f"the model of S1, 81 starts, e K = {TIME}, K = {', '.join(map(str, STEPS))}; root mean square",
    hypotheses=(continuous_field,),
    controls=(
        control("a gradient that is 0.1 % too long", factor=1.001),
        control("slope 2.1", order=2.1),
    ),
)
def gain_without_cooling_is_error(run: Run, *, factor: float = 1.0, order: float = 2.0) -> Verdict:
    """A wrong field does not keep the energy even along its exact flow."""
    import torch

    run.assume(continuous_field, lambda z: factor * slope(torch.as_tensor(z)).numpy())
    gains = [untempered_gains(factor, steps) for steps in STEPS]
    scales = [TIME / steps for steps in STEPS]
    verdict = slope_equals(scales, gains, order, 0.02)
    wrong = [untempered_gains(1.001, steps) for steps in STEPS]
    return verdict.with_data(step=scales, gain=gains, wrong=wrong)


@claim.check(
    statement="S8",
    role="limits",
    method="symbolic",
    relation="=",
    states=(
        "with an exact integrator and no cooling the log weight is the VAE's, sample by sample: for a Gaussian "
        "posterior "
        "along every turn; the energy error of a leapfrog step is (h^2/8)(y_1^2 - y_0^2), h = e sqrt(L)"
    ),
    domain="one coordinate, every start (y, rho), every angle and h > 0",
    hypotheses="none",
    controls=(
        control("an angle of 101/100 for the momentum", refutes="exact", other=sympy.Rational(101, 100)),
        control("h^2/4", refutes="leapfrog", share=4),
    ),
    tier="quick",
)
def an_exact_integrator_gains_nothing(run: Run, *, other: Any = 1, share: int = 8) -> Verdict:  # noqa: ARG001
    """Energy is kept by turns; a leapfrog step keeps y^2 (1 - h^2/4) + rho^2."""
    y, rho, angle = sympy.symbols("y rho t", real=True)
    h = sympy.Symbol("h", positive=True)
    from .gaussian import leapfrog

    place = sympy.cos(angle) * y + sympy.sin(angle) * rho
    momentum = sympy.cos(other * angle) * rho - sympy.sin(other * angle) * y
    a, b, c, d = leapfrog(h, [sympy.Integer(1)])
    moved, kicked = a * y + b * rho, c * y + d * rho
    energy = (moved**2 + kicked**2 - y**2 - rho**2) / 2
    return all_of(
        {
            "exact": identity((place**2 + momentum**2 - y**2 - rho**2) / 2),
            "leapfrog": identity(energy - h**2 / share * (moved**2 - y**2)),
        }
    )
