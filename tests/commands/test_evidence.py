"""The command ``elboproof evidence``: words accepted and refused, and no decimal tighter than its proof."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import elboproof as ep
from elboproof.commands import evidence as command
from elboproof.commands.evidence import CHUNK, Options, run
from elboproof.commands.evidence_input import Point, build_model, free_names, read_points
from elboproof.commands.evidence_output import Answer, ball_text, bounds_text
from elboproof.evidence.evidences import Evidence
from elboproof.model.data import Data

LINE = Options(
    decoder=["z"],
    x=["0.7"],
    variance="0.25",
    latent=None,
    bernoulli=False,
    digits=9.0,
    seconds=20.0,
    as_json=False,
)
"""x = z + noise, whose evidence is N(x; 0, 1 + variance)."""


def line_evidence(x: float, variance: float) -> float:
    return -0.5 * math.log(2 * math.pi * (1 + variance)) - x * x / (2 * (1 + variance))


FLOAT_ERROR = 1e-14
"""Bounds the rounding of `line_evidence` in float64: below 20 operations on numbers below 4; the proofs are 1e-9."""


# ---- what is printed
def test_one_point_is_printed_with_its_proof(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(LINE) == 0
    shown = dict(
        text.split(None, 1) for text in capsys.readouterr().out.replace("log p(x)", "log_p").splitlines()
    )
    truth = line_evidence(0.7, 0.25)
    assert float(shown["lower"]) - FLOAT_ERROR <= truth <= float(shown["upper"]) + FLOAT_ERROR
    assert not float(shown["lower"]) - FLOAT_ERROR <= line_evidence(0.7001, 0.25) <= float(shown["upper"])
    middle, _, radius, nats = shown["log_p"].split()
    assert abs(float(middle) - truth) <= float(radius) + FLOAT_ERROR
    assert (nats, shown["verdict"], shown["x"]) == ("nats", "proved", "0.7")
    assert float(shown["digits"].split()[0]) >= 9
    assert shown["digits"].endswith("proved of 9 asked")
    assert shown["model"] == "latent z ~ N(0, 1); x given z Gaussian with mean (z) and variance 1/4"


def test_json_has_a_row_for_each_point(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(replace(LINE, x=["0.7", "-1/3"], as_json=True)) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["proved"], document["variance"]) == (1, True, ["1/4"])
    assert [row["x"] for row in document["rows"]] == [["0.7"], ["-1/3"]]
    for row, x in zip(document["rows"], (0.7, -1 / 3), strict=True):
        assert row["lower"] - FLOAT_ERROR <= line_evidence(x, 0.25) <= row["upper"] + FLOAT_ERROR
        assert abs(Decimal(row["midpoint"]) - Decimal(row["lower"])) <= Decimal(row["radius"])
        assert (row["proved"], row["reason"]) == (True, "")
        assert row["digits"] >= 9


def test_undecided_exits_with_1_and_keeps_the_proved_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    hopeless = replace(LINE, decoder=["exp(exp(exp(z)))"], seconds=0.5)  # overflows in float64 balls
    assert run(replace(hopeless, as_json=True)) == 1
    document = json.loads(capsys.readouterr().out)
    (row,) = document["rows"]
    assert (document["proved"], row["proved"]) == (False, False)
    assert "proved; stopped by" in row["reason"]
    supremum = -0.5 * math.log(2 * math.pi * 0.25)
    assert (row["lower"] or -math.inf) <= row["upper"] <= supremum + FLOAT_ERROR
    assert run(hopeless) == 1
    assert "undecided: " in capsys.readouterr().out


def test_more_digits_than_floats_hold_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(replace(LINE, digits=30.0)) == 0
    text = capsys.readouterr().out
    with mpmath.workdps(60):
        truth = Decimal(
            str(-mpmath.log(2 * mpmath.pi * mpmath.mpf(5) / 4) / 2 - mpmath.mpf("0.49") / mpmath.mpf("2.5"))
        )
    lower, upper = (Decimal(text.split(f"\n{name} ")[1].split()[0]) for name in ("lower", "upper"))
    assert lower <= truth <= upper
    assert upper - lower <= Decimal("2.2e-30")


def test_nothing_known_is_null_and_never_a_tight_decimal(capsys: pytest.CaptureFixture[str]) -> None:
    hard = replace(LINE, decoder=["a*b + c"], variance="1e-4", seconds=1e-6)
    assert run(replace(hard, as_json=True)) == 1
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert (row["lower"], row["midpoint"], row["radius"], row["digits"]) == (None,) * 4
    assert row["upper"] <= -0.5 * math.log(2 * math.pi * 1e-4) + 1e-6  # the supremum of the likelihood
    assert run(hard) == 1
    text = capsys.readouterr().out
    assert float(text.split("at most ")[1].split()[0]) >= row["upper"]
    assert "none proved of 9 asked" in text


def test_a_hard_point_does_not_take_its_neighbours_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pass of several is made to give up on all; alone, only the point 2 fails."""

    def tired(x: Data, seconds: float) -> Evidence:
        status = ["tired" if len(x) > 1 or row == [2] else "" for row in x.rows]
        bounds = ep.Enclosure(np.full(len(x), -1.0), np.full(len(x), -1.0 if len(x) == 1 else 0.0))
        return Evidence(bounds, tuple(status), 10, 0.0)

    monkeypatch.setattr(command, "block_prover", lambda *_, **__: tired)
    assert run(replace(LINE, x=["1", "2", "3"], as_json=True)) == 1
    document = json.loads(capsys.readouterr().out)
    assert [row["proved"] for row in document["rows"]] == [True, False, True]
    assert document["cells"] == 30
    assert document["rows"][1]["upper"] == -1.0, "the narrower answer is kept"


