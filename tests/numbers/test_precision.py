"""The one door to the precision: threads, exceptions, forks, and that nothing else touches global settings."""

import ast
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx

import elboproof as ep
from elboproof.checking.ball import ball_at_most
from elboproof.expansion import preimages
from elboproof.expansion.misfit import BITS, Misfit
from elboproof.numbers.balls import REAL_BALLS, working_precision
from elboproof.numbers.compiler import compile_tape
from elboproof.numbers.parser import parse
from elboproof.numbers.precision import current_bits, reset_precision, steady_precision
from elboproof.numbers.tape import Tape
from elboproof.quadrature import gauss_legendre as rule

ROOT = Path(__file__).parents[2]
THREADS = 4
PATIENCE = 120.0
"""Seconds after which a thread that waits for ever is a failure."""


@pytest.fixture
def eager() -> Iterator[None]:
    """Switch threads 500 times as often as Python does."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


# -- what is computed, as plain data that compares bit by bit --


@cache
def wavy() -> ep.LatentModel:
    return ep.LatentModel("z", ["pi*sin(z) + exp(1/3)*z"], ep.Gaussian(variance="1/50"))


@cache
def banana() -> ep.LatentModel:
    return ep.LatentModel(["u", "v"], ["u", "v + u**2"], ep.Gaussian(variance="1/10"))


@cache
def thin() -> ep.GaussianPosterior:
    return ep.GaussianPosterior(["1/3", "1/7"], [["1/5", "1/9"], ["1/9", "1/3"]])


@cache
def decoder() -> ep.OptimalDecoder:
    rng = np.random.default_rng(0)
    return ep.OptimalDecoder(rng.normal(size=(5, 2)), rng.normal(size=(5, 3)), rng.uniform(0.2, 0.4, 5))


def _plain(value: Any) -> Any:
    """Return enclosures and balls as numbers, records by their fields."""
    if isinstance(value, ep.Enclosure):
        return "bounds", value.lower.tolist(), value.upper.tolist()
    if isinstance(value, arb):
        return "ball", *(tuple(map(int, part.man_exp())) for part in (value.mid(), value.rad()))
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(entry) for entry in value]
    return value


def _stationary(model: ep.LatentModel, x: Sequence[str], digits: float) -> list[Any]:
    point = ep.stationary_posterior(model, x, digits=digits)
    return [point.mean, point.covariance, point.elbo, point.kind, point.box, point.ball]


def _law(model: ep.LatentModel, x: Sequence[str]) -> list[Any]:
    law = ep.gap_law(model, x)
    return [str(law.order), law.leading, law.next_order, law.log_mass, law.status]


def _proof() -> list[Any]:
    gap = ep.Gap(latent="z", decoder=["z + c*z**3"], variance="v", x=["7/10"])
    proof = ep.for_all(gap <= "1/10", {"c": ("0", "0.3"), "v": ("0.3", "1")})
    assert isinstance(proof, ep.Proof)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "proof.json"
        proof.certificate.save(path)
        return [path.read_text(encoding="utf-8"), str(ep.recheck(path))]


def _certified() -> list[Any]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "evidence.json"
        ep.log_evidence(wavy(), ["0.7"], 8, certificate=path)
        return [path.read_text(encoding="utf-8"), str(ep.recheck(path))]


FIXED: dict[str, Callable[[], Any]] = {
    "log_evidence, 3 digits": lambda: ep.log_evidence(wavy(), ["0.7"], 3),
    "log_evidence, 60 digits": lambda: ep.log_evidence(wavy(), ["0.7"], 60),
    "log_evidence, 2 latents": lambda: ep.log_evidence(banana(), ["0.7", "0.3"], 14),
    "elbo, closed form": lambda: ep.elbo(banana(), ["0.7", "0.3"], thin(), 12),
    "elbo, quadrature": lambda: ep.elbo(wavy(), ["0.7"], ep.GaussianPosterior("0.2", "0.01"), 25),
    "stationary_posterior": lambda: _stationary(wavy(), ["0.7"], 20),
    "shared_stationary_posterior": lambda: (
        ep.shared_stationary_posterior(banana(), [["0.7", "0.3"], ["0.1", "0.2"]], digits=6).elbo
    ),
    "gap": lambda: ep.gap(wavy(), ["0.7"], 5),
    "gap_law": lambda: _law(wavy(), ["0.7"]),
    "for_all, recheck": _proof,
    "log_evidence, recheck": _certified,
    "enclose": lambda: decoder().enclose(["0.3", "1/7"], 40).balls,
    "tails of rules": lambda: (rule.gauss_legendre.__wrapped__(12).nodes.mid, rule.factors()),
}
"""What has its own precision, whatever the caller's."""
OF_CALLER: dict[str, Callable[[], Any]] = {
    "balls.energy": lambda: wavy().balls.energy(["1/3"], ["0.7"], 2),
    "balls.decoder": lambda: banana().balls.decoder(["1/3", "0.1"], 1),
    "ball_values": lambda: decoder().ball_values([arb(0.3), arb(0.7, 1e-3)]),
    "entropy": lambda: thin().entropy(),
    "cholesky": lambda: thin().cholesky(),
    "ball_at_most": lambda: ball_at_most(arb(0.75), Fraction(3, 4) + Fraction(1, 10**25)).status,
}
"""What has the caller's precision."""
ALL = FIXED | OF_CALLER


