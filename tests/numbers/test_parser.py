"""Strings become expressions by a whitelist; hostile ones are refused, or built, quickly."""

import ast
import inspect
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import numpy as np
import pytest
import sympy
from sympy import Rational, Symbol

import elboproof as ep
from elboproof.numbers import compiler, parser
from elboproof.numbers.compiler import compile_tape
from elboproof.numbers.floating import FLOATING
from elboproof.numbers.functions import WRITABLE
from elboproof.numbers.parser import LONGEST, parse
from elboproof.numbers.tape import Tape

Z = Symbol("z", real=True)
# seconds; a watchdog against exponential time, no measurement: the slowest string here takes some 0.5 s
PATIENCE = 10


@pytest.fixture
def watchdog() -> Iterator[None]:
    def stop(signum: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"not finished within {PATIENCE} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


REFUSED = {
    "": "nothing",
    "   ": "nothing",
    "z.real": "'.'",
    "z.__class__": "'.'",
    "().__class__.__bases__": "'.'",
    "__import__('os')": "function '__import__'",
    "__import__": "name '__import__'",
    "eval(z)": "function 'eval'",
    "exec(z)": "function 'exec'",
    "open(z)": "function 'open'",
    "lambda: z": "':'",
    "[z for z in z]": "'\\['",
    "{z}": "'{'",
    "z[0]": "'\\['",
    "'z'": '"\'"',
    '"z"': "'\"'",
    "f'{z}'": '"\'"',
    "z; z": "';'",
    "z = 1": "'='",
    "z := 1": "':'",
    "z if z else z": "'if'",
    "z and z": "'and'",
    "not z": "name 'not'",
    "z < 1": "'<'",
    "z @ z": "'@'",
    "z % 2": "'%'",
    "z // 2": "'/'",
    "~z": "'~'",
    "z ^ 2": "powers are written \\*\\*",
    "z!": "'!'",
    "2z": "'z'",
    "z z": "'z'",
    "(z": "the end",
    "z)": "'\\)'",
    "z +": "the end",
    "* z": "'\\*'",
    "sin": "name 'sin'",
    "sin z": "name 'sin'",
    "sin()": "'\\)'",
    "sin(z, z)": "sin with 2 arguments",
    "max(z)": "max with 1 arguments",
    "sin(x=z)": "'='",
    "y": "name 'y'",
    "gamma(z)": "function 'gamma'",
    "I": "name 'I'",
    "oo": "name 'oo'",
    "1e99999": "1e99999",
    "0x10": "'x10'",
    "1_000": "'_000'",
    "٣": "'٣'",
    "z²": "name 'z²'",
    "z\x00": "\\\\x00",
    "1/0": "infinite",
    "0**(-1)": "infinite",
    "0/0": "infinite|undefined",
    "log(0)": "infinite",
    "log(-1)": "complex",
    "sqrt(-2)": "complex",
    "tan(pi/2)": "infinite",
    "9**9**9**9": "overflows",
    "9**(9**(9**9))": "overflows",
    "z**(10**30)": "overflows",
    "z**-10**30": "overflows",
    "(z**1000)**1000**1000": "overflows",
    "(((10**999)**9)**9)**9": "overflows",
    "sqrt(10**999 + 1)": "root of a large number",
    "z*(10**900 + 1)**(1/3)": "root of a large number",
    "1e9999*1e9999": "combine to a huge one",
    "(" * 100_000: "100000 characters",
    "z" * 1_000_000: "1000000 characters",
    "(" * 5000 + "z" + ")" * 4000: "nested too deeply",
    "sin(" * 2000 + "z": "nested too deeply",
    "z**" * 2000 + "z": "nested too deeply",
    "-(" * 3000 + "z": "nested too deeply",
}


@pytest.mark.usefixtures("watchdog")
@pytest.mark.parametrize(
    ("text", "part"), REFUSED.items(), ids=[f"{k}-{text[:20]}" for k, text in enumerate(REFUSED)]
)
def test_string_outside_the_whitelist_is_refused(text: str, part: str) -> None:
    with pytest.raises(ValueError, match=part) as refusal:
        parse(text, {"z": Z}, "decoder[3]")
    message = str(refusal.value)
    assert message.startswith("decoder[3]: got ")
    assert "expected" in message
    assert len(message) < 700


def test_refusal_lists_all_that_is_allowed() -> None:
    with pytest.raises(ValueError, match="function 'foo' at character 3") as refusal:
        parse("1+foo(z)", {"z": Z})
    assert all(name in str(refusal.value) for name in WRITABLE)
    with pytest.raises(ValueError, match=r"name 'y'.*one of the latents z, t"):
        parse("y", {"z": Z, "t": Z})


@pytest.mark.parametrize("text", [None, 1, 0.5, True, b"z", ["z"], Z])
def test_text_that_is_no_string_is_refused(text: object) -> None:
    with pytest.raises(TypeError, match=r"decoder: got .*expected a string"):
        parse(text, {"z": Z})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["sin", "pi", "relu"])
def test_latent_with_the_name_of_a_function_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"latent: got the name '{name}'"):
        parse("1", {name: Symbol(name)})


