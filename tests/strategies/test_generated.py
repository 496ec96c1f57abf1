"""What strategies generate, and what they never do; bugs in them are seen."""

from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

import elboproof as ep
from elboproof import strategies
from elboproof.numbers.symmetric import ldl
from elboproof.strategies import families, gaussians, latent_models, laws, texts
from elboproof.strategies.latent_models import BENDS
from tests.seeding import Bug, Seeded, falsification, patched

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]
SMALLEST = settings(max_examples=300, database=None, deadline=None)


def exists(strategy: st.SearchStrategy[Any], condition: Callable[..., Any], most: int = 250) -> Any:
    """Return what is found among so many, without shrinking it."""
    found = settings(max_examples=most, database=None, deadline=None, phases=[Phase.generate])
    try:
        return find(strategy, lambda value: bool(condition(value)), settings=found, random=Random(0))  # noqa: S311
    except NoSuchExample as error:
        raise AssertionError("not generated") from error


def always(strategy: st.SearchStrategy[Any], condition: Callable[..., Any], examples: int = 60) -> None:
    """Assert that a condition holds for all that is generated."""

    @settings(
        max_examples=examples, database=None, deadline=None, derandomize=True, suppress_health_check=QUIET
    )
    @given(strategy)
    def holds(value: Any) -> None:
        assert condition(value), value

    holds()


def smallest(strategy: st.SearchStrategy[Any], condition: Callable[..., Any] = lambda _: True) -> Any:
    """Return what a counterexample shrinks to."""
    return find(strategy, lambda value: bool(condition(value)), settings=SMALLEST, random=Random(0))  # noqa: S311


def _model(family: str, outputs: int = 2) -> ep.LatentModel:
    likelihood = exists(strategies.likelihoods(family, outputs), lambda _: True)
    return ep.LatentModel(["u"], ["u"] * outputs, likelihood)


def _fits(model: ep.LatentModel, x: list[Any]) -> bool:
    """Return whether the energy takes the data, exactly and as floats, and is finite."""
    try:
        exactly = model.balls.energy(["1/3"], x)
        floating = model.floating.energy([1 / 3], [float(one) for one in x])
    except ValueError:  # the data are refused
        return False
    return bool(exactly.is_finite() and np.isfinite(floating))


def data_are_in_the_support() -> None:
    for family in strategies.FAMILIES:
        model = _model(family)
        always(strategies.data(model), lambda x, model=model: len(x) == 2 and _fits(model, x), 40)
        always(strategies.data(model, 3), lambda rows: [len(row) for row in rows] == [2, 2, 2], 5)


ENDS: dict[str, tuple[Any, ...]] = {
    "Gaussian": (0, Fraction(-1, 3), Fraction(7, 10)),
    "Bernoulli": (0, 1),
    "Categorical": (0, 1),
    "Poisson": (0, 12),
    "NegativeBinomial": (0, 12),
    "Exponential": (0, Fraction(1, 10)),
    "Gamma": (Fraction(1, 10), 4),
    "ContinuousBernoulli": (0, 1, Fraction(1, 2)),
    "VonMises": (0, Fraction(-1, 3)),
}
"""Entries that must turn up."""


def ends_of_supports_turn_up() -> None:
    for family, values in ENDS.items():
        for value in values:
            exists(strategies.data(_model(family)), lambda x, value=value: value in x, 2000)
    trials = ep.LatentModel("u", ["u"], ep.Binomial(7))
    exists(strategies.data(trials), lambda x: x == [7])
    exists(strategies.data(trials), lambda x: x == [0])


def classes_are_one_hot() -> None:
    one = ep.LatentModel("u", ["u"] * 3, ep.Categorical())
    several = ep.LatentModel("u", ["u"] * 5, ep.Categorical([2, 3]))
    always(strategies.data(one), lambda x: sorted(x) == [0, 0, 1])
    always(strategies.data(several), lambda x: sum(x[:2]) == sum(x[2:]) == 1)
    for k in range(3):
        exists(strategies.data(one), lambda x, k=k: x[k] == 1)
        exists(strategies.data(several), lambda x, k=k: x[2 + k] == 1)


