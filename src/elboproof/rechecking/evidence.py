"""`recheck` of an evidence: log p(x) enclosed once more, over the cells of a certificate.

What is verified: the cells tile their box, by halving it; over each cell without a rule the integrand's supremum, over
each other one a rule with nodes and a remainder of the check's own (`gauss`); the prior's mass outside; and that their
sum is in the claimed bounds. Nothing that a certificate says of an integral is used: its cells and numbers of nodes say
where to begin. A cell for which they are not enough is halved, a rule takes more nodes than it was given.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import log, log2, prod
from typing import Any

from flint import acb, arb

from elboproof.arguments import record_text
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.balls import working_precision
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.exact import ball_of
from elboproof.numbers.outward import above
from elboproof.rechecking import gauss
from elboproof.rechecking.document import CertificateError
from elboproof.rechecking.evidence_document import Cell, EvidenceClaim
from elboproof.rechecking.evidence_integrand import Integrand, above_size
from elboproof.rechecking.gauss import error, rule
from elboproof.rechecking.integration import Unable
from elboproof.rechecking.tiling import require_tiles

MOST_POINTS, MOST_EACH = 20_000, 1_500
"""Points and boxes at which the integrand is evaluated, at most: in all, and more for each cell of the certificate."""
RHOS, START = (1.3, 1.6, 2.2, 3.0, 4.5, 7.0), 3
"""Ellipses, from small to large, and the first one that is tried."""
ACROSS = 2
"""Parts of the other axis, beside an ellipse."""
SMALLEST = Fraction(1, 2**50)
"""Of the box's volume: smaller parts over which the integrand is not bounded are not halved."""
_SPARE_BITS = 60
_MOST_BITS = 1_200


@dataclass(frozen=True)
class ProvedEvidence:
    """What a certificate of an evidence proves: log p(x) of a model is in an interval.

    Attributes
    ----------
    model : LatentModel
        As the certificate states it.
    x : tuple of Fraction
    enclosure : Enclosure
        Of log p(x) in nats: the bounds that were claimed.
    """

    model: LatentModel
    x: tuple[Fraction, ...]
    enclosure: Enclosure

    __repr__ = record_text

    def __str__(self) -> str:
        names = ", ".join(str(z) for z in self.model.latents)
        data = ", ".join(f"{float(value):.6g}" for value in self.x[:4]) + (", ..." if len(self.x) > 4 else "")
        return f"log p(x) = {self.enclosure:S} for x = ({data}), latents {names}"


def verified(claim: EvidenceClaim) -> ProvedEvidence:
    """Return what a certificate proves.

    Raises
    ------
    CertificateError
        If it proves less than it claims, or a part of the model has no method here.
    """
    width = claim.upper - claim.lower
    bits = _SPARE_BITS + int(log2(width.denominator) - log2(width.numerator) if width < 1 else 0)
    if bits > _MOST_BITS:
        raise CertificateError(f"bounds: got a width of less than 2^-{_MOST_BITS - _SPARE_BITS}")
    require_tiles(claim.cells, claim.box)
    with working_precision(max(bits, 2 * _SPARE_BITS)):
        try:
            found = _Sum(claim, Integrand(claim), bits).log_total()
        except Unable as reason:
            raise CertificateError(f"model: cannot be verified: {reason}") from reason
        if not (ball_of(claim.lower) <= found and found <= ball_of(claim.upper)):
            raise CertificateError(
                f"bounds: got [{float(claim.lower):.15g}, {float(claim.upper):.15g}]; the cells prove no more than "
                f"{found.str(20)}"
            )
    return ProvedEvidence(claim.model, claim.x, Enclosure.between_exact([(claim.lower, claim.upper)])[0])


@dataclass(frozen=True)
class _Needed:
    """So many points are enough on an ellipse, where |F| is at most ``largest``."""

    points: int
    rho: float
    largest: arb


