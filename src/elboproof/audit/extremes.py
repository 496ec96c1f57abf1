"""EXTREME: does the recognised formula still hold for tiny and large variances, and for means far out?"""

from elboproof.audit.designs import at_log_variance
from elboproof.audit.reference import value
from elboproof.audit.result import Result, result
from elboproof.audit.session import Session

PLACES = {
    "log variance -25": (-25.0, 3.0),
    "log variance -12": (-12.0, 3.0),
    "log variance 6": (6.0, 3.0),
    "means up to 90": (0.0, 90.0),
}
CLOSE = 1e-6
"""Relative: at variance e^-25 the noise (z - mean) / deviation keeps nine digits of float64."""
OF_SINGLE = 1e-2


def check_extremes(session: Session) -> Result:
    """Compare the loss with its formula where clamps and epsilons show."""
    found = session.multi or session.found
    parameter = session.parameter or (session.found.parameter if session.found else None)
    if found is None or parameter is None:
        return result("extremes", "note", "the formula is not known, so that nothing can be compared")
    if session.formula is not None and session.formula.kind == "NOT AN ELBO":
        return result("extremes", "note", "the formula is no bound: its extremes are not looked at")
    close = CLOSE if session.close < CLOSE else OF_SINGLE
    apart = {}
    for name, (log_variance, spread) in PLACES.items():
        design = at_log_variance(session.designer, name, parameter, log_variance, spread)
        call = session.bench.call(design, session.seed(0))
        wanted = (found.value(found, call) if session.multi else value(found, call)).detach()
        size = 1 + wanted.abs().max()
        apart[name] = float((call.loss.detach() - wanted).abs().max() / size)
    wrong = [name for name, one in apart.items() if not one <= close]
    largest = max(apart.values())
    if not wrong:
        return result(
            "extremes",
            "ok",
            "log variance -25 .. 6, |mean| 90: the formula holds",
            found=largest,
            limit=close,
            n=4,
        )
    words = f"the formula does not hold at {', '.join(wrong)} (relative difference {largest:.3g}): a clamp or an epsilon?"
    outcome = "note" if session.adapter.claim == "loss" else "fails"
    hints = ("M22: an epsilon inside a logarithm, or a clamp of s",)
    return result("extremes", outcome, words, found=largest, limit=close, n=4, hints=hints)
