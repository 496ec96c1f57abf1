"""An argument that is not known is answered with what was meant."""

import inspect
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import elboproof as ep
from elboproof import objectives
from elboproof.arguments import meant, suggesting

RESULTS = {
    "CertificateError", "ConstantVariancePenalty", "Counterexample", "Decomposition", "Enclosure",
    "EvidenceCells", "Finding",
    "LogIntegral", "Progress", "Proof", "ProvedEvidence", "StationaryPoint", "Surgery", "TDTerms", "Undecided",
    "Unproved",
}  # fmt: skip
"""What the package makes, and users do not."""
PUBLIC: dict[str, Callable[..., Any]] = {
    **{name: getattr(ep, name) for name in ep.__all__ if name not in RESULTS},
    **{f"objectives.{name}": getattr(objectives, name) for name in objectives.__all__ if name not in RESULTS},
    "LatentModel.from_torch": ep.LatentModel.from_torch,
}


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_call_names_what_it_knows(name: str) -> None:
    known = [one for one in inspect.signature(PUBLIC[name]).parameters if one != "self"]
    with pytest.raises(TypeError, match=r"got an argument 'nonsense_'; expected") as error:
        PUBLIC[name](nonsense_=1)
    assert str(error.value).endswith("; expected " + ", ".join(known))


public: Any = ep
losses: Any = objectives
MEANT: dict[str, tuple[Callable[[], Any], str]] = {
    "std": (
        lambda: public.Gaussian(std=0.1),
        r"did you mean variance = std\*\*2\? A standard deviation is no variance",
    ),
    "sigma": (lambda: public.Gaussian(sigma=0.1), r"did you mean variance = sigma\*\*2\?"),
    "scale": (lambda: public.Gaussian(scale=0.1), r"did you mean variance = scale\*\*2\?"),
    "logvar": (
        lambda: public.Gaussian(logvar=0.1),
        r"variance = exp\(logvar\)\? A log variance is no variance",
    ),
    "var": (lambda: public.Gaussian(var=0.1), r"did you mean variance\?$"),
    "of a posterior": (lambda: public.GaussianPosterior([0], std=1), r"did you mean covariance = std\*\*2\?"),
    "of a prior": (lambda: public.Normal(mu=0), r"did you mean mean\?$"),
    "of a family": (lambda: public.StudentT(3, variance=1), r"did you mean scale\? It is no variance"),
    "misspelt": (lambda: public.LatentModel("z", ["z"], liklihood=1), r"did you mean likelihood\?$"),
    "of a module": (
        lambda: public.LatentModel.from_torch(nn.Linear(1, 1), likelyhood=1),
        r"did you mean likelihood\?$",
    ),
    "of workers": (lambda: public.gap(1, 2, n_jobs=3), r"did you mean workers\?$"),
    "of a file": (lambda: public.elbo(1, 2, 3, checkpoint="rows"), r"did you mean resume\?$"),
    "of what is told": (lambda: public.for_all(1, {}, callback=print), r"did you mean progress\?$"),
    "of time": (lambda: public.log_evidence(1, 2, timeout=3), r"did you mean seconds\?$"),
    "of a statement": (
        lambda: public.Gap("z", ["z"], sigma="1", x=["0"]),
        r"did you mean variance = sigma\*\*2\?",
    ),
    "of an objective": (
        lambda: losses.elbo(*[torch.ones(1, 1)] * 4, std=1.0),
        r"did you mean variance = std\*\*2\?",
    ),
}


@pytest.mark.parametrize("name", MEANT)
def test_what_was_meant_is_said(name: str) -> None:
    call, message = MEANT[name]
    with pytest.raises(TypeError, match=message):
        call()


def test_nothing_is_said_where_nothing_is_near() -> None:
    assert meant("temperature", ["variance", "covariance"]) == ""
    assert meant("log_variance", ["scale"]) == ""


def test_decorated_calls_are_what_they_were() -> None:
    @suggesting
    def doubled(number: int, *, times: int = 2) -> int:
        """Return a multiple."""
        return number * times

    assert doubled(3) == 6
    assert doubled(3, times=4) == 12
    assert doubled.__doc__ == "Return a multiple."
    assert pickle.loads(pickle.dumps(ep.log_evidence)) is ep.log_evidence  # noqa: S301
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        doubled()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"doubled: got an argument 'time'; expected number, .*mean times\?"):
        doubled(3, time=4)  # type: ignore[call-arg]
