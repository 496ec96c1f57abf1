"""The record of a trained model's diagnostics: a table of 80 columns, JSON, and one picture."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from elboproof.arguments import shown
from elboproof.diagnostics.diagnostic import Diagnostic
from elboproof.diagnostics.latents import Latents

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Diagnostics:
    """What the nats of a trained model are made of.

    Attributes
    ----------
    name : str
        Of the model.
    sizes : tuple of int
        N, D, d.
    latents : Latents
        Numbers of each latent.
    items : tuple of Diagnostic
        In the order of the table; ``diagnostics["evidence"]`` is one by its name.
    pixels : array (D,) or None
        The root mean squared residual of each pixel, its best sigma; only of Gaussian likelihoods.
    rows : array (M,) or None
        The rows whose evidence was looked at, and of each of them
    elbos, evidences, pareto_k : array (M,) or None
        the encoder's ELBO (estimated), log p(x) (the middle of what was proved, or estimated) and Pareto's k.
    """

    name: str
    sizes: tuple[int, int, int]
    latents: Latents
    items: tuple[Diagnostic, ...]
    pixels: FloatArray | None = None
    rows: NDArray[np.int64] | None = None
    elbos: FloatArray | None = None
    evidences: FloatArray | None = None
    pareto_k: FloatArray | None = None

    def __getitem__(self, name: str) -> Diagnostic:
        for one in self.items:
            if one.name == name:
                return one
        raise KeyError(f"{shown(name)}; there are {', '.join(one.name for one in self.items)}")

    def __str__(self) -> str:
        from elboproof.diagnostics.text import text

        return text(self)

    def to_json(self) -> dict[str, Any]:
        """Return the record for `json.dumps`, schema 1: numbers that there are none of are null."""
        arrays = ("pixels", "rows", "elbos", "evidences", "pareto_k")
        return {
            "schema": 1,
            "name": self.name,
            "sizes": dict(zip(("N", "D", "d"), self.sizes, strict=True)),
            "items": [{key: _finite(value) for key, value in vars(one).items()} for one in self.items],
            "latents": {name: _listed(value) for name, value in vars(self.latents).items()},
            **{name: _listed(getattr(self, name)) for name in arrays},
        }

    def plot(self, figure: "Figure | None" = None) -> "Figure":
        """Draw the latents, where the nats are, the pixels' sigma and the rows' gaps; return the figure.

        Parameters
        ----------
        figure
            To draw on; a new one, which no window shows, if not given: ``figure.savefig("trained.png")``.

        Raises
        ------
        TypeError
            If it is no matplotlib figure.
        """
        from elboproof.diagnostics.picture import drawn

        return drawn(self, figure)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _listed(value: NDArray[Any] | None) -> Any:
    return None if value is None else [_finite(one) for one in value.tolist()]