@dataclass
class _Sum:
    """The integral over the cells, and bounds of what is not in it; everything relative to e^s."""

    claim: EvidenceClaim
    integrand: Integrand
    bits: int
    total: arb = field(default_factory=lambda: arb(0))
    lost: arb = field(default_factory=lambda: arb(0))
    points: int = 0

    def __post_init__(self) -> None:
        # half of the claim's half width: an eighth of the width for the rules, as much for what is only bounded
        width = self.claim.upper - self.claim.lower
        self.tolerance = min(ball_of(width) / 8, arb(2) ** -6)
        self.most = (ball_of(width) / 2).exp()
        self.volume = prod((high - low for low, high in self.claim.box), start=Fraction(1))
        rules = sum(cell.nodes is not None for cell in self.claim.cells)
        self.share = self.tolerance / max(4 * rules, 16)

    def log_total(self) -> arb:
        """Return a ball that holds log p(x)."""
        waiting = list(self.claim.cells)
        most = MOST_POINTS + MOST_EACH * len(waiting)
        while waiting:
            if self.points > most:
                reason = f"cells: got some that cannot be verified with {most} values of the integrand"
                raise CertificateError(reason)
            # nothing that follows can make the sum smaller, or what is only bounded
            if self.total > self.most or self.lost > self.most - 1 / self.most:
                raise CertificateError(
                    "bounds: got some that are too low for a part of the cells, or too narrow"
                )
            waiting.extend(self._settled(waiting.pop()))
        # the integral is at least the rules' values, at most these and all that was only bounded
        rest = (self.lost + self.integrand.outside).upper()
        found = self.total + rest / 2 + arb(0, rest / 2)
        return found.log() + self.integrand.shift if found > 0 else arb.nan()

    def _settled(self, cell: Cell) -> list[Cell]:
        """Add what a cell holds; return its halves instead where that is not known well enough."""
        # The bounds of all cells together are at most tolerance/4 and 1000 small ones, or the claim is not reached.
        volume = prod((high - low for low, high in cell.box), start=Fraction(1))
        mass = self._mass(cell, volume)
        small = self.tolerance * max(ball_of(volume / self.volume) / 4, arb(2) ** -12)
        if not mass.is_finite() and volume < self.volume * SMALLEST:
            raise CertificateError(
                f"cells: got one about {_corner(cell)} over parts of which nothing is known"
            )
        if mass <= small:
            self.lost += mass
            return []
        if cell.nodes is None:
            return _halves(cell, _longest(cell))
        counts = [self._ellipse(cell, k) for k in range(len(cell.box))]
        points = [max(one.points, given) for one, given in zip(counts, cell.nodes, strict=True)]
        if max(points) > gauss.MOST:
            return _halves(cell, points.index(max(points)))
        self.total += self._rule(cell, points) + arb(0, self._error(cell, points, counts))
        return []

    def _mass(self, cell: Cell, volume: Fraction) -> arb:
        """Return an upper bound of the integral over a cell."""
        self.points += 1
        box = [_interval(low, high) for low, high in cell.box]
        (value,) = self.integrand.values([box])
        return (above_size(value) * ball_of(volume)).upper()

    def _ellipse(self, cell: Cell, axis: int) -> _Needed:
        """Return what is needed on the best ellipse found, from the middle one in steps."""
        # Any ellipse is sound. The number of nodes first falls with its size, then rises: the search goes up from the
        # middle, or else down.
        wanted = log(max(above(self.share / _volume(cell) * 2), 1e-300))
        best = _Needed(2 * gauss.MOST, 1.0, arb("inf"))
        for sizes in (RHOS[START:], RHOS[START - 1 :: -1]):
            for rho in sizes:
                largest = self._supremum(cell, axis, rho)
                if not largest.is_finite():
                    if rho >= RHOS[START]:
                        break
                    continue
                needed = gauss.points(_log(largest), rho, wanted)
                if needed >= best.points:
                    break
                best = _Needed(needed, rho, largest)
            if best.rho > RHOS[START]:
                break
        return best

    def _supremum(self, cell: Cell, axis: int, rho: float) -> arb:
        """Return an upper bound of |F| with one coordinate on the ellipse, the others in the cell; else infinite."""
        # F is real for real arguments, so that |F| is the same above and below the real line.
        sides = []
        for k, (low, high) in enumerate(cell.box):
            centre, half = ball_of((low + high) / 2), ball_of((high - low) / 2)
            if k == axis:
                parts = [(_between(*along), _between(*up)) for along, up in gauss.covering(rho)]
                sides.append([acb(centre + half * a, half * b) for a, b in parts])
            else:
                step = (high - low) / ACROSS
                sides.append([acb(_interval(low + i * step, low + (i + 1) * step)) for i in range(ACROSS)])
        largest = arb(0)
        rectangles = _grid(sides)
        self.points += len(rectangles)
        for value in self.integrand.sizes(rectangles):
            largest = largest.max(value)
        return largest.upper()

    def _rule(self, cell: Cell, points: Sequence[int]) -> arb:
        """Return the rule's value."""
        sides, weights = [], []
        for (low, high), n in zip(cell.box, points, strict=True):
            centre, half = ball_of((low + high) / 2), ball_of((high - low) / 2)
            nodes = rule(n, self._precision())
            sides.append([centre + half * x for x, _ in nodes])
            weights.append([half * w for _, w in nodes])
        total, places = arb(0), _grid(sides)
        self.points += len(places)
        for value, factors in zip(self.integrand.values(places), _grid(weights), strict=True):
            total += prod(factors, start=value)
        return total

    def _precision(self) -> int:
        return max(self.bits, 2 * _SPARE_BITS)

    def _error(self, cell: Cell, points: Sequence[int], counts: Sequence[_Needed]) -> arb:
        # one axis after the other is given to its rule; the others carry integrals, or weights, of total 2 each
        volume = _volume(cell)
        bounds = [error(one.largest, one.rho, n) / 2 for n, one in zip(points, counts, strict=True)]
        return (volume * sum(bounds, arb(0))).upper()


def _grid(sides: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Return all points of a product."""
    points: list[list[Any]] = [[]]
    for side in sides:
        points = [[*point, value] for point in points for value in side]
    return points


def _halves(cell: Cell, axis: int) -> list[Cell]:
    low, high = cell.box[axis]
    middle = (low + high) / 2
    return [
        Cell((*cell.box[:axis], side, *cell.box[axis + 1 :]), cell.nodes)
        for side in ((low, middle), (middle, high))
    ]


def _longest(cell: Cell) -> int:
    """Return the axis along which a cell is longest."""
    return max(range(len(cell.box)), key=lambda k: cell.box[k][1] - cell.box[k][0])


def _corner(cell: Cell) -> str:
    return ", ".join(f"{float(low):.6g}" for low, _ in cell.box)


def _volume(cell: Cell) -> arb:
    return ball_of(prod((high - low for low, high in cell.box), start=Fraction(1)))


def _interval(low: Fraction, high: Fraction) -> arb:
    return ball_of(low).union(ball_of(high))


def _between(low: float, high: float) -> arb:
    return arb(low).union(arb(high))


def _log(value: arb) -> float:
    """Return about the logarithm of a positive ball, in a float."""
    return float(value.log().mid()) if value > 0 else -1e300
