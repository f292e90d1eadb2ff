"""The strength of a hidden cause that would take a mediated effect away: closed forms, and weights of the same fit."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from bayesmmm.data import MMMData
from bayesmmm.diagnostics import diagnose
from bayesmmm.equations import MMM, Equation
from bayesmmm.inference import fit
from bayesmmm.priors import Prior
from bayesmmm.sensitivity import mediation_sensitivity
from bayesmmm.simulate.datasets import load_case
from tests.fits import quiet
from tests.made import made_fit

T = 200
FLAT = {"coefficient": Prior("Normal", mu=0.0, sigma=10.0), "intercept": Prior("Normal", mu=0.0, sigma=10.0)}
SHORT = {"seed": 1, "draws": 400, "tune": 400, "chains": 2, "progress": False}


def table(effect=1.5, keep=0.0, shared=0.0) -> pd.DataFrame:
    """Demand moves search, and search sales, with what `keep` carries over; weather moves both."""
    rng = np.random.default_rng(0)
    demand, weather = rng.normal(size=T), rng.normal(size=T)
    search = 100.0 + 15.0 * demand + 20.0 * rng.normal(size=T) + 10.0 * weather
    pressure = np.zeros(T)
    for t in range(T):
        pressure[t] = (1 - keep) * search[t] + keep * (pressure[t - 1] if t else 100.0)
    sales = 500.0 + effect * pressure + 40.0 * demand + shared * weather + 60.0 * rng.normal(size=T)
    weeks = pd.date_range("2020-01-05", periods=T, freq="7D")
    return pd.DataFrame({"week": weeks, "sales": sales, "search": search, "demand": demand, "weather": weather})


def read(frame) -> MMMData:
    return MMMData.from_frame(
        frame,
        date="week",
        outcome="sales",
        media=[],
        mediators={"search": "queries"},
        controls=["demand", "weather"],
    )


def system(**terms) -> MMM:
    linear = ["demand", "weather"]
    own = Equation("search", linear=linear, priors=FLAT)
    if terms:
        return MMM([own, Equation("sales", linear=linear, priors=FLAT | terms["priors"], media=["search"])])
    return MMM([own, Equation("sales", linear=[*linear, "search"], priors=FLAT)])


def residuals(columns, target):
    basis = np.column_stack([np.ones(T), *columns])
    weight = np.linalg.lstsq(basis, target, rcond=None)[0]
    return target - basis @ weight, weight[1:]


@pytest.fixture(scope="module")
def linear():
    frame = table(shared=50.0)
    drawn = quiet(fit, system(), read(frame), **SHORT)
    return frame, diagnose(drawn.accept_unconverged())


def test_of_a_linear_mediator_it_is_that_of_least_squares(linear):
    frame, diagnosis = linear
    found = diagnosis.tables["hidden_cause"].loc["search"]
    causes = [frame["demand"], frame["weather"]]
    m, on_search = residuals(causes, frame["search"])
    y, on_sales = residuals([*causes, frame["search"]], frame["sales"])
    k = on_sales[2] * m.std() / y.std()
    assert_allclose(found.loc["rho_star", "median"], k / np.sqrt(1 + k**2), atol=0.02)
    assert_allclose(found.loc["rho_half", "median"], k / np.sqrt(4 + k**2), atol=0.02)
    for i, name in enumerate(("demand", "weather")):
        other = residuals([frame[n] for n in ("demand", "weather") if n != name], frame[name])[0]
        known = residuals([frame["search"]], other)[0]  # search is in the equation of sales, too
        a, b = on_search[i] * other, on_sales[i] * residuals([frame["search"], causes[1 - i]], frame[name])[0]
        assert known.std() > 0
        expected = np.mean(a * b) / np.sqrt((m.var() + a.var()) * (y.var() + b.var()))
        assert_allclose(found.loc[name, "median"], expected, atol=0.02)


def test_what_it_takes_is_what_would_come_of_it():
    """Sales made with residuals that correlate by rho*, and no effect of search, look as these do."""
    rng = np.random.default_rng(1)
    rho, n = 0.5, 4000
    m, own = rng.normal(size=n), rng.normal(size=n)
    weeks = pd.date_range("1950-01-01", periods=n, freq="7D")
    sales = 500.0 + 60.0 * (rho * m + np.sqrt(1 - rho**2) * own)
    frame = pd.DataFrame({"week": weeks, "sales": sales, "search": 100.0 + 20.0 * m})
    data = MMMData.from_frame(frame, date="week", outcome="sales", media=[], mediators={"search": "queries"})
    chain = MMM([Equation("search"), Equation("sales", linear=["search"], priors=FLAT)])
    diagnosis = diagnose(quiet(fit, chain, data, **SHORT).accept_unconverged())
    assert diagnosis.tables["hidden_cause"].loc[("search", "rho_star"), "median"] == pytest.approx(rho, abs=0.05)


def test_a_known_cause_that_is_stronger_warns():
    frame = table(effect=0.3, shared=400.0)
    check = diagnose(quiet(fit, system(), read(frame), **SHORT).accept_unconverged())["hidden_cause:search"]
    assert check.verdict == "warn"
    assert "the strongest known cause of both, weather" in check.finding
    assert any("mediation_sensitivity" in remedy for remedy in check.remedies)
    (learn,) = [remedy for remedy in check.remedies if "let a fit learn" in remedy]
    assert "Equation('sales', ..., rho={'search': mm.Prior('Uniform', lower=-0.9, upper=0.9)})" in learn


def test_a_correlation_can_be_learned_as_the_remedy_says(linear):
    prior = Prior("Uniform", lower=-0.9, upper=0.9)
    (search, sales) = system().equations
    learning = MMM([search, replace(sales, rho={"search": prior})])
    more = quiet(fit, learning, read(table()), **SHORT).accept_unconverged()
    low, high = more.posterior["sales.rho"].quantile([0.05, 0.95]).values
    assert low < 0.0 < high
    assert not any("let a fit learn" in each for each in diagnose(more)["hidden_cause:search"].remedies)


def test_a_weaker_one_does_not(linear):
    check = linear[1]["hidden_cause:search"]
    assert check.verdict == "ok"
    assert "Total effects do not rest on it." in check.finding
    found = linear[1].tables["hidden_cause"].loc["search", "median"]
    assert check.value == found[["demand", "weather"]].abs().max() / abs(found["rho_star"])


@pytest.mark.slow
def test_through_adstock_and_saturation_it_is_what_weights_say():
    """The share of the term that a small correlation takes, to first order, by weights of the same draws."""
    priors = {"half_life": Prior("LogNormal", mu=np.log(7.0), sigma=0.05)}
    priors |= {
        "half_saturation": Prior("LogNormal", mu=0.0, sigma=0.05),
        "slope": Prior("LogNormal", mu=0.0, sigma=0.05),
    }
    priors |= {"contribution": Prior("Uniform", lower=0.0, upper=3.0)}
    # An effect needs a channel: tv moves search, and little else.
    frame = table(keep=0.5)
    frame["tv"] = np.random.default_rng(5).gamma(2.0, 20.0, T)
    frame["search"] += 0.5 * frame["tv"]
    data = MMMData.from_frame(
        frame,
        date="week",
        outcome="sales",
        media=["tv"],
        mediators={"search": "queries"},
        controls=["demand", "weather"],
    )
    causes = ["demand", "weather"]
    equations = [
        Equation("search", media=["tv"], linear=causes),
        Equation("sales", media=["search"], linear=causes),
    ]
    equations[1] = Equation("sales", media=["search"], linear=causes, priors=FLAT | priors)
    drawn = quiet(fit, MMM(equations), data, **SHORT | {"draws": 1500}).accept_unconverged()
    star = diagnose(drawn).tables["hidden_cause"].loc[("search", "rho_star"), "median"]
    k = star / np.sqrt(1 - star**2)
    step = 0.05
    found = mediation_sensitivity(drawn, rho=[-step, 0.0, step])["indirect"].sel(quantile=0.5, channel="tv")
    slope = (found.sel(rho=step) - found.sel(rho=-step)).item() / (2 * step) / found.sel(rho=0.0).item()
    assert slope == pytest.approx(-1.0 / k, rel=0.25)


def test_a_system_without_media_can_be_diagnosed(linear):
    assert {check.group for check in linear[1].checks} >= {"sampler", "fit"}
    assert "effects" not in linear[1].tables


def test_fits_of_the_shipped_world_have_it():
    world = load_case("social_search")
    found = diagnose(made_fit(world.system, world.data)).tables["hidden_cause"]
    assert {"rho_star", "rho_half", "promotion", "trend", "season of 365.25 days"} <= set(
        found.loc["google"].index
    )
    assert (found["lower"] <= found["upper"]).all()