def test_many_rows_are_a_table_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = np.linspace(-2, 2, CHUNK + 3)[:, None]
    np.save(tmp_path / "x.npy", x)
    assert run(replace(LINE, x=[str(tmp_path / "x.npy")])) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = [line.split() for line in lines if line.endswith("  proved")]
    assert [int(row[0]) for row in rows] == list(range(1, len(x) + 1))
    for row, value in zip(rows, x[:, 0], strict=True):
        assert abs(float(row[2]) - line_evidence(value, 0.25)) <= float(row[3]) + FLOAT_ERROR
    assert lines[-1].startswith(f"{len(x)} of {len(x)} proved to 9 digits; ")


def test_a_bar_is_shown_on_a_terminal_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.csv"
    file.write_text("0.5\n" * (CHUNK + 1))
    assert run(replace(LINE, x=[str(file)], digits=3.0)) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert run(replace(LINE, x=[str(file)], digits=3.0)) == 0
    shown = capsys.readouterr()
    assert f"{CHUNK + 1}/{CHUNK + 1}" in shown.err
    assert shown.out.count("proved") == CHUNK + 2


# ---- decimals
ENDS = st.floats(-1e12, 1e12, allow_subnormal=True)


@given(ENDS, ENDS)
@example(-1.329676575753965, -1.329676575753931)
@example(0.1, 0.1)
@example(0.0, 5e-324)
@example(0.0, 0.0)
def test_printed_decimals_contain_the_interval(one: float, other: float) -> None:
    low, high = sorted((one, other))
    down, up = map(Fraction, bounds_text(low, high))
    middle, radius = map(Fraction, ball_text(low, high))
    assert down <= Fraction(low) <= Fraction(high) <= up
    assert middle - radius <= Fraction(low) <= Fraction(high) <= middle + radius
    half = (Fraction(high) - Fraction(low)) / 2
    if half:
        assert radius <= half * Fraction(13, 10), "two digits rounded up, and a middle rounded to a tenth"
        assert up - down <= half * Fraction(24, 10)