# Strings that are allowed, or refused for a constant that is no double, and that SymPy would simplify for ever (or for
# exponential time in the depth) if it were let
SLOW_IN_SYMPY = {
    "exp of a logarithm": "exp(10000000000*log(9))",
    "exp of a logarithm, in a product": "z*exp(10000000000*log(9)*z)*exp(-10000000000*log(9)*z)",
    "powers that combine": "9**(z + 1e9)*9**(-z)",
    "large argument of exp": "max(exp(1e9999), z)",
    "signs of towers": "abs(exp(exp(exp(9))) - exp(exp(exp(10))))",
    "nested maxima": "max(" * 50 + "z" + "".join(f", sin({k}*z))" for k in range(50)),
    "nested kinks": "abs(" * 50 + "z" + " - 1)" * 50,
    "nested sigmoids of a number": "sigmoid(" * 50 + "1" + ")" * 50,
    "nested relu": "relu(" * 50 + "z" + " - 1)" * 50,
    "nested gelu": "gelu(" * 50 + "z" + ")" * 50,
    "nested silu": "silu(" * 50 + "z" + ")" * 50,
    "many maxima": "+".join(f"max(z, {k})" for k in range(300)),
    "maximum of long sums": f"max({'+'.join(f'sin({k}*z)' for k in range(200))}, {'+'.join(['cos(z)'] * 200)})",
    "root of a long product": "sqrt((" + "*".join(f"sin({k}*z)" for k in range(1, 200)) + ")**2)",
    "flat sum": "+".join(["z"] * (LONGEST // 2)),
    "flat product": "*".join(["z"] * (LONGEST // 2)),
    "signs": "-" * (LONGEST - 1) + "z",
    "sum of fractions": "+".join(f"z/{k}" for k in range(1, 800)),
}


@pytest.mark.usefixtures("watchdog")
@pytest.mark.parametrize("name", SLOW_IN_SYMPY)
def test_allowed_text_never_starts_endless_simplification(name: str) -> None:
    tape = Tape((Z,))
    root = tape.lower(parse(SLOW_IN_SYMPY[name], {"z": Z}))
    slope = tape.derivative(root, 0) if "relu" not in name else root
    try:
        with np.errstate(all="ignore"):
            values = compile_tape(tape, [root, slope], FLOATING)(np.float64(0.5))
    except ValueError as error:
        assert "in the range of float64" in str(error)  # noqa: PT017 - other errors must not pass
    else:
        assert len(values) == 2


def test_simplifying_neighbour_does_not_finish() -> None:
    # negative control: SymPy itself, asked for one of these strings
    def stop(signum: int, frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        with pytest.raises((TimeoutError, OverflowError, MemoryError)):
            _nest_maxima(50)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _nest_maxima(depth: int) -> sympy.Expr:
    result = Z
    for k in range(depth):
        result = sympy.Max(result, sympy.sin(k * Z))
    return result


SPELLED = {
    "0.1": Rational(1, 10),
    ".5": Rational(1, 2),
    "5.": Rational(5),
    "1e-4": Rational(1, 10_000),
    "2.5E+2": Rational(250),
    "1/3": Rational(1, 3),
    "1/3/4": Rational(1, 12),
    "2**-3": Rational(1, 8),
    "-2**2": Rational(-4),
    "(-2)**2": Rational(4),
    "2**3**2": Rational(512),
    "1 - 2 - 3": Rational(-4),
    "--1": Rational(1),
    "0.1 + 0.2": Rational(3, 10),
    "2*pi": 2 * sympy.pi,
    "u + v**2": Symbol("u", real=True) + Symbol("v", real=True) ** 2,
    "sin(pi)": Rational(0),
    "abs(-3)": Rational(3),
    "max(1, 2)": Rational(2),
    "sqrt(4)": Rational(2),
    "softplus(0)": sympy.log(2),
}


@pytest.mark.parametrize("text", SPELLED)
def test_text_means_what_it_spells(text: str) -> None:
    latents = {name: Symbol(name, real=True) for name in ("u", "v")}
    assert parse(text, latents) == SPELLED[text]


def test_unicode_latent_is_a_name() -> None:
    theta = Symbol("θ", real=True)
    assert parse("2*θ", {"θ": theta}) == 2 * theta


# -- nothing is ever evaluated --

DANGEROUS = {
    "eval",
    "exec",
    "sympify",
    "parse_expr",
    "compile",
    "__import__",
    "S",
    "lambdify",
    "literal_eval",
}


def _calls(source: str) -> set[str]:
    functions = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return {
        f.id if isinstance(f, ast.Name) else f.attr
        for f in functions
        if isinstance(f, ast.Name | ast.Attribute)
    }


def test_parser_evaluates_nothing() -> None:
    folder = Path(inspect.getfile(parser)).parent
    for name in ("parser", "building", "exact"):
        calls = _calls((folder / f"{name}.py").read_text(encoding="utf-8"))
        assert not (calls & DANGEROUS) - ({"compile"} if name != "building" else set())  # re.compile
    assert "exec" in _calls(Path(inspect.getfile(compiler)).read_text(encoding="utf-8"))  # the finder finds


def test_compiled_source_holds_no_text_of_a_user(monkeypatch: pytest.MonkeyPatch) -> None:
    sources: list[str] = []
    original = compiler._Source.text

    def recorded(self: compiler._Source) -> str:
        sources.append(original(self))
        return sources[-1]

    monkeypatch.setattr(compiler._Source, "text", recorded)
    model = ep.LatentModel("os_system", ["sin(os_system)/3", "gelu(os_system)"], ep.Gaussian("1/7"))
    model.floating.energy([0.5], [0.1, 0.2], 1)
    model.balls.energy([0.5], ["0.1", "0.2"], 1)
    assert len(sources) >= 3
    assert not any("os_system" in source for source in sources)
    assert any("sin(v0)" in source for source in sources)
