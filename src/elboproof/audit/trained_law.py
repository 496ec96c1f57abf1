"""The likelihood of a recognised loss, as a decoder and a law that diagnostics can use."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeAlias

import torch

from elboproof.audit.detector import split
from elboproof.audit.likelihoods import Likelihood
from elboproof.audit.logits import without_sigmoid
from elboproof.audit.parameters import named
from elboproof.audit.session import Session
from elboproof.diagnostics.fitted import Fitted
from elboproof.networks.yardstick import fitted_variance
from elboproof.networks.yardstick_model import BernoulliLikelihood, GaussianLikelihood, LogLikelihood

Tensor: TypeAlias = torch.Tensor
Outputs: TypeAlias = tuple[Tensor, ...]
MEANS: dict[str, type[torch.nn.Module]] = {
    "Gaussian": torch.nn.Identity,
    "Gaussian, mean sigmoid(output)": torch.nn.Sigmoid,
    "Gaussian, mean tanh(output)": torch.nn.Tanh,
}
SIMPLE = 1e-7
"""Relative: closer than that a fitted variance is taken for the ratio that it is close to."""
PROBED = 8
"""Rows at which a module is compared to the decoder as it is called."""
BEST = "Gaussian, its best variance in the batch"
LEARNED = "Gaussian, learned variance ("
REFUSED = ("MIXED REDUCTION", "NOT AN ELBO")
"""Kinds of formulas whose likelihood has no variance, or another in each batch."""
LEAST, MOST = 1e-300, 1 - 2.0**-53
"""Of probabilities: where float64 has rounded one to 0 or 1 its logit stays finite, and p is off by 1e-16 at most."""


class NoLawError(Exception):
    """Decoder and likelihood cannot be told; the text says why."""


@dataclass(frozen=True)
class DecoderLaw:
    """A likelihood: what the decoder's first output becomes, and the law of x given that.

    Attributes
    ----------
    turned : function
        Of the decoder's outputs: what the law takes, (M, D).
    likelihood : function or None
        None for a Gaussian whose one variance is the mean square of all data's residuals.
    turn : Module or None
        What ``turned`` is of one output, as a module; None if it takes away the sigmoid that the output ends with.
    """

    turned: Callable[[Outputs], Tensor]
    likelihood: LogLikelihood | None
    turn: torch.nn.Module | None = None

    def applied(
        self, known: Fitted, decode: Callable[[Tensor], Outputs], module: "torch.nn.Module | None"
    ) -> Fitted:
        """Return the model with its decoder: the module where that computes the same, so that proofs can read it."""

        def decoded(z: Tensor) -> Tensor:
            return self.turned(split(decode(z), known.x.shape[1])).double()

        law = self.likelihood or GaussianLikelihood(1.0)
        found = replace(known, decode=decoded, likelihood=law)
        if self.likelihood is None:
            generator = torch.Generator().manual_seed(0)
            variance = fitted_variance(found.joint, found.x, found.posteriors, generator=generator)
            found = replace(found, likelihood=GaussianLikelihood(float(variance)))
        return found if module is None else self._read(found, module)

    def _read(self, fitted: Fitted, module: torch.nn.Module) -> Fitted:
        """Return the model with a module for its decoder, if a copy of it computes what the decoder does."""
        if self.turn is not None:
            module.turn = self.turn
        try:
            given = without_sigmoid(module) if self.turn is None else module
            found = replace(fitted, decode=given) if given is not None else fitted
            with torch.no_grad():
                z = fitted.means[None, :PROBED]
                one, other = found.joint.outputs(z), fitted.joint.outputs(z)
        except Exception:  # noqa: BLE001  (a user's module that cannot be copied: it is called as it is)
            return fitted
        # of logits that were taken of probabilities not all digits are left
        same = torch.equal(one, other) if self.turn is not None else _close(one.sigmoid(), other.sigmoid())
        return found if same else fitted


def _close(one: Tensor, other: Tensor) -> bool:
    return bool(((one - other).abs() <= 4 * torch.finfo(torch.float64).eps).all())


def law_of(session: Session, decode: Callable[[Tensor], Outputs]) -> DecoderLaw:
    """Return the likelihood of a session whose formula was looked for, or the one declared.

    Raises
    ------
    NoLawError
        If it is none that is known.
    """
    formula, found = session.formula, session.found or session.multi
    declared = session.adapter.likelihood
    if found is not None and formula is not None and formula.kind not in REFUSED:
        return _recognised(session, found.likelihood, formula.variance, decode)
    if declared is not None:
        return _declared(session, declared.family, declared.spread())
    kind = formula.kind if formula is not None else "NOT RECOGNISED"
    raise NoLawError(f"the loss is {kind}: no likelihood is known; name it by likelihood=audit.Declared(...)")


def _recognised(
    session: Session, law: Likelihood, spread: float | None, decode: Callable[[Tensor], Outputs]
) -> DecoderLaw:
    name, spread = law.name, None if spread is None else _simple(spread)
    if name in MEANS and spread is not None:
        mean = MEANS[name]()
        return DecoderLaw(lambda out: mean(out[0]), GaussianLikelihood(spread), mean)
    if name == BEST:
        return _first(None)
    if name.startswith(LEARNED):
        return _learned(session, name[len(LEARNED) : -1], decode)
    if name == "Bernoulli of logits":
        return _first(BernoulliLikelihood()) if _binary(session) else _grey()
    if law.family == "bernoulli" and law.ranges == ("unit",) and not law.note.startswith("a sigmoid"):
        return DecoderLaw(lambda out: _logits(out[0]), BernoulliLikelihood()) if _binary(session) else _grey()
    if not law.law or law.outputs > 1 or law.family not in ("gaussian", "laplace", "poisson"):
        raise NoLawError(f"the likelihood ({name}) is none of a law that diagnostics know")
    return _first(_general(session, law, spread))


def _simple(spread: float) -> float:
    """Return the simple ratio that a fitted number stands for, or the number itself."""
    near = float(Fraction(spread).limit_denominator(1000))
    return near if abs(near - spread) <= SIMPLE * spread else spread


def _first(likelihood: LogLikelihood | None) -> DecoderLaw:
    """Return a law of the first output as it is."""
    return DecoderLaw(lambda out: out[0], likelihood, torch.nn.Identity())


def _binary(session: Session) -> bool:
    return session.designer.support == "binary"


def _grey() -> DecoderLaw:
    raise NoLawError("a Bernoulli likelihood of grey values is no density")


def _logits(p: Tensor) -> Tensor:
    return torch.logit(p.double().clamp(LEAST, MOST))


def _learned(session: Session, name: str, decode: Callable[[Tensor], Outputs]) -> DecoderLaw:
    """Return a Gaussian of a variance that was learned, if it is the same for all z."""
    generator = torch.Generator().manual_seed(0)
    shapes = session.bench.shapes
    z = torch.randn((16, shapes.latents), generator=generator, dtype=torch.float64)
    with torch.no_grad():
        variance = named(name).variance(split(decode(z), shapes.data)[1]).expand(-1, shapes.data).double()
    if bool(((variance - variance[:1]).abs() > 1e-9 * variance[:1]).any()):
        raise NoLawError("the likelihood's variance depends on z")
    return _first(GaussianLikelihood(variance[0].clone()))


def _declared(session: Session, family: str, spread: float | None) -> DecoderLaw:
    """Return a law that was named: of the decoder's first output, probabilities where all lie in [0, 1]."""
    if family == "gaussian":
        return _first(GaussianLikelihood(spread) if spread is not None else None)
    if family == "bernoulli" and _binary(session):
        unit = session.bench.shapes.ranges[0] == "unit"
        return (
            DecoderLaw(lambda out: _logits(out[0]), BernoulliLikelihood())
            if unit
            else _first(BernoulliLikelihood())
        )
    raise NoLawError(f"the likelihood declared ({family}) is none that diagnostics take without a formula")


def _general(session: Session, law: Likelihood, spread: float | None) -> LogLikelihood:
    """Return the log density of a law of the dictionary, constants included."""
    D = session.bench.shapes.data
    weights, constant = dict(law.expected), law.constant(D)
    if not weights:
        if spread is None:
            raise NoLawError(f"the scale of the likelihood ({law.name}) is not known")
        gaussian = law.family == "gaussian"
        constant += D / 2 * math.log(2 * math.pi * spread) if gaussian else D * math.log(2 * spread)
        names = law.terms((torch.ones(1, D),), torch.ones(1, D))
        weights = dict.fromkeys(names, 0.5 / spread if gaussian else 1 / spread)

    def log_likelihood(x: Tensor, outputs: Tensor) -> Tensor:
        flat = outputs.reshape(-1, D)
        terms = law.terms((flat,), x.expand(outputs.shape).reshape(-1, D))
        total = sum((weights[name] * value for name, value in terms.items()), torch.zeros(len(flat)).double())
        return -(total + constant).reshape(outputs.shape[:-1])

    return log_likelihood
