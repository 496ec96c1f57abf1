"""Evidences of kinked decoders under any likelihood: generated networks, closed forms, twins, priors and limits."""

import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from flint import acb, arb

import elboproof as ep
from elboproof.evidence import piece_cells, piece_rounds, polygons
from elboproof.evidence.log_evidence import evidence_of, prove
from elboproof.evidence.summation import sum_rules
from elboproof.model.data import data_of
from elboproof.numbers.exact import ball_of
from elboproof.numbers.precision import working_precision
from tests.evidence.piece_cell_cases import instance, require_instance

QUICK = range(5)


@pytest.mark.parametrize("seed", QUICK)
def test_generated_networks(seed: int) -> None:
    require_instance(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(len(QUICK), 110))
def test_more_generated_networks(seed: int) -> None:
    require_instance(seed)


def _log_sigmoid_of_relu(digits: int) -> arb:
    """Return log p(1) of a Bernoulli with logits relu(z) - relu(-z)/2 - 1/3: two integrals by FLINT."""
    with working_precision(4 * digits + 100):

        def density(slope: arb) -> arb:
            def at(z: acb, _: bool) -> acb:
                logit = slope * z - arb(1) / 3
                return (-z * z / 2).exp() / (1 + (-logit).exp())

            return acb.integral(at, 0, 30 if slope > 0.6 else -30).real

        total = density(arb(1)) - density(arb("0.5"))
        return total.log() - (2 * arb.pi()).log() / 2


@pytest.mark.parametrize("digits", [5, 10, 12, 25])
def test_one_latent_against_flint(digits: int) -> None:
    model = ep.LatentModel("z", ["relu(z) - relu(-z)/2 - 1/3"], ep.Bernoulli())
    assert piece_cells.applies(model)
    found, truth = ep.log_evidence(model, [1], digits), _log_sigmoid_of_relu(digits)
    if found.exact is None:
        assert found.contains(float(truth))
        assert found.width <= 2 * 10.0**-digits
        return
    with working_precision(4 * digits + 100):
        low, high = (ball_of(end.item()) for end in found.exact)
        assert low <= truth <= high
        assert high - low <= 2 * arb(10) ** -digits


def test_two_latents_that_do_not_meet() -> None:
    one = ep.LatentModel("z", ["relu(z) - relu(-z)/2 - 1/3"], ep.Bernoulli())
    two = ep.LatentModel(["a", "b"], [f"relu({z}) - relu(-{z})/2 - 1/3" for z in "ab"], ep.Bernoulli())
    parts = [ep.log_evidence(one, [x], 11).midpoint for x in (1, 0)]
    found = ep.log_evidence(two, [1, 0], 10)
    assert abs(found.midpoint - sum(parts)) < 2e-10
    assert found.width <= 2e-10


TWICE = {
    "max by abs": (["max(a, b)", "abs(a - b)"], ["(a + b + abs(a - b))/2", "2*max(a, b) - a - b"]),
    "hard tanh by relu": (["max(-1, min(1, a))", "b"], ["relu(a + 1) - relu(a - 1) - 1", "b"]),
    "zero on a region": (
        ["abs(relu(a) - max(a, 0)) + relu(relu(-a) - relu(a)) + b", "abs(relu(a))"],
        ["relu(-a) + b", "relu(a)"],
    ),
}


@pytest.mark.parametrize("name", TWICE)
def test_the_same_decoder_written_twice(name: str) -> None:
    models = [ep.LatentModel(["a", "b"], decoder, ep.Poisson()) for decoder in TWICE[name]]
    first, second = (ep.log_evidence(model, [2, 1], 11) for model in models)
    assert abs(first.midpoint - second.midpoint) < 3e-11


def test_a_normal_prior_is_a_change_of_the_decoder() -> None:
    # u = 2 a + 1/2, v = b - a
    prior = ep.Normal(["1/2", 0], [[4, -2], [-2, 2]])
    placed = ep.LatentModel(["u", "v"], ["abs(u)", "relu(v)"], ep.Bernoulli(), prior=prior)
    plain = ep.LatentModel(["a", "b"], ["abs(2*a + 1/2)", "relu(b - a)"], ep.Bernoulli())
    first, second = (ep.log_evidence(model, [1, 0], 10) for model in (placed, plain))
    assert abs(first.midpoint - second.midpoint) < 3e-10


