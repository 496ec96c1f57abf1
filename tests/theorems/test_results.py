"""Results print in one readable screen, whatever they hold."""

from typing import Any

import pytest

import elboproof as ep
from elboproof.printing import WIDTH

GAP = ep.Gap("z", ["z + c*z**3"], "v", ["7/10"])
BOX = {"c": ("0", "0.3"), "v": ("0.01", "1")}
WIDE = ep.Elbo(
    "z", [f"z + c*z**{k % 3 + 1}" for k in range(60)], "v", ["1/3"] * 60, ep.GaussianPosterior("0.4", "0.2")
)
ANSWERS: dict[str, Any] = {
    "Proof": lambda: ep.for_all(GAP <= "0.05", BOX),
    "Counterexample": lambda: ep.for_all(GAP <= "0.01", BOX),
    "Unproved": lambda: ep.for_all(GAP <= "0.021", BOX, leaves=10),
    "Proof of many": lambda: ep.for_all(WIDE <= 99, BOX),
}
LINES = 20


@pytest.mark.parametrize("name", ANSWERS)
def test_a_result_is_one_screen(name: str) -> None:
    answer = ANSWERS[name]()
    lines = repr(answer).splitlines()
    assert lines[0] == name.split()[0] == type(answer).__name__
    assert len(lines) <= LINES
    assert max(map(len, lines)) <= WIDTH
    assert any(line.split() == ["statement", *str(answer.statement).split()] for line in lines)
    assert "\n" not in str(answer)
    assert str(answer) == answer.status


def test_a_proof_shows_what_it_consists_of() -> None:
    answer = ANSWERS["Proof"]()
    text = repr(answer)
    assert "c in [0, 3/10], v in [1/100, 1]" in text
    assert f"Certificate({answer.leaves} leaves, {answer.integrals} integrals)" in text
    assert "decoder=z + c*z**3, variance=v, x=7/10" in text


def test_a_counterexample_shows_its_point() -> None:
    answer = ANSWERS["Counterexample"]()
    shown = ", ".join(f"{name} = {number}" for name, number in answer.point.items())
    assert shown in repr(answer)
    assert shown in str(answer)


def test_statements_are_about_the_standard_normal_prior() -> None:
    arguments: dict[str, Any] = {"latent": "z", "decoder": ["c*z"], "variance": 1, "x": [0]}
    assert ep.Gap(**arguments, prior=ep.Normal()) == ep.Gap(**arguments)
    for quantity in (ep.Gap, ep.LogEvidence):
        with pytest.raises(
            ValueError, match=r"prior: got Uniform.*expected ep.Normal\(\): statements are about"
        ):
            quantity(**arguments, prior=ep.Uniform(0, 1))
