"""The record of a gap's decomposition, row by row, and how it is written on 80 columns."""

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elboproof.numbers.enclosure import Enclosure
from elboproof.posterior.stationary_point import StationaryPoint
from elboproof.printing import WIDTH

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS = 20
"""Of the table; fields hold all."""
LABEL = 6
"""Columns of the rows' names."""


@dataclass(frozen=True, repr=False)
class Decomposition:
    """log p(x) - ELBO of an encoder's posteriors, in parts, nats; each field has one entry for each of N rows.

    Attributes
    ----------
    evidence : Enclosure (N,)
        log p(x).
    best : Enclosure (N,)
        The ELBO of the highest stationary Gaussian that was proved; where none was, or the encoder's lies above it,
        what is known of the best Gaussian's, and a status says so.
    encoder : Enclosure (N,)
        The ELBO of the posteriors given.
    approximation : Enclosure (N,)
        evidence - best: the approximation gap is AT MOST this, and equal to it only if no Gaussian is better.
    amortisation : Enclosure (N,)
        best - encoder: the amortisation gap is AT LEAST this; with a shared covariance, shared - encoder.
    statuses : tuple of str
        What could not be proved of a row; empty where all was.
    shared : Enclosure (N,) or None
        With a shared covariance: the ELBO of the best proved mean under it.
    constant_variance : Enclosure (N,) or None
        best - shared: what that one covariance costs. The three parts add up to evidence - encoder.
    points : tuple of StationaryPoint or None
        Where ``best`` is taken; None where no stationary point stands behind it.
    """

    evidence: Enclosure
    best: Enclosure
    encoder: Enclosure
    approximation: Enclosure
    amortisation: Enclosure
    statuses: tuple[str, ...]
    shared: Enclosure | None = None
    constant_variance: Enclosure | None = None
    points: tuple[StationaryPoint | None, ...] = ()

    def __len__(self) -> int:
        return len(self.statuses)

    def __repr__(self) -> str:
        """Return a table: one line for each row, their mean, and the statuses below."""
        columns = self._columns()
        width = (WIDTH - LABEL) // len(columns)
        places = range(min(len(self), MOST_ROWS))
        heads = [[head.partition("|")[k] for head in columns] for k in (0, 2)]
        body = [[_cell(one[n], width) for one in columns.values()] for n in places]
        means = [_cell(one.mean(), width) for one in columns.values()]
        lines = [f"Decomposition of log p(x) - ELBO, {len(self)} rows, nats"]
        lines += [_line("row", heads[0], width), _line("", heads[1], width)]
        lines += [_line(str(n), cells, width) for n, cells in zip(places, body, strict=True)]
        if len(self) > MOST_ROWS:
            lines.append(f"  ... and {len(self) - MOST_ROWS} more rows")
        return "\n".join([*lines, _line("mean", means, width), *self._told()])

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw a stacked bar for each row, in nats: midpoints, with whiskers for the widest part's half width.

        Parameters
        ----------
        ax
            To draw on; those of a new figure if not given: ``found.plot().figure.savefig("gap.png")``.

        Raises
        ------
        TypeError
            If they are no matplotlib Axes.
        """
        from elboproof.posterior.decomposition_plot import drawn

        return drawn(self, ax)

    def _columns(self) -> dict[str, Enclosure]:
        own = {"log p(x)": self.evidence, "best|Gaussian": self.best}
        gaps = {"approx.|at most": self.approximation}
        if self.shared is not None and self.constant_variance is not None:
            own |= {"one|covar.": self.shared}
            gaps |= {"constant|variance": self.constant_variance}
        return {**own, "encoder": self.encoder, **gaps, "amort.|at least": self.amortisation}

    def _told(self) -> list[str]:
        texts = [f"row {n}: {status}" for n, status in enumerate(self.statuses) if status]
        more = [f"... and {len(texts) - MOST_ROWS} more rows undecided"] if len(texts) > MOST_ROWS else []
        shortened = [textwrap.shorten(text, 3 * WIDTH, placeholder="...") for text in texts[:MOST_ROWS]]
        return [
            line for text in shortened + more for line in textwrap.wrap(text, WIDTH, subsequent_indent="  ")
        ]


def _line(label: str, cells: list[str], width: int) -> str:
    return f"{label:<{LABEL}}{''.join(f'{cell:<{width}}' for cell in cells)}".rstrip()


def _cell(value: Enclosure, width: int) -> str:
    """Return as many certain digits as a column has room for; an upper bound, or nothing, where none is certain."""
    low, high = float(value.lower), float(value.upper)
    if low == high or (np.isfinite([low, high]).all() and high - low < abs(low + high) / 2):
        texts = (f"{value:.{digits}S}" for digits in range(min(width, 8), 1, -1))
        return next((text for text in texts if len(text) < width), f"{value.midpoint:.1e}")
    # ".1e" rounds both ends outward: what stands behind the comma is a bound, too
    return f"<={f'{value:.1e}'.partition(', ')[2].rstrip(']')}" if np.isfinite(high) else "?"