def test_a_uniform_prior_in_closed_form() -> None:
    """A Gaussian around |z|, z uniform on [-1, 2]: erf on both sides of the kink."""
    model = ep.LatentModel("z", ["abs(z)"], ep.Gaussian("1/4"), prior=ep.Uniform(-1, 2))
    assert piece_cells.applies(model)
    found = ep.log_evidence(model, ["1/2"], 12)
    with working_precision(100):
        root = arb(2).sqrt()
        one, two = (1 / root).erf(), (3 / root).erf()  # of (1 - 1/2) and (2 - 1/2) over 1/2
        truth = ((one + (1 / root).erf() + two + (1 / root).erf()) / 6).log()
    assert found.lower <= float(truth) + 1e-15
    assert float(truth) - 1e-15 <= found.upper


def test_a_uniform_prior_of_two_latents_is_a_product() -> None:
    boxed = ep.Uniform([0, -1], [2, 1])
    model = ep.LatentModel(["a", "b"], ["relu(a - 1)", "abs(b)"], ep.Bernoulli(), prior=boxed)
    found = ep.log_evidence(model, [1, 0], 10).midpoint
    parts = [
        ep.log_evidence(ep.LatentModel("z", [text], ep.Bernoulli(), prior=prior), [x], 11).midpoint
        for text, prior, x in (("relu(z - 1)", ep.Uniform(0, 2), 1), ("abs(z)", ep.Uniform(-1, 1), 0))
    ]
    assert abs(found - sum(parts)) < 3e-10


def test_a_mixture_is_proved_component_by_component() -> None:
    parts = [ep.Normal(0, 1), ep.Uniform(-1, 2)]
    mixed = ep.LatentModel("z", ["abs(z)"], ep.Poisson(), prior=ep.Mixture(parts, ["1/4", "3/4"]))
    found = ep.log_evidence(mixed, [3], 10)
    logs = [ep.log_evidence(ep.LatentModel("z", ["abs(z)"], ep.Poisson(), prior=p), [3], 11) for p in parts]
    expected = np.logaddexp(logs[0].midpoint + np.log(0.25), logs[1].midpoint + np.log(0.75))
    assert abs(found.midpoint - expected) < 1e-9
    assert found.width <= 2e-10


def _heads(prior: object = None) -> ep.LatentModel:
    class Heads(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = torch.nn.Linear(1, 3)
            self.mean, self.log_variance = torch.nn.Linear(3, 1), torch.nn.Linear(3, 1)

        def forward(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            h = torch.relu(self.hidden(z))
            return self.mean(h), self.log_variance(h)

    torch.manual_seed(0)
    module = Heads().double()
    options = {} if prior is None else {"prior": prior}
    return ep.LatentModel.from_torch(module, **options)  # type: ignore[arg-type]


def test_a_likelihood_that_grows_has_its_tail() -> None:
    """Under N(0, 1) written out the pieces give way to cells, which know the tail in other coordinates."""
    plain, placed = _heads(), _heads(ep.Normal(0, 1))
    assert plain.ceiling(data_of(plain, [0.3]).balls).grows.all()
    found = piece_cells.evidence(plain, data_of(plain, [0.3]), (10, False), time.monotonic() + 20, 10**5)
    assert found is not None
    assert found.statuses == ("",)
    other = evidence_of(placed, [0.3], 4, seconds=20.0, most_cells=10**5)
    assert piece_cells.evidence(placed, data_of(placed, [0.3]), (4, False), np.inf, 10**5) is None
    assert other.enclosure.lower[0] <= found.enclosure.midpoint[0] <= other.enclosure.upper[0]


def test_rows_are_proved_as_if_alone() -> None:
    case = instance(0)
    rows = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [1.0, 1.0]])
    together = ep.log_evidence(case.model, rows, 10)
    for row, low, high in zip(rows, together.lower, together.upper, strict=True):
        alone = ep.log_evidence(case.model, row, 10)
        assert low <= alone.upper
        assert alone.lower <= high
        assert high - low <= 2e-10
    assert abs(np.exp(together.midpoint[:4]).sum() - 1) < 1e-9  # all x there are


