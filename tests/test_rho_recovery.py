"""Correlated residuals, hidden waves and channels left out, by real sampling: closed forms and known truths."""

import numpy as np
import pandas as pd
import pytest

from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation
from bayesmmm.estimands import effects
from bayesmmm.inference import fit
from bayesmmm.priors import Prior
from bayesmmm.sensitivity import confounder_sensitivity, leave_one_channel_out, mediation_sensitivity
from bayesmmm.sensitivity.residual_correlation import with_rho
from tests.fits import monte_carlo_z, quiet

pytestmark = pytest.mark.slow

T = 200
#: A Hill curve far below half-saturation, without carryover: next to linear. Flat elsewhere.
LINEAR = {
    "half_life": Prior("LogNormal", mu=np.log(0.2), sigma=0.01),
    "half_saturation": Prior("LogNormal", mu=np.log(300.0), sigma=0.01),
    "slope": Prior("LogNormal", mu=0.0, sigma=0.001),
    "contribution": Prior("Uniform", lower=0.0, upper=3.0),
    "intercept": Prior("Normal", mu=0.0, sigma=10.0),
    "sigma": Prior("Uniform", lower=0.0, upper=5.0),
}
FLAT = {"coefficient": Prior("Normal", mu=0.0, sigma=10.0)}


def linear_system(rho=None, **priors) -> MMM:
    """Search answers to tv, sales to tv and, linearly, to search."""
    return MMM(
        [
            Equation("search", media=["tv"], priors=LINEAR),
            Equation("sales", media=["tv"], linear=["search"], priors=LINEAR | FLAT | priors, rho=rho or {}),
        ]
    )


def world(seed, *, rho=0.0, effect=1.5, hidden=0.0):
    """Table of a linear world: residuals of search and sales correlate by rho, `hidden` demand moves tv and sales."""
    rng = np.random.default_rng(seed)
    demand = rng.normal(size=T)
    tv = np.maximum(40.0 + 15.0 * (0.6 * demand + 0.8 * rng.normal(size=T)), 0.0)
    e_search, own = 20.0 * rng.normal(size=T), rng.normal(size=T)
    e_sales = 60.0 * (rho * e_search / 20.0 + np.sqrt(1 - rho**2) * own)
    search = 100.0 + tv + e_search
    sales = 500.0 + 2.0 * tv + effect * search + e_sales + hidden * demand
    weeks = pd.date_range("2020-01-05", periods=T, freq="7D")
    return pd.DataFrame({"week": weeks, "sales": sales, "search": search, "tv": tv})


def read(table, media=("tv",)) -> MMMData:
    return MMMData.from_frame(
        table, date="week", outcome="sales", media=list(media), mediators={"search": "queries"}
    )


def least_squares(table):
    """Slope of search on tv; slope of sales on search given tv; residual scales of both."""
    tv, search, sales = (table[n].to_numpy() for n in ("tv", "search", "sales"))
    one = np.column_stack([np.ones(T), tv])
    a = np.linalg.lstsq(one, search, rcond=None)[0]
    two = np.column_stack([one, search])
    b = np.linalg.lstsq(two, sales, rcond=None)[0]
    s_m = np.sqrt(np.sum((search - one @ a) ** 2) / (T - 2))
    s_y = np.sqrt(np.sum((sales - two @ b) ** 2) / (T - 3))
    return a[1], b[2], s_m, s_y


def test_the_mediated_effect_moves_with_rho_as_in_closed_form():
    table = world(0)
    data = read(table)
    ordinary = quiet(fit, linear_system(), data, seed=1, progress=False)
    grid = [-0.3, 0.0, 0.4, 0.6]
    found = mediation_sensitivity(ordinary, method="refit", rho=grid, chains=2, progress=False)
    a, g, s_m, s_y = least_squares(table)
    middle = found["indirect"].sel(quantile=0.5, channel="tv")
    width = (found["indirect"].isel(quantile=2) - found["indirect"].isel(quantile=0)).sel(channel="tv")
    for rho in grid:
        closed = (g - rho / np.sqrt(1 - rho**2) * s_y / s_m) * a * table["tv"].sum()
        assert abs(middle.sel(rho=rho).item() - closed) < 0.08 * width.sel(rho=rho).item(), rho
    k = g * s_m / s_y
    assert found["rho_star"].item() == pytest.approx(k / np.sqrt(1 + k**2), abs=0.01)
    quick = mediation_sensitivity(ordinary, rho=[-0.1, 0.0, 0.1])
    again = mediation_sensitivity(ordinary, method="refit", rho=[-0.1, 0.1], chains=2, progress=False)
    for rho in (-0.1, 0.1):
        if quick["reliable"].sel(rho=rho):
            one, other = (d["indirect"].sel(rho=rho, channel="tv") for d in (quick, again))
            assert np.abs(one.values - other.values).max() < 0.15 * width.sel(rho=0.0).item()


