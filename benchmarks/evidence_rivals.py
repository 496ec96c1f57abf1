"""The other ways to a log evidence, each set up as a competent user would.

Every rival integrates exp(U_min - U(z)) over [-8, 8]^d, where U_min is the energy of the deepest mode that a scan and
BFGS find: nothing underflows, and finding it is a present that costs them no time. Nested sampling works with the prior
and the likelihood instead. Functions are compiled from the same tape before the clock starts, ours too.
"""

import warnings
from collections.abc import Callable, Container
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from flint import acb, arb

import elboproof as ep
from benchmarks.evidence_tables import UNTIL_RIGHT
from benchmarks.evidence_task import REACH, Task
from elboproof.model.problems import Problem, Tag
from elboproof.numbers.balls import working_precision

BITS = 64
LIMIT_QUAD = 500
CUTS = (1, 4, 16, 64)
RIGHT = 1e-8
"""Nats: an answer this near to the reference is right, whatever was asked for."""


@dataclass(frozen=True)
class Answer:
    """What a method says: log p(x), its error in nats, and a warning, empty if it gave none."""

    value: float
    error: float
    note: str = ""


def answer(task: Task, integral: float, error: float, note: str = "") -> Answer:
    """Return log p(x) from the integral of exp(U_min - U) and its claimed error, both positive in good cases.

    An error of half the value and more claims no digit: that counts as a warning. "0 +- 0" does not.
    """
    if error > 0 and not error < integral / 2:
        note = note or "claims no digits"
    if not integral > 0:
        return Answer(-np.inf, 0.0, note)
    return Answer(float(np.log(integral)) - task.shift, error / integral, note)


def ours(task: Task, seconds: float) -> Answer:
    """Return the proved log evidence: midpoint and half width."""
    try:
        enclosure, note = ep.log_evidence(task.model, list(task.problem.x), task.digits, seconds=seconds), ""
    except ep.Undecided as undecided:
        enclosure, note = undecided.enclosure, f"undecided: {undecided.statuses[0]}"
    low, high = float(np.ravel(enclosure.lower)[0]), float(np.ravel(enclosure.upper)[0])
    if not np.isfinite(high - low):
        return Answer(-np.inf if np.isinf(low) else low, np.inf, note)
    middle = low + (high - low) / 2
    return Answer(middle, float(np.nextafter(max(high - middle, middle - low), np.inf)), note)


def quad(task: Task) -> Answer:
    """Return the result of QUADPACK's adaptive Gauss-Kronrod rule on the bracket [-8, 8]."""
    return _quad(task, None)


def quad_told(task: Task) -> Answer:
    """Return what `quad` gives when it is told where the modes are and how wide."""
    return _quad(task, task.breaks)


def _quad(task: Task, points: list[float] | None) -> Answer:
    from scipy import integrate

    out = integrate.quad(
        task.scalar,
        -REACH,
        REACH,
        epsabs=0.0,
        epsrel=task.tolerance,
        limit=LIMIT_QUAD,
        points=points,
        full_output=1,
    )
    return answer(task, out[0], out[1], out[3] if len(out) > 3 else "")


def nquad(task: Task) -> Answer:
    """QUADPACK nested; inner integrals may stop at an absolute error, or they would refine zeros."""
    from scipy import integrate

    options = {"epsabs": 1e-3 * task.tolerance, "epsrel": task.tolerance, "limit": LIMIT_QUAD}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value, error = integrate.nquad(task.scalar, [(-REACH, REACH)] * task.d, opts=[options] * task.d)
    return answer(task, value, error, str(caught[0].message) if caught else "")


def cubature(task: Task) -> Answer:
    """SciPy's vectorised adaptive cubature: Gauss-Kronrod 21, or 15 in 3-D; Genz-Malik took longer."""
    return _cubature(task, 1)


def cubature_until_right(task: Task) -> Answer:
    """Cut the domain into ever more cubes beforehand until the answer is right, which only the table can tell.

    What it takes is the price of a right answer: the time of all attempts.
    """
    truth, slack = float(task.problem.reference), max(task.tolerance, RIGHT)
    for cuts in CUTS:
        found = _cubature(task, cuts)
        if not found.note and abs(found.value - truth) <= slack:
            return found
    return Answer(found.value, np.inf, f"not right with {CUTS[-1]} cubes an axis")


def _cubature(task: Task, cuts: int) -> Answer:
    from scipy import integrate

    out = integrate.cubature(
        task.vector,
        np.full(task.d, -REACH),
        np.full(task.d, REACH),
        rule="gk21" if task.d < 3 else "gk15",
        rtol=task.tolerance,
        atol=0.0,
        max_subdivisions=100_000,
        points=[np.full(task.d, place) for place in np.linspace(-REACH, REACH, cuts + 1)[1:-1]],
    )
    note = "" if out.status == "converged" else str(out.status)
    return answer(task, float(out.estimate), float(out.error), note)