def test_groups_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.arange(6)[:, None] + np.zeros((6, 2))
    model = ep.LatentModel("z", ["abs(z)", "relu(z) - 1"], ep.Poisson())
    whole = ep.log_evidence(model, rows, 10)
    monkeypatch.setattr(piece_cells, "GROUP", 4)
    parts = ep.log_evidence(model, rows, 10)
    assert np.abs(whole.midpoint - parts.midpoint).max() < 2e-10


def test_a_small_box_is_widened(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ep.LatentModel(["a", "b"], ["relu(a)", "abs(b)"], ep.Bernoulli())
    truth = ep.log_evidence(model, [1, 0], 11).midpoint
    monkeypatch.setattr(polygons, "RADII", (1.0, 2.0, 12.0))
    monkeypatch.setattr(piece_cells, "RADII", (1.0, 2.0, 12.0))
    rows = piece_cells._Rows(model, data_of(model, [1, 0]), (10, False), np.inf)
    rows.place = 0
    rows.roots = rows._cut(np.inf)
    found = rows.evidence(time.monotonic() + 20.0, 10**5)
    assert rows.place == 2
    assert found.enclosure.lower[0] <= truth + 1e-11
    assert truth - 1e-11 <= found.enclosure.upper[0]
    assert found.enclosure.width[0] <= 2e-10


@pytest.mark.parametrize("variance", ["1e-6", "1e-12"])
def test_needles(variance: str) -> None:
    """Scales are found where the start sees nothing of them: a Gaussian in a box."""
    model = ep.LatentModel("z", ["abs(z) + relu(z)/3"], ep.Gaussian(variance), prior=ep.Uniform(-4, 4))
    found = ep.log_evidence(model, ["0.7"], 8)
    # p is 1/8 times the sum of the inverses of the slopes
    assert abs(found.midpoint - np.log((1 + 3 / 4) / 8)) < 1e-8


def test_a_network_that_cells_alone_do_not_decide() -> None:
    model = _network((16, 16))
    x = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0]
    found = evidence_of(model, x, 10, seconds=60.0, most_cells=10**6)
    assert found.statuses == ("",)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(piece_cells, "applies", lambda _: False)
        cells = prove(model, x, 2, seconds=1.0, most_cells=10**5)
    assert cells.enclosure.lower[0] <= found.enclosure.midpoint[0] <= cells.enclosure.upper[0]
    assert cells.enclosure.width[0] > 1e-4


def _network(hidden: tuple[int, ...]) -> ep.LatentModel:
    from benchmarks import relu

    generator = torch.Generator().manual_seed(0)
    return ep.LatentModel.from_torch(relu.network((2, *hidden, 6), generator), ep.Bernoulli())


@pytest.mark.parametrize("head", [torch.nn.Sigmoid(), torch.nn.Softplus(), torch.nn.Tanh()])
def test_a_smooth_last_layer(head: torch.nn.Module) -> None:
    require_head(head)


def require_head(head: torch.nn.Module) -> None:
    """Raise unless layers of ReLU with a smooth activation of the outputs agree with a trapezoidal rule in floats."""
    torch.manual_seed(3)
    layers = torch.nn.Linear(1, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2), head
    model = ep.LatentModel.from_torch(torch.nn.Sequential(*layers).double(), ep.Gaussian("1/50"))
    assert piece_cells.applies(model)
    found, finer = (
        evidence_of(model, ["1/3", "2/3"], digits, seconds=60.0, most_cells=10**5) for digits in (9, 12)
    )
    assert found.statuses == finer.statuses == ("",)
    assert found.enclosure.lower[0] <= finer.enclosure.midpoint[0] <= found.enclosure.upper[0]
    axis = np.linspace(-10, 10, 20001)
    energy = model.floating.energy(axis[:, None], np.array([1 / 3, 2 / 3]))
    truth = np.log(np.exp(-energy).sum() * (axis[1] - axis[0]))
    assert abs(found.enclosure.midpoint[0] - truth) < 1e-6


