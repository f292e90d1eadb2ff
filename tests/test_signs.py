"""Channels that may harm, or do anything: what the equations, a fit and its answers make of their signs."""

import numpy as np
import pandas as pd
import pytest

import bayesmmm as mm
from bayesmmm import engine
from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation, for_data, read_toml, sign_of, system_warnings
from bayesmmm.errors import EquationError, PriorSupportError, PriorWarning, UnknownTermError
from bayesmmm.priors import Prior
from bayesmmm.report import write_report
from bayesmmm.simulate import simulate_world
from tests.fits import quiet

MEDIA = ("tv", "rival", "display")
SIGN = {"rival": "negative", "display": "any"}
#: Returns of a unit of spend.
RETURNS = {"tv": 2.0, "rival": -2.0, "display": -1.5}


def system(**options) -> MMM:
    return MMM([Equation("sales", media=MEDIA, **({"sign": SIGN} | options))])


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"week": pd.date_range("2022-01-02", periods=120, freq="7D")})
    for name, mean in {"tv": 60.0, "rival": 40.0, "display": 20.0}.items():
        spend = rng.gamma(4.0, 1.0, 120) * (rng.random(120) < 0.7)
        frame[name] = spend * mean / spend.mean()
    frame["sales"] = 1000.0 + np.arange(120) % 2
    data = MMMData.from_frame(frame, date="week", outcome="sales", media=MEDIA, outcome_unit="money")
    contribution = np.array([RETURNS[c] * frame[c].mean() / 1000.5 for c in MEDIA])
    parameters = {
        "half_life": np.array([[10.0, 5.0, 5.0]]),
        "half_saturation": np.ones((1, 3)),
        "slope": np.ones((1, 3)),
        "contribution": contribution[None, None],
        "coefficient": np.array([[1.0 - contribution.sum()]]),
        "sigma": np.array([0.01]),
    }
    return simulate_world(system(), data, parameters={"sales": parameters}, seed=1)


@pytest.fixture(scope="module")
def fit(world):
    options = {"draws": 150, "tune": 300, "chains": 2, "seed": 1, "progress": False}
    return quiet(mm.fit, world.system, world.data, **options).accept_unconverged()


# ------------------------------------------------------------------------------------------------------- equations
def test_defaults_are_mirrored_or_around_zero_on_one_scale():
    equation = Equation("sales", media=MEDIA, sign=SIGN)
    (block,) = (b for b in equation.parameters() if b.name == "contribution")
    sigma = block.priors[0].args["sigma"]
    assert block.priors == (
        Prior("HalfStudentT", nu=3, sigma=sigma),
        Prior("NegativeHalfStudentT", nu=3, sigma=sigma),
        Prior("StudentT", nu=3, mu=0, sigma=sigma),
    )
    assert [sign_of(equation, c) for c in MEDIA] == ["positive", "negative", "any"]
    assert "NegativeHalfStudentT(nu=3" in str(equation)


def test_signs_are_written_and_read():
    assert read_toml(system().to_toml())[0] == system()
    assert '[equation.sign]\nrival = "negative"\ndisplay = "any"' in system().to_toml()


@pytest.mark.parametrize("parameter", ["contribution", "roi"])
def test_a_prior_with_mass_below_zero_is_taken_as_it_is(parameter):
    given = Prior("Normal", mu=0.1, sigma=0.2)
    below = Prior("TruncatedNormal", mu=0.0, sigma=0.2, upper=0.0)
    equation = Equation("sales", media=MEDIA, priors={parameter: {"tv": given, "rival": below}})
    assert [sign_of(equation, c) for c in MEDIA] == ["any", "negative", "positive"]


@pytest.mark.parametrize(("channel", "prior"), [
    ("tv", Prior("Normal", mu=0.1, sigma=0.2)),
    ("rival", Prior("HalfNormal", sigma=0.2)),
    ("rival", Prior("Normal", mu=-0.1, sigma=0.2)),
])  # fmt: skip
@pytest.mark.parametrize("label", [True, False])
def test_a_prior_must_not_contradict_a_sign_that_is_given(channel, prior, label):
    sign = {channel: "positive" if channel == "tv" else "negative"}
    priors = {"contribution": {channel: prior} if label else prior}
    with pytest.raises(PriorSupportError, match=f"contribution of '{channel}' in equation 'sales', by its sign"):
        Equation("sales", media=MEDIA, sign=sign, priors=priors)
    Equation("sales", media=MEDIA, sign={channel: "any"}, priors=priors)


@pytest.mark.parametrize(
    ("sign", "error", "said"),
    [
        ({"tvv": "any"}, UnknownTermError, "did you mean 'tv'"),
        ({"tv": "negativ"}, EquationError, "did you mean 'negative'"),
        ({"tv": -1}, EquationError, "Use one of: positive, negative, any"),
        (["tv"], EquationError, "Give a mapping from channels to their signs"),
    ],
)
def test_what_is_no_sign(sign, error, said):
    with pytest.raises(error, match=said):
        Equation("sales", media=MEDIA, sign=sign)


