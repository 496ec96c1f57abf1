"""The page of reference evidences: the problem table, and published values that are proved or refuted."""

from benchmarks import published, small_decoders
from elboproof.checking.markup import table
from elboproof.model.problems import BASE, Problem

HEAD = """# Reference log evidences

Against these numbers every method of the library is held; use them for yours. `ep` stands for elboproof. A row is a
model with the prior N(0, I) and one x; its log evidence is in nats and natural logarithms. The models themselves are
`elboproof.model.problems.BASE`: `problem.model()`, `problem.x`, `problem.reference`.

Each value was computed by two routes that share no truncation and that agree within 1e-12 of max(1, |log p(x)|).
*Proved* are the values whose first route is a proof (ball arithmetic, all tails bounded); they are printed to 9 digits
after the point. Of the others both routes are floating-point sums, with an error that was seen and not proved; they are
told apart. `python benchmarks/references.py --check` computes all of them anew.
"""
PUBLISHED = """## Published values

Log of the mean likelihood under a uniform prior on the box (the last one: under Beta(2, 5)), as others use them to test
samplers. The proved value is rounded to the nine digits that stand there, with the last place off by one at most.
*Wrong* means that the published value differs from the proved one by more than half of its own last place.
`python -m benchmarks.published` proves them anew in seconds.
"""
TRAINED = f"""## Trained networks

Decoders of {small_decoders.SIDE} x {small_decoders.SIDE} pixels that were trained on digits; their weights, multiples
of 1/{small_decoders.GRID}, and the images, on which none was trained, stand in `benchmarks/small_decoders.json`, and
`benchmarks.small_decoders.stored()` makes models of them. Bernoulli likelihoods are over the image with each pixel
above 1/2 set to 1, the others to 0. All values are proved; the last place is off by one at most.
`python benchmarks/small_decoders.py --prove` proves them anew.
"""


def page() -> str:
    """Return the page."""
    proved = [problem for problem in BASE if problem.routes[0].proved]
    rest = [problem for problem in BASE if not problem.routes[0].proved]
    return "\n".join(
        [
            HEAD,
            f"## Proved ({len(proved)} problems)\n\n{_table(proved)}\n",
            f"## By two sums in floating point ({len(rest)} problems)\n\n{_table(rest)}\n",
            f"{TRAINED}\n{_trained()}\n",
            f"{PUBLISHED}\n{published.markdown()}",
        ]
    )


def _table(problems: list[Problem]) -> str:
    return table(
        ("problem", "decoder", "likelihood", "x", "log p(x), nats", "why"), [_row(one) for one in problems]
    )


def _trained() -> str:
    numbers = [f"log p(x), nats, image {k + 1}" for k in range(small_decoders.ROWS)]
    return table(
        ("decoder and likelihood", *numbers),
        [[one.kind.name, *one.evidences] for one in small_decoders.stored()],
    )


def _row(problem: Problem) -> list[str]:
    decoder = "; ".join(problem.decoder)
    shown = f"`{decoder}`" if len(decoder) <= LONG else f"{len(problem.decoder)} outputs, too long to print"
    return [
        problem.name,
        shown,
        f"`{problem.likelihood!r}`".replace("variance=", ""),  # the first argument; rows are wide
        ", ".join(problem.x),
        f"{problem.reference:.9f}",
        problem.note,
    ]


LONG = 60
"""Characters of a decoder that still fit into the table."""
