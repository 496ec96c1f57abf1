import math
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from elboproof.checking import import_process
from elboproof.checking.collect import Collection, CollectionError, UsageError, collect, select
from elboproof.checking.problems import SECTIONS

Write = Callable[..., Path]
Source = Callable[..., str]


def problems(directory: Path) -> list[str]:
    with pytest.raises(CollectionError) as caught:
        collect(directory)
    return caught.value.problems


def test_a_good_module_is_collected(write_claim: Write) -> None:
    collection = collect(write_claim())
    assert [check.id for check in collection.checks] == ["first-claim/S1/sum_is_four"]
    assert tuple(collection.claims[0].sections) == SECTIONS
    assert collection.claims[0].sections["Claim"] == "Two and two are four."


def test_a_package_is_collected_with_all_its_modules(
    tmp_path: Path, write_claim: Write, source: Source
) -> None:
    directory = write_claim("", label="placeholder")
    package = directory / "a_package"
    package.mkdir()
    (directory / "placeholder.py").rename(package / "__init__.py")
    text = (package / "__init__.py").read_text(encoding="utf-8").replace('"placeholder"', '"a-package"')
    (package / "__init__.py").write_text(text, encoding="utf-8")
    for statement in ("S10", "S2"):
        body = source("return equal(k, 0, 0)", name=f"check_{statement}", statement=repr(statement))
        head = (
            "from elboproof.checking import control, equal\nfrom . import claim\nfrom .._shared import ONE\n"
        )
        (package / f"part_{statement}.py").write_text(head + body, encoding="utf-8")
    (directory / "_shared.py").write_text("ONE = 1\n", encoding="utf-8")
    ids = [check.id for check in collect(directory).checks]
    assert ids == ["a-package/S2/check_S2", "a-package/S10/check_S10"]


MISTAKES = {
    "statement: got 'two'": {"statement": "'two'"},
    "role: got 'proves'; expected one of confirms, sharpens, limits": {"role": "'proves'"},
    "method: got 'magic'": {"method": "'magic'"},
    "relation: got '=='": {"relation": "'=='"},
    "tier: got 'slow'": {"tier": "'slow'"},
    "states is empty": {"states": "' '"},
    "domain is empty": {"domain": "''"},
    "time_limit: got 0; expected a positive number": {"time_limit": "0"},
    "time_limit: got nan": {"time_limit": "float('nan')"},
    "time_limit: got 'abc'; expected a positive number": {"time_limit": "'abc'"},
    "time_limit: got True": {"time_limit": "True"},
    "time_limit: got 1000000000000.0; expected a positive number of seconds, at most 604800": {
        "time_limit": "1e12"
    },
    "tests: got 0": {"tests": "0"},
    "needs: got True; expected a sentence": {"needs": "True"},
    "tests: got 1.5": {"tests": "1.5", "method": "'statistical'"},
    "tests: got '2'": {"tests": "'2'", "method": "'statistical'"},
    "statement: got 1; expected S1": {"statement": "1"},
    "states is empty or no text: got 1; expected a sentence": {"states": "1"},
    "controls: got 'three'; expected control(...) objects": {"controls": "('three', control('c', k=1))"},
    "control '': expected a name": {"controls": "(control('', k=1),)"},
    "control 3: expected a name": {"controls": "(control(3, k=1),)"},
    "drops the undeclared hypothesis 'small'": {"controls": "(control('c', drops=('small',), k=1),)"},
    "tests: got 2 with method 'numeric'": {"tests": "2"},
    "has no control": {"controls": "()"},
    "control 'c': 'j' is no keyword-only parameter (expected k)": {"controls": "(control('c', j=1),)"},
    "control 'c': 'run' is no keyword-only parameter": {"controls": "(control('c', run=1),)"},
    "control 'c' overrides nothing": {"controls": "(control('c'),)"},
    "control 'c': got the default k = 0; expected another value": {"controls": "(control('c', k=0),)"},
    "control 'c': got the default k = 0.0; expected another": {"controls": "(control('c', k=0.0),)"},
    "control 'c' is declared twice": {"controls": "(control('c', k=1), control('c', k=2))"},
    "hypotheses: got 'finite'; expected Hypothesis objects": {"hypotheses": "('finite',)"},
    "hypotheses: got none; expected Hypothesis objects, or hypotheses=": {"hypotheses": "()"},
    "hypothesis 'h': accepts: got (); expected at least one instance that the predicate accepts": {
        "hypotheses": "(Hypothesis('h', 't', bool, rejects=[(0,)]),)"
    },
    "hypothesis 'h': rejects: got (); expected at least one instance that the predicate rejects": {
        "hypotheses": "(Hypothesis('h', 't', bool, accepts=[(1,)]),)"
    },
    "hypothesis 'h': rejects: got 0; expected a tuple of arguments or a function": {
        "hypotheses": "(Hypothesis('h', 't', bool, [(1,)], [0]),)"
    },
    "control 'c': refutes: got (); expected patterns": {"controls": "(control('c', refutes=(), k=1),)"},
    "control 'c': refutes: got (3,); expected patterns": {"controls": "(control('c', refutes=(3,), k=1),)"},
    "hypothesis 'h' is declared twice": {"hypotheses": "(Hypothesis('h', 't', bool, [(1,)], [(0,)]),) * 2"},
    "hypothesis 'h': the predicate is not callable": {
        "hypotheses": "(Hypothesis('h', 't', 3, [(1,)], [(0,)]),)"
    },
    "hypothesis 'h': expected a name and a sentence": {
        "hypotheses": "(Hypothesis('h', '', bool, [(1,)], [(0,)]),)"
    },
    "drops the undeclared hypothesis 'h'": {
        "controls": "(control('c', drops=[Hypothesis('h', 't', bool, [(1,)], [(0,)])], k=1),)"
    },
}


