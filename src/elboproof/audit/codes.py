"""A code of finitely many values that the loss sums over, with their probabilities q_1, ..., q_K: no draw.

Its negative bound is sum_k q_k (-log p(x|k) + log q_k - log pi_k) with a prior pi. As the q_k sum to one, the
constant C of the likelihood and -log pi_k are one number c_k beside each q_k, and the mass of pi is sum_k exp(C - c_k),
which is to be 1.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np
import torch

from elboproof.audit.calls import Call
from elboproof.audit.detector import Recognised, sample_terms, split
from elboproof.audit.divergences import flat
from elboproof.audit.fitting import Equations, columns_of, reductions
from elboproof.audit.formula import Formula
from elboproof.audit.likelihoods import Likelihood, candidates
from elboproof.audit.parameters import Parameter
from elboproof.audit.reading import Reader
from elboproof.audit.reading_divergence import GONE, Divergence, same
from elboproof.audit.rows import LAYOUTS
from elboproof.audit.session import Session

Tensor = torch.Tensor
Pair = tuple[Tensor, Tensor]
ENUMERATED = "enumerated"
"""The kind of such a divergence."""


def _no_variance(_: object) -> Tensor:
    raise TypeError("s: got log probabilities of a code; expected the parameter of a normal law")


_PARAMETER = Parameter("log probability", _no_variance, _no_variance)  # type: ignore[arg-type]
READINGS: dict[str, Callable[[Tensor, Tensor], Pair]] = {
    "probabilities and their logarithms": lambda one, other: (one, other),
    "logarithms of probabilities, and these": lambda one, other: (other, one),
    "logits": lambda one, _: (one.softmax(1), one.log_softmax(1)),
}
"""Of the two outputs of an encoder, (B, K) each: probabilities and their logarithms."""


def enumerated(session: Session, call: Call) -> bool:
    """Return whether the decoder sees each of K unit vectors once for each datum, in a layout that is kept."""
    K = session.samples
    if session.parameter is not None or K < 2 or session.bench.shapes.latents != K:
        return False
    unit = torch.eye(K, dtype=call.z.dtype).expand(call.batch, K, K)
    for layout in LAYOUTS:
        session.bench.shapes.layout = layout
        if torch.equal(session.bench.call(call.design, session.seed(0)).z.detach(), unit):
            return True
    session.bench.shapes.layout = LAYOUTS[0]
    return False


def read_codes(session: Session, reader: Reader, calls: list[Call]) -> Formula | None:
    """Return what a loss that sums over a code's values says; None if it is no bound that is known."""
    found = next(_recognised(session, calls), None)
    return None if found is None else _read(reader, found, session.samples)


def _recognised(session: Session, calls: list[Call]) -> Iterator[Recognised]:
    x = calls[0].design.x.reshape(calls[0].batch, -1)
    outputs, ranges = split(calls[0].outputs, x.shape[1]), session.bench.shapes.ranges
    equations = Equations(calls)
    for law in candidates(outputs, x, ranges, session.designer.support):
        for how in reductions(calls[0]):
            for reading in READINGS.values():
                fit = equations.solve(columns_of(calls, partial(_terms, law=law, reading=reading), how))
                if fit is not None and fit.residual <= session.close:
                    yield Recognised("codes", law, ENUMERATED, _PARAMETER, fit, how, how)


def _terms(call: Call, law: Likelihood, reading: Callable[[Tensor, Tensor], Pair]) -> Mapping[str, Tensor]:
    q, log_q = reading(flat(call.design.mean), flat(call.design.s))
    terms = {name: (q * value).sum(1) for name, value in sample_terms(call, law).items()}
    prior = {f"probability [{k}]": q[:, k] for k in range(q.shape[1])}
    return {**terms, "q log q": (q * log_q).sum(1), **prior}


def _read(reader: Reader, found: Recognised, K: int) -> Formula | None:
    weights = found.fit.weights
    b, each = weights["q log q"], np.array([weights[f"probability [{k}]"] for k in range(K)])
    law = {name: value for name, value in weights.items() if name != "q log q" and "[" not in name}
    part = Divergence(b, 0.0, (), {}, "")
    if b <= GONE or reader.law_slip(found, law, part) is not None:
        return None
    scale, beta, variance, needed, words = reader.likelihood(found, b)
    logs = -(each - needed) / b
    mass = float(logs.max()) + math.log(float(np.exp(logs - logs.max()).sum()))
    alike = all(same(one, float(each[0]), 1 + abs(needed), reader.limit) for one in each)
    prior = "a uniform prior" if alike else "a prior of its own for each"
    part = Divergence(b, 0.0, (), {}, f"a code of {K} values that are summed over, KL to {prior}")
    values: dict[str, object] = {"scale": scale, "beta": beta, "variance": variance}
    values |= {"constant_needed": float(each.mean()) + b * mass, "constant_found": float(each.mean())}
    return reader.bound(found, part, values | reader.common(found, weights), words)
