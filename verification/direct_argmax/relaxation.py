"""S6: the Gumbel-softmax, exactly, for two categories."""

from fractions import Fraction

from flint import acb, arb

from elboproof.checking import Run, Verdict, all_of, ball_slope, control, tends_to

from .._shared.balls import ball, working_precision
from . import claim
from .hypotheses import positive_step
from .laws import Categories, shares

TEMPERATURES = ("1/64", "1/128", "1/256", "1/2048")
LOGIT = Fraction(3, 10)
REACH = 110
"""Of the integral over the line: beyond lies less than 1e-45."""


def _relaxed(temperature: Fraction, power: int) -> arb:
    """Return E [logistic'((a + l)/tau)/tau]^power, l a difference of two Gumbels: the relaxed gradient's moments."""
    tau, a = ball(temperature), ball(LOGIT)

    def slope(x: acb) -> acb:
        return 1 / (2 + x.exp() + (-x).exp())

    def integrand(x: acb, _: bool) -> acb:
        return slope(x) ** power * slope(tau * x - a)  # l = tau x - a

    inner = acb.integral(integrand, acb(-REACH), acb(REACH)).real
    # slope <= exp(-|x|), and the law's density at most 1/4
    return (inner + arb(0, 1) * arb(-REACH).exp()) * tau ** (1 - power)


@claim.check(
    statement="S6",
    role="sharpens",
    method="certified",
    relation="order",
    states=(
        "of two categories and f = (0, 1) the Gumbel-softmax gradient has a bias of order tau^2 and a variance of "
        "order 1/tau (slopes within 0.02), tau times which stays within 0.07 tau of p (1 - p)/6; the direct estimator "
        "with two sides and eps = tau has these orders too, with p (1 - p)/2 in place of p (1 - p)/6"
    ),
    domain=f"logits 0 and {LOGIT}, tau = {', '.join(TEMPERATURES)}; p = logistic({LOGIT}); one logit's gradient",
    hypotheses=(positive_step,),
    controls=(
        control("bias of order tau", refutes="bias, slope", order=1),
        control("2 % more", refutes=["*limit"], share=Fraction(51, 50)),
        control(
            "the second moment of a slope that is not divided by tau", refutes="variance, slope", power=0
        ),
    ),
)
def the_relaxation_has_bias_too(
    run: Run, *, order: int = 2, share: Fraction = Fraction(1), power: int = 2
) -> Verdict:
    """Int logistic'(x)^2 dx = 1/6; the objective is linear in the relaxed latent, the best case for a relaxation."""
    steps = list(map(Fraction, TEMPERATURES))
    pair = Categories((Fraction(0), LOGIT), (Fraction(0), Fraction(1)))
    with working_precision(120):
        p = shares(pair.weights())[1]
        exact = p * (1 - p)
        means, squares = ([_relaxed(tau, n) for tau in steps] for n in (1, 2))
        biases = [abs(mean - exact) for mean in means]
        variances = [square - mean**2 for mean, square in zip(means, squares, strict=True)]
        scaled = [ball(tau) * v for tau, v in zip(steps, variances, strict=True)]
        direct = []
        for step in steps:
            run.assume(positive_step, step)
            direct.append(ball(step) * pair.variance(step, True) / 2)  # one coordinate of two
        shown = variances if power == 2 else [ball(tau) * v for tau, v in zip(steps, variances, strict=True)]
        return all_of(
            {
                "bias, slope": ball_slope(TEMPERATURES, biases, order, 0.02),
                "variance, slope": ball_slope(TEMPERATURES, shown, -1, 0.02),
                "variance, limit": tends_to(
                    TEMPERATURES, scaled, ball(share) * exact / 6, order=1, factor=0.07
                ),
                "direct variance, limit": tends_to(
                    TEMPERATURES, direct, ball(share) * exact / 2, order=1, factor=0.07
                ),
            }
        )
