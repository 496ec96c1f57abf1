"""What checks leave behind, each planted for real: in modules, in the process, in the answer pipe."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from elboproof.checking.collect import collect
from elboproof.checking.execute import job_of, run_check
from elboproof.checking.finding import Finding
from elboproof.checking.lane import close_lanes
from elboproof.checking.table import show_side_effects

Write = Callable[..., Path]
Source = Callable[..., str]

COST = 0.03
"""Seconds for one look at all modules. Measured: 0.005 with SymPy and SciPy, 0.009 with torch."""


@pytest.fixture(autouse=True)
def _no_lane_is_left() -> Iterator[None]:
    yield
    close_lanes()


@pytest.fixture
def two(write_claim: Write, source: Source) -> Callable[[str, str], tuple[Finding, Finding]]:
    """Return a function that runs a check with a given body, and another one after it."""

    def run(body: str, after: str = "return equal(k, 0, 0)", before: str = "") -> tuple[Finding, Finding]:
        text = before + source(body) + source(after, name="next_one")
        collection = collect(write_claim(text))
        first, second = (
            Finding.from_json(run_check(job_of(check, collection, 0))) for check in collection.checks
        )
        return first, second

    return run


Two = Callable[..., tuple[Finding, Finding]]

PATCHES = {
    "math.exp was bound anew": "import math\nmath.exp = lambda x: 0.0",
    "math.pi was bound anew": "import math\nmath.pi = 3.0",
    "numpy.sinh was bound anew": "import numpy\nnumpy.sinh = abs",
    "builtins.abs was bound anew": "import builtins\nbuiltins.abs = lambda x: 0",
    "builtins.extra was added": "import builtins\nbuiltins.extra = 1",
    "json.dumps was removed": "import json\ndel json.dumps",
    "json was removed from sys.modules": "import json\ndel sys.modules['json']",
    "json was replaced in sys.modules": "import json, types\nsys.modules['json'] = types.ModuleType('json')",
    "fractions.Fraction.__eq__ was bound anew": (
        "from fractions import Fraction\nFraction.__eq__ = lambda a, b: True"
    ),
    "sympy.core.symbol.Symbol.__eq__ was added": "import sympy\nsympy.Symbol.__eq__ = lambda a, b: True",
    "elboproof.checking.floats.equal was bound anew": (
        "import elboproof.checking.floats as v\nv.equal = lambda *a: None"
    ),
    "elboproof.checking.floats.equal was changed inside": "equal.__defaults__ = (1.0,)",
    "elboproof.checking.vocabulary.TIERS was bound anew": "import elboproof.checking.vocabulary as c\nc.TIERS = ()",
    "elboproof.checking.verdict.sum was added": "import elboproof.checking.verdict as v\nv.sum = max",
    "elboproof.checking.run.Run.assume was bound anew": "type(run).assume = lambda *a: None",
    "json.encoder.JSONEncoder.encode was bound anew": (
        "import json, functools\nold = json.JSONEncoder.encode\n"
        "json.JSONEncoder.encode = functools.wraps(old)(lambda *a: old(*a))"
    ),
    "first_claim.SMALL was bound anew": "global SMALL\nSMALL = None",
}
PATCHES["elboproof.checking.floats.equal was changed inside"] = (
    "def other(*a): return by_hand('numeric', 'established', 'x')\nequal.__code__ = other.__code__"
)


@pytest.mark.parametrize("effect", PATCHES)
def test_a_check_that_changes_modules_does_not_hold_and_its_process_is_not_used_again(
    effect: str, two: Two
) -> None:
    after = "import math, json, elboproof.checking.verdict\nreturn equal(math.exp(k) + math.pi - math.pi, 1.0, 1e-9)"
    first, second = two(
        f"{PATCHES[effect]}\nreturn by_hand('numeric', 'refuted' if k else 'established', 'x')", after
    )
    assert any(effect in one for one in first.side_effects["modules"])
    assert not first.holds
    assert "it changed modules, on which its answer may rest" in first.reason
    assert second.holds, second.reason
    assert second.side_effects == {}


def test_a_patch_left_behind_does_not_establish_a_false_statement_in_the_next_check(two: Two) -> None:
    """Once "x = x + 1" held after such a check."""
    patch = "import elboproof.checking.verdict as v\nv.Verdict.__init__ = lambda self, *a, **k: None"
    first, second = two(f"{patch}\nreturn equal(k, 0, 0)", "x = 1.0\nreturn equal(x + k, x + 1 + k, 0)")
    assert not first.holds
    assert second.status == "refuted"


LEFTOVERS = {
    "os.environ['PLANTED']: changed": "os.environ['PLANTED'] = '1'",
    "the working directory: changed": "os.chdir('/')",
    "the umask: changed": "os.umask(0o7)",
    "the set of open files: changed": "os.open('/dev/null', os.O_RDONLY)",
    "the number of threads: changed": "threading.Thread(target=time.sleep, args=(100,), daemon=True).start()",
    "the recursion limit: changed": "sys.setrecursionlimit(5000)",
    "the trace function: changed": "sys.settrace(lambda *a: None)",
    "the profile function: changed": "sys.setprofile(lambda *a: None)",
    "the locale: changed": "import locale\nlocale.setlocale(locale.LC_ALL, 'C.UTF-8')",
    "sys.path: changed": "sys.path.append('/nowhere')",
    "the filters of warnings: changed": "import warnings\nwarnings.simplefilter('error')",
    "NumPy's handling of errors: changed": "import numpy\nnumpy.seterr(divide='ignore')",
    "the decimal context: changed": "import decimal\ndecimal.getcontext().prec = 3",
    "the handler of SIGUSR1: changed": "import signal\nsignal.signal(signal.SIGUSR1, signal.SIG_IGN)",
    "FLINT's precision: changed": "import flint\nflint.ctx.prec = 200",
    "torch's default type: changed": "import torch\ntorch.set_default_dtype(torch.float64)",
    "torch's gradient mode: changed": "import torch\ntorch.set_grad_enabled(False)",
    "torch's number of threads: changed": "import torch\ntorch.set_num_threads(2)",
    "the standard streams: changed": "sys.stdout = sys.stderr",
    "the garbage collector: changed": "import gc\ngc.disable()",
    "a child process was left behind": "if os.fork() == 0: time.sleep(100)",
}


@pytest.mark.parametrize("effect", LEFTOVERS)
def test_a_check_that_changes_its_process_says_so_and_its_process_is_not_used_again(
    effect: str, two: Two
) -> None:
    tell = "return by_hand('numeric', 'refuted' if k else 'established', str(os.getpid()))"
    first, second = two(f"if not k:\n    pass\n{LEFTOVERS[effect]}\n{tell}", tell)
    assert effect in first.side_effects["process"], first
    assert "modules" not in first.side_effects
    assert first.holds  # its own answer does not rest on it
    assert first.reason != second.reason
    assert second.side_effects == {}


HARMLESS = {
    "lazy imports": "import elboproof as ep\nep.GaussianPosterior\nimport scipy.special, sklearn.datasets",
    "caches": "import functools\nfrom sympy import Symbol\nSymbol('x') + 1\nimport tempfile\ntempfile.gettempdir()",
    "settings for a moment": (
        "import numpy, decimal\nwith numpy.errstate(all='ignore'), decimal.localcontext():\n"
        "    import scipy.stats\n    import torch"
    ),
    "random numbers": "import random, numpy\nrandom.random()\nnumpy.random.random()",
    "a thread that ended": "t = threading.Thread(target=int)\nt.start()\nt.join()",
    "an import that fails": "try:\n    import nowhere_to_be_found\nexcept ImportError: pass",
    "an optimiser of torch": "import torch\ntorch.optim.Adam([torch.zeros(1, requires_grad=True)])",
    "a submodule": "import xml.dom.minidom",
}


@pytest.mark.parametrize("what", HARMLESS)
def test_what_leaves_nothing_behind_is_not_flagged(what: str, two: Two) -> None:
    tell = "return by_hand('numeric', 'refuted' if k else 'established', str(os.getpid()))"
    first, second = two(f"{HARMLESS[what]}\n{tell}", tell)
    assert first.side_effects == {}
    assert first.holds
    assert first.reason == second.reason  # one process


def test_a_control_that_changes_modules_is_no_evidence(two: Two) -> None:
    first, _ = two("if k:\n    import math\n    math.exp = abs\nreturn equal(k, 0, 0)")
    assert first.side_effects == {"modules": ("control 'other': math.exp was bound anew",)}
    assert not first.holds


def test_importing_a_claim_that_patches_spoils_neither_the_collection_nor_other_claims(
    write_claim: Write, source: Source
) -> None:
    import math

    before = math.exp
    write_claim("import math\nmath.exp = abs\n" + source("return equal(k, 0, 0)"), label="a-patch")
    use = "import math\nreturn equal(math.exp(k), 1.0, 0)"
    collection = collect(write_claim("import math\nassert math.exp(0) == 1\n" + source(use), label="b-good"))
    assert math.exp is before
    patching, good = (
        Finding.from_json(run_check(job_of(check, collection, 0))) for check in collection.checks
    )
    assert patching.side_effects == {"modules": ("importing a-patch: math.exp was bound anew",)}
    assert not patching.holds
    assert good.holds
    assert good.side_effects == {}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("os.close(int(sys.argv[2]))", "the pipe to which the answer belongs was closed"),
        ("os.dup2(2, int(sys.argv[2]))", "the pipe to which the answer belongs was closed"),
        (
            "import json\nanswer = dict(event='answer', status='established', reason='x', seconds=0, soiled=False)\n"
            "os.write(int(sys.argv[2]), json.dumps(answer).encode() + b'\\n')",
            "no answer that could be read: it does not answer the question",
        ),
        (
            "import json\nanswer = dict(event='answer', status='established', reason='x', seconds=0, soiled=False)\n"
            "os.write(int(sys.argv[2]), json.dumps(answer).encode() * 2)",
            "no answer that could be read",
        ),
    ],
)
def test_the_answer_pipe_carries_answers_only(body: str, words: str, two: Two) -> None:
    first, second = two(f"{body}\nreturn equal(k, 0, 0)")
    assert (first.status, first.holds) == ("killed", False)
    assert words in first.reason
    assert second.holds


def test_what_is_written_after_the_answer_does_not_answer_the_next_check(two: Two) -> None:
    late = (
        "def late():\n    time.sleep(0.2)\n    os.write(int(sys.argv[2]), b'{}\\n')\n"
        "threading.Thread(target=late).start()\nreturn equal(k, 0, 0)"
    )
    first, second = two(late)
    assert first.side_effects["process"][0] == "the number of threads: changed"
    assert second.holds


def test_a_look_is_cheap() -> None:
    script = (
        "import time\nfrom elboproof.checking.guard import Guard\n"
        "guard = Guard('elboproof_claims_')\nimport scipy.stats, sympy\ntimes = []\n"
        "for _ in range(6):\n"
        "    start = time.process_time()\n"
        "    assert guard.effects() == {}\n"
        "    times.append(time.process_time() - start)\n"
        "print(min(times))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603
    assert float(done.stdout) < COST


def test_the_terminal_shows_what_was_left_behind(finding: Callable[..., Finding], capsys: Any) -> None:
    from rich.console import Console

    show_side_effects(Console(width=60), [finding(), finding(side_effects={"process": ("x: changed",)})])
    assert (
        capsys.readouterr().out
        == "\n1 check left something behind\n  first-claim/S1/sum_is_four: x: changed\n"
    )