def every_family_and_kind_turns_up() -> None:
    for name in strategies.FAMILIES:
        exists(strategies.likelihoods(None, 2), lambda one, name=name: type(one).__name__ == name)
        always(strategies.likelihoods(name, 3), lambda one, name=name: type(one).__name__ == name, 10)
    always(strategies.likelihoods(None, 1), lambda one: not isinstance(one, ep.Categorical))
    kinds = {"standard": "Normal"}
    for name in strategies.KINDS:
        kind = kinds.get(name, name)
        exists(strategies.priors(None, 2), lambda one, kind=kind: type(one).__name__ == kind)
        always(strategies.priors(name, 2), lambda one, kind=kind: type(one).__name__ == kind, 20)
    exists(strategies.priors(None, 2), lambda one: one.standard)
    exists(strategies.likelihoods("Gaussian", 2), lambda one: one.scalar)
    exists(strategies.likelihoods("Gaussian", 2), lambda one: len(one.variance) == 2 and not one.scalar)


def models_are_of_every_size() -> None:
    any_model = strategies.models()
    for size in (1, 2, 3):
        exists(any_model, lambda one, size=size: len(one.latents) == size)
        exists(any_model, lambda one, size=size: len(one.decoder) == size)
    always(
        strategies.models(2, 3, prior=None), lambda one: (len(one.latents), len(one.decoder)) == (2, 3), 20
    )
    always(strategies.models(family="Categorical"), lambda one: len(one.decoder) >= 2, 20)
    always(any_model, lambda one: one.prior.standard, 20)
    exists(strategies.models(2, 1), lambda one: len(one.decoder[0].free_symbols) == 1)
    exists(strategies.models(2, 1), lambda one: len(one.decoder[0].free_symbols) == 2)


def decoders_bend_and_are_never_constant() -> None:
    for bend in BENDS[1:]:
        name = bend.partition("(")[0]
        exists(strategies.decoders(1, 1), lambda texts, name=name: f"{name}(" in texts[0])
    always(
        strategies.decoders(3, 2), lambda texts: all(set("uvw") & set(_letters(text)) for text in texts), 60
    )
    exists(strategies.decoders(1, 1), lambda texts: texts == ["u"])


def _letters(text: str) -> str:
    for bend in BENDS[1:]:
        text = text.replace(bend.partition("(")[0], "")
    return text


def expressions_obey() -> None:
    kinks = ("abs", "relu", "max", "min")
    always(strategies.expressions(3, smooth=True), lambda text: not any(f"{k}(" in text for k in kinks))
    exists(strategies.expressions(3), lambda text: "relu(" in text)
    always(strategies.expressions(1), lambda text: "v" not in _functions_removed(text))
    exists(strategies.expressions(2), lambda text: "v" in _functions_removed(text))
    always(strategies.expressions(2, depth=0), lambda text: "(" not in text)
    always(strategies.expressions(2, names=("a", "b"), depth=0), lambda text: text not in ("u", "v"))
    exists(strategies.expressions(2, names=("a", "b")), lambda text: text == "b")


def _functions_removed(text: str) -> str:
    import re

    return re.sub(r"[a-z_0-9]+\(", "(", text)


def numbers_are_positive_and_of_every_kind() -> None:
    always(strategies.numbers(), lambda text: Fraction(text) > 0)
    exists(strategies.numbers(), lambda text: "/" in text)
    exists(strategies.numbers(), lambda text: "." in text)
    exists(strategies.numbers(), lambda text: Fraction(float(Fraction(text))) != Fraction(text))
    exists(strategies.points(2), lambda point: point[0] < 0 < point[1])
    always(strategies.points(3), lambda point: len(point) == 3)


