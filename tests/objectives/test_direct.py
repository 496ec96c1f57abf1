"""Direct gradients: exact means, what each draw may be, and arguments that do not fit; each seeded bug is caught."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from elboproof import objectives
from elboproof.objectives import direct
from tests.seeding import Bug, Check, Seeded, falsification

Tensor = torch.Tensor
DRAWS = 200_000
A = torch.tensor([[[0.5, -0.3, 0.1], [1.0, 0.0, -1.0]]], dtype=torch.float64)
F = torch.tensor([[[1.0, -0.5, 2.0], [0.0, 3.0, 1.0]]], dtype=torch.float64)
"""(1, 2, 3): one example, two latents, three categories."""


def _gumbels(*shape: int, seed: int = 0) -> Tensor:
    """Return -log of standard exponentials, float64."""
    generator = torch.Generator().manual_seed(seed)
    return -torch.empty(shape, dtype=torch.float64).exponential_(generator=generator).log()


def _mean_is_exact(two_sided: bool) -> None:
    eps = 0.8
    ahead, behind = torch.softmax(A + eps * F, -1), torch.softmax(A - eps * F * two_sided, -1)
    wanted = (ahead - behind) / (eps * (1 + two_sided))
    many = (DRAWS, 2, 3)
    found = objectives.direct_gradient(A.expand(many), F.expand(many), eps, _gumbels(*many), two_sided)
    error = found.std(0) / math.sqrt(DRAWS)
    assert bool(((found.mean(0) - wanted[0]).abs() <= 5 * error).all())
    assert float(error.max()) < 0.01 * float(wanted.abs().max())


def _one_sided_mean() -> None:
    _mean_is_exact(two_sided=False)


def _two_sided_mean() -> None:
    _mean_is_exact(two_sided=True)


def _every_draw_goes_up() -> None:
    """A draw is (e_j - e_i)/eps with f_j >= f_i, here one-sided: sum of g f is not negative, and each row sums to 0."""
    found = objectives.direct_gradient(
        A.expand(500, 2, 3), F.expand(500, 2, 3), 0.5, _gumbels(500, 2, 3), False
    )
    assert set(found.flatten().tolist()) == {-2.0, 0.0, 2.0}
    assert float((found * F).sum(-1).min()) >= 0
    assert float(found.sum(-1).abs().max()) == 0


def _a_constant_changes_nothing() -> None:
    given = A.expand(500, 2, 3), _gumbels(500, 2, 3, seed=1)
    plain = objectives.direct_gradient(given[0], F.expand(500, 2, 3), 0.5, given[1])
    assert torch.equal(objectives.direct_gradient(given[0], F.expand(500, 2, 3) + 16.0, 0.5, given[1]), plain)


def _ties_go_to_the_first() -> None:
    zeros = torch.zeros(1, 1, 3)
    assert objectives.direct_gradient(zeros, zeros, 1.0, zeros).tolist() == [[[0, 0, 0]]]
    up = torch.tensor([[[0.0, 1.0, 1.0]]])
    assert objectives.direct_gradient(zeros, up, 1.0, zeros, False).tolist() == [[[-1, 1, 0]]]


def _small_steps_are_not_lost() -> None:
    """In float32 the sum of 16 and 1e-7 is 16."""
    a, f = torch.tensor([[[16.0, 16.0]]]), torch.tensor([[[0.0, 1.0]]])
    assert objectives.direct_gradient(a, f, 1e-7, 0 * a, False)[0, 0].tolist() == pytest.approx(
        [-1e7, 1e7], rel=1e-6
    )


def test_nothing_has_a_graph_and_nothing_global_is_touched() -> None:
    before = torch.get_rng_state()
    a = A.clone().requires_grad_()
    g = objectives.direct_gradient(a, F, 0.5, _gumbels(1, 2, 3))
    assert not g.requires_grad
    (slope,) = torch.autograd.grad((a * g).sum(), a)
    assert torch.equal(slope, g)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_results_have_a_type_that_holds_them(dtype: torch.dtype) -> None:
    found = objectives.direct_gradient(A.to(dtype), F.to(dtype), 0.5, _gumbels(1, 2, 3).to(dtype))
    assert found.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)


def test_compiled_and_vectorised_values_are_the_same() -> None:
    many = (50, 2, 3)
    a, f, g = A.expand(many), F.expand(many), _gumbels(*many)
    plain = objectives.direct_gradient(a, f, 0.5, g)

    def function(logits: Tensor, values: Tensor, gumbels: Tensor) -> Tensor:
        return objectives.direct_gradient(logits, values, 0.5, gumbels)

    compiled: Any = torch.compile(function, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(a, f, g), plain)
    stacked = [torch.stack([one, one]) for one in (a, f, g)]
    assert torch.equal(torch.func.vmap(function)(*stacked), torch.stack([plain, plain]))


Z = torch.zeros(2, 1, 3)
BAD: dict[str, tuple[Callable[[], Tensor], type[Exception], str]] = {
    "no tensor": (
        lambda: objectives.direct_gradient([[[1.0, 2.0]]], Z, 1.0, Z),  # type: ignore[arg-type]
        TypeError,
        "logits: got .*expected a floating-point tensor",
    ),
    "integers": (lambda: objectives.direct_gradient(Z, Z.long(), 1.0, Z), TypeError, "values: got"),
    "axes": (
        lambda: objectives.direct_gradient(Z[0], Z, 1.0, Z),
        ValueError,
        r"logits: got shape \(1, 3\); expected three axes",
    ),
    "empty": (lambda: objectives.direct_gradient(Z[:0], Z, 1.0, Z), ValueError, r"shape \(0, 1, 3\)"),
    "one category": (
        lambda: objectives.direct_gradient(Z[..., :1], Z[..., :1], 1.0, Z[..., :1]),
        ValueError,
        "expected .*at least two categories",
    ),
    "values": (
        lambda: objectives.direct_gradient(Z, Z[:1], 1.0, Z),
        ValueError,
        r"values: got shape \(1, 1, 3\); expected \(2, 1, 3\), the shape of logits",
    ),
    "gumbels": (
        lambda: objectives.direct_gradient(Z, Z, 1.0, Z[..., :2]),
        ValueError,
        r"gumbels: got shape \(2, 1, 2\)",
    ),
    "no step": (
        lambda: objectives.direct_gradient(Z, Z, 0.0, Z),
        ValueError,
        "eps: got 0.0; expected a positive number",
    ),
    "backwards": (lambda: objectives.direct_gradient(Z, Z, -1.0, Z), ValueError, "eps: got -1.0"),
    "nan step": (lambda: objectives.direct_gradient(Z, Z, math.nan, Z), ValueError, "eps: got nan"),
    "tiny step": (
        lambda: objectives.direct_gradient(Z, Z + torch.tensor([0.0, 1.0, 0.0]), 1e-40, Z),
        ValueError,
        "eps: got 1e-40; expected a step whose inverse is finite",
    ),
    "huge step": (
        lambda: objectives.direct_gradient(Z, Z + 1e30, 1e300, Z),
        ValueError,
        "eps: got 1e.300; expected a step with finite logits",
    ),
    "nan logits": (
        lambda: objectives.direct_gradient(Z * math.nan, Z, 1.0, Z),
        ValueError,
        "logits: got infinite or NaN entries",
    ),
    "infinite values": (
        lambda: objectives.direct_gradient(Z, Z - math.inf, 1.0, Z),
        ValueError,
        "values: got infinite or NaN entries",
    ),
    "infinite gumbels": (
        lambda: objectives.direct_gradient(Z, Z, 1.0, Z + math.inf),
        ValueError,
        "gumbels: got infinite or NaN entries",
    ),
    "sides": (
        lambda: objectives.direct_gradient(Z, Z, 1.0, Z, 2),  # type: ignore[arg-type]
        TypeError,
        "two_sided: got 2 of type int; expected True or False",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments_are_named(name: str) -> None:
    call, error, match = BAD[name]
    with pytest.raises(error, match=match):
        call()


TESTS: dict[str, Check] = {
    "one-sided mean": _one_sided_mean,
    "two-sided mean": _two_sided_mean,
    "goes up": _every_draw_goes_up,
    "constant": _a_constant_changes_nothing,
    "ties": _ties_go_to_the_first,
    "small steps": _small_steps_are_not_lost,
}


def _bug(old: str, new: str, *caught_by: str) -> Seeded:
    return Seeded(direct, "direct_gradient", old, new, caught_by)


BUGS: dict[str, Bug] = {
    "the step goes down": _bug("ahead - behind", "behind - ahead", "one-sided mean", "goes up"),
    "1/eps with two sides": _bug("2 * eps if two_sided else eps", "eps", "two-sided mean"),
    "1/(2 eps) with one": _bug("2 * eps if two_sided else eps", "2 * eps", "one-sided mean", "goes up"),
    "behind without its step": _bug("_one_hot(a - eps * f + noise)", "_one_hot(a + noise)", "two-sided mean"),
    "fresh noise behind": _bug(
        "_one_hot(a + noise)",
        "_one_hot(a - torch.empty_like(a).exponential_(generator=torch.Generator().manual_seed(7)).log())",
        "goes up",
    ),
    "logits left out": _bug("_one_hot(a + eps * f + noise)", "_one_hot(eps * f + noise)", "one-sided mean"),
    "values times logits": _bug("a + eps * f + noise)\n", "a + eps * f * f + noise)\n", "constant"),
    "sums in float32": _bug(".double()", ".float()", "small steps"),
    "the last of equal sums": Seeded(
        direct,
        "_one_hot",
        "sums.argmax(-1, keepdim=True)",
        "(2 - sums.flip(-1).argmax(-1, keepdim=True))",
        "ties",
    ),
}

test_the_code_passes_every_check, test_each_seeded_bug_is_caught, test_every_check_catches_a_bug = (
    falsification(TESTS, BUGS)
)
