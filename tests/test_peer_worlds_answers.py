"""Worlds that other packages answer wrongly under green checks: answers of ours from known parameters, in closed form.

Nothing is sampled. `tests/test_peer_worlds.py` has the worlds that are fitted, `benchmarks/PEERS.md` the other packages.
"""

import sys
from pathlib import Path

import arviz_stats
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

import bayesmmm as mm
from bayesmmm.evaluate import scores
from bayesmmm.results.convergence import judge
from tests import gallery
from tests.fits import quiet
from tests.made import case, made_fit

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
import peer_worlds

ALL = ("chain", "draw")


# ------------------------------------------------------------------- units of spend through curves and carry-over
DAYS, HALF_LIFE = 60, {"tv": 3.0, "queries": 2.0}
CURVE = {"tv": (2.0, 1.0), "queries": (1.5, 1.2)}  # half saturation in multiples of mean spend, slope
MEAN_SALES, MEAN_QUERIES, SHARE = 40.0, 5.0, {"queries": 0.4, "tv": 0.1, "sales": 0.3}


def units_fit():
    """Spend stirs up queries, and both sell: by curves and with carry-over, all parameters known."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "date": pd.date_range("2023-01-01", periods=DAYS),
            "tv": np.where(np.arange(DAYS) == 5, 0.0, rng.gamma(2.0, 0.5, DAYS)),
            "queries": MEAN_QUERIES * rng.uniform(0.6, 1.4, DAYS),
            "sales": MEAN_SALES * rng.uniform(0.8, 1.2, DAYS),
        }
    )
    system = mm.MMM([mm.Equation("queries", media=["tv"]), mm.Equation("sales", media=["tv", "queries"])])
    data = mm.MMMData.from_frame(
        frame, date="date", outcome="sales", media=["tv"], mediators={"queries": "queries"}
    )
    values = {}
    for equation, inputs in (("queries", ["tv"]), ("sales", ["tv", "queries"])):
        values[f"{equation}.half_life"] = {c: HALF_LIFE[c] for c in inputs}
        values[f"{equation}.half_saturation"] = {c: CURVE[c][0] for c in inputs}
        values[f"{equation}.slope"] = {c: CURVE[c][1] for c in inputs}
    values["queries.contribution"] = SHARE["queries"]
    values["sales.contribution"] = {"tv": SHARE["tv"], "queries": SHARE["sales"]}
    return made_fit(system, data, draws=2, chains=1, values=values)


def carried(x, half_life):
    """Geometric adstock by loops, weights adding up to one."""
    keep, out, last = 0.5 ** (1.0 / half_life), [], 0.0
    for value in x:
        last = (1.0 - keep) * value + keep * last
        out.append(last)
    return np.array(out)


def media_terms(fit, tv, queries):
    """Responses of queries to tv, and of sales to tv and queries, in raw units, as the equations say."""
    seen = {name: fit.data.columns[name][0] for name in ("tv", "queries", "sales")}
    unit = {"tv": seen["tv"][seen["tv"] > 0].mean(), "queries": seen["queries"].mean()}

    def response(name, x, share, size):
        half, slope = CURVE[name]
        past = peer_worlds.hill(carried(seen[name] / unit[name], HALF_LIFE[name]), half, slope)
        now = peer_worlds.hill(carried(x / unit[name], HALF_LIFE[name]), half, slope)
        return size * share * now / past.mean()

    sales = np.abs(seen["sales"]).mean()
    stirred = response("tv", tv, SHARE["queries"], np.abs(seen["queries"]).mean())
    return stirred, response("tv", tv, SHARE["tv"], sales) + response("queries", queries, SHARE["sales"], sales)


def test_first_second_and_third_unit_of_spend_through_a_mediator():
    fit = units_fit()
    seen = {name: fit.data.columns[name][0] for name in ("tv", "queries")}
    date = fit.data.dates[5]
    right, ours = [], []
    for units in range(4):
        tv = seen["tv"].copy()
        tv[5] = units
        stirred, _ = media_terms(fit, seen["tv"], seen["queries"])
        queries = seen["queries"] + media_terms(fit, tv, seen["queries"])[0] - stirred
        right.append(media_terms(fit, tv, queries)[1].sum())
        found = mm.what_if(fit, do={"tv": float(units)}, start=date, stop=date)
        ours.append(found["sales.change"].sum("date").mean(ALL).item())
    right, ours = np.diff(right), np.diff(ours)
    assert ours == pytest.approx(right, rel=1e-9)
    # Curves bend: every unit brings less than the one before, so that no one number holds for all three.
    assert right[2] < right[1] < right[0]
    # The mistake: the first unit's return taken for that of each.
    assert 3.0 * right[0] != pytest.approx(ours.sum(), rel=0.05)


def test_direct_and_mediated_units_add_up():
    fit = units_fit()
    seen = {name: fit.data.columns[name][0] for name in ("tv", "queries")}
    none = np.zeros(DAYS)
    stirred, sold = media_terms(fit, seen["tv"], seen["queries"])
    without = seen["queries"] + media_terms(fit, none, seen["queries"])[0] - stirred
    direct = (sold - media_terms(fit, none, seen["queries"])[1]).sum()
    total = (sold - media_terms(fit, none, without)[1]).sum()
    found = mm.effects(fit, channels=["tv"], window="outcome").mean(ALL).sel(channel="tv")
    assert found["direct"].item() == pytest.approx(direct, rel=1e-9)
    assert found["total"].item() == pytest.approx(total, rel=1e-9)
    # The mistake: shares multiplied as if they were slopes of straight lines.
    multiplied = SHARE["queries"] * SHARE["sales"] * fit.data.columns["sales"][0].sum()
    assert multiplied != pytest.approx(found["indirect"].item(), rel=0.05)


# --------------------------------------------------------------------------------------------------------- budgets
PERIODS = 4


def planner(off=0):
    """Fit whose draws are all the truth of `two_channels`."""
    world = peer_worlds.two_channels(off=off)
    data = mm.MMMData.from_frame(world.frame, date="date", outcome="sales", media=["tv", "radio"])
    columns, size = {n: data.columns[n][0] for n in data.media}, world.frame["sales"].mean()
    unit = {n: x[x > 0].mean() for n, x in columns.items()}
    values = {
        "sales.half_life": 0.05,  # days: nothing is carried over
        "sales.slope": 1.0,
        "sales.half_saturation": {n: peer_worlds.HALVES[n] / unit[n] for n in columns},
        "sales.contribution": {n: peer_worlds.brought(n, x).mean() / size for n, x in columns.items()},
    }
    return made_fit(mm.MMM([mm.Equation("sales", media=["tv", "radio"])]), data, draws=4, values=values)


def best_of(total, lower, upper, *, periods=PERIODS, worth=1.0):
    """Money of tv in the best even split within limits, by trying all in steps of a ten-thousandth."""
    tv = np.linspace(0.0, total, 10_001)
    allowed = (tv >= lower - 1e-9) & (tv <= upper + 1e-9)
    sold = peer_worlds.brought("tv", tv / periods) + worth * peer_worlds.brought("radio", (total - tv) / periods)
    return float(tv[allowed][np.argmax(sold[allowed])])


def planned(fit, total, **limits):
    plan = mm.optimize_budget(fit, total=total, periods=PERIODS, **limits)
    return plan.spend.sum("date").to_series(), plan


def test_bounds_are_of_a_channel_in_the_window():
    fit, total = planner(), 800.0
    free = best_of(total, 0.0, total)
    bounds = {"tv": (0.0, 0.9 * free), "radio": (0.0, total)}
    money, _ = planned(fit, total, bounds=bounds)
    assert money["tv"] == pytest.approx(best_of(total, *bounds["tv"]), abs=total / 1e3)
    assert money["tv"] + money["radio"] == pytest.approx(total)
    # The mistake: the bounds of the window read as those of every period bind nothing.
    other, _ = planned(fit, total, period_bounds=bounds)
    assert other["tv"] == pytest.approx(free, abs=total / 1e3)
    assert abs(other["tv"] - money["tv"]) > 0.05 * total


def test_a_limit_on_one_channel_binds_that_channel_only():
    fit, total = planner(), 800.0
    now = planned(fit, total)[1].current.sum("date").sel(channel="tv").item()
    money, plan = planned(fit, total, bounds={"tv": (0.9 * now, 1.1 * now)})
    assert money["tv"] == pytest.approx(best_of(total, 0.9 * now, 1.1 * now), abs=total / 1e3)
    assert [limit.channel for limit in plan.solution.binding if limit.kind == "bound"] == ["tv"]
    # The mistake: the same limit on both. It is another plan, or none where totals leave no room.
    narrow, both = {"tv": (0.999 * now, 1.001 * now)}, ("99.9%", "100.1%")
    more, _ = planned(fit, 1.2 * total, bounds=narrow)
    assert more["radio"] == pytest.approx(1.2 * total - more["tv"])
    assert planned(fit, 1.2 * total, bounds=both)[0]["tv"] != pytest.approx(more["tv"], rel=0.01)


def test_a_channel_that_was_off_in_the_reference_window_is_worth_what_it_brings():
    fit, total = planner(off=PERIODS), 800.0
    money, _ = planned(fit, total)
    right = best_of(total, 0.0, total)
    assert 0.1 * total < total - right
    assert money["tv"] == pytest.approx(right, abs=total / 1e3)
    # The mistake: the curve of radio laid through the window in which it was off.
    assert best_of(total, 0.0, total, worth=0.0) == total
    # In the profile of a plan in which it was off it is still to be had.
    assert planned(fit, total, flighting="historical")[0]["radio"] > 0.1 * total


# --------------------------------------------------------------------------------------------- dates, R-hat, metrics
def test_a_forecast_that_does_not_continue_the_data_is_refused():
    fit = planner()
    step = pd.Timedelta("7D")
    plan = pd.DataFrame(
        {"date": pd.date_range(fit.data.dates[-1] + step, periods=3, freq=step), "tv": 1.0, "radio": 1.0}
    )
    assert mm.predict(fit, plan)["sales"].sizes["date"] == 3
    with pytest.raises(mm.errors.PlanError, match=r"22 period.* missing.*start at 2024-04-21"):
        mm.predict(fit, plan.assign(date=plan["date"] + 22 * step))


def plain_rhat(draws):
    between = draws.shape[1] * draws.mean(axis=1).var(ddof=1)
    within = draws.var(axis=1, ddof=1).mean()
    return np.sqrt((between / within + draws.shape[1] - 1) / draws.shape[1])


def split_rank_rhat(draws):
    """R-hat of halves of chains: the larger one of ranks and of distances to the median."""

    def ranked(x):
        rank = stats.rankdata(x).reshape(x.shape)
        return plain_rhat(stats.norm.ppf((rank - 0.375) / (x.size + 0.25)))

    half = draws.shape[1] // 2
    split = np.concatenate([draws[:, :half], draws[:, half:]])
    return max(ranked(split), ranked(np.abs(split - np.median(split))))


def test_r_hat_is_that_of_ranks_of_split_chains():
    draws = peer_worlds.shifted_draws()
    dims = ("chain", "draw")
    posterior = xr.Dataset(
        {"sales.sigma": (dims, draws)}, {d: range(n) for d, n in zip(dims, draws.shape, strict=True)}
    )
    stats_ = xr.Dataset({"diverging": (dims, np.zeros(draws.shape, bool))}, posterior.coords)
    found = judge(xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats_}))
    assert found.rhat == pytest.approx(split_rank_rhat(draws), rel=1e-12)
    assert found.rhat == pytest.approx(float(arviz_stats.rhat(posterior)["sales.sigma"]), rel=1e-12)
    # The mistake: the ratio of variances without its square root.
    assert plain_rhat(draws) ** 2 != pytest.approx(found.rhat, abs=0.05)


def test_a_quantity_with_an_undefined_draw_has_no_verdict():
    fit = gallery.fit_of(3).accept_unconverged()
    draws = mm.roi(fit)
    odd, infinite, fine = draws["channel"].values
    whole = mm.sensitivity.power_scaling(fit, draws)
    draws.loc[{"chain": 0, "draw": 3, "channel": odd}] = np.nan
    draws.loc[{"chain": 0, "draw": 3, "channel": infinite}] = np.inf
    found = mm.sensitivity.power_scaling(fit, draws)
    for channel in (odd, infinite):
        row = found.loc[f"roi[{channel}]"]
        assert row["verdict"] == "unknown"
        assert np.isnan([row["prior"], row["likelihood"]]).all()
        assert row["finding"].startswith("unknown: 1 draw of it not finite")
        # The mistake: the number of a comparison with NaN, which is false, taken for "below the threshold".
        assert not row["prior"] >= found.attrs["threshold"]
    assert np.isnan(found.loc[f"roi[{odd}]", "median"])
    pd.testing.assert_series_equal(found.loc[f"roi[{fine}]"], whole.loc[f"roi[{fine}]"])


def test_a_comparison_says_the_sign_of_its_differences():
    fit = made_fit(*case("one term"), draws=500, chains=2)
    worse = made_fit(*case("one term"), draws=500, chains=2)
    worse.tree["log_likelihood"]["sales"] -= 1.0
    table = quiet(mm.evaluate.compare, {"worse": worse, "better": fit})
    assert list(table.index) == ["better", "worse"]
    assert table["diff"].tolist() == pytest.approx([0.0, -len(fit.data.dates)])
    assert "less that of the best" in mm.evaluate.compare.__doc__


def test_metrics_have_all_their_digits():
    rng = np.random.default_rng(0)
    observed = rng.normal(300_000.0, 50_000.0, 40)
    for size in (11_607.0, 12_394.0):
        error = rng.standard_normal(40)
        error *= size / np.sqrt((error**2).mean())
        assert float(scores.rmse(observed, observed + error)) == pytest.approx(size, rel=1e-12)
    # The mistake: two digits, as printed for a number whose error is a tenth of it, tell both alike.
    assert float(f"{11_607.0:.1e}") == float(f"{12_394.0:.1e}")
