"""EXTREME: whether the recognised formula still holds for tiny and large variances, and for means far out."""

from elboproof.audit.calls import Call
from elboproof.audit.designs import at_log_variance
from elboproof.audit.divergences import residuals
from elboproof.audit.far import limits_of
from elboproof.audit.far_words import is_another, words_of
from elboproof.audit.parameters import Parameter
from elboproof.audit.reference import value
from elboproof.audit.result import Result, result
from elboproof.audit.session import Session

PLACES = {
    "log variance -25": (-25.0, 3.0),
    "log variance -12": (-12.0, 3.0),
    "log variance 6": (6.0, 3.0),
    "means up to 90": (0.0, 90.0),
    "the prior, almost": (0.0, 0.01),
}
CLOSE = 1e-6
"""Relative: at variance e^-25 the noise (z - mean) / deviation keeps nine digits of float64."""
OF_SINGLE = 1e-2
NOISE = 1e-3
"""Of noise at variance e^-25 beside means of 3: r keeps nine digits of float64, and none of float32."""


def check_extremes(session: Session) -> Result:
    """Compare the loss with its formula where clamps and epsilons show."""
    found = session.multi or session.known
    parameter = session.parameter or (session.found.parameter if session.found else None)
    if found is None or parameter is None:
        return result(
            "extremes", "note", "no formula of a normal q is known, so that nothing can be compared"
        )
    if session.formula is not None and session.formula.kind == "NOT AN ELBO":
        return result("extremes", "note", "the formula is no bound: its extremes are not looked at")
    apart, moved = {}, []
    for name, (log_variance, spread) in PLACES.items():
        design = at_log_variance(session.designer, name, parameter, log_variance, spread)
        call = session.bench.call(design, session.seed(0))
        wanted = (session.multi.number(call) if session.multi else value(found, call)).detach()
        apart[name] = float((call.loss.detach() - wanted).abs().max() / (1 + wanted.abs().max()))
        if session.parameter is not None and session.close < CLOSE and _noise_moves(session, call, parameter):
            moved.append(name)
    return _judged(session, apart, moved)


def _noise_moves(session: Session, call: Call, parameter: Parameter) -> bool:
    """Return whether the noise r is another one than on a bounded design with the same seed."""
    bounded = session.bench.call(session.designer.design("extremes", call.batch), session.seed(0))
    r, other = residuals(call, parameter), residuals(bounded, parameter)
    return not float((r - other).abs().max().detach()) <= NOISE * (1 + float(other.abs().max().detach()))


def _judged(session: Session, apart: dict[str, float], moved: list[str]) -> Result:
    close = CLOSE if session.close < CLOSE else OF_SINGLE
    wrong = [name for name, one in apart.items() if not one <= close]
    largest, numbers = max(apart.values()), {"limit": close, "n": 2 * len(apart)}
    hints = ("M22: an epsilon inside a logarithm, or a clamp of s",)
    if moved and not wrong:
        words = f"at {', '.join(moved)} the samples are not of the q whose KL is taken: a clamp in one of the two?"
        return result("extremes", "fails", words, found=largest, hints=hints, **numbers)  # type: ignore[arg-type]
    if not wrong:
        outcome, words, places = _far_out(session)
        return result("extremes", outcome, words, found=largest, hints=places, **numbers)  # type: ignore[arg-type]
    words = f"the formula does not hold at {', '.join(wrong)}: a clamp or an epsilon?"
    outcome = "note" if session.adapter.claim == "loss" else "fails"
    return result("extremes", outcome, words, found=largest, hints=hints, **numbers)  # type: ignore[arg-type]


def _far_out(session: Session) -> tuple[str, str, tuple[str, ...]]:
    """Return outcome, words and hints of a formula that holds at all `PLACES`: a guard far out is a note."""
    words, limits = "log variance -25 .. 6, |mean| 90: the formula holds", limits_of(session)
    if not limits:
        return "ok", words, ()
    fails = session.adapter.claim != "loss" and is_another(session)
    words += f"; far out, only where {'; and where '.join(words_of(limits, brief=not fails))}"
    if fails:
        return "fails", words, ("unknown: another tail of the likelihood, far out",)
    return "note", words, ()
