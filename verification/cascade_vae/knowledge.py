"""S2: what the codes of a cascade know of the class."""

from fractions import Fraction

from hypothesis import strategies as st

from elboproof.checking import Run, Verdict, all_of, ball_equal, ball_positive, control, property_holds

from .._shared.balls import working_precision
from . import claim
from .hypotheses import markov_chain
from .tables import Joint, Row, chain, information, lost


def _table(text: str) -> list[Row]:
    return [[Fraction(entry) for entry in row.split()] for row in text.split(",")]


IMAGES = _table("1/2 1/4 1/8 1/8, 1/10 1/5 3/10 2/5")
FIRST = _table("7/10 1/5 1/10, 1/5 3/5 1/5, 1/10 1/5 7/10, 1/10 3/10 3/5")
SECOND = _table("9/10 1/10, 1/2 1/2, 1/5 4/5")
SPLIT = _table("1/2 1/4 1/8 1/8, 1/10 9/20 9/40 9/40")
COPY = _table("1 0 0, 0 1 0, 0 0 1, 0 0 1")
MERGED, UNEQUAL = _table("1 0, 0 1, 0 1"), _table("1 0, 1 0, 0 1")
PEEKS = Fraction(1, 2)
BITS = 150


def peeking(joint: Joint) -> Joint:
    """Return the law in which u is, half of the time, whether x is one of the last two images, whatever z."""
    found: Joint = {}
    for (y, x, z, u), mass in joint.items():
        for key, share in (((y, x, z, u), 1 - PEEKS), ((y, x, z, int(x > 1)), PEEKS)):
            found[key] = found.get(key, Fraction(0)) + share * mass
    return found


@claim.check(
    statement="S2",
    role="limits",
    method="certified",
    relation="<=",
    states=(
        "I(u;y) < I(z;y) < I(x;y), and what a stage loses is I(x;y|z) = I(x;y) - I(z;y) and I(z;y|u): a second stage "
        "never knows more of the class than the first"
    ),
    domain="two classes, four images, three first and two second codes, one table with rational entries",
    hypotheses=(markov_chain,),
    controls=(
        control(
            "a second stage that looks at the image", refutes=["second*", "lost by the second"],
            drops=(markov_chain,), peeks=True,
        ),
        control("more information", refutes=["first*", "second*"], sign=-1),
        control("what is lost without the condition", refutes="lost*", conditioned=False),
    ),
    tier="quick",
)  # fmt: skip
def no_stage_knows_more(run: Run, *, peeks: bool = False, sign: int = 1, conditioned: bool = True) -> Verdict:
    """Entropies on one side, logarithms of ratios on the other."""
    plain = chain(IMAGES, FIRST, SECOND)
    joint = peeking(plain) if peeks else plain
    run.assume(markov_chain, joint)
    with working_precision(BITS):
        x, z, u = (information(joint, member, "y") for member in "xzu")
        first = lost(joint, "x", "y", "z") if conditioned else information(joint, "x", "y")
        second = lost(joint, "z", "y", "u") if conditioned else information(joint, "z", "y")
        return all_of(
            {
                "first stage": ball_positive(sign * (x - z)),
                "second stage": ball_positive(sign * (z - u)),
                "lost by the first": ball_equal(x - z - first, 1e-30),
                "lost by the second": ball_equal(z - u - second, 1e-30),
            }
        )


@claim.check(
    statement="S2",
    role="confirms",
    method="certified",
    relation="=",
    states="nothing is lost by a stage whose codes are sufficient, which merge only what is equally likely of a class",
    domain="two classes, four images of which three have one likelihood ratio, merged to three codes and to two",
    hypotheses=(markov_chain,),
    controls=(
        control("codes merged that differ", refutes="second stage", merge=UNEQUAL),
        control("images that differ", refutes=["first stage", "second stage"], images=IMAGES),
    ),
    tier="quick",
)
def sufficient_codes_lose_nothing(
    run: Run, *, merge: list[Row] = MERGED, images: list[Row] = SPLIT
) -> Verdict:
    """Of SPLIT the last three images have the likelihood ratio 5 : 9; the last two are merged first."""
    joint = chain(images, COPY, merge)
    run.assume(markov_chain, joint)
    with working_precision(BITS):
        x, z, u = (information(joint, member, "y") for member in "xzu")
        return all_of({"first stage": ball_equal(x - z, 1e-30), "second stage": ball_equal(z - u, 1e-30)})


INSTANCES = 60


@claim.check(
    statement="S2",
    role="limits",
    method="property",
    relation="<=",
    states="I(u;y) <= I(z;y) <= I(x;y), decided by balls for each table",
    domain=f"{INSTANCES} generated chains of two classes, three images, first and second codes, among them copies",
    hypotheses=(markov_chain,),
    controls=(
        control("more information", refutes="*", sign=-1),
        control("99 % of it", refutes="*", share=Fraction(99, 100)),
    ),
)
def no_stage_of_generated_chains_knows_more(
    run: Run, *, sign: int = 1, share: Fraction = Fraction(1)
) -> Verdict:
    """Equal information is allowed: a difference is refuted where a ball lies below 0."""

    def holds(x: list[Row], z: list[Row], u: list[Row]) -> dict[str, bool]:
        joint = chain(x, z, u)
        run.assume(markov_chain, joint)
        with working_precision(BITS):
            known = [information(joint, member, "y") for member in "xzu"]
            part = share.numerator
            return {
                "first stage": not sign * (part * known[0] - share.denominator * known[1]) < 0,
                "second stage": not sign * (part * known[1] - share.denominator * known[2]) < 0,
            }

    def table(rows: int, columns: int) -> st.SearchStrategy[list[Row]]:
        entry = st.lists(st.integers(1, 8), min_size=columns, max_size=columns)
        row = entry.map(lambda numbers: [Fraction(n, sum(numbers)) for n in numbers])
        return st.lists(row, min_size=rows, max_size=rows)

    stage = st.one_of(st.just(COPY[:3]), table(3, 3))
    return property_holds(
        table(2, 3), stage, stage, property=holds, seed=run.integer_seed, examples=INSTANCES
    )