def test_a_smooth_last_layer_of_two_latents() -> None:
    """Two outputs that do not meet: the evidence is a product."""

    def model(weight: torch.Tensor, outputs: int) -> ep.LatentModel:
        first, last = (
            torch.nn.Linear(n, m, dtype=torch.float64) for n, m in ((len(weight[0]), 2), (2, outputs))
        )
        first.weight.data, first.bias.data = weight, torch.zeros(2, dtype=torch.float64)
        last.weight.data, last.bias.data = (
            torch.eye(2, dtype=torch.float64)[:outputs] * 2 - 0.0,
            torch.ones(outputs).double(),
        )
        layers = torch.nn.Sequential(first, torch.nn.ReLU(), last, torch.nn.Sigmoid())
        return ep.LatentModel.from_torch(layers, ep.Gaussian("1/9"))

    both = ep.log_evidence(model(torch.eye(2).double(), 2), ["3/4", "1/2"], 10).midpoint
    one = model(torch.tensor([[1.0], [0.0]]).double(), 1)
    parts = [ep.log_evidence(one, [x], 11).midpoint for x in ("3/4", "1/2")]
    assert abs(both - sum(parts)) < 3e-10


def test_without_time_bounds_are_true() -> None:
    case = instance(0)
    whole = ep.log_evidence(case.model, case.x, 10)
    for seconds, most in ((1e-9, 10**6), (20.0, 3), (20.0, 40)):
        found = evidence_of(case.model, case.x, 10, seconds=seconds, most_cells=most)
        assert found.statuses[0]
        assert found.enclosure.lower[0] <= whole.upper
        assert whole.lower <= found.enclosure.upper[0]


def test_pieces_that_fill_the_memory_are_left_to_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ep.LatentModel("z", ["abs(z)", "relu(z - 1)"], ep.Bernoulli())
    data = data_of(model, [[1, 0], [0, 1]])
    for most, known in ((18, True), (17, False)):  # 3 pieces, 2 outputs of 2 numbers and 2 entries of x
        monkeypatch.setattr(piece_cells, "MOST_NUMBERS", most)
        found = piece_cells.evidence(model, data, (6, False), time.monotonic() + 20.0, 10**5)
        assert (found is not None) == known


def test_a_deeper_mode_only_raises_estimates() -> None:
    """What was seen is a mass of exp(-lowest) over a cell of some e^-10: an estimate below it would be deep again."""
    block = SimpleNamespace(log_mass=np.array([-30.0, -3.0, -50.0, 1.0]))
    piece_rounds.Block._rescale(block, np.array([0, 2, 3]), np.array([5.0, 60.0, 4.0]), deeper=True)  # type: ignore[arg-type]
    assert block.log_mass.tolist() == [-15.0, -3.0, -50.0, 1.0]


def test_no_time_for_the_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells whose rules are not summed are bounded."""
    case = instance(0)
    whole = ep.log_evidence(case.model, case.x, 10)
    summed = sum_rules

    def cut(energy: object, cells: object, sizes: object, shift: object, _: float) -> object:
        half = len(cells) // 2  # type: ignore[arg-type]
        return summed(energy, cells[:half], sizes[:half], shift)  # type: ignore[index, arg-type]

    monkeypatch.setattr(piece_rounds, "sum_rules", cut)
    found = evidence_of(case.model, case.x, 10, seconds=20.0, most_cells=10**6)
    assert "time" in found.statuses[0]
    assert found.enclosure.lower[0] <= whole.lower
    assert whole.upper <= found.enclosure.upper[0]


@pytest.mark.parametrize(
    "model",
    [
        ep.LatentModel("z", ["relu(z)"], ep.Gaussian("1")),
        ep.LatentModel(["a", "b", "c"], ["relu(a)", "abs(b)", "max(c, 0)"], ep.Bernoulli()),
        ep.LatentModel("z", ["z"], ep.Bernoulli()),
        ep.LatentModel("z", ["sin(z) + abs(z)"], ep.Bernoulli()),
        ep.LatentModel("z", ["abs(z)"], ep.Bernoulli(), prior=ep.PriorDensity("log(3*z**2)", [(0, 1)])),
    ],
    ids=["polygons have it", "three latents", "affine", "curved", "a density"],
)
def test_other_models_are_left_to_others(model: ep.LatentModel) -> None:
    assert not piece_cells.applies(model)
