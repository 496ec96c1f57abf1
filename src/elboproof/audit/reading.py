"""Reading a recognised formula: the weights found against those of a negative evidence lower bound.

Of a divergence b KL in closed form the weights are (b/2, b/2, -b/2) and the constant -d b / 2; drawn, (z^2, r^2, log
variance) have (b/2, -b/2, -b/2); with the entropy in closed form r^2 has none and the constant is -d b / 2. A sum of
squares of weight a beside b KL is b times a negative bound of a Gaussian of variance b / (2 a), whose constant is
b D/2 log(2 pi b / (2 a)); absolutes are those of a Laplace law of scale b / a, constant b D log(2 b / a).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from elboproof.audit.detector import Recognised
from elboproof.audit.divergences import OTHER_LAWS
from elboproof.audit.fitting import TIMES
from elboproof.audit.flows import FLOW
from elboproof.audit.formula import Formula, snapped, units
from elboproof.audit.laws import NORMAL, NoiseLaw
from elboproof.audit.likelihoods import Likelihood
from elboproof.audit.reading_divergence import GONE, NAMES, SAME, Divergence, read_divergence, same
from elboproof.audit.reading_drawn import read_terms

GREY = "data between 0 and 1 are no bits: the likelihood is not normalised"


@dataclass(frozen=True)
class Reader:
    """Reads formulas of losses with D entries, d latents and noise of a law; ``support`` is that of the data."""

    D: int
    d: int
    support: str
    sampler: str | None
    limit: float = SAME
    law: NoiseLaw = NORMAL

    @property
    def units(self) -> dict[str, float]:
        """Return the numbers that reductions multiply by."""
        return units(self.D, self.d)

    def _same(self, one: float, other: float, size: float | None = None) -> bool:
        return same(one, other, size, self.limit)

    @property
    def _gone(self) -> float:
        return GONE if self.limit == SAME else self.limit

    def read(self, found: Recognised) -> Formula:
        """Return what a recognised formula says."""
        if found.form == "dictionary":
            return read_terms(self, found)
        if found.form == "each latent":
            return self._each_latent(found)
        weights = found.fit.weights
        names = NAMES[found.kind]
        own = {name: weights[name] for name in names}
        part = read_divergence(own, found.kind, self.d, self.limit, self.law)
        return self._judge(found, part, {name: value for name, value in weights.items() if name[0] != "1"})

    def common(self, found: Recognised, terms: Mapping[str, float]) -> dict[str, object]:
        """Return what a formula says of itself whatever its kind."""
        return {
            "likelihood": found.likelihood.name,
            "divergence": found.kind,
            "noise": OTHER_LAWS.get(found.kind, self.law).name,
            "parameter": found.parameter.name,
            "reduction": found.reduction,
            "terms": dict(terms),
            "residual": found.fit.residual,
            "equations": found.fit.equations,
        }

    def _judge(self, found: Recognised, part: Divergence, terms: Mapping[str, float]) -> Formula:
        common = self.common(found, terms)
        slip = self._slip(found, part, terms)
        if slip is not None:
            sentence, hints, expected = slip
            return Formula("NOT AN ELBO", sentence, expected=expected, hints=hints, **common)  # type: ignore[arg-type]
        scale, beta, variance, needed, words = self.likelihood(found, part.weight)
        needed += part.constant
        constant, mixed = self.constant(found)
        values: dict[str, object] = {"scale": scale, "beta": beta, "variance": variance, **common}
        values |= {"constant_needed": needed, "constant_found": constant}
        # beside a value per datum the batch's mean divergence has the same mean, whatever the batch
        if (
            mixed
            or found.reduction == TIMES
            or (found.other != found.reduction and (found.reduction, found.other) != ("per datum", "mean"))
        ):
            return self._mixed(found, values, words, mixed)
        return self.bound(found, part, values, words)

    def _slip(
        self, found: Recognised, part: Divergence, terms: Mapping[str, float]
    ) -> tuple[str, tuple[str, ...], Mapping[str, float]] | None:
        """Return what makes a formula no bound: sentence, hints, expected weights."""
        law = {name: terms[name] for name in terms if name not in part.expected}
        if self.sampler is not None and self.sampler != found.parameter.name and (part.weight or part.wrong):
            sentence = f"the loss takes s for a {found.parameter.name}, and the sampler for a {self.sampler}"
            return sentence, ("M01: one of the two reads s as something else",), {}
        if part.wrong:
            words = ", ".join(
                f"{name} has weight {terms[name]:.6g} where {part.expected[name]:.6g} is expected"
                for name in part.wrong
            )
            return (
                f"the divergence is no KL: {words}",
                ("M13: compare the terms of the KL one by one",),
                part.expected,
            )
        size = max(map(abs, terms.values()))
        if abs(part.weight) <= self._gone * size or part.weight == 0.0:
            return (
                "there is no divergence from the prior in the loss",
                ("unknown: the KL does not reach the loss",),
                {},
            )
        if part.weight < 0:
            return (
                "the divergence has the wrong sign: it is rewarded",
                ("M14: the sign of the KL",),
                part.expected,
            )
        return self.law_slip(found, law, part)

    def law_slip(
        self, found: Recognised, law: Mapping[str, float], part: Divergence
    ) -> tuple[str, tuple[str, ...], Mapping[str, float]] | None:
        """Return what makes the likelihood none: sentence, hints, expected weights."""
        first = next(iter(law))
        if abs(law[first]) <= self._gone * abs(part.weight):
            return (
                "there is no likelihood in the loss",
                ("unknown: the reconstruction does not reach the loss",),
                {},
            )
        if law[first] < 0:
            return "the likelihood has the wrong sign", ("unknown: the sign of the reconstruction",), {}
        expected = found.likelihood.expected
        a = law[first] / expected[first] if expected else 1.0
        for name, unit in expected.items():
            if name != "log x!" and not self._same(law[name], a * unit, abs(a)):
                sentence = f"the likelihood is no density: {name} has weight {law[name]:.6g}, expected {a * unit:.6g}"
                return (
                    sentence,
                    ("M36: the normaliser of the likelihood",),
                    {key: a * value for key, value in expected.items()},
                )
        if "whole batch" in found.likelihood.note:
            return found.likelihood.note, ("M39: a sum over the batch inside a nonlinear function",), {}
        if found.likelihood.note.startswith("a sigmoid is taken"):
            return found.likelihood.note, ("M28: logits are expected where probabilities are given",), {}
        return None

    def likelihood(self, found: Recognised, b: float) -> tuple[float, float, float | None, float, str]:
        """Return scale, beta, variance, needed constant, and words of the likelihood."""
        law, D = found.likelihood, self.D
        a = found.fit.weights[self._first(found)]
        if law.expected:
            a /= law.expected[self._first(found)]
            return a, b / a, None, a * law.constant(D), f"{law.name} likelihood"
        if law.family == "gaussian":
            variance = b / (2 * a)
            needed = b * (D / 2 * math.log(2 * math.pi * variance) + law.constant(D))
            return (
                b,
                1.0,
                variance,
                needed,
                f"{law.name} likelihood of variance {snapped(variance, units(D, self.d))}",
            )
        if law.family == "laplace":
            scale = b / a
            return (
                b,
                1.0,
                scale,
                b * D * math.log(2 * scale),
                f"Laplace likelihood of scale {snapped(scale, units(D, self.d))}",
            )
        return b, 1.0, None, 0.0, f"{law.name} of weight {a / b:.6g}"

    @staticmethod
    def _first(found: Recognised) -> str:
        return next(iter(found.fit.weights))

    def constant(self, found: Recognised) -> tuple[float, float]:
        """Return the constant per datum in the likelihood's reduction, and what is left over of the other."""
        weights = found.fit.weights
        if "1" in weights:
            return weights["1"], 0.0
        if "1, sum" not in weights:
            return weights["1, mean"], 0.0
        own = weights[f"1, {found.reduction}"]
        other = next(weights[name] for name in ("1, sum", "1, mean") if name != f"1, {found.reduction}")
        return own, other

    def _mixed(self, found: Recognised, values: Mapping[str, object], words: str, left: float) -> Formula:
        hint = "M23: reduce both terms alike"
        if found.reduction == TIMES:
            sentence = f"the sum over the batch is taken once for each datum, B times too often ({words})"
            hint = "M42: a (B, 1) and a (B,) make a (B, B)"
        elif found.kind == FLOW:
            sentence = f"the log determinant enters as a {found.other}, all else as a {found.reduction} over the batch"
            hint = "M52: the log determinants of the data, each its own"
        elif found.other != found.reduction:
            sentence = (
                f"the likelihood enters as a {found.reduction} over the batch and the divergence as a {found.other}: "
                f"the weight of the KL depends on the batch size ({words} at one of them)"
            )
        else:
            sentence = f"a constant of {left:.6g} does not scale with the batch as the other terms do"
        return Formula("MIXED REDUCTION", sentence, hints=(hint,), **values)  # type: ignore[arg-type]

    def bound(self, found: Recognised, part: Divergence, values: dict[str, object], words: str) -> Formula:
        """Return the formula of a bound, up to what its values say."""
        scale, beta = float(values["scale"]), float(values["beta"])  # type: ignore[arg-type]
        needed, constant = float(values["constant_needed"]), float(values["constant_found"])  # type: ignore[arg-type]
        offset = (needed - constant) / scale
        off = abs(needed - constant) > self.limit * max(abs(needed), abs(constant), abs(scale))
        factor = "" if self._same(scale, 1.0) else f"{snapped(scale, self.units)} x "
        lead = f"{factor}the negative ELBO in nats"
        if not self._same(beta, 1.0) or not found.likelihood.law:
            lead = lead.replace("the negative ELBO", "of the form of a negative ELBO")
        tail = [f"{words}, {part.words}"]
        if not self._same(beta, 1.0):
            tail.append(
                f"KL weight {snapped(beta, {})}"
                + (": no bound" if beta < 1 else ": still a bound, of another objective")
            )
        if found.likelihood.note:
            tail.append(found.likelihood.note)
        if self.grey(found.likelihood):
            tail.append(GREY)
        sentence = f"your loss is {lead}, {reduced_words(found.reduction)}: {'; '.join(tail)}"
        if off:
            divided = "" if self._same(scale, 1.0) else " / scale"
            sentence += f"; -loss{divided} = ELBO {offset:+.6g} nats: {_direction(offset)}"
        hints = ("M38: a constant of the likelihood or of the KL",) if off else ()
        return Formula(self._kind(found, scale, beta, off), sentence, hints=hints, **values)  # type: ignore[arg-type]

    def grey(self, law: Likelihood) -> bool:
        """Return whether a Bernoulli likelihood is taken of data that are no bits."""
        return law.family == "bernoulli" and self.support in ("unit", "real")

    def _kind(self, found: Recognised, scale: float, beta: float, off: bool) -> str:
        if not found.likelihood.law:
            return "UNNORMALISED"
        if not self._same(beta, 1.0):
            return "BETA"
        if self.grey(found.likelihood) or found.likelihood.note.startswith("logarithms"):
            return "UNNORMALISED"
        if not self._same(scale, 1.0):
            return "UP TO SCALE"
        return "UP TO A CONSTANT" if off else "EXACT"

    def _each_latent(self, found: Recognised) -> Formula:
        """Read a prior with its own mean and variance for each latent: b ((mean - m)^2 + v) / (2 s) - b/2 log v."""
        weights = found.fit.weights
        b = -2 * sum(weights[f"log variance [{k}]"] for k in range(self.d)) / self.d
        constant, wrong = 0.0, []
        for k in range(self.d):
            square, cross = weights[f"mean^2 [{k}]"], weights[f"mean [{k}]"]
            good = (
                self._same(square, weights[f"variance [{k}]"])
                and self._same(weights[f"log variance [{k}]"], -b / 2)
                and square > 0
            )
            if not good or b <= 0:
                wrong.append(f"latent {k}")
                continue
            spread = b / (2 * square)
            centre = -cross * spread / b
            constant += b / 2 * (centre**2 / spread + math.log(spread) - 1)
        words = "closed-form KL to a prior with its own mean and variance for each latent"
        law = {name: value for name, value in weights.items() if "[" not in name and name != "1"}
        part = Divergence(b, constant, (), {}, words)
        if wrong:
            sentence = f"the divergence is no KL to a normal prior in {', '.join(wrong)}"
            common = self.common(found, weights)
            return Formula("NOT AN ELBO", sentence, hints=("M13: compare the terms of the KL",), **common)  # type: ignore[arg-type]
        return self._judge(found, part, law)


def reduced_words(reduction: str) -> str:
    """Return a reduction as sentences say it."""
    return {"sum": "sum over the batch", "mean": "mean over the batch"}.get(reduction, "one value per datum")


def _direction(offset: float) -> str:
    if offset > 0:
        return "the number reported lies above the ELBO and may exceed log p(x); gradients are unaffected"
    return "the number reported lies below the ELBO: valid, and pessimistic; gradients are unaffected"
