"""S5 and S7: coordinate by coordinate on independent latents, and the estimate that needs no Gumbels."""

from dataclasses import dataclass
from fractions import Fraction

from elboproof.checking import Run, Verdict, all_of, ball_equal, ball_positive, ball_slope, control

from .._shared.balls import ball, working_precision
from . import claim
from .bias import BITS
from .curves import several_latents
from .hypotheses import positive_step
from .independent import TEXT, Latents, Vector, apart
from .laws import Categories, shares

SCALES = tuple(f"1/{2**k}" for k in range(6, 10))
SIDES = (("one side", False), ("two sides", True))


@dataclass(frozen=True)
class Mean:
    """The mean of the direct estimator of one variable, for a step and sides."""

    step: Fraction
    two_sided: bool

    def __call__(self, given: Categories) -> Vector:
        """Return it, (K,)."""
        return given.mean(self.step, self.two_sided)


@claim.check(
    statement="S5",
    role="confirms",
    method="certified",
    relation="order",
    states=(
        "perturbing one of several independent latents at a time, with the others' samples held fixed, has a bias of "
        "order eps with one side and eps^2 with two (slopes within 0.02 and 0.03 between these steps): the limit is "
        "the exact gradient of E f, known from all 27 probabilities"
    ),
    domain=f"{TEXT}; eps = {', '.join(SCALES)}",
    hypotheses=(positive_step,),
    controls=(
        control("the others drawn uniformly", uniform=True),
        control("the orders of one and two sides exchanged", exchanged=True),
    ),
)
def one_latent_at_a_time(run: Run, *, uniform: bool = False, exchanged: bool = False) -> Verdict:
    """The mean over the others of one variable's difference quotient."""
    latents, parts = Latents(uniform), {}
    with working_precision(BITS):
        gradient = Latents().gradient()
        for order, (name, two_sided) in zip((2, 1) if exchanged else (1, 2), SIDES, strict=True):
            sizes = []
            for step in map(Fraction, SCALES):
                run.assume(positive_step, step)
                sizes.append(apart(latents.mean(Mean(step, two_sided)), gradient).sqrt())
            parts[name] = ball_slope(SCALES, sizes, order, 0.02 if order == 1 else 0.03)
        return all_of(parts)


STEPS = ("1/10", "3/10", "1")


@claim.check(
    statement="S7",
    role="limits",
    method="certified",
    relation="<",
    states=(
        "the local expectation gradient sum_k s_nk (f_nk - E f_n) uses the same N K values of the decoder as direct "
        "optimisation of N independent latents, draws no Gumbels for the perturbed latent, is unbiased and has a "
        "smaller variance at these steps; and for each step the conditional mean given the other latents, (softmax(a + "
        "eps f) - softmax(a))/eps, has the estimator's mean and a smaller variance"
    ),
    domain=f"{TEXT}; eps = {', '.join(STEPS)}, one side and two; exact variances, summed over coordinates",
    hypotheses=(positive_step,),
    controls=(
        control("the score function in its place", refutes=["smaller, eps = 1,*", "mean"], score=True),
        control("a fifth of the direct variance", refutes="*, eps = 1,*", share="1/5"),
        control("a 15th of it", refutes="*, eps = 3/10,*", share="1/15"),
        control("a 50th of it", refutes="*, eps = 1/10,*", share="1/50"),
    ),
)
def all_values_are_better_averaged(run: Run, *, score: bool = False, share: str = "1") -> Verdict:
    """Rao and Blackwell: to average over Gumbels leaves the mean and takes the rest of the variance away."""
    latents, parts = Latents(), {}
    with working_precision(BITS):
        rival = latents.score_variance(ball(0)) if score else latents.variance_of_means(Categories.gradient)
        found = latents.mean(_off_centre if score else Categories.gradient)
        parts["mean"] = ball_equal(apart(found, latents.gradient()), 1e-40)
        for text in STEPS:
            step = Fraction(text)
            run.assume(positive_step, step)
            for name, two_sided in SIDES:
                direct = ball(share) * latents.direct_variance(step, two_sided)
                means = latents.variance_of_means(Mean(step, two_sided))
                parts[f"smaller, eps = {text}, {name}"] = ball_positive(direct - rival)
                parts[f"conditional mean, eps = {text}, {name}"] = ball_positive(direct - means)
        return all_of(parts)


def _off_centre(given: Categories) -> Vector:
    """Return s_k f_k: the score function's mean without E e_z = s."""
    return [s * ball(f) for s, f in zip(shares(given.weights()), given.values, strict=True)]


@claim.check(
    statement="S7",
    role="sharpens",
    method="certified",
    relation="<",
    states=(
        "a large step, eps = 3, has a smaller variance than the local expectation gradient, and pays in bias: of the "
        "mean of 100 samples the squared error is larger at every one of these steps, one side and two"
    ),
    domain=f"{TEXT}; eps = 1/10, 3/10, 1, 3, 10; exact errors",
    hypotheses=(positive_step,),
    controls=(
        control("one sample", refutes="error, eps = 10,*", samples=1),
        control("an eighth of the error", refutes="error, eps = [13],*", share="1/8"),
        control("a hundredth of the error", refutes="error*", share="1/100"),
        control("the variance at eps = 1", refutes="variance*", large="1"),
    ),
)
def large_steps_pay_in_bias(run: Run, *, samples: int = 100, share: str = "1", large: str = "3") -> Verdict:
    """Direct optimisation of independent latents is not below its conditional mean, nor that below every step."""
    latents, parts = Latents(), {}
    with working_precision(BITS):
        gradient, rival = latents.gradient(), latents.variance_of_means(Categories.gradient)
        for name, two_sided in SIDES:
            run.assume(positive_step, Fraction(large))
            parts[f"variance, {name}"] = ball_positive(
                rival - latents.direct_variance(Fraction(large), two_sided)
            )
            for text in (*STEPS, "3", "10"):
                step = Fraction(text)
                bias = apart(latents.mean(Mean(step, two_sided)), gradient)
                error = bias + latents.direct_variance(step, two_sided) / samples
                parts[f"error, eps = {text}, {name}"] = ball_positive(ball(share) * error - rival / samples)
        return all_of(parts).with_data(**several_latents(Mean))
