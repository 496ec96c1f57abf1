"""hamiltonian-vae: gaps against the precision (S10), where untempered gains come from (S8), fitted sigma (S9)."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from elboproof.commands.figures import Curves, Findings, Rows, curves_of, series, xy

GAPS = "hamiltonian-vae/S10/other_kernels_gain_more"
ERRORS = "hamiltonian-vae/S8/gain_without_cooling_is_error"
FITS = "hamiltonian-vae/S9/variances_do_not_tend_to_the_data"
COLOURS = {
    "VAE": "0.5",
    "not cooled": "C1",
    "tempered": "C0",
    "true reversal": "C2",
}
STYLES = {"VAE": ":", "not cooled": "--", "tempered": "-", "true reversal": "-."}
LABELS = {
    "VAE": "K = 0: the VAE",
    "not cooled": "K = 1, not cooled",
    "tempered": "K = 1, tempered: the bound of all paths",
    "true reversal": "K = 1, momenta's own reverse kernel",
}


def rows(findings: Findings) -> Rows:
    """Pick the recorded series."""
    found: Rows = []
    for name in COLOURS:
        columns = zip(series(findings, GAPS, "precision"), series(findings, GAPS, name), strict=True)
        found += [("gaps", name, a, b) for a, b in columns]
    for name in ("gain", "wrong"):
        columns = zip(series(findings, ERRORS, "step"), series(findings, ERRORS, name), strict=True)
        found += [("errors", name, a, b) for a, b in columns]
    for name in ("VAE", "not cooled", "tempered"):
        columns = zip(series(findings, FITS, "count"), series(findings, FITS, name), strict=True)
        found += [("fits", name, a, b) for a, b in columns]
    return found


def draw(table: Rows) -> Figure:
    """Draw three panels."""
    figure = Figure(figsize=(13.2, 4.1), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    lines = curves_of(table)
    _gaps(left, lines)
    _errors(middle, lines)
    _fits(right, lines)
    return figure


def _gaps(axes: Axes, lines: Curves) -> None:
    """Draw the gap of each method, both axes logarithmic."""
    for name, colour in COLOURS.items():
        axes.plot(*xy(lines["gaps", name]), STYLES[name], color=colour, label=LABELS[name])
    axes.set(
        title="Cooling turns a gap like L into one like √L;\nanother reverse kernel would leave 0.15 nats",
        xlabel="posterior precision L",
        ylabel="log p(x) − ELBO, nats",
        xscale="log",
        yscale="log",
    )
    axes.legend()


def _errors(axes: Axes, lines: Curves) -> None:
    """Draw what an untempered path gains, for the gradient and for one that is a little wrong."""
    axes.plot(*xy(lines["errors", "gain"]), color="C0", marker="o", markersize=4.5, label="right gradient")
    axes.plot(*xy(lines["errors", "wrong"]), color="C1", marker="s", markersize=4.5, label="0.1 % too long")
    axes.set(
        title="Without cooling all gain is the integrator's error;\na wrong gradient stays unbiased, and shows here",
        xlabel="step size e, at fixed time",
        ylabel="log w − log w of the VAE, rms, nats",
        xscale="log",
        yscale="log",
    )
    steps = xy(lines["errors", "gain"])[0]
    axes.set_xticks(steps, [f"{one:.3g}" for one in steps])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.legend()


def _fits(axes: Axes, lines: Curves) -> None:
    """Draw the excess of the fitted sigma over the evidence's."""
    for name in ("VAE", "not cooled", "tempered"):
        label = LABELS[name].partition(":")[0]
        axes.plot(*xy(lines["fits", name]), STYLES[name], color=COLOURS[name], label=label)
    axes.set(
        title="Only the tempered objective finds\nthe likelihood's σ as data grow",
        xlabel="number of data N   (σ = 1, d = 1)",
        ylabel="fitted σ above the evidence's",
        xscale="log",
        yscale="log",
    )
    axes.legend()