def _at(bits: int, name: str) -> Any:
    """Return a result with a user's own precision, which must survive."""
    ctx.prec = bits
    try:
        return _plain(ALL[name]())
    finally:
        after, ctx.prec = ctx.prec, 53
        assert after == bits


@pytest.mark.parametrize("name", FIXED)
def test_results_do_not_depend_on_the_precision_of_the_user(name: str) -> None:
    assert _at(10, name) == _at(500, name) == _at(53, name)


def test_the_precision_of_the_caller_is_taken_where_that_is_promised() -> None:
    assert _at(53, "entropy") != _at(100, "entropy")
    with working_precision(100):
        assert _plain(thin().entropy()) == _plain(ALL["entropy"]())
        inside = _plain(thin().entropy())
    assert inside == _at(100, "entropy")


def test_threads_get_what_one_thread_gets(eager: None) -> None:
    expected = {name: _plain(function()) for name, function in ALL.items()}
    jobs = np.random.default_rng(0).permutation(list(ALL) * 3).tolist()
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(lambda name: _plain(ALL[name]()), jobs, timeout=PATIENCE))
    assert [name for name, value in zip(jobs, found, strict=True) if value != expected[name]] == []


def test_threads_that_compile_one_model_get_what_one_thread_gets(eager: None) -> None:
    """The functions of a model grow one tape; each thread asks a fresh model for all of them, in its own order."""

    def values(model: ep.LatentModel, orders: Sequence[int]) -> list[Any]:
        found = {order: _plain(model.balls.energy(["1/3", "1/5"], ["0.7", "0.3"], order)) for order in orders}
        return [found[order] for order in range(5)]

    text = ["sin(u*v) + exp(u)*tanh(v)", "sqrt(2 + u**2)*log(3 + v**2) - pi*v"]
    expected = values(ep.LatentModel(["u", "v"], text, ep.Gaussian(variance="1/10")), range(5))
    with ThreadPoolExecutor(THREADS) as pool:
        for round_ in range(5):
            model = ep.LatentModel(["u", "v"], text, ep.Gaussian(variance="1/10"))
            orders = np.random.default_rng(round_).permuted([range(5)] * THREADS, axis=1).tolist()
            found = list(pool.map(lambda given, model=model: values(model, given), orders, timeout=PATIENCE))
            assert found == [expected] * THREADS


class _Slow(list[Any]):
    """A list that lets the other threads in before it grows."""

    def append(self, entry: Any) -> None:
        time.sleep(1e-4)
        super().append(entry)


def test_threads_that_add_one_entry_number_it_alike() -> None:
    """Equal operations have one number, and each number its operation."""
    tape = Tape(())
    tape.entries, tape.varies = _Slow(), _Slow()
    values = [[Fraction(n, 7 + (n + k) % 3) for n in range(30)] for k in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as pool:
        numbers = list(pool.map(lambda part: [tape.constant(v) for v in part], values, timeout=PATIENCE))
    assert [[tape.value(i) for i in found] for found in numbers] == values
    assert len(set(tape.entries)) == len(tape.entries) == len(tape.varies)


def test_constants_made_for_one_precision_are_not_kept_for_another() -> None:
    """The precision rises just after the constants were computed, as if a thread of the user's had done it."""
    tape = Tape(())
    root = tape.lower(parse("exp(1/3)", {}, "e"))
    looks = count(1)

    def rising() -> int:
        if next(looks) == 3:  # after the one that finds no constants, and the one before they are made
            ctx.prec = 200
        return current_bits()

    ring = replace(REAL_BALLS, namespace=lambda: {**REAL_BALLS.namespace(), "precision": rising})
    function = compile_tape(tape, [root], ring)
    function()
    assert current_bits() == 200
    (sharp,) = function()
    ctx.prec = 53
    assert sharp.rel_accuracy_bits() > 190


# -- the door itself --


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit])
def test_the_precision_is_put_back_after_an_exception(failure: type[BaseException]) -> None:
    with pytest.raises(failure), working_precision(100), working_precision(300):
        raise failure
    assert current_bits() == 53
    assert _in_a_thread(current_bits) == 53  # the door is open