# ------------------------------------------------------------------------------------------------------- simulation
def test_prior_draws_have_the_signs(world):
    drawn = engine.draw_prior(
        for_data(world.system, world.data), world.data, world.scales, draws=500, rng=np.random.default_rng(0)
    )
    contribution = drawn["sales"]["contribution"][:, 0]
    assert (contribution[:, 0] > 0).all()
    assert (contribution[:, 1] < 0).all()
    assert 0.4 < (contribution[:, 2] > 0).mean() < 0.6


def test_a_world_must_have_the_signs_of_its_equations(world):
    plain = MMM([Equation("sales", media=MEDIA)])
    with pytest.raises(EquationError, match="for 'rival', which is positive"):
        simulate_world(plain, world.data, parameters=world.parameters, seed=1)
    anything = MMM([Equation("sales", media=MEDIA, sign={"rival": "any", "display": "any"})])
    simulate_world(anything, world.data, parameters=world.parameters, seed=1)


def test_returns_of_the_truth_are_those_that_were_set(world):
    found = world.truth.effects["roi"].to_series()
    assert found.to_dict() == pytest.approx(RETURNS, rel=1e-3)


# ------------------------------------------------------------------------------------------------------- answers
def test_a_fit_finds_the_signs_and_the_returns(fit):
    contribution = fit.posterior["sales.contribution"]
    assert (contribution.sel({"sales.media": "rival"}) < 0).all()
    assert (contribution.sel({"sales.media": "tv"}) > 0).all()
    assert (contribution.sel({"sales.media": "display"}) < 0).mean() > 0.9
    low, high = mm.roi(fit, window="outcome").quantile([0.01, 0.99], ("chain", "draw")).values
    truth = np.array(list(RETURNS.values()))
    assert ((low < truth) & (truth < high)).all()


def test_a_part_of_a_decomposition_is_on_average_the_contribution_of_its_sign(fit):
    parts = mm.decompose(fit)["contribution"].sel(component=list(MEDIA)).mean("date")
    drawn = fit.posterior["sales.contribution"] * fit.scales.size["sales"][0]
    drawn = drawn.transpose("chain", "draw", ...).values
    np.testing.assert_allclose(parts.transpose("chain", "draw", "component").values, drawn, rtol=1e-9)


def test_more_of_what_harms_brings_less(fit):
    curve = mm.response_curves(fit, factors=[0.0, 0.5, 1.0, 2.0])
    total = curve["total"] if "total" in curve else curve["outcome"]
    middle = total.median(("chain", "draw")).sel(channel="rival").values
    assert (np.diff(middle) < 0).all()
    assert (mm.marginal_roi(fit).sel(channel="rival") < 0).all()


def test_a_plan_gives_what_harms_its_least(fit):
    plan = mm.optimize_budget(fit, total=2000.0, periods=8, bounds={"rival": (100.0, None)}, starts=2)
    spend = plan.spend.sum("date") if "date" in plan.spend.dims else plan.spend
    assert float(spend.sel(channel="rival")) == pytest.approx(100.0, rel=1e-6)
    assert float(spend.sum()) == pytest.approx(2000.0, rel=1e-6)
    assert plan.solution.bound is None
    assert "rival lowers what it acts on in some draws" in str(plan)


def test_figures_report_and_file_take_signs(fit, tmp_path):
    parts = mm.decompose(fit)
    for figure in (mm.plots.waterfall, mm.plots.decomposition):
        assert figure(parts).figure is not None
    assert mm.plots.causal_graph(fit.system)
    fit.save(tmp_path / "fit.nc")
    assert mm.load(tmp_path / "fit.nc").system == fit.system
    write_report(fit, tmp_path / "report")


# -------------------------------------------------------------------------------------------- outcomes around zero
@pytest.mark.parametrize(("level", "said"), [(0.0, True), (50.0, True), (1000.0, False)])
def test_defaults_on_an_outcome_around_zero_are_warned_of_and_roi_priors_are_the_remedy(level, said):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"week": pd.date_range("2022-01-02", periods=100, freq="7D")})
    frame["tv"] = rng.gamma(2.0, 10.0, 100) * (rng.random(100) < 0.7)
    frame["sales"] = level + rng.normal(0.0, 100.0, 100)
    data = MMMData.from_frame(frame, date="week", outcome="sales", media=["tv"])

    def warned(**priors) -> list[str]:
        found = system_warnings(MMM([Equation("sales", media=["tv"], priors=priors)]), data)
        return [str(w) for w in found if isinstance(w, PriorWarning) and "above and below zero" in str(w)]

    assert len(warned()) == said
    assert all("Default contributions of 'tv'" in text and "a prior on roi" in text for text in warned())
    assert not warned(roi=Prior("HalfNormal", sigma=0.1))
    assert not warned(contribution={"tv": Prior("HalfNormal", sigma=0.1)})
