"""Certificates of evidences tampered with entry by entry: a `CertificateError`, or an evidence that is true."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

import elboproof as ep
from tests.rechecking.test_certificates_tampered import LONGEST, places, tampered
from tests.rechecking.test_evidence import CASES, Content, certificate

NAMES = ["sinh", "Poisson", "uniform prior", "network", "two, counts"]
QUICK = ("sinh", "uniform prior")
STRIDE = 11


def require_sound(content: Any, file: Path) -> bool:
    """Recheck; return whether it was refused. What is accepted is proved again, by the engine."""
    file.write_text(json.dumps(content))
    began, found, refusal = time.process_time(), None, ""
    try:
        found = ep.recheck(file)
    except ep.CertificateError as error:
        refusal = str(error)
    assert time.process_time() - began < LONGEST
    assert "Exceeds the limit" not in refusal, "the requirement is named, not a limit of Python"
    if found is None:
        return True
    assert isinstance(found, ep.ProvedEvidence)
    proved = ep.log_evidence(found.model, list(found.x), 6)
    assert proved.lower <= found.enclosure.upper
    assert found.enclosure.lower <= proved.upper
    return False


@pytest.mark.parametrize(
    ("name", "stride"),
    [(name, STRIDE) for name in QUICK]
    + [pytest.param(name, 1 if name in QUICK else 5, marks=pytest.mark.slow) for name in NAMES],
)
def test_every_entry_tampered_with(name: str, stride: int, tmp_path: Path) -> None:
    content, _ = certificate(name, tmp_path)
    others = [other for place in places(content) for other in tampered(content, place)][::stride]
    refused = [require_sound(other, tmp_path / "other.json") for other in others]
    assert len(refused) > 1000 / stride
    assert sum(refused) > 0.8 * len(refused), "else the tampering changes nothing"


HOSTILE: dict[str, tuple[str, dict[str, Any]]] = {
    "a huge count": ("Poisson", {"x": ["1e9999", "3"]}),
    "huge data": ("sinh", {"x": ["1e9999"]}),
    "a thin claim": ("sinh", {"bounds": ["-1", "-9999999999999999999999999999999999999999e-40"]}),
    "a claim of nothing": ("sinh", {"bounds": ["-1e9999", "1e9999"]}),
    "a huge box": ("sinh", {"box": [["-1e9999", "1e9999"]]}),
    "half a box": ("sinh", {"box": [["0", "1"]]}),
    "no x": ("sinh", {"x": []}),
    "a model of nothing": ("sinh", {"model": {}}),
    "a frame of nothing": ("sinh", {"frame": []}),
    "a kink of two latents": ("two, counts", {"x": ["1", "1"]}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_numbers_end_quickly(name: str, tmp_path: Path) -> None:
    case, changes = HOSTILE[name]
    content, _ = certificate(case, tmp_path)
    if "kink" in name:
        content["model"]["decoder"] = ["abs(u - v)", "max(u, v)"]
    require_refused(content | changes, tmp_path / "other.json")


def require_refused(content: Content, file: Path) -> None:
    assert require_sound(content, file)


def test_too_many_cells_are_refused(tmp_path: Path) -> None:
    content, _ = certificate("sinh", tmp_path)
    content["cells"] = content["cells"][:1] * 20_001
    (tmp_path / "other.json").write_text(json.dumps(content))
    with pytest.raises(ep.CertificateError, match="cells: got 20001 of them; expected at most 20000"):
        ep.recheck(tmp_path / "other.json")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (
            ("decoder", "network", 0, "weight", 0, 0),
            "0.5",
            r"network\[0\]: got '0.5'; expected a finite double as",
        ),
        (
            ("decoder", "network", 0, "weight", 0, 0),
            "0x1.8p+0",
            r"expected '0x1.8000000000000p\+0', the same double",
        ),
        (("decoder", "network", 0, "bias"), [], r"network\[0\]: got other sizes; expected rows of 1 weights"),
        (("decoder", "network", 1), "elu(x)", r"network\[1\]: got a network with the activation elu\(x\)"),
        (("decoder", "network", 1), 3, r"network\[1\]: got 3; expected an activation, or weight and bias"),
        (("decoder", "network"), [], r"model.decoder.network: got no affine layer"),
        (("decoder",), "z", r"model.decoder: got 'z'; expected a list of texts, or a network"),
        (("likelihood", "family"), None, "model.likelihood: got the family None; expected one of gaussian"),
        (("prior",), {"mean": ["0"]}, "model: Normal: got one of mean and covariance"),
        (("prior",), {"scale": "1"}, r"model: Normal.* 'scale'"),
    ],
)
def test_parts_of_a_model_are_named(place: tuple[Any, ...], value: Any, message: str, tmp_path: Path) -> None:
    content, _ = certificate("network", tmp_path)
    holder = content["model"]
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = value
    (tmp_path / "other.json").write_text(json.dumps(content))
    with pytest.raises(ep.CertificateError, match=message):
        ep.recheck(tmp_path / "other.json")


def test_the_names_of_cases() -> None:
    assert set(NAMES) <= set(CASES)
