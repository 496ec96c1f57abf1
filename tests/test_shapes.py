"""Shapes in signatures: wrong ones are rejected in this run, and a user's run neither checks nor needs them."""

import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError

import elboproof as ep
from elboproof.decoder import attention, bounds, derivatives, gaussians, streaming
from elboproof.evidence import domain
from elboproof.model.ceilings import Ceiling
from elboproof.quadrature import gauss_legendre as rule

SOURCE = Path(__file__).parents[1] / "src" / "elboproof"
POINTS, QUERIES, D = 5, 4, 2
CODES, DATA = np.linspace(0.0, 1.0, POINTS * D).reshape(POINTS, D), np.ones((POINTS, 3))
MODEL = ep.LatentModel(latent="z", decoder=["z"], likelihood=ep.Gaussian(variance="1"))
EYE = np.eye(1)[None]
PRIOR, FLAT = MODEL.integrand, Ceiling.flat(np.zeros(1))


def codes(xp: Any = np, variances: int = POINTS) -> gaussians.Gaussians:
    table = xp.asarray(CODES) if xp is np else torch.tensor(CODES)
    return gaussians.gaussians(xp, table, xp.ones(variances, dtype=xp.float64))


def at(xp: Any, queries: int, indices: int) -> Any:
    return gaussians.relative(
        codes(xp), xp.zeros((queries, D), dtype=xp.float64), xp.zeros(indices, dtype=xp.int64)
    )


def terms(offsets: int) -> streaming.Terms:
    one = np.ones(POINTS)
    return streaming.Terms(
        np.ones((QUERIES, D)), CODES, np.ones((QUERIES, 3)), DATA, np.ones(offsets), one, one
    )


def ratio(masses: int) -> Any:
    return derivatives.quotient({(0,): np.ones((QUERIES, 3))}, {(0,): np.ones(masses)}, (0,))


def powers(hessians: int) -> Any:
    return derivatives.polynomials([np.ones((QUERIES, POINTS))] * D, np.ones(hessians), 1)


def attend(biases: int) -> attention.Attention:
    return attention.Attention(CODES, DATA, np.ones(biases), 1.0)


CALLS: list[tuple[Callable[..., Any], tuple[Any, ...], tuple[Any, ...]]] = [
    (at, (np, QUERIES, QUERIES), (np, QUERIES, 1)),  # NumPy would broadcast the one index
    (at, (torch, QUERIES, QUERIES), (torch, QUERIES, 1)),
    (codes, (np, 1), (np, 2)),
    (codes, (torch, POINTS), (torch, 2)),
    (gaussians.apply, (np.ones(1), [DATA[0]]), (np.ones(2), [DATA[0]])),
    (terms, (QUERIES,), (1,)),
    (streaming.spatial_order, (CODES, 2), (CODES.astype("f"), 2)),
    (streaming.average, (codes(), DATA, CODES), (codes(), DATA, CODES[0])),
    (ratio, (QUERIES,), (1,)),
    (powers, (POINTS,), (2,)),
    (bounds.diameter, (CODES,), (CODES[0],)),
    (bounds._farthest, (CODES, CODES), (CODES, CODES[:, :1])),
    (attend, (POINTS,), (1,)),
    (domain.frame_excess, (EYE,), (EYE[0],)),
    (domain.domain, (PRIOR, FLAT, EYE, np.zeros(1), 3), (PRIOR, FLAT, EYE, np.zeros(2), 3)),
    (domain.domain, (PRIOR, FLAT, EYE, np.zeros(1), 3.0), (PRIOR, FLAT, EYE, np.zeros(1), "3")),
]


@pytest.mark.parametrize(("function", "right", "wrong"), CALLS)
def test_a_wrong_shape_is_rejected(
    function: Callable[..., Any], right: tuple[Any, ...], wrong: tuple[Any, ...]
) -> None:
    function(*right)
    with pytest.raises(TypeCheckError):
        function(*wrong)


def test_a_wrong_result_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    rule.factors.cache_clear()
    assert np.shape(rule.factors()) == np.shape(rule.SIZES)
    rule.factors.cache_clear()
    monkeypatch.setattr(rule, "upward", lambda *_: np.zeros(2))
    with pytest.raises(TypeCheckError, match="return value"):
        rule.factors()
    rule.factors.cache_clear()


def test_every_module_with_shapes_is_checked(shaped_modules: tuple[str, ...]) -> None:
    marked = {
        ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)
        for path in SOURCE.rglob("*.py")
        if "from elboproof.shapes import" in path.read_text(encoding="utf-8")
    }
    assert marked == set(shaped_modules)
    for name in shaped_modules:
        assert hasattr(import_module(name), "jaxtyping"), f"{name} was imported before the hook stood"
    assert not hasattr(import_module("elboproof.decoder.optimal"), "jaxtyping")


USE = """
import sys
{first}
import numpy as np
import elboproof as ep
from elboproof.decoder import gaussians
from elboproof.shapes import Float64
model = ep.LatentModel(latent="z", decoder=["z"], likelihood=ep.Gaussian(variance="1"))
decoder = ep.OptimalDecoder([[0.0], [1.0]], [[0.0], [4.0]], 1.0)
print(decoder([0.5]), ep.log_evidence(model, [0.0], digits=3).contains(-0.5 * np.log(4 * np.pi)))
g = gaussians.gaussians(np, np.zeros((5, 2)), np.ones(5))
print(gaussians.relative(g, np.zeros((4, 2)), np.zeros(1, int))[0].shape, Float64[np.ndarray, "N d"])
print({{"jaxtyping", "beartype"}} & {{name for name, module in sys.modules.items() if module}})
"""


def run(first: str) -> list[str]:
    code = USE.format(first=first)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout.splitlines()


@pytest.mark.parametrize("first", ["", "sys.modules.update(jaxtyping=None, beartype=None)"])
def test_a_users_run_needs_and_loads_neither(first: str) -> None:
    """A module that is None in ``sys.modules`` cannot be imported."""
    used = run(first)
    assert used == ["[2.] True", "(4, 5) <class 'numpy.ndarray'>", "set()"]
    if first:
        with pytest.raises(subprocess.CalledProcessError):
            run(f"{first}; import jaxtyping")


def test_a_users_run_with_jaxtyping_checks_nothing() -> None:
    used = run("import jaxtyping")
    assert used == ["[2.] True", "(4, 5) <class 'jaxtyping.Float64[ndarray, 'N d']'>", "{'jaxtyping'}"]
