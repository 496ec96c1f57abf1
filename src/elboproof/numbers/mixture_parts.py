"""Energies of mixtures as those of their components: e^-U = sum_i e^-U_i, each U_i without the logarithm of the sum.

Where U = V - log(e^a + e^b), e^-U is analytic wherever V, a and b are, though the logarithm has branch cuts, and |e^-U|
is at most e^(-Re(V - a)) + e^(-Re(V - b)): the components' bounds over complex boxes bound the mixture and meet no cut.
"""

from functools import reduce

from elboproof.numbers.tape import Tape, operands

MOST = 16
"""Components; a mixture of more is kept whole."""


def parts(tape: Tape, root: int) -> list[int]:
    """Return entries U_i with e^-U = sum_i e^-U_i on the real line; the root alone where U is no mixture's."""
    found, done = [root], list[int]()
    while found:
        energy = found.pop()
        split = _split(tape, energy)
        if len(split) == 1 or len(done) + len(found) + len(split) > MOST:
            done.append(energy)
        else:
            found.extend(reversed(split))
    return done


def _split(tape: Tape, root: int) -> list[int]:
    """Return V - l for each exponential e^l of the first logarithm of a sum that is subtracted in U."""
    terms = _signed(tape, root)
    chosen = next((k for k, (i, sign) in enumerate(terms) if sign < 0 and _is_sum(tape, i)), None)
    if chosen is None:
        return [root]
    rest = [i if sign > 0 else tape.negate(i) for k, (i, sign) in enumerate(terms) if k != chosen]
    other = reduce(tape.add, rest, tape.constant(0))
    return [tape.subtract(other, leaf) for leaf in _leaves(tape, terms[chosen][0])]


def _is_sum(tape: Tape, i: int) -> bool:
    return tape.entries[i][0] in {"logaddexp", "softplus"} and tape.varies[i]


def _signed(tape: Tape, root: int) -> list[tuple[int, int]]:
    """Return the terms of a sum with their signs, in order."""
    signs = {"add": (1, 1), "sub": (1, -1), "neg": (-1,)}
    found, waiting = list[tuple[int, int]](), [(root, 1)]
    while waiting:
        i, sign = waiting.pop()
        name = str(tape.entries[i][0])
        if name not in signs:
            found.append((i, sign))
            continue
        pairs = zip(operands(tape.entries[i]), signs[name], strict=True)
        waiting.extend(reversed([(part, sign * own) for part, own in pairs]))
    return found


def _leaves(tape: Tape, i: int) -> list[int]:
    """Return the logits l of log sum e^l."""
    name, inner = tape.entries[i][0], operands(tape.entries[i])
    if name == "softplus":  # log(1 + e^t)
        return [tape.constant(0), *_leaves(tape, inner[0])]
    if name == "logaddexp":
        return [leaf for part in inner for leaf in _leaves(tape, part)]
    return [i]