def test_a_rho_of_zero_is_the_ordinary_fit():
    data = read(world(3))
    ordinary = quiet(fit, linear_system(), data, seed=1, progress=False)
    tied = quiet(fit, with_rho(linear_system(), "search", 0.0), data, seed=2, progress=False)
    worst = max(np.max(z) for z in monte_carlo_z(ordinary, tied).values())
    assert worst < 4.5


def test_a_world_with_correlated_residuals_is_recovered_under_its_rho_and_biased_without():
    at = {}
    for rho in (0.4, 0.0):
        z = []
        for seed in range(8):
            data = read(world(seed, rho=0.4))
            system = with_rho(linear_system(), "search", rho)
            drawn = quiet(fit, system, data, seed=seed, draws=500, tune=500, chains=2, progress=False)
            found = effects(drawn.accept_unconverged())["indirect"].sel(channel="tv")
            truth = 1.5 * data.columns["tv"].sum()
            z.append(float((found.mean() - truth) / found.std()))
        at[rho] = np.array(z)
    # The mean of 8 standard Normal numbers; the bias is rho sigma_Y / sigma_M = 1.2 of 1.5.
    assert abs(at[0.4].mean()) < 3.0 / np.sqrt(8)
    assert (np.abs(at[0.4]) < 1.645).sum() >= 5
    assert at[0.0].mean() > 3.0
    assert (np.abs(at[0.0]) < 1.645).sum() <= 2


def test_a_correlation_is_learned_where_the_effect_is_known():
    data = read(world(5, rho=0.4))
    sd = data.columns["search"].std()
    share = 1.5 * sd / np.abs(data.columns["sales"]).mean()
    known = {"coefficient": Prior("Normal", mu=float(share), sigma=float(0.02 * share))}
    system = linear_system({"search": Prior("Uniform", lower=-0.95, upper=0.95)}, **known)
    drawn = quiet(fit, system, data, seed=1, progress=False)
    rho = drawn.posterior["sales.rho"].sel({"sales.mediator": "search"})
    e = [data.columns["search"], data.columns["sales"]]
    tv = np.column_stack([np.ones(T), data.columns["tv"][0]])
    left = [s[0] - tv @ np.linalg.lstsq(tv, s[0], rcond=None)[0] for s in (e[0], e[1] - 1.5 * e[0])]
    seen = np.corrcoef(*left)[0, 1]
    assert rho.mean().item() == pytest.approx(seen, abs=0.03)
    assert rho.std().item() == pytest.approx((1 - seen**2) / np.sqrt(T), rel=0.3)


def test_a_hidden_wave_is_seen_through_at_its_own_strength():
    table = world(0, hidden=80.0)
    data = read(table)
    biased = quiet(fit, linear_system(), data, seed=1, progress=False)
    size = np.abs(data.columns["sales"]).mean()
    # Correlation of demand with spend is 0.6; what tv explains of demand is taken out at the true strength.
    found = confounder_sensitivity(
        biased, strength=[80.0 / size], correlation=0.6, chains=2, draws=500, tune=500, progress=False
    )
    direct = found["direct"].sel(channel="tv") / data.columns["tv"].sum()
    inside = direct.sel(strength=80.0 / size)
    assert direct.sel(strength=0.0).isel(quantile=0) > 2.0
    assert inside.isel(quantile=0) < 2.0 < inside.isel(quantile=2)
    # By least squares the same, with and without the wave.
    tv = table["tv"].to_numpy()
    columns = np.column_stack([np.ones(T), tv, table["search"]])
    taken = 80.0 * 0.6 * (tv - tv.mean()) / tv.std()
    for at, series in ((0.0, table["sales"]), (80.0 / size, table["sales"] - taken)):
        line = direct.sel(strength=at).values
        plain = np.linalg.lstsq(columns, series, rcond=None)[0][1]
        assert abs(line[1] - plain) < 0.15 * (line[2] - line[0])


def test_a_twin_takes_over_what_is_left_out():
    table = world(9)
    rng = np.random.default_rng(1)
    table["radio"] = np.maximum(table["tv"] + 2.0 * rng.normal(size=T), 0.0)
    table["print"] = rng.gamma(4.0, 10.0, T)
    table["sales"] += 2.0 * table["print"]
    data = read(table, ("tv", "radio", "print"))
    system = MMM(
        [
            Equation("search", media=["tv", "radio"], priors=LINEAR),
            Equation("sales", media=["tv", "radio", "print"], linear=["search"], priors=LINEAR | FLAT),
        ]
    )
    whole = quiet(fit, system, data, seed=1, progress=False)
    found = leave_one_channel_out(whole, chains=2, draws=500, tune=500, progress=False)
    taken = found["taken_over"]
    assert taken.sel(left_out="tv") == pytest.approx(1.0, abs=0.3)
    assert abs(taken.sel(left_out="print")) < 0.5
    assert found["sigma_ratio"].sel(left_out="print") > 1.1 > found["sigma_ratio"].sel(left_out="tv")
