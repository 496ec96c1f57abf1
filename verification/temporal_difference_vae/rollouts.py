"""S10: one jump is as good as its single steps, and the library rolls out in one."""

import sympy
from sympy import Expr

from elboproof import objectives
from elboproof.checking import Run, VarianceAtMost, Verdict, all_of, control, identity, mean_equals

from . import claim
from .heads import Heads, scalar
from .hypotheses import positive_noise, stable


@claim.check(
    statement="S10",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "one jump is as good as its single steps: A^n Q_m A^n' + Q_n = Q_{m + n}, and N(z2; B z, q2) N(z; A z1, q1), "
        "integrated over z, is N(z2; B A z1, B^2 q1 + q2) (Chapman and Kolmogorov)"
    ),
    domain=(
        "scalar systems with all whole jumps m, n as symbols; systems of two latents with any A and Q, jumps of 1 and "
        "2 steps"
    ),
    hypotheses=(positive_noise,),
    controls=(
        control("Q_n m + n times, as if noise did not shrink", refutes=["scalar", "matrices*"], decays=0),
        control("q1 + q2", refutes=["exponent", "factor"], squared=0),
    ),
    tier="quick",
)
def jumps_compose(run: Run, *, decays: int = 1, squared: int = 1) -> Verdict:
    """The product of the two is a density of z2 times one of z, which integrates to 1: by completing the square."""
    a, b, z, z1, z2 = sympy.symbols("A B z z1 z2", real=True)
    q, q1, q2 = sympy.symbols("Q q1 q2", positive=True)
    m, n = sympy.symbols("m n", integer=True, positive=True)
    run.assume(positive_noise, q, q1, q2)

    def noise(steps: Expr) -> Expr:
        return q * (1 - a ** (2 * steps)) / (1 - a**2)

    spread = b ** (2 * squared) * q1 + q2
    inner = q1 * q2 / spread
    centre = (a * z1 * q2 + b * z2 * q1) / spread
    squares = (z - a * z1) ** 2 / q1 + (z2 - b * z) ** 2 / q2
    parts = {
        "scalar": identity(a ** (2 * n * decays) * noise(m) + noise(n) - noise(m + n)),
        "exponent": identity(squares - (z - centre) ** 2 / inner - (z2 - b * a * z1) ** 2 / spread),
        "factor": identity(1 / inner - 1 / q1 - b**2 / q2),
    }
    return all_of(
        parts | {f"matrices, {i} + {j}": _matrices(i, j, decays) for i, j in ((1, 1), (1, 2), (2, 2))}
    )


def _matrices(early: int, late: int, decays: int) -> Verdict:
    """Noise by the recursion against the sum of powers."""
    a = sympy.Matrix(2, 2, sympy.symbols("a0:4", real=True))
    s, t, u = sympy.symbols("s t u", real=True)
    q = sympy.Matrix([[s, t], [t, u]])

    def noise(steps: int) -> sympy.Matrix:
        found = sympy.zeros(2, 2)
        for _ in range(steps):
            found = a * found * a.T + q
        return found

    moved = a ** (late * decays)
    powers = [a**k * q * (a**k).T for k in range(early + late)]
    total = sum(powers[1:], powers[0])
    return identity(list((moved * noise(early) * moved.T + noise(late) - total).expand()))


ROLLED = (4, 16)
SAMPLES = 800_000


@claim.check(
    statement="S10",
    role="confirms",
    method="statistical",
    relation="=",
    states=(
        "the library's rollouts with exact heads, one jump each, have the second moments of the exact predictive laws "
        "about their means, A^(2 Delta) P + Q_Delta + R, those of as many single steps"
    ),
    domain=f"the scalar system, Delta = {', '.join(map(str, ROLLED))}, {SAMPLES:,} rollouts from one belief",
    hypotheses=(positive_noise, stable),
    controls=(
        control("noise of single steps that does not shrink", decays=False),
        control("without the belief's own variance", refutes="Delta = 4", belief=0.0),
        control("states, not observations", seen=0.0),
    ),
    tests=len(ROLLED),
)
def rollouts_in_one_jump(run: Run, *, decays: bool = True, belief: float = 1.0, seen: float = 1.0) -> Verdict:
    """A square of a normal variable of variance v has the variance 2 v^2."""
    import torch

    system = scalar()
    run.assume(positive_noise, system.q, system.r)
    run.assume(stable, float(system.a[0, 0]))
    generator = torch.Generator().manual_seed(run.integer_seed)
    start, parts = 1.5, {}
    for jump in ROLLED:
        heads = Heads(system, jump)
        b = torch.full((1, 1), start, dtype=torch.float64)
        x = objectives.td_vae_rollout(
            heads.belief, heads.transition, heads.decoder, b, [jump], SAMPLES, generator
        )
        power = system.shrinks**jump
        noise = system.noise(jump) if decays else system.q * jump
        variance = belief * power * system.belief_variance + noise + seen * system.r
        true = power * system.belief_variance + system.noise(jump) + system.r
        squares = (x[:, 0, 0, 0].numpy() - 0.9**jump * start) ** 2
        bound = VarianceAtMost(2 * true**2, "E eps^4 = 3")
        parts[f"Delta = {jump}"] = mean_equals(squares, variance, bound, run.false_alarm)
    return all_of(parts)
