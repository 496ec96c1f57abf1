"""S8: structured latents by enumeration of all 2^n configurations: one path of noise at a time, and samples."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from elboproof.checking import Run, Verdict, all_of, control, equal, mean_at_most, mean_equals, property_holds

from .._shared.balls import working_precision
from . import claim
from .coupled import attractive
from .estimators import gumbels
from .hypotheses import positive_step
from .pair import Pair

Floats = NDArray[np.float64]
Integral = Callable[[Sequence[tuple[Fraction | int, int]], Fraction], Fraction]


@dataclass(frozen=True)
class Path:
    """One draw of the noise: for each configuration h + noise, its direction d_p h and the values f, whole numbers."""

    noisy: tuple[int, ...]
    direction: tuple[int, ...]
    values: tuple[int, ...]

    def greatest(self, p: Fraction, t: Fraction) -> Fraction:
        """Return max_z of h + noise + p d_p h + t f."""
        rows = zip(self.noisy, self.direction, self.values, strict=True)
        return max(h + p * d + t * f for h, d, f in rows)


def slopes_integrated(lines: Sequence[tuple[Fraction | int, int]], length: Fraction) -> Fraction:
    """Return the integral over [0, length] of the slope of the highest of lines (height at 0, slope)."""
    at, result = Fraction(0), Fraction(0)
    slope = max(lines)[1]  # of the highest ones the steepest is followed
    height = max(lines)[0]
    while at < length:
        steeper = [(Fraction(height - h, s - slope), s, h) for h, s in lines if s > slope]
        until, next_slope, next_height = min(
            (one for one in steeper if one[0] >= at),
            default=(length, slope, height),
            key=lambda e: (e[0], -e[1]),
        )
        end = min(until, length)
        result += slope * (end - at)
        at, slope, height = end, next_slope, next_height
    return result


def _first_slope(lines: Sequence[tuple[Fraction | int, int]], length: Fraction) -> Fraction:
    """Return the length times the slope at 0: the arg max is not looked for again."""
    return length * max(lines)[1]


def _noise(draws: Sequence[int], n: int) -> list[int]:
    """Return for each configuration the sum of its latents' own noise: two numbers for each latent."""
    return [sum(draws[2 * i + z] for i, z in enumerate(bits)) for bits in product((0, 1), repeat=n)]


INSTANCES, MOST = 60, 6
TEN, LARGE_ONES = 10, 3


@claim.check(
    statement="S8",
    role="sharpens",
    method="property",
    relation="=",
    states=(
        "whatever the noise, int_0^p [d_p h(z(p', t)) - d_p h(z(p', 0))] dp' = int_0^t [f(z(p, t')) - f(z(0, t'))] dt' "
        "for the arg max z(p, t) of h + p d_p h + t f + noise: both are the mixed difference of the maximum. In the "
        "mean and divided by p t this is the gradient identity, whatever the law of the noise and the structure of h"
    ),
    domain=(
        f"{INSTANCES} generated h, d_p h, f and noise (one number for each value of each of n <= {MOST} latents), "
        f"and {LARGE_ONES} draws with n = {TEN}; all 2^n configurations, exact arithmetic, p = 3/2, t = 2/3"
    ),
    hypotheses=(positive_step,),
    controls=(
        control("the arg max not looked for again", refutes="*", integral=_first_slope),
        control("one latent at a time", refutes="*two ways", flips=True),
    ),
)
def one_path_at_a_time(
    run: Run,
    *,
    integral: Integral = slopes_integrated,
    flips: bool = False,
) -> Verdict:
    """The maximum of lines is the integral of the slope of the highest one."""
    p, t = Fraction(3, 2), Fraction(2, 3)
    run.assume(positive_step, t)

    def holds(n: int, noise: list[int], rows: list[tuple[int, int, int]]) -> dict[str, bool]:
        h, d, f = (list(column[: 2**n]) for column in zip(*rows, strict=True))
        noisy = [a + b for a, b in zip(h, _noise(noise, n), strict=True)]
        return _both_ways(Path(tuple(noisy), tuple(d), tuple(f)), p, t, integral, flips)

    number = st.integers(-6, 6)
    noise = st.lists(st.integers(-9, 9), min_size=2 * MOST, max_size=2 * MOST)
    rows = st.lists(st.tuples(number, number, number), min_size=2**MOST, max_size=2**MOST)
    generated = property_holds(
        st.integers(2, MOST), noise, rows, property=holds, seed=run.integer_seed, examples=INSTANCES
    )
    parts = {"generated": generated}
    for k in range(LARGE_ONES):
        drawn = [run.rng.integers(-400, 401, size=2**TEN).tolist() for _ in range(3)]
        own = _noise(run.rng.integers(-99, 100, size=2 * TEN).tolist(), TEN)
        path = Path(tuple(a + b for a, b in zip(drawn[0], own, strict=True)), *map(tuple, drawn[1:]))
        for name, truth in _both_ways(path, p, t, integral, flips).items():
            parts[f"ten latents, draw {k}, {name}"] = equal(float(truth), 1.0, 0.0)
    return all_of(parts)


