"""Worlds that other packages answer wrongly under green checks: fits of ours find what is true by construction.

`benchmarks/PEERS.md` shows what other packages say of the same worlds. Each test makes the mistake on purpose, too, and
holds that it is seen.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import bayesmmm as mm
from bayesmmm.results import predictive_table
from tests.fits import quiet

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
import peer_worlds

SHORT = {"draws": 400, "tune": 400, "chains": 2, "progress": False, "seed": 1}
ALL = ("chain", "draw")


def fitted(equations, world, *, outcome="sales", **roles):
    """Fit of a few draws, which have to have converged as far as so few can."""
    system = mm.MMM(equations)
    frame = world if not hasattr(world, "frame") else world.frame
    data = mm.MMMData.from_frame(frame, date="date", outcome=outcome, **{"media": [], **roles})
    fit = quiet(mm.fit, system, data, **SHORT)
    assert fit.convergence.rhat < 1.03
    assert fit.convergence.divergences <= 4
    return fit


def middle(draws) -> float:
    return float(draws.median(ALL))


# ------------------------------------------------------------------------- an outcome far from zero, in its own units
def slopes(world, priors=None):
    """Sales per unit of x at equal m, and per unit of m."""
    equations = [
        mm.Equation("m", linear=["x"], priors=priors or {}),
        mm.Equation("sales", linear=["x", "m"], priors=priors or {}),
    ]
    fit = fitted(equations, world, mediators={"m": "units"}, controls=["x"])
    found = fit.coefficients("sales")
    term = next(d for d in found.dims if d not in ALL)
    return fit, middle(found.sel({term: "x"})), middle(found.sel({term: "m"}))


def test_a_large_level_moves_no_coefficient():
    world = peer_worlds.large_level()
    columns = world.frame[["x", "m"]].assign(one=1.0).to_numpy()
    direct, mediated, _ = np.linalg.lstsq(columns, world.frame["sales"].to_numpy(), rcond=None)[0]
    assert (direct, mediated) == pytest.approx((world.truth["direct"], world.truth["mediator"]))
    fit, *ours = slopes(world)
    assert ours == pytest.approx([direct, mediated], abs=0.1)
    more = mm.what_if(fit, do={"x": fit.data.columns["x"][0] + 1.0})["sales.change"].mean("date")
    assert middle(more) == pytest.approx(world.truth["total"], abs=0.1)


def test_priors_in_units_of_the_outcome_would_move_them():
    """The mistake: a width of one for everything, in sales; ours is in shares of their mean."""
    world = peer_worlds.large_level()
    narrow = mm.Prior("Normal", mu=0.0, sigma=1.0 / world.frame["sales"].mean())
    _, *ours = slopes(world, {"intercept": narrow, "coefficient": narrow})
    assert abs(ours[0] - world.truth["direct"]) > 1.0


# ------------------------------------------------------------------------------------------ what goes through mediators
def effects_of(world, direct, *, through=("tv",)):
    """Total effects, and the shares of them that go through queries, of each channel."""
    media = [c for c in ("tv", "social") if c in world.frame]
    equations = [
        mm.Equation("queries", media=list(through)),
        mm.Equation("sales", media=list(direct), linear=["queries"]),
    ]
    fit = fitted(equations, world, media=media, mediators={"queries": "queries"})
    found = mm.effects(fit, channels=media)
    share = found["indirect"] / found["total"]
    return {c: (middle(found["total"].sel(channel=c)), middle(share.sel(channel=c))) for c in media}


def test_all_through_the_mediator_and_nothing_through_it():
    for route in ("through", "past"):
        world = peer_worlds.mediation(route)
        total, share = effects_of(world, ["tv"])["tv"]
        assert total == pytest.approx(world.truth["tv"], rel=0.1)
        assert share == pytest.approx(world.truth["tv through queries"], abs=0.1)


def test_one_channel_routed_through_the_mediator_and_one_not():
    world = peer_worlds.mediation("routed and not")
    found = effects_of(world, ["tv", "social"])
    for channel, (total, share) in found.items():
        assert total == pytest.approx(world.truth[channel], rel=0.1)
        assert share == pytest.approx(world.truth[f"{channel} through queries"], abs=0.1)
    # The mistake: the other channel routed through queries.
    (_, share) = effects_of(world, ["tv", "social"], through=["social"])["tv"]
    assert abs(share - world.truth["tv through queries"]) > 0.5


# ------------------------------------------------------------------------------------------------------- stated returns
def returned(world, prior):
    fit = fitted([mm.Equation("sales", media=["tv"], priors=prior)], world, media=["tv"])
    draws = mm.roi(fit, window="outcome")
    return draws.sel(channel="tv")


def test_a_stated_roi_is_one_of_money():
    world, right, error = peer_worlds.stated_roi(), peer_worlds.STATED_ROI, peer_worlds.ERROR
    assert world.truth["roi"] == pytest.approx(right, abs=error)  # the data hardly count
    stated = mm.Prior("LogNormal", mu=np.log(right), sigma=error / right)
    low, high = returned(world, {"roi": {"tv": stated}}).quantile([0.05, 0.95], ALL).values
    assert (low + high) / 2 == pytest.approx(world.truth["roi"], abs=error)
    assert high - low == pytest.approx(2 * 1.645 * error, rel=0.2)
    # The mistake: the same number read as a return in shares of mean sales per share of mean spend.
    inner = world.frame["tv"][world.frame["tv"] > 0].mean() / world.frame["sales"].mean()
    share = mm.Prior("LogNormal", mu=np.log(right * inner**2), sigma=error / right)
    assert middle(returned(world, {"contribution": {"tv": share}})) < 0.5 * right


# ------------------------------------------------------------------------------------------------- held-out numbers
def held_out(world, factor, *, periods=20, cheat=False):
    """Fit of all but the last periods, whose sales are multiplied by a factor, and the forecast of these."""
    frame = world.frame.copy()
    frame.loc[frame.index[-periods:], "sales"] *= factor
    data = mm.MMMData.from_frame(frame, date="date", outcome="sales", media=["tv", "radio"])
    known = data.between(data.dates[0], data.dates[-periods - 1])
    scales = replace(data.scales(), end=known.dates[-1]) if cheat else None
    fit = quiet(mm.fit, mm.MMM([mm.Equation("sales", media=["tv", "radio"])]), known, scales=scales, **SHORT)
    ahead = frame.tail(periods)[["date", "tv", "radio"]]
    return fit, mm.predict(fit.accept_unconverged(), ahead)["sales"].values


def test_held_out_numbers_move_neither_fit_nor_forecast():
    world = peer_worlds.two_channels()
    (fit, ahead), (tripled, also) = (held_out(world, factor) for factor in (1.0, 3.0))
    assert fit.posterior.equals(tripled.posterior)
    assert (ahead == also).all()
    # The mistake: scales of all periods, held-out ones included.
    (_, ahead), (_, also) = (held_out(world, factor, cheat=True) for factor in (1.0, 3.0))
    assert not np.allclose(ahead, also)


def test_the_same_in_cross_validation():
    world = peer_worlds.two_channels()
    system, found = mm.MMM([mm.Equation("sales", media=["tv", "radio"])]), []
    for factor in (1.0, 3.0):
        frame = world.frame.copy()
        frame.loc[frame.index[-20:], "sales"] *= factor
        data = mm.MMMData.from_frame(frame, date="date", outcome="sales", media=["tv", "radio"])
        settings = {"draws": 200, "tune": 300, "chains": 2, "seed": 1}
        found.append(quiet(mm.evaluate.hold_out, system, data, periods=20, **settings))
    one, other = (cv.predictions[["mean", "median", "lower", "upper", "naive"]] for cv in found)
    assert one.identical(other)
    assert not found[0].predictions["observed"].equals(found[1].predictions["observed"])


def test_a_channel_that_spends_in_held_out_periods_only_is_named():
    frame = peer_worlds.two_channels().frame
    frame.loc[frame.index[:-20], "radio"] = 0.0
    roles = {"date": "date", "outcome": "sales", "media": ["tv", "radio"]}
    data, system = mm.MMMData.from_frame(frame, **roles), mm.MMM([mm.Equation("sales", media=["tv", "radio"])])
    with pytest.raises(mm.errors.SettingError, match=r"'radio' is first spent then\. Hold out fewer"):
        mm.evaluate.hold_out(system, data, periods=20, seed=1)
    with pytest.raises(
        mm.errors.SettingError, match=r"needs 101: 'radio' is first spent then\. Ask for initial=101"
    ):
        mm.evaluate.cross_validate(system, data, folds=2, horizon=20, seed=1)
    with pytest.raises(mm.errors.NeverSpentError, match="'radio'"):
        mm.fit(system, data.between(data.dates[0], data.dates[-21]), seed=1)


# ------------------------------------------------------------------------------------------------------ a small region
SCALED = ("size", "spend")


def regions(world, *, factor=1.0, one_scale=False, **settings):
    """ROI (chain, draw, geo) of all regions, the small one multiplied by a factor."""
    frame = world.frame.copy()
    frame.loc[frame["geo"] == "isle", ["tv", "sales"]] *= factor
    data = mm.MMMData.from_frame(frame, date="date", geo="geo", outcome="sales", media=["tv"])
    scales = data.scales()
    if one_scale:
        alike = {key: {n: np.full_like(v, v.mean()) for n, v in getattr(scales, key).items()} for key in SCALED}
        scales = replace(scales, **alike)
    fit = quiet(mm.fit, mm.MMM([mm.Equation("sales", media=["tv"])]), data, scales=scales, **SHORT | settings)
    assert one_scale or settings or fit.convergence.rhat < 1.03
    return mm.roi(fit.accept_unconverged(), by="geo").sel(channel="tv")


def test_a_region_in_another_unit_of_money_is_the_same_region():
    world, few = peer_worlds.small_region(52), {"draws": 60, "tune": 60}
    np.testing.assert_allclose(regions(world, factor=64.0, **few), regions(world, **few), rtol=1e-6)


@pytest.mark.slow
def test_a_region_a_hundredth_of_the_size_returns_what_it_does():
    world = peer_worlds.small_region()
    found = regions(world)
    for geo, right in world.truth.items():
        assert middle(found.sel(geo=geo)) == pytest.approx(right, rel=0.15)
    # The mistake: one scale for all regions, which leaves the small one to the prior.
    small = regions(world, one_scale=True).sel(geo="isle")
    assert abs(middle(small) / world.truth["isle"] - 1.0) > 0.3


# ---------------------------------------------------------------------------------------------- predictive intervals
def held(fit, draws, probability):
    """Share of the weeks whose sales lie in the interval of these draws."""
    low, high = draws.quantile([0.5 - probability / 2, 0.5 + probability / 2], ALL)
    sales = fit.data.columns["sales"][0]
    return float(((low <= sales) & (sales <= high)).mean())


def test_predictive_intervals_hold_nine_weeks_in_ten():
    world = peer_worlds.two_channels()
    fit = fitted([mm.Equation("sales", media=["tv", "radio"])], world, media=["tv", "radio"])
    low, high = stats.binom(len(world.frame), 0.9).ppf([0.005, 0.995]) / len(world.frame)
    table = predictive_table(fit, "sales", ci_prob=0.9)
    assert low <= table["observed"].between(table["lower"], table["upper"]).mean() <= high
    assert low <= held(fit, mm.predict(fit, noise=True)["sales"], 0.9) <= high
    # The mistake: the interval of what is expected, without the noise of a week.
    assert held(fit, mm.predict(fit, noise=False)["sales"], 0.9) < low