@pytest.mark.parametrize("expected", MISTAKES)
def test_each_mistake_is_named(expected: str, write_claim: Write, source: Source) -> None:
    directory = write_claim(source("return equal(k, 0, 0)", **MISTAKES[expected]))
    [problem] = problems(directory)
    assert expected in problem
    assert problem.startswith(f"{directory.resolve()}/first_claim.py:32: the_check: ")


@pytest.mark.parametrize(
    ("default", "value", "same"),
    [
        ("(1, 2)", "(1, 2)", True),
        ("np.ones(3)", "np.ones(3)", True),
        ("np.ones(3)", "np.zeros(3)", False),
        ("np.ones(3)", "np.ones(2)", False),
        ("abs", "abs", True),
        ("None", "abs", False),
        ("Enclosure(0, 1)", "Enclosure(0, 1)", False),  # has no equality
    ],
)
def test_a_control_must_differ_from_the_defaults(
    default: str, value: str, same: bool, write_claim: Write
) -> None:
    directory = write_claim(
        "import numpy as np\nfrom elboproof import Enclosure\n"
        "@claim.check(statement='S1', role='confirms', method='numeric', relation='=', states='s', domain='d', "
        "hypotheses='none', "
        f"controls=(control('c', k={value}),))\ndef the_check(run, *, k={default}): ...\n"
    )
    if same:
        [problem] = problems(directory)
        assert "the_check: control 'c': got the default k = " in problem
    else:
        collect(directory)


def test_one_override_that_differs_is_enough(write_claim: Write) -> None:
    collect(
        write_claim(
            "@claim.check(statement='S1', role='confirms', method='numeric', relation='=', states='s', domain='d', "
            "hypotheses='none', "
            "controls=(control('c', k=0, j=1),))\ndef the_check(run, *, k=0, j=0): ...\n"
        )
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sys.exit()", "SystemExit: "),
        ("sys.exit(0)", "SystemExit: 0"),
        ("os._exit(0)", r"SystemExit: os._exit(0); expected a module that can be imported"),
        ("from os import _exit; _exit(3)", r"SystemExit: os._exit(3); expected"),
    ],
)
def test_a_module_cannot_end_the_run(line: str, message: str, write_claim: Write) -> None:
    before = os._exit
    [problem] = problems(write_claim(f"{line}\n"))
    assert f"verification/first_claim.py:31: import failed: {message}" in problem
    assert os._exit is before