def test_rounding_to_nearest_would_not_contain_it() -> None:
    """0.1 as a double is above the decimal 0.1, so an upper bound of it must be written otherwise."""
    assert Fraction("0.1") < Fraction(0.1) <= Fraction(bounds_text(0.0, 0.1)[1])


@pytest.mark.parametrize(
    ("lower", "upper", "digits"),
    [(0.0, 2e-9, 9.0), (0.0, 2.1e-9, 8.9), (-math.inf, 1.0, -math.inf), (1.0, 1.0, math.inf)],
)
def test_digits_are_rounded_down(lower: float, upper: float, digits: float) -> None:
    assert Answer(Point((), ()), lower, upper, "").digits == digits


# ---- what is typed
@pytest.mark.parametrize(
    ("decoder", "names"),
    [
        (["sinh(z)"], ["z"]),
        (["v + u**2", "u"], ["v", "u"]),
        (["exp(pi*b)", "max(b, a1)/2e3"], ["b", "a1"]),
        (["1e5*e"], ["e"]),
        (["α + x_2"], ["α", "x_2"]),
    ],
)
def test_latents_are_the_free_names(decoder: Sequence[str], names: Sequence[str]) -> None:
    assert free_names(decoder) == names


def test_latents_and_variances_given_by_name_keep_their_order() -> None:
    model = build_model(["u", "v"], "v,u", "1/100, 0.25", bernoulli=False)
    assert [str(name) for name in model.latents] == ["v", "u"]
    assert isinstance(model.likelihood, ep.Gaussian)
    assert list(map(str, model.likelihood.variance or ())) == ["1/100", "1/4"]


def test_points_stay_exact(tmp_path: Path) -> None:
    model = build_model(["u", "v"], None, "1", bernoulli=False)
    (tmp_path / "x.csv").write_text("\ufefffirst,second\n0.1, 1/3\n\n-2e-3,4\n", encoding="utf-8")
    np.save(tmp_path / "x.npy", np.array([[0.1, 2.0]], dtype=np.float32))
    points = read_points(["0.1,-7/3", str(tmp_path / "x.csv"), str(tmp_path / "x.npy")], model)
    tenth = Fraction(1, 10)
    assert [point.values for point in points] == [
        (tenth, Fraction(-7, 3)),
        (tenth, Fraction(1, 3)),
        (Fraction(-2, 1000), Fraction(4)),
        (Fraction(float(np.float32(0.1))), Fraction(2)),
    ]
    assert Fraction(0.1) != tenth