def posteriors_are_definite() -> None:
    always(strategies.posteriors(3), lambda q: all(pivot > 0 for pivot in ldl(q.covariance)[1]))
    exists(strategies.posteriors(2), lambda q: q.covariance[0][1] < 0)
    exists(strategies.posteriors(2), lambda q: any(m.denominator == 3 for m in q.mean))
    always(strategies.posteriors(2, diagonal=True), lambda q: q.covariance[0][1] == 0)
    always(strategies.posterior_batches(2, 4), lambda found: len(found) == 4, 20)
    exists(strategies.posterior_batches(2, 2), lambda found: found[0].covariance[0][1] != 0)
    always(
        strategies.posterior_batches(2, 2, diagonal=True),
        lambda found: all(q.covariance[0][1] == 0 for q in found),
        20,
    )


def codes_are_inside() -> None:
    for kind in strategies.KINDS:
        law = exists(strategies.priors(kind, 2), lambda _: True)
        model = ep.LatentModel(["u", "v"], ["u"], ep.Bernoulli(), prior=law)
        ends = law.domain(2)
        always(
            strategies.codes(model),
            lambda z, ends=ends: all(low < one < high for one, (low, high) in zip(z, ends, strict=True)),
            40,
        )


def prior_densities_integrate_to_one() -> None:
    """An evidence under a prior is refused unless the prior is proved to be one."""
    for text, ends in laws.LOGARITHMS.values():
        prior = ep.PriorDensity(text.format(z="u"), [ends])
        model = ep.LatentModel("u", ["u"], ep.Bernoulli(), prior=prior)
        try:
            total = ep.log_evidence(model, [[0], [1]], digits=6)
        except ValueError as error:
            raise AssertionError(text) from error
        assert abs(float(np.exp(total.midpoint).sum()) - 1) <= 1e-5
    two = exists(strategies.priors("PriorDensity", 2), lambda one: one.domain(2)[0] != one.domain(2)[1])
    assert len(two.domain(2)) == 2


CHECKS = {
    check.__name__: check
    for check in (
        data_are_in_the_support,
        ends_of_supports_turn_up,
        classes_are_one_hot,
        every_family_and_kind_turns_up,
        models_are_of_every_size,
        decoders_bend_and_are_never_constant,
        expressions_obey,
        numbers_are_positive_and_of_every_kind,
        posteriors_are_definite,
        codes_are_inside,
        prior_densities_integrate_to_one,
    )
}
BUGS: dict[str, Bug] = {
    "an end that does not belong to the support": Seeded(
        families, "_entries", "size = st.builds(Fraction, st.integers(int(entries.above), 40)",
        "size = st.builds(Fraction, st.integers(0, 40)", "data_are_in_the_support",
    ),
    "an end that is left out": Seeded(
        families, "_entries", "0 if low is None else low, LARGEST if high is None else high",
        "0 if low is None else low, LARGEST if high is None else high - 1", "ends_of_supports_turn_up",
    ),
    "two classes": Seeded(families, "_one_hot", "int(k == chosen)", "int(k <= chosen)", "classes_are_one_hot"),
    "a family that is forgotten": Seeded(
        families, "likelihoods", 'outputs > 1 or name != "Categorical"', 'name != "Categorical"',
        "every_family_and_kind_turns_up",
    ),
    "one size": Seeded(
        latent_models, "models", "return _models(latents, outputs,", "return _models(latents or 1, outputs,",
        "models_are_of_every_size",
    ),
    "kinks in what is smooth": Seeded(
        texts, "expressions", "_expressions(names[:latents], depth, smooth)",
        "_expressions(names[:latents], depth, False)", "expressions_obey",
    ),
    "numbers that can be 0": Seeded(
        texts, "numbers", "st.integers(1, 9).map(str)", "st.integers(0, 9).map(str)",
        "numbers_are_positive_and_of_every_kind",
    ),
    "batches that are all diagonal": Seeded(
        gaussians, "posterior_batches", "posteriors(latents, diagonal=diagonal)", "posteriors(latents, diagonal=True)",
        "posteriors_are_definite",
    ),
    "codes at the ends": Seeded(
        laws, "_inside", "st.integers(1, 9)", "st.integers(0, 9)", "codes_are_inside"
    ),
    "functions that are left out": patched(
        (latent_models, "BENDS", BENDS[:3]), by="decoders_bend_and_are_never_constant"
    ),
    "a density of another total": patched(
        (laws, "LOGARITHMS", {"beta": ("log(5) + log({z}) + log(1 - {z})", ("0", "1"))}),
        by="prior_densities_integrate_to_one",
    ),
}  # fmt: skip