def test_the_children_of_a_module_can_end(write_claim: Write, source: Source) -> None:
    lines = "child = os.fork()\nif child == 0:\n    os._exit(7)\nCODE = os.waitpid(child, 0)[1] >> 8\n"
    [module] = collect(
        write_claim(f"{lines}assert CODE == 7, CODE\n" + source("return equal(k, 0, 0)"))
    ).claims
    assert module.name == "first_claim"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("os.kill(os.getpid(), 11)", "import failed: its process died of SIGSEGV"),
        (
            "import ctypes; print('last words', flush=True); ctypes.CDLL(None)._exit(7)",
            "import failed: its process ended with status 7; its last output: last words",
        ),
    ],
)
def test_a_module_that_kills_its_process_hides_no_other_mistake(
    line: str, message: str, write_claim: Write, source: Source
) -> None:
    write_claim("import nowhere_to_be_found\n", label="aa")
    write_claim(f"{line}\n", label="bb")
    directory = write_claim(source("return equal(k, 0, 0)", role="'x'"), label="cc")
    first, second, third = problems(directory)
    assert "No module named 'nowhere_to_be_found'" in first
    assert second == f"{directory / 'bb.py'}: {message}"
    assert "role: got 'x'" in third


def test_a_module_that_is_imported_for_too_long_is_a_mistake(
    write_claim: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_process, "IMPORT_LIMIT", 2.0)
    [problem] = problems(write_claim("time.sleep(1000)\n"))
    assert problem.endswith("first_claim.py: import failed: it took longer than 2 s")


def test_claims_are_not_imported_here(write_claim: Write, source: Source) -> None:
    lines = "os.environ['PLANTED'] = 'x'\nimport math\nmath.planted = 1\n"
    loaded = set(sys.modules)
    [one] = collect(write_claim(lines + source("return equal(k, 0, 0)"))).checks
    assert not hasattr(math, "planted")
    assert "PLANTED" not in os.environ
    assert not any(name.startswith("elboproof_claims_") for name in set(sys.modules) - loaded)
    with pytest.raises(RuntimeError, match="functions of claims run in the processes of checks"):
        one.function(None)


def test_all_mistakes_are_reported_together(write_claim: Write, source: Source) -> None:
    write_claim(source("return equal(k, 0, 0)", role="'x'", method="'y'"), label="one")
    write_claim("import nowhere_to_be_found\n", label="two")
    write_claim("", label="three")
    directory = write_claim(
        source("return equal(k, 0, 0)") * 2, label="four", docstring='"""No sections."""\n'
    )
    text = "\n".join(problems(directory))
    for part in (
        "role: got 'x'",
        "method: got 'y'",
        "verification/two.py:31: import failed: ModuleNotFoundError: No module named 'nowhere_to_be_found'",
        "claim 'three' has no checks",
        "four.py:1: docstring: got no sections; expected Claim, Hypotheses, Relation, Method, Trusted base, What this",
        "the_check: statement S1 has this check twice",
    ):
        assert part in text
    assert len(problems(directory)) == 4 + 1 + 1


def test_the_function_must_be_callable_by_the_runner(write_claim: Write) -> None:
    head = (
        "@claim.check(statement='S1', role='confirms', method='numeric', relation='=', states='s', domain='d', "
        "hypotheses='none', "
    )
    decorator = head + "controls=(control('c', k=1),))\n"
    directory = write_claim(
        decorator
        + "def no_run(*, k=0): ...\n"
        + decorator
        + "def required(run, *, k): ...\n"
        + decorator
        + "def positional(run, j=0, *, k=0): ...\n"
        + decorator
        + "async def coroutine(run, *, k=0): ...\n"
    )
    text = "\n".join(problems(directory))
    assert "no_run: expected the run as first argument" in text
    assert "required: parameter 'k': expected a keyword-only parameter with a default value" in text
    assert "positional: parameter 'j': expected a keyword-only" in text
    assert "coroutine: expected a plain function" in text


def test_the_label_is_the_module_name(write_claim: Write) -> None:
    directory = write_claim()
    (directory / "first_claim.py").rename(directory / "other_name.py")
    assert "label is 'first-claim'; expected 'other-name'" in problems(directory)[0]
    (directory / "other_name.py").write_text("x = 1\n", encoding="utf-8")
    assert "has no `claim = Claim(...)`" in problems(directory)[-1]


