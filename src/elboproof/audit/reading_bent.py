"""Reading a divergence that is bent at a threshold: free bits, a capacity, or what is neither.

Of weight b and threshold t, b sum max(R, t) of free bits is never below b KL, so that the number reported is never
above the bound. Where the KL counts from t on, b sum max(R - t, 0), the constant is smaller by b t for each R. A
capacity g |R - t| or g (R - t)^2 is no multiple of a KL: the likelihood is taken to have its own weight.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from elboproof.audit.bends import LEVELS, Bend
from elboproof.audit.detector import Recognised
from elboproof.audit.formula import Formula, snapped
from elboproof.audit.reading import GREY, Reader, reduced_words
from elboproof.audit.reading_divergence import Divergence, same

CAPACITIES = ("distance", "square")
HINTS = ("unknown: the KL is bent at a threshold on purpose, and the loss is no negative ELBO",)


@dataclass(frozen=True)
class _Read:
    """What the weights say: the scale of the bound, the weight of the bent KL in it, and nats beside it."""

    scale: float
    weight: float
    variance: float | None
    needed: float
    found: float
    left: float
    words: str


def read_bent(reader: Reader, found: Recognised) -> Formula:
    """Return what a formula with a bent divergence says.

    Raises
    ------
    ValueError
        If its divergence is not bent.
    """
    weights, bend = found.fit.weights, found.bend
    if bend is None:
        raise ValueError("found: got a formula whose divergence is not bent; expected one with a bend")
    terms = {name: value for name, value in weights.items() if name[0] != "1"}
    law = {name: value for name, value in terms.items() if name != "KL"}
    common = reader.common(found, terms)
    slip = _slip(bend, weights["KL"]) or reader.law_slip(
        found, law, Divergence(weights["KL"], 0.0, (), {}, "")
    )
    if slip is not None:
        return Formula("NOT AN ELBO", slip[0], hints=slip[1], **common)  # type: ignore[arg-type]
    read = _weighed(reader, found, bend)
    values: dict[str, object] = {
        "scale": read.scale,
        "beta": read.weight,
        "variance": read.variance,
        **common,
    }
    values |= {"constant_needed": read.needed, "constant_found": read.found}
    divided = _divided(found, bend, read, reader.limit)
    if divided:
        return Formula("MIXED REDUCTION", divided, hints=("M23: reduce both terms alike",), **values)  # type: ignore[arg-type]
    kind = "CAPACITY" if bend.shape in CAPACITIES else "FREE BITS"
    sentence = (_capacity if kind == "CAPACITY" else _free_bits)(reader, found, bend, read)
    return Formula(kind, sentence + _notes(reader, found), hints=HINTS, **values)  # type: ignore[arg-type]


def _slip(bend: Bend, weight: float) -> tuple[str, tuple[str, ...], Mapping[str, float]] | None:
    """Return what no convention does: a KL that is rewarded, or that counts up to a threshold."""
    if weight < 0:
        return "the divergence has the wrong sign: it is rewarded", ("M14: the sign of the KL",), {}
    if bend.shape == "at most":
        words = f"{LEVELS[bend.level]} counts at most {snapped(bend.thresholds[0], {})} nats: beyond, it costs nothing"
        return words, ("unknown: free bits are a maximum with the threshold, and no minimum",), {}
    return None


def _weighed(reader: Reader, found: Recognised, bend: Bend) -> _Read:
    b = found.fit.weights["KL"]
    capacity = bend.shape in CAPACITIES
    scale, beta, variance, needed, words = reader.likelihood(found, 1.0 if capacity else b)
    weight = b / scale if capacity else beta
    constant, left = reader.constant(found)
    return _Read(scale, weight, variance, needed, constant, left, words)


def _divided(found: Recognised, bend: Bend, read: _Read, limit: float) -> str:
    """Return in words why the terms' weights depend on the batch size; empty if they do not."""
    how = "sum" if bend.of_sum else found.other
    if how != found.reduction:
        return (
            f"the likelihood enters as a {found.reduction} over the batch and the divergence as a {how}: "
            f"the weight of the KL depends on the batch size ({read.words} at one of them)"
        )
    if not same(read.left, 0.0, abs(read.found) + abs(read.scale), limit):
        return f"a constant of {read.left:.6g} does not scale with the batch as the other terms do"
    return ""


def _threshold(bend: Bend) -> str:
    words = f"{', '.join(snapped(one, {}) for one in bend.thresholds)} nats"
    words += ", a threshold for each" if len(bend.thresholds) > 1 else ""
    return f"{words} (of a batch: of a datum it depends on the batch size)" if bend.of_sum else words


def _free_bits(reader: Reader, found: Recognised, bend: Bend, read: _Read) -> str:
    factor = "" if same(read.scale, 1.0, None, reader.limit) else f"{snapped(read.scale, reader.units)} x "
    count = reader.d if bend.of_latents else 1
    total = sum(bend.thresholds) * count / len(bend.thresholds)
    beyond = same(read.found - read.needed, -read.scale * read.weight * total, None, reader.limit)
    how = "counts beyond" if beyond else "counts at least"
    tail = f"{read.words}, {_kind(found)}; {LEVELS[bend.level]} {how} {_threshold(bend)}"
    if not same(read.weight, 1.0, None, reader.limit):
        tail += f"; KL weight {snapped(read.weight, {})}"
    tail += "" if beyond else _beside(reader, read)
    return (
        f"your loss is {factor}the negative ELBO with free bits, {reduced_words(found.reduction)}: {tail}; below "
        "that the KL has no gradient"
    )


def _capacity(reader: Reader, found: Recognised, bend: Bend, read: _Read) -> str:
    factor = "" if same(read.scale, 1.0, None, reader.limit) else f"{snapped(read.scale, reader.units)} x "
    inner = f"R - {snapped(bend.thresholds[0], {})}"
    term = f"|{inner}|" if bend.shape == "distance" else f"({inner})^2"
    total = ", summed over the latents" if bend.of_latents else ""
    nats = ", C being that of a batch: of a datum it depends on the batch size" if bend.of_sum else ""
    return (
        f"your loss is {factor}a negative log likelihood plus {snapped(read.weight, reader.units)} x {term}{total}, "
        f"{reduced_words(found.reduction)}: {read.words}; R is {LEVELS[bend.level]}, {_kind(found)}, held at a "
        f"capacity C of {snapped(bend.thresholds[0], {})} nats{nats}: no bound{_beside(reader, read)}"
    )


def _beside(reader: Reader, read: _Read) -> str:
    """Return in words by how many nats -loss / scale lies beside the objective that was named, constants included."""
    offset = (read.needed - read.found) / read.scale
    if same(offset, 0.0, 1 + abs(read.needed), reader.limit):
        return ""
    divided = "" if same(read.scale, 1.0, None, reader.limit) else " / scale"
    way = "lower" if offset > 0 else "higher"
    return f"; with its constants -loss{divided} would be {abs(offset):.6g} nats {way}"


def _kind(found: Recognised) -> str:
    return "closed-form KL" if found.kind == "closed form" else "Monte Carlo KL"


def _notes(reader: Reader, found: Recognised) -> str:
    notes = [found.likelihood.note] if found.likelihood.note else []
    notes += [GREY] if reader.grey(found.likelihood) else []
    return "".join(f"; {one}" for one in notes)