test_what_is_generated, test_a_bug_is_seen, test_every_check_sees_a_bug = falsification(CHECKS, BUGS)


def test_counterexamples_shrink_to_the_smallest_model() -> None:
    model = smallest(
        strategies.models(outputs=1, prior=None), lambda one: isinstance(one.likelihood, ep.Poisson)
    )
    assert (str(model.latents), str(model.decoder)) == ("(u,)", "(u,)")
    assert model.prior.standard
    q = smallest(strategies.posteriors(2), lambda q: q.covariance[0][1] != 0)
    assert q == ep.GaussianPosterior([0, 0], [[1, "1/2"], ["1/2", "5/4"]])
    assert smallest(strategies.numbers()) == "1"
    assert smallest(strategies.data(_model("Poisson")), lambda x: x[1] > 3) == [0, 4]


def test_a_false_property_of_models_is_refuted_with_a_small_one() -> None:
    """That the posterior mean is 0 at x = 0 is false; the smallest model says why."""

    def odd(model: ep.LatentModel) -> bool:
        value = model.floating.decoder([[0.0]])
        return bool(np.abs(value).max() > 0)

    model = smallest(strategies.models(1, 1, family="Bernoulli"), odd)
    assert len(str(model.decoder[0])) <= 12


ERRORS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "latents": (lambda: strategies.models(4), ValueError, "latents: got 4; expected a whole number from 1 to 3"),
    "outputs": (lambda: strategies.decoders(1, 0), ValueError, "outputs: got 0; expected a whole number from 1"),
    "family": (lambda: strategies.likelihoods("Cauchy"), ValueError, "family: got 'Cauchy'; expected one of Gaussian"),
    "one class": (lambda: strategies.models(1, 1, family="Categorical"), ValueError, "outputs: got 1; expected 2 or"),
    "prior": (lambda: strategies.models(prior="normal"), ValueError, "prior: got 'normal'; expected one of standard"),
    "kind": (lambda: strategies.priors("Beta"), ValueError, "kind: got 'Beta'; expected one of standard"),
    "depth": (lambda: strategies.expressions(1, -1), ValueError, "depth: got -1; expected a whole number, 0 or"),
    "rows": (lambda: strategies.posterior_batches(1, 0), ValueError, "rows: got 0; expected a whole number from 1"),
    "no model": (lambda: strategies.data(3), TypeError, "model: got 3 of type int; expected an ep.LatentModel"),  # type: ignore[arg-type]
    "no model of codes": (lambda: strategies.codes("z"), TypeError, "model: got 'z' of type str; expected an"),  # type: ignore[arg-type]
    "diagonal": (lambda: strategies.posteriors(1, diagonal=1), TypeError, "diagonal: got 1 of type int; expected"),  # type: ignore[arg-type]
    "misspelt": (lambda: strategies.models(latent=1), TypeError, "got an argument 'latent'; .*did you mean latents?"),  # type: ignore[call-arg]
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_wrong_arguments_are_refused_at_once(name: str) -> None:
    call, error, words = ERRORS[name]
    with pytest.raises(error, match=words):
        call()