BAD: list[tuple[dict[str, object], str]] = [
    ({"decoder": ["sinhh(z)"]}, r"decoder\[0\]: got the function 'sinhh' .*; expected the functions exp"),
    ({"decoder": ["z", "u +"], "x": ["1,2"]}, r"decoder\[1\]: got the end .*; expected a number"),
    ({"decoder": ["2"]}, "decoder: got '2'; expected at least one latent"),
    ({"decoder": ["sin("]}, r"decoder\[0\]: got the end .*; expected a number"),
    ({"decoder": ["log(z)"]}, r"decoder\[0\]: got 'log\(z\)', which is not real"),
    ({"decoder": ["sin(a+b+c+d+f)"]}, "latent: got 'a,b,c,d,f'; expected at most 4 latents"),
    ({"latent": "u"}, r"decoder\[0\]: got the name 'z' .*; expected one of the latents u"),
    ({"latent": "z,"}, "latent: got ''; expected a name"),
    ({"variance": "-1"}, "variance: got '-1'; expected a positive variance"),
    ({"variance": "1,2"}, "variance: got 2 dimensions; expected 1"),
    ({"variance": "0.1x"}, "variance: got '0.1x'; expected an exact real number"),
    ({"variance": "1e-999999999"}, "variance: got '1e-999999999'; expected an exact real number"),
    ({"variance": "1e9999"}, "variance: got '1e9999'; expected a number of at most 14000 bits"),
    ({"x": ["1e999999999"]}, r"x\[0\]: got '1e999999999'; expected an exact real number"),
    ({"x": ["9" * 3000]}, r"x\[0\]: got '999.*; expected an exact real number"),
    ({"x": ["9" * 1999]}, r"x\[0\]\[0\]: got .*; expected a number in the range of float64|x.*expected"),
    ({"decoder": ["z**10**10**10"]}, r"decoder\[0\]: got a power that overflows .*; expected an exponent"),
    ({"digits": 1e308}, "digits: got 1e.308; expected a positive number of digits, at most 100000"),
    ({"x": ["abc"]}, r"x\[0\]: got 'abc'; expected an exact real number"),
    ({"x": ["nan"]}, r"x\[0\]: got 'nan'; expected an exact real number"),
    ({"x": ["0.7,1"]}, "x: got 2 in '0.7,1'; expected 1 number, one per decoder entry"),
    ({"x": ["nowhere.csv"]}, r"x: got 'nowhere.csv'; expected a file that can be read \(No such file"),
    ({"x": ["0.5"], "bernoulli": True}, r"x, 0.5\[0\]: got .*; expected zeros and ones"),
    ({"x": ["notes.txt"]}, r"x: got 'notes.txt'; expected a point .* ends in .csv or .npy"),
    ({"x": ["ragged.csv"]}, r"x, ragged.csv line 3: got 2 in '1,2'; expected 1 number"),
    ({"x": ["words.csv"]}, r"x, words.csv line 2\[0\]: got 'two'; expected an exact real number"),
    ({"x": ["header.csv"]}, "x: got 'header.csv'; expected at least one row of numbers"),
    ({"x": ["binary.csv"]}, "x: got 'binary.csv'; expected a text file of comma-separated numbers"),
    ({"x": ["text.npy"]}, "x: got 'text.npy'; expected a NumPy file of one array"),
    ({"x": ["archive.npy"]}, "x: got 'archive.npy'; expected .*not an archive"),
    ({"x": ["flat.npy"]}, r"x, flat.npy: got shape \(3,\); expected shape \(N, 1\)"),
    ({"x": ["1e400"]}, r"x\[0\]: got Fraction.*; expected a number in the range of float64"),
    ({"variance": "1e-400"}, "variance: got .*; expected one whose inverse is in the range of float64"),
    ({"digits": 0.0}, "digits: got 0.0; expected a positive number"),
    ({"seconds": -1.0}, "seconds: got -1.0; expected a positive number"),
    ({"x": ["nan.npy"]}, r"x, nan.npy: got nan at x, nan.npy\[0\]\[0\]; expected finite numbers"),
]


@pytest.mark.parametrize(("changes", "message"), BAD, ids=[message[:30] for _, message in BAD])
def test_wrong_words_are_named_and_exit_with_4(
    changes: dict[str, object],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    texts = {"notes.txt": "1", "ragged.csv": "1\n2\n1,2\n", "words.csv": "1\ntwo\n", "header.csv": "x\n"}
    for name, text in texts.items():
        Path(name).write_text(text)
    Path("binary.csv").write_bytes(b"\xff\xfe\x00")
    Path("text.npy").write_text("1")
    with Path("archive.npy").open("wb") as file:
        np.savez(file, a=np.ones((1, 1)))
    np.save("flat.npy", np.ones(3))
    np.save("nan.npy", np.array([[math.nan]]))
    assert run(replace(LINE, **changes)) == 4  # type: ignore[arg-type]
    shown = capsys.readouterr()
    assert shown.out == ""
    with pytest.raises(ValueError, match=message):
        raise ValueError(shown.err)


def test_a_defect_is_not_taken_for_wrong_use(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*words: object, **limits: object) -> Evidence:
        raise ValueError("operands could not be broadcast together")

    monkeypatch.setattr(command, "block_prover", lambda *_, **__: broken)
    with pytest.raises(ValueError, match="broadcast"):
        run(LINE)