def _both_ways(path: Path, p: Fraction, t: Fraction, integral: Integral, flips: bool) -> dict[str, bool]:
    """Return whether the mixed difference of the maximum is the integral along one direction, and along the other."""
    noisy, d, f = _near(path) if flips else (path.noisy, path.direction, path.values)
    whole = path.greatest(p, t) - path.greatest(p, Fraction(0)) - path.greatest(Fraction(0), t)
    whole += path.greatest(Fraction(0), Fraction(0))
    return {
        "two ways": _integrals(integral, noisy, d, f, p, t) == whole,
        "and the other": _integrals(integral, noisy, f, d, t, p) == whole,
    }


def _integrals(
    integral: Integral,
    noisy: Sequence[int],
    along: Sequence[int],
    shift: Sequence[int],
    length: Fraction,
    by: Fraction,
) -> Fraction:
    """Return the integral of the slopes ``along`` with the other direction in place, less that without."""
    with_it = integral([(h + by * s, a) for h, a, s in zip(noisy, along, shift, strict=True)], length)
    return with_it - integral([(h, a) for h, a in zip(noisy, along, strict=True)], length)


def _near(path: Path) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
    """Return the lines of the arg max at p = t = 0 and of the configurations that differ in one latent."""
    best = max(range(len(path.noisy)), key=path.noisy.__getitem__)
    kept = [z for z in range(len(path.noisy)) if (z ^ best).bit_count() <= 1]
    return tuple([column[z] for z in kept] for column in (path.noisy, path.direction, path.values))  # type: ignore[return-value]


def configurations(n: int) -> Floats:
    """Return all 2^n binary vectors, (2^n, n)."""
    return np.array(list(product((0, 1), repeat=n)), dtype=np.float64)


def perturbed(
    h: Floats, z: Floats, rng: np.random.Generator, draws: int, shared: bool = True
) -> NDArray[np.int64]:
    """Return arg maxima over the configurations, (draws,): noise for each latent's values, or for all together."""
    if shared:
        noise = gumbels(rng, draws, z.shape[1], 2)
        sums = noise[:, :, 0].sum(1)[:, None] + (noise[:, :, 1] - noise[:, :, 0]) @ z.T
    else:
        sums = gumbels(rng, draws, len(z))
    return np.asarray((h + sums).argmax(1))


DRAWS = 2_400_000
SMALL = Pair(Fraction(1, 5), Fraction(-1, 10), Fraction(1))


@claim.check(
    statement="S8",
    role="confirms",
    method="statistical",
    relation="=",
    states=(
        "the arg max over 2^n configurations with one Gumbel for each value of each latent has the closed form's law, "
        "and with one for each configuration that of softmax(h)"
    ),
    domain=f"n = 2, b = (1/5, -1/10), c = 1; P(0,0) and P(1,1); {DRAWS:,} draws",
    hypotheses=(attractive,),
    controls=(
        control("softmax(h) for shared noise, and the other way round", exchanged=True),
        control("3 % more stated", share=1.03),
    ),
    tests=4,
)
def samples_have_these_laws(run: Run, *, exchanged: bool = False, share: float = 1.0) -> Verdict:
    """Softmax differs from the closed form by 0.04 and 0.03 here."""
    run.assume(attractive, SMALL)
    z = configurations(2)
    h = np.array(list(map(float, SMALL.values())))
    with working_precision(100):
        laws = {"latents": SMALL.law(), "configurations": SMALL.gibbs()}
        parts = {}
        for name, other in zip(laws, reversed(laws), strict=True):
            stated = laws[other if exchanged else name]
            found = perturbed(h, z, run.rng, DRAWS, shared=name == "latents")
            for k, place in ((0, "(0,0)"), (3, "(1,1)")):
                hits = (found == k).astype(float)
                exact = share * float(stated[k].mid())
                parts[f"Gumbels for {name}, P{place}"] = mean_equals(hits, exact, (0.0, 1.0), run.false_alarm)
        return all_of(parts)


CHAIN, CHAIN_DRAWS, BLOCK = 8, 180_000, 20_000


@claim.check(
    statement="S8",
    role="limits",
    method="statistical",
    relation="<",
    states=(
        "on a chain h = sum_i z_i z_(i+1)/2 the arg max with one Gumbel for each value of each latent has neighbours "
        "that differ less often than under softmax(h), by a tenth or more"
    ),
    domain=f"n = {CHAIN} binary latents, all {2**CHAIN} configurations; {CHAIN_DRAWS:,} draws; softmax(h) exactly",
    hypotheses=(positive_step,),
    controls=(
        control("one Gumbel for each configuration", shared=False),
        control("by 14 % or more", less=0.86),
    ),
)
def neighbours_differ_too_rarely(run: Run, *, shared: bool = True, less: float = 0.9) -> Verdict:
    """With coupling 0 both laws are one."""
    coupling = 0.5
    run.assume(positive_step, coupling)
    z = configurations(CHAIN)
    h = coupling * (z[:, 1:] * z[:, :-1]).sum(1)
    differ = (z[:, 1:] != z[:, :-1]).mean(1)
    exact = float(np.exp(h) @ differ / np.exp(h).sum())
    blocks = [perturbed(h, z, run.rng, BLOCK, shared) for _ in range(CHAIN_DRAWS // BLOCK)]
    return mean_at_most(differ[np.concatenate(blocks)], less * exact, (0.0, 1.0), run.false_alarm)
