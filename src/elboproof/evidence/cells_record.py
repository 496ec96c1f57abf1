"""The cells by which an evidence is proved, as a record: parallelograms of the latent space and what each holds."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elboproof.arrays import FloatArray
from elboproof.numbers.enclosure import Enclosure
from elboproof.printing import screen
from elboproof.quadrature.cells import Index

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy import bool_
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, repr=False)
class EvidenceCells:
    """How log p(x) was proved: B cells that cover the latent space but for its far outside.

    Attributes
    ----------
    latents : tuple of str
        The d names.
    evidence : Enclosure
        log p(x) in nats, shape ().
    centres : array (B, d)
        Of the cells, in z; floats next to the exact ones, as ``edges`` are.
    edges : array (B, d, d)
        Half edges: a cell is all z = centre + t_1 edges[0] + ... + t_d edges[d - 1] with t in [-1, 1]^d.
    integrated : array of bool (B,)
        Whether a rule with a proved error was summed over the cell; the others were only bounded.
    nodes : array of int (B, d)
        Points of the rule along each edge; 0 where there is none.
    probabilities : Enclosure (B,)
        P(z in the cell | x), proved: each cell's share of p(x).
    outside : float
        An upper bound of the probability outside of all cells.
    """

    latents: tuple[str, ...]
    evidence: Enclosure
    centres: FloatArray
    edges: FloatArray
    integrated: "NDArray[bool_]"
    nodes: Index
    probabilities: Enclosure
    outside: float

    def __len__(self) -> int:
        return len(self.integrated)

    def __repr__(self) -> str:
        rest = self.probabilities[~self.integrated].upper.sum() + self.outside
        rows = {
            "log p(x)": f"{self.evidence:S}, nats",
            "integrated": f"{int(self.integrated.sum())} cells, {int(self.nodes.prod(1).sum())} points",
            "only bounded": f"{int((~self.integrated).sum())} cells, at most {rest:.1e} of p(x) with all outside",
        }
        return screen("EvidenceCells", rows)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the cells: of one latent the mean density of each, of two their parallelograms.

        Parameters
        ----------
        ax
            To draw on; those of a new figure if not given: ``cells.plot().figure.savefig("cells.png")``.

        Raises
        ------
        TypeError
            If they are no matplotlib Axes.
        """
        from elboproof.evidence.cells_plot import drawn

        return drawn(self, ax)