def test_blocks_are_nested() -> None:
    with working_precision(100):
        with working_precision(30):
            assert current_bits() == 30
        assert current_bits() == 100
    assert current_bits() == 53


def test_what_a_block_sets_by_itself_does_not_outlive_it() -> None:
    with working_precision(100):
        ctx.prec = 77
    assert current_bits() == 53


def test_reset_precision_waits_and_sets_the_default() -> None:
    with working_precision(100):
        reset_precision()
        assert current_bits() == 53


@pytest.mark.parametrize("bits", [1, 0, -5, 53.0, True, "53", None])
def test_bits_that_are_none_are_refused(bits: Any) -> None:
    with (
        pytest.raises(ValueError, match=r"bits: got .*; expected an int of at least 2"),
        working_precision(bits),
    ):
        pass
    assert current_bits() == 53


def _in_a_thread(function: Callable[[], Any]) -> Any:
    """Return what a function returns in another thread that goes through the door."""
    found: list[Any] = []

    def enter() -> None:
        with steady_precision():
            found.append(function())

    thread = threading.Thread(target=enter, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert found, "the thread found the door shut"
    return found[0]


@pytest.mark.parametrize("door", [lambda: working_precision(40), steady_precision])
def test_another_thread_waits(door: Callable[[], Any]) -> None:
    entered: list[int] = []

    def enter() -> None:
        with door():
            entered.append(current_bits())

    thread = threading.Thread(target=enter, daemon=True)
    with working_precision(100):
        thread.start()
        thread.join(0.2)
        assert entered == []
        assert current_bits() == 100
    thread.join(PATIENCE)
    assert entered == [40 if door is not steady_precision else 53]


# -- forks --


def _forked(function: Callable[[], bool]) -> bool:
    """Return whether a function is true in a forked child, which must end within a minute."""
    import signal
    import warnings

    with warnings.catch_warnings():  # that a fork of several threads may deadlock is what is tested
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            os._exit(0 if function() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _computes() -> bool:
    found = ep.log_evidence(wavy(), ["0.7"], 30)
    return bool(found.width < 1e-14) and current_bits() == 53


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_process_forked_inside_goes_on_inside_and_leaves() -> None:
    with working_precision(100):
        assert _forked(lambda: current_bits() == 100 and not _free_for_another_thread())
    before = os.getpid()
    reader, writer = os.pipe()
    with working_precision(100):
        child = os.fork()
    if os.getpid() != before:  # the child left the block of its own accord
        os.write(
            writer, b"1" if current_bits() == 53 and _free_for_another_thread() and _computes() else b"0"
        )
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 1) == b"1"
    os.close(reader)
    os.close(writer)


def _free_for_another_thread() -> bool:
    found: list[bool] = []

    def enter() -> None:
        with steady_precision():
            found.append(True)

    thread = threading.Thread(target=enter, daemon=True)
    thread.start()
    thread.join(0.5)
    return bool(found)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_process_forked_while_another_thread_is_inside_computes() -> None:
    inside, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with working_precision(20), working_precision(30):
            inside.set()
            leave.wait(PATIENCE)

    thread = threading.Thread(target=stay)
    thread.start()
    assert inside.wait(PATIENCE)
    try:
        assert _forked(lambda: current_bits() == 53 and _computes())
    finally:
        leave.set()
        thread.join(PATIENCE)
    assert current_bits() == 53


# -- proofs that a precision which changes underneath cannot make wrong --


@pytest.mark.parametrize("bits", [10, 24, 53, 128])
def test_rules_contain_the_true_nodes_at_any_precision(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule, "RULE_BITS", bits)
    found = rule.gauss_legendre.__wrapped__(11)
    with working_precision(300):
        for k in range(11):
            node, weight = arb.legendre_p_root(11, k, weight=True)
            for balls, value in ((found.nodes, node), (found.weights, weight)):
                ball = arb(float(balls.mid[k]), float(balls.rad[k]))
                assert ball.contains(value)


@pytest.mark.parametrize("bits", [53, 100, 200])
def test_no_mode_is_proved_at_too_low_a_precision(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Boxes of half width 2^-150 and less cannot be told from points: the test of Krawczyk must not hold."""
    import sympy

    model = ep.LatentModel("z", ["z + exp(z)/10"], ep.Gaussian(variance="1/100"))
    misfit = Misfit(model, (sympy.Rational(7, 10),), sympy.ImmutableMatrix([[1]]))
    start = np.array([0.5385])
    with working_precision(BITS):
        (proved,) = preimages._proved(misfit, start)
        assert proved.rad() < 2.0**-140
    with working_precision(bits):
        if bits == 200:  # enough for the largest box
            (coarse,) = preimages._proved(misfit, start)
            assert coarse.overlaps(proved)
        else:
            with pytest.raises(ValueError, match="degenerate"):
                preimages._proved(misfit, start)


@pytest.mark.parametrize("bits", [5, 53, 300])
def test_bounds_of_balls_are_the_nearest_doubles_at_any_precision(bits: int) -> None:
    with working_precision(300):
        balls = [arb(2).sqrt(), arb(10) ** 200 / 3, arb("1e-320"), arb(1, 1e-30), arb(10) ** 400]
    expected = ep.Enclosure.from_balls(balls)
    with working_precision(bits):
        found = ep.Enclosure.from_balls(balls)
    assert found.lower.tolist() == expected.lower.tolist()
    assert found.upper.tolist() == expected.upper.tolist()
    assert found.upper[0] == math.nextafter(float(found.lower[0]), math.inf)


# -- nothing else touches what all threads share --

ALLOWED = {
    "src/elboproof/checking/state.py": {
        "flint.ctx",
        "getcontext",
        "setlocale",
    },  # looks whether a check left it changed
    "src/elboproof/numbers/precision.py": {"flint.ctx", "prec"},  # the door
    "src/elboproof/numbers/functions.py": {"workprec"},  # within SymPy's evalf, which sets it for itself
    # references of claims, which are checked in processes of their own
    "verification/constant_variance_penalty/closed_forms.py": {"workdps"},
    "verification/constant_variance_solutions/same_evidence.py": {"workdps"},
    "verification/hamiltonian_vae/toy.py": {"flint.ctx"},  # the length of series, put back
    "verification/temporal_difference_vae/networks.py": {"manual_seed"},  # within fork_rng
    # scripts
    "benchmarks/training_step.py": {"manual_seed", "set_num_threads"},
    "benchmarks/training_loop.py": {"set_num_threads"},
    "benchmarks/audit/instances.py": {"manual_seed"},  # within fork_rng
    "benchmarks/small_decoders.py": {"manual_seed"},  # the same
    "benchmarks/audit/noise.py": {"manual_seed"},  # a bug of the catalogue
    "verification/half_output_networks/record.py": {"set_num_threads"},
    "src/elboproof/commands/train.py": {
        "catch_warnings",
        "simplefilter",
    },  # a command, in a process of its own
    # users' losses draw from whichever generators they like, in float64: an audit sets all, and puts them back
    # and runs compiled code as it is written
    "src/elboproof/audit/state.py": {
        "manual_seed",
        "manual_seed_all",
        "seed",
        "set_default_dtype",
        "set_stance",
    },
    # a worker of checks, which is a process of its own, starts each check from the same state
    "src/elboproof/checking/ambient.py": {
        "dps",
        "seed",
        "seterr",
        "setcontext",
        "set_default_dtype",
        "manual_seed",
    },
    "src/elboproof/checking/worker.py": {"simplefilter"},
    "benchmarks/stationary.py": {"manual_seed"},  # one thread, no part of the library
    "benchmarks/trained_decoders.py": {"manual_seed"},  # the same
    "benchmarks/evidence_rivals.py": {"catch_warnings", "simplefilter"},  # the same
}
"""Files that may use what all threads share, and what of it."""
SETTERS = {
    *("workprec", "workdps", "extraprec", "extradps"),  # of flint and mpmath
    *("seterr", "seterrcall", "setbufsize", "set_printoptions"),  # of NumPy; errstate is a thread's own
    *("setcontext", "getcontext"),  # of decimal; localcontext is a thread's own
    *("catch_warnings", "simplefilter", "filterwarnings"),
    *("set_default_dtype", "set_default_device", "set_num_threads", "set_grad_enabled", "manual_seed"),
    "manual_seed_all",
    *("setlocale", "setrecursionlimit", "set_int_max_str_digits", "setswitchinterval"),
    "set_stance",  # of torch.compiler
}
FIELDS = {"prec", "dps"}
"""That are set on a context of flint or mpmath; a local context of decimal is a name of its own."""


def _global_settings(source: str) -> set[str]:
    """Return what of the state that all threads share a module sets or, of flint, reads."""
    tree, found = ast.parse(source), set()
    local = {
        item.optional_vars.id
        for node in ast.walk(tree)
        if isinstance(node, ast.With)
        for item in node.items
        if isinstance(item.optional_vars, ast.Name) and "localcontext" in ast.unparse(item.context_expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in {"flint", "mpmath"}:
            found |= {f"{node.module}.{alias.name}" for alias in node.names if alias.name in {"ctx", "mp"}}
        if isinstance(node, ast.ImportFrom):
            found |= {alias.name for alias in node.names if alias.name in SETTERS}
        if not isinstance(node, ast.Attribute):
            continue
        owner = ast.unparse(node.value)
        if node.attr == "ctx" and "flint" in owner:
            found.add("flint.ctx")
        shared = owner in {"torch", "torch.default_generator"}
        if node.attr in SETTERS and (node.attr != "manual_seed" or shared):  # else of a generator
            found.add(node.attr)
        if node.attr in FIELDS and isinstance(node.ctx, ast.Store) and owner not in local:
            found.add(node.attr)
        if node.attr == "seed" and owner in {"random", "np.random", "numpy.random"}:
            found.add("seed")
    return found


SOURCES = sorted(
    path
    for folder in ("src", "verification", "figures", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_only_the_door_touches_the_precision(path: Path) -> None:
    allowed = ALLOWED.get(path.relative_to(ROOT).as_posix(), set())
    assert _global_settings(path.read_text(encoding="utf-8")) <= allowed


@pytest.mark.parametrize(
    ("source", "setting"),
    [
        ("from flint import arb, ctx\nctx.prec = 100", "flint.ctx"),
        ("import flint\nx = flint.ctx.prec", "flint.ctx"),
        ("def f():\n    from flint import ctx\n    with ctx.workprec(9): pass", "workprec"),
        ("from mpmath import mp\nmp.dps = 15", "dps"),
        ("import mpmath\nmpmath.mp.prec += 10", "prec"),
        ("import mpmath\nwith mpmath.workdps(30): pass", "workdps"),
        ("import numpy as np\nnp.seterr(all='ignore')", "seterr"),
        ("from decimal import getcontext\ngetcontext().prec = 9", "getcontext"),
        ("import decimal\ndecimal.getcontext().prec = 9", "prec"),
        ("import warnings\nwith warnings.catch_warnings(): pass", "catch_warnings"),
        ("import torch\ntorch.set_num_threads(1)", "set_num_threads"),
        ("import numpy as np\nnp.random.seed(1)", "seed"),
    ],
)
def test_what_touches_global_settings_is_seen(source: str, setting: str) -> None:
    assert setting in _global_settings(source)


def test_local_settings_are_no_global_ones() -> None:
    source = "with localcontext() as c:\n    c.prec = 9\nwith np.errstate(all='ignore'):\n    x = z.prec"
    assert _global_settings(source) == set()


DOORS = {"working_precision", "steady_precision"}


def _leaks(source: str) -> list[int]:
    """Return the lines of yield and await inside of a block that holds the door: they would leave it shut."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.With | ast.AsyncWith) and any(
            isinstance(part, ast.Name) and part.id in DOORS
            for item in node.items
            for part in ast.walk(item.context_expr)
        ):
            inner = (part for statement in node.body for part in ast.walk(statement))
            lines += [p.lineno for p in inner if isinstance(p, ast.Yield | ast.YieldFrom | ast.Await)]
    return lines


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_block_yields_while_it_holds_the_door(path: Path) -> None:
    assert _leaks(path.read_text(encoding="utf-8")) == []


def test_a_block_that_yields_is_seen() -> None:
    assert _leaks("def f():\n    with working_precision(9):\n        yield 1") == [3]