def test_docstring_sections_have_an_order(write_claim: Write) -> None:
    parts = ["Method", "Claim", "Hypotheses", "Relation", "Trusted base", "What this does not show", "Motto"]
    docstring = '"""' + "\n\n".join(f"{title}\n-----\ntext" for title in parts) + '\n"""\n'
    text = "\n".join(problems(write_claim(docstring=docstring)))
    assert "sections are in the order Method, Claim" in text
    assert "unknown section 'Motto'" in text


def test_labels_file_gives_the_order_and_must_be_complete(write_claim: Write) -> None:
    write_claim(label="aa")
    directory = write_claim(label="zz")
    file = directory / "labels.txt"
    file.write_text("# order of the paper\nzz\naa  # the second\n", encoding="utf-8")
    assert [module.claim.label for module in collect(directory).claims] == ["zz", "aa"]
    file.write_text("zz\nmissing\nzz\n", encoding="utf-8")
    text = "\n".join(problems(directory))
    assert f"{file}:2: label 'missing' has no claim module; expected missing.py beside it" in text
    assert f"{file}: the module of claim 'aa' is not listed; expected a line aa" in text
    assert f"{file}:3: label 'zz' is listed twice, first in line 1" in text


def test_an_absolute_import_between_claim_modules_is_found(
    write_claim: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = write_claim("import zz_helper_of_test\n" + "x = 1\n")
    (directory / "_unused.py").write_text("", encoding="utf-8")
    (directory / "zz_helper_of_test.py").write_text(
        (directory / "first_claim.py").read_text(encoding="utf-8")
    )
    (directory / "zz_helper_of_test.py").write_text("y = 1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(directory))
    assert any("expected relative imports" in problem for problem in problems(directory))


def test_a_second_collection_reads_the_files_again(write_claim: Write, source: Source) -> None:
    first = collect(write_claim())
    second = collect(write_claim(source("return equal(k, 0, 0)", name="another")))
    assert second.checks[0].name == "another"
    assert first.claims[0].digest != second.claims[0].digest


def tiered(write_claim: Write, source: Source) -> Collection:
    names = {"fast": "quick", "usual": "default", "long": "full"}
    body = "".join(
        source("return equal(k, 0, 0)", name=name, tier=repr(tier)) for name, tier in names.items()
    )
    write_claim(label="second-claim")
    return collect(write_claim(body))


def test_selection_by_label_method_and_tier(write_claim: Write, source: Source) -> None:
    collection = tiered(write_claim, source)

    def names(*labels: str, **options: str) -> tuple[list[str], list[str]]:
        now, later = select(collection, labels, **options)
        return [check.name for check in now], [check.name for check in later]

    assert names() == (["fast", "usual", "sum_is_four"], ["long"])
    assert names("first-claim", tier="quick") == (["fast"], ["usual", "long"])
    assert names(tier="full")[1] == []
    assert names("second-claim/S1") == (["sum_is_four"], [])
    assert names("first-claim/S1/long") == (["long"], [])  # named in full: in any tier
    assert names(method="symbolic") == ([], [])


def test_unknown_labels_are_errors_with_near_matches(write_claim: Write, source: Source) -> None:
    collection = tiered(write_claim, source)
    with pytest.raises(UsageError, match="no check fits 'frist-claim'; did you mean first-claim"):
        select(collection, ["frist-claim"])
    with pytest.raises(UsageError, match="no check fits 'first'; did you mean first-claim"):
        select(collection, ["first"])  # a prefix of a word is no label
    with pytest.raises(UsageError, match="the claims are: first-claim, second-claim"):
        select(collection, ["qqq"])


def test_the_budget_counts_every_collected_test(write_claim: Write, source: Source) -> None:
    body = source("return equal(k, 0, 0)", name="a", method="'statistical'", tests="3")
    body += source("return equal(k, 0, 0)", name="b", method="'statistical'", tier="'full'")
    collection = collect(write_claim(body))
    assert collection.false_alarm == pytest.approx(1e-6 / 4, rel=1e-12)
    assert collect(write_claim()).false_alarm is None


def test_a_missing_directory_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a directory with claim modules"):
        collect(tmp_path / "nowhere")