def acb_integral(task: Task) -> Answer:
    """Rigorous integration of python-flint over [-8, 8]^d, nested where d = 2; it proves no tails."""
    with working_precision(BITS):
        value = _nested(task, [], False).real
        if not value > 0:
            return Answer(-np.inf, np.inf, "the ball contains zero")
        log = value.log() - arb(task.shift)
        middle, radius = float(log.mid()), float(log.rad())
    return Answer(middle, radius, "a wide ball" if radius > 100 * task.tolerance else "")


def _nested(task: Task, outer: list[acb], analytic: bool) -> acb:
    """Integrate over the coordinates after ``outer``."""
    if len(outer) == task.d:
        return task.ball(outer, analytic)
    return acb.integral(
        lambda z, flag: _nested(task, [*outer, z], flag),
        -REACH,
        REACH,
        rel_tol=arb(task.tolerance) / 10,
        abs_tol=arb(2) ** -BITS,
        eval_limit=10**7,
    )


def vegas(task: Task) -> Answer:
    """VEGAS+: 10 iterations of 10,000 points that adapt, then 10 of 20,000 that count."""
    import gvar
    import vegas

    gvar.ranseed(1)
    integrand = vegas.lbatchintegrand(task.vector)
    integrator = vegas.Integrator([[-REACH, REACH]] * task.d)
    integrator(integrand, nitn=10, neval=10_000)
    result = integrator(integrand, nitn=10, neval=20_000)
    return answer(task, result.mean, result.sdev, "iterations disagree" if result.Q < 0.01 else "")


def dynesty(task: Task) -> Answer:
    """Nested sampling with 250 live points from the prior, dynesty's own defaults otherwise."""
    import dynesty
    from scipy.special import ndtri

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        sampler = dynesty.NestedSampler(
            lambda z: task.log_likelihood(*z.tolist()),
            ndtri,
            task.d,
            nlive=250,
            rstate=np.random.default_rng(1),
        )
        sampler.run_nested(dlogz=0.1, print_progress=False)
    heard = [str(w.message) for w in caught if issubclass(w.category, UserWarning)]
    results = sampler.results
    return Answer(float(results.logz[-1]), float(results.logzerr[-1]), heard[0] if heard else "")


@dataclass(frozen=True)
class Rival:
    """A method by name.

    Attributes
    ----------
    run
        Task -> Answer.
    dimensions
        The d that it is tried on.
    sparse
        Whether it is slow, and so tried on one scale of each family only.
    package
        What must be installed.
    patience
        Its limit in units of the limit of the others.
    families
        The stems of the problems that it is tried on; all if empty.
    tags
        One of them marks the problems that it is tried on; all if empty.
    """

    name: str
    run: Callable[[Task], Answer]
    dimensions: tuple[int, ...]
    sparse: bool = False
    package: str = "scipy"
    patience: float = 1.0
    families: frozenset[str] = frozenset()
    tags: frozenset[Tag] = frozenset()

    @property
    def installed(self) -> bool:
        """Whether the package is there."""
        return find_spec(self.package) is not None

    def takes(self, problem: Problem, few: Container[str]) -> bool:
        """Whether the method is tried on a problem; ``few`` are those for slow methods."""
        return (
            len(problem.latent) in self.dimensions
            and (problem.name in few or not self.sparse)
            and (not self.families or stem(problem) in self.families)
            and (not self.tags or bool(self.tags & problem.tags))
        )


def stem(problem: Problem) -> str:
    """Return the name of a problem's family."""
    return problem.name.split("-sigma-")[0]


RIVALS = (
    Rival("scipy quad", quad, (1,)),
    Rival("scipy quad, told the modes", quad_told, (1,)),
    Rival("scipy cubature", cubature, (1, 2, 3)),
    Rival(
        UNTIL_RIGHT,
        cubature_until_right,
        (2, 3),
        patience=3.0,
        tags=frozenset([Tag.RIDGE, Tag.D3]),
    ),
    Rival("scipy nquad", nquad, (2,), sparse=True),
    Rival("acb.integral", acb_integral, (1,), package="flint"),
    Rival(
        "acb.integral, nested",
        acb_integral,
        (2,),
        sparse=True,
        package="flint",
        patience=3.0,
        families=frozenset(["plane", "banana", "square-2", "torus", "ridge-banana"]),
    ),
    Rival("vegas", vegas, (1, 2, 3), package="vegas"),
    Rival(
        "dynesty",
        dynesty,
        (1, 2, 3),
        sparse=True,
        package="dynesty",
        patience=3.0,
        families=frozenset(
            ["square", "circle", "sinh", "square-2", "torus", "ridge-ellipse", "chain", "shell", "square-3"]
        ),
    ),
)
