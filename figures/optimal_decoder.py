"""optimal-decoder: the closed form, its tanh limit, and the Pythagorean identity on real digits (S1, S2, S6, S7)."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from elboproof.commands.figures import Curves, Findings, Rows, curves_of, series, xy

LIMIT = "optimal-decoder/S7/neighbours_make_a_tanh"
TRAINING = {
    "PCA codes": "optimal-decoder/S6/training_approaches_on_pca_codes",
    "codes of a trained encoder": "optimal-decoder/S6/training_approaches_on_trained_codes",
}
SHOWN = ("0.5", "0.125", "0.0625")
COLOURS = ("C0", "C2", "C1")
STYLES = ("-", "--", "-.")


def rows(findings: Findings) -> Rows:
    """Pick the recorded series."""
    z = series(findings, LIMIT, "z")
    points = zip(series(findings, LIMIT, "codes"), series(findings, LIMIT, "values"), strict=True)
    found: Rows = [("decoder", "data", m, x) for m, x in points]
    for variance in SHOWN:
        for name in (f"decoder, s^2 = {variance}", f"tanh, s^2 = {variance}"):
            panel = "limit" if name.startswith("tanh") else "decoder"
            found += [(panel, name, a, b) for a, b in zip(z, series(findings, LIMIT, name), strict=True)]
    for name, check in TRAINING.items():
        pairs = zip(series(findings, check, "distance"), series(findings, check, "excess"), strict=True)
        found += [("Pythagoras", name, a, b) for a, b in pairs]
    return found


def draw(table: Rows) -> Figure:
    """Draw three panels."""
    figure = Figure(figsize=(10.5, 3.4), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    curves = curves_of(table)
    _decoder(left, curves)
    _limit(middle, curves)
    _pythagoras(right, curves)
    return figure


def _decoder(axes: Axes, curves: Curves) -> None:
    for variance, colour, style in zip(SHOWN, COLOURS, STYLES, strict=True):
        line = xy(curves["decoder", f"decoder, s^2 = {variance}"])
        axes.plot(*line, color=colour, linestyle=style, label=f"$s^2$ = {variance}")
    axes.plot(*xy(curves["decoder", "data"]), "ko", label="data $(m_i, x_i)$")
    axes.set(title="Closed-form decoder of four points", xlabel="latent z", ylabel="$f^*(z)$")
    axes.legend()


def _limit(axes: Axes, curves: Curves) -> None:
    for variance, colour, style in zip(SHOWN, COLOURS, STYLES, strict=True):
        z, f = xy(curves["decoder", f"decoder, s^2 = {variance}"])
        _, tanh = xy(curves["limit", f"tanh, s^2 = {variance}"])
        between = [k for k, value in enumerate(z) if -0.5 <= value <= 1.0]
        z, f, tanh = ([values[k] for k in between] for values in (z, f, tanh))
        axes.plot(z, f, color=colour, linestyle=style, linewidth=2, label=f"$f^*$, $s^2$ = {variance}")
        axes.plot(
            z,
            tanh,
            color="black",
            linewidth=0.9,
            linestyle=(0, (1, 2)),
            label="tanh" if variance == SHOWN[-1] else None,
        )
    axes.set(title="Between two codes: tanh as $s \\to 0$", xlabel="latent z", ylabel="$f^*(z)$")
    axes.legend()


def _pythagoras(axes: Axes, curves: Curves) -> None:
    for (name, marker), colour in zip(
        {"PCA codes": "o", "codes of a trained encoder": "s"}.items(), COLOURS, strict=False
    ):
        axes.loglog(*xy(curves["Pythagoras", name]), marker, color=colour, fillstyle="none", label=name)
    ends = [min(row[2] for key, c in curves.items() if key[0] == "Pythagoras" for row in c), 1e3]
    axes.loglog(ends, ends, color="black", linewidth=0.8, label="equality (S2)")
    axes.set(
        title="Digits: a network on its way to $f^*$",
        xlabel="$\\frac{1}{2} E\\,|f - f^*|^2 / r$, nats",
        ylabel="ELBO$(f^*)$ − ELBO$(f)$, nats",
    )
    axes.legend(loc="lower right")
