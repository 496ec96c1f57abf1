"""FAR: up to where a recognised formula holds, when outputs, log variances and weights are moved far out.

A loss is compared with its formula at a few far places. Where they differ, bisection along the line finds where that
begins, and what the loss does beyond says what stands there: outputs that are clamped count as the clamp, an epsilon
levels off, and another tail, such as Huber's, goes on.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch

from elboproof.audit.calls import Call, Tensor
from elboproof.audit.detector import Recognised, likelihood_terms
from elboproof.audit.divergences import residuals
from elboproof.audit.far_lines import (
    DOWN,
    OF_Q,
    OF_WEIGHTS,
    SINGLE,
    UP,
    Line,
    Part,
    at_ends,
    base_of,
    of_log_variance,
    of_weight,
    parts_of,
    places_of,
)
from elboproof.audit.fitting import reduced
from elboproof.audit.flows import FLOW
from elboproof.audit.likelihoods import Likelihood
from elboproof.audit.parameters import Parameter
from elboproof.audit.reference import value
from elboproof.audit.session import Session
from elboproof.checking.collect import UsageError

CLOSE, OF_SINGLE = 1e-6, 1e-2
"""Relative, as for the other extremes: how far a loss may be from its formula."""
HALVINGS, COARSE = 32, 14
"""Of a line: for a place that is said, and for one that is compared with another to some percent."""
SAME = 1e-4
"""Relative: values of a loss that count as one where it is clamped, or has levelled off."""
ALONE = 0.02
"""Relative: a place that one entry alone reaches as soon as all of them is one of the entry."""
BEYOND = (1.05, 1.1, 1.2)
"""Times where a difference is first seen: three points tell how it grows, and so where it began."""
NOT_NEAR = "not near the prior"
"""Where a session keeps that its formula does not hold next to the prior."""
NOISE = 1e-3
"""Of noise: relative, how far that of two calls of one seed may be apart."""
SMALL = 1e-3
"""Relative: another tail that differs by less is not called one, whatever rounding does far out."""


@dataclass(frozen=True)
class Limit:
    """Where a formula ends to hold on a line.

    Attributes
    ----------
    of, scale, sign
        As of a `Line`.
    place : float
        Last ``u`` at which it holds, or whose value the loss levels off at; of a datum, its loss in nats there.
    beyond : str
        "clamped", "level" (smoothly), "other", "not finite", "ends" (not finite at 0 or 1), or "drawn" where the noise
        of z is another one.
    of_datum : bool
        Whether the place is one of a datum's loss, and not of each output.
    above : bool
        Whether the loss lies above the formula beyond.
    """

    of: str
    scale: str
    sign: int
    place: float
    beyond: str
    of_datum: bool = False
    above: bool = True


def limits_of(session: Session) -> tuple[Limit, ...]:
    """Return where the recognised formula of a session ends to hold; looked for once."""
    if "far" not in session.kept:
        session.kept["far"] = tuple(_limits(session))
    found: tuple[Limit, ...] = session.kept["far"]
    return found


def _limits(session: Session) -> Iterator[Limit]:
    found = session.multi or session.found
    slip = session.formula is not None and session.formula.kind == "NOT AN ELBO"
    if found is None or session.parameter is None or slip:
        return
    search, law = _Search(session, base_of(session), _number(session)), found.likelihood
    if not bool(torch.isfinite(search.near).all()):
        return
    limits = [one for part in parts_of(session, search.base, law) for one in search.of_part(part, law)]
    yield from limits
    if law.name.startswith("Bernoulli") and "unit" in session.bench.shapes.ranges[:1]:
        yield from search.ends()
    # a datum's loss that is cut off is so at the other lines too, and a formula that fails near the prior fails there
    if not session.flow and not any(one.of_datum for one in limits) and not session.kept.get(NOT_NEAR):
        yield from search.of_q(session.parameter, law)


def _number(session: Session) -> Callable[[Call], Tensor]:
    """Return the formula as a function of a call; of a flow its likelihood, beside which all else is the same."""
    found, multi = session.found, session.multi
    if multi is not None or found is None:
        return lambda call: _detached(multi.number(call))
    if found.kind == FLOW:
        return lambda call: _likelihood(found, call).detach()
    return lambda call: value(found, call).detach()


def _detached(found: Tensor) -> Tensor:
    return found.detach()


def _likelihood(found: Recognised, call: Call) -> Tensor:
    terms = likelihood_terms(call, found.likelihood)
    return torch.stack(
        [found.fit.weights[name] * reduced(one, call, found.reduction) for name, one in terms.items()]
    ).sum(0)


class _Search:
    """Compares a loss with its formula along lines, less what they differ by where neither is far out."""

    def __init__(self, session: Session, base: Call, number: Callable[[Call], Tensor]) -> None:
        self.session, self.base, self.number = session, base, number
        self.close = CLOSE if session.close < SINGLE else OF_SINGLE
        self.near = base.loss.detach() - number(base)

    def call(self, line: Line, u: float, *, one: bool = False) -> Call | None:
        """Return the call at a place; None if the loss raises an error, as the laws of torch do."""
        try:
            return self.session.bench.call(line.at(u, one), self.session.seed(0))
        except UsageError:
            raise
        except Exception:  # noqa: BLE001  (of the user's code: no verdict hangs on it)
            return None

    def apart(self, line: Line, u: float, *, one: bool = False) -> tuple[Tensor, Tensor] | None:
        """Return the loss less its formula, nothing where that is not finite, and the formula; None without a loss."""
        call = self.call(line, u, one=one)
        if call is None:
            return None
        wanted = self.number(call)
        loss = call.loss.detach()
        if not bool(torch.isfinite(loss).all()):
            return None
        if not bool(torch.isfinite(wanted).all()):
            return torch.zeros_like(loss), torch.ones_like(loss)
        return loss - wanted - self.near, wanted

    def holds(self, line: Line, u: float, *, one: bool = False) -> bool:
        """Return whether the loss is its formula at a place."""
        found = self.apart(line, u, one=one)
        return found is not None and _relative(*found) <= self.close

    def limits(self, line: Line) -> Iterator[Limit]:
        """Yield where the formula ends to hold, and where the loss ends to be finite."""
        if all(self.holds(line, u) for u in line.places):
            return
        far = line.places[-1]
        if self.apart(line, far) is None:
            far = self._last(far, lambda u: self.apart(line, u) is not None)
            if far > 0:  # nothing is said of a loss that is not finite anywhere
                yield Limit(line.of, line.scale, line.sign, far, "not finite")
            far *= 1 - SAME  # rounding is coarse next to what is not finite
            far = max((one for one in line.places if one < far), default=0.0)
        if far > 0 and not self.holds(line, far):
            yield self._limit(line, far)

    def of_part(self, part: Part, law: Likelihood) -> Iterator[Limit]:
        """Yield the limits of a part of the outputs, up and down: a large term of one would hide the other's."""
        places = places_of(self.session, law, part)
        for sign in (UP, DOWN):
            found = list(self.limits(part.line(sign, places)))
            if part.of_residuals(law) and any(one.beyond in ("level", "other") for one in found):
                found = list(self.limits(part.line(sign, places, residual=True))) or found
            yield from found

    def of_q(self, parameter: Parameter, law: Likelihood) -> Iterator[Limit]:
        """Yield the limits of the log variances of q, and of the weights of its draws."""
        for sign in (DOWN, UP):
            line = of_log_variance(self.session, parameter, sign)
            yield from list(self.limits(line)) or self.drawn_otherwise(line, parameter)
        multi, found = self.session.multi, self.session.found
        drawn = multi is not None or (found is not None and found.kind == "monte carlo")
        yield from self.limits(of_weight(self.base, parameter, law, drawn=drawn))

    def ends(self) -> Iterator[Limit]:
        """Yield a limit where the loss of data that are certain is not finite."""
        line = at_ends(self.base)
        if self.apart(line, 0.0) is not None and self.apart(line, line.places[0]) is None:
            yield Limit(line.of, line.scale, line.sign, line.places[0], "ends")

    def drawn_otherwise(self, line: Line, parameter: Parameter) -> Iterator[Limit]:
        """Yield where the noise of z is no longer that of a bounded q with the same seed."""
        r = residuals(self.base, parameter).detach()

        def same(u: float) -> bool:
            call = self.call(line, u)
            if call is None:
                return True
            moved = (residuals(call, parameter).detach() - r).abs().max()
            return float(moved) <= NOISE * (1 + float(r.abs().max()))

        if not same(line.places[-1]):
            yield Limit(line.of, line.scale, line.sign, self._last(line.places[-1], same), "drawn")

    def _last(self, far: float, good: Callable[[float], bool], halvings: int = HALVINGS) -> float:
        """Return the last place before ``far`` that is good, by bisection."""
        low, high = 0.0, far
        for _ in range(halvings):
            middle = (low + high) / 2
            low, high = (middle, high) if good(middle) else (low, middle)
        return low

    def _limit(self, line: Line, far: float) -> Limit:
        last = self.call(line, far)
        seen = self._last(far, lambda u: self.holds(line, u), COARSE)
        found = self.apart(line, far)
        if last is None or found is None:
            return Limit(line.of, line.scale, line.sign, seen, "level")
        above = bool(found[0].sum() > 0)
        middle = self.call(line, seen + 0.6 * (far - seen))
        level = middle is None or _relative(last.loss - middle.loss, last.loss) <= SAME
        if not level and _relative(*found) > SMALL:
            alone = partial(self._kink, line, far, one=True)
            limit = Limit(line.of, line.scale, line.sign, self._kink(line, far), "other", above=above)
        else:
            place, alone = self._level(line, far), partial(self._level, line, far, one=True)
            beyond = "clamped" if self.holds(line, (1 - SAME) * place) else "level"
            limit = Limit(line.of, line.scale, line.sign, place, beyond, above=above)
        return self._of_datum(line, limit, alone)

    def _level(self, line: Line, far: float, *, one: bool = False) -> float:
        """Return where the formula has the value that the loss has far out; ``far`` where it never has."""
        last, near = self.call(line, far, one=one), self.call(line, 0.0, one=one)
        if last is None or near is None:
            return far
        level = float((last.loss.detach() - self.near).sum())
        rising = float(self.number(last).sum()) > float(self.number(near).sum())

        def before(u: float) -> bool:
            call = self.call(line, u, one=one)
            return call is not None and (float(self.number(call).sum()) < level) == rising

        return self._last(far, before, COARSE if one else HALVINGS)

    def _kink(self, line: Line, far: float, *, one: bool = False) -> float:
        """Return where a difference began that grows with its distance from there, or with the square of it."""
        seen = self._last(far, lambda u: self.holds(line, u, one=one), COARSE if one else HALVINGS)
        points = [seen * beyond for beyond in BEYOND]
        found = [self.apart(line, u, one=one) for u in points]
        sizes = [float(each[0].abs().max()) for each in found if each is not None]
        for power in (1, 2) if len(sizes) == len(points) else ():
            a, b, c = (size ** (1 / power) for size in sizes)
            slope = (b - a) / (points[1] - points[0])
            if slope and abs(c - b - slope * (points[2] - points[1])) <= SAME * c:
                began = points[0] - a / slope
                return began if abs(began - seen) <= ALONE * seen else seen
        return seen

    def _of_datum(self, line: Line, limit: Limit, alone: Callable[[], float]) -> Limit:
        """Return a limit as one of a datum's loss, where one entry alone does not meet it at the same place."""
        if line.of == OF_Q:
            return limit
        if line.of != OF_WEIGHTS and abs(alone() - limit.place) <= ALONE * limit.place:
            return limit
        call = self.call(line, limit.place)
        nats = None if call is None else self._nats(call)
        return limit if nats is None else replace(limit, place=nats, of_datum=True)

    def _nats(self, call: Call) -> float | None:
        """Return the mean over the batch of a datum's loss by the formula; None of formulas that have none."""
        multi, found = self.session.multi, self.session.found
        if multi is not None:
            losses = multi.combination.value(multi.losses(call)) + multi.constant
        elif found is not None and "1" in found.fit.weights and found.kind != FLOW:
            each = replace(found, reduction="per datum", other="per datum")
            losses = value(each, replace(call, loss=torch.zeros(call.batch, dtype=call.loss.dtype)))
        else:
            return None
        return float(losses.detach().mean())


def _relative(difference: Tensor, size: Tensor) -> float:
    return float((difference.abs() / (1 + size.abs().max())).max().detach())
