"""The report of a panel: totals and geos are the answers, long lists are cut and say so, tables hold every geo."""

import numpy as np
import pandas as pd
import pytest

import bayesmmm as mm
from bayesmmm.cli.files import _figures
from bayesmmm.equations import MMM, Equation, Panel
from bayesmmm.inference import groups
from bayesmmm.report import compose, figures, geo_answers, page, write_report
from bayesmmm.report.recommendation import CHANGE, Asked, recommend
from bayesmmm.results import Convergence
from tests import fits, panels
from tests.reports import page_of, said, write

OVER = ("chain", "draw")
QUICK = {"draws": 25, "tune": 50, "chains": 2, "seed": 1, "progress": False}
COLUMNS = ["median", "lower", "upper", "mean", "sd"]


def fitted(system, data):
    return fits.quiet(mm.fit, system, data, **QUICK).accept_unconverged()


@pytest.fixture(scope="module")
def fit():
    """Five geos of different size, one of which never buys social; sales are money, search counts queries."""
    return fitted(panels.system(), panels.data())


@pytest.fixture(scope="module")
def report(fit):
    return compose(fit, title="Five geos")


def of(table, **where):
    for name, value in where.items():
        table = table[table[name] == value]
    return table


# -------------------------------------------------------------------------------------------------------------- tables
def test_effects_and_returns_by_geo_are_those_of_the_functions(fit, report):
    draws = mm.effects(fit, by="geo")
    for name in ("total", "direct", "indirect"):
        table = of(report.tables["effects_by_geo"], quantity=name)
        expected = mm.summarise(draws[name].transpose(*OVER, "geo", "channel"), 0.9)
        np.testing.assert_allclose(table[COLUMNS], expected[COLUMNS])
        np.testing.assert_array_equal(table["spend"], draws["spend"].transpose("geo", "channel").values.ravel())
    for name, answer in {"roi": mm.roi(fit, by="geo"), "marginal_roi": mm.marginal_roi(fit, by="geo")}.items():
        table = of(report.tables[f"{name}_by_geo"], quantity=name)
        expected = mm.summarise(answer.transpose(*OVER, "geo", "channel"), 0.9)
        np.testing.assert_allclose(table[COLUMNS], expected[COLUMNS])
        assert of(table, geo="south", channel="social")["median"].isna().all()  # never bought there


def test_totals_are_sums_over_geos(fit, report):
    by_geo, total = report.answers.geos.effects, report.answers.effects
    np.testing.assert_allclose(by_geo["total"].sum("geo"), total["total"], rtol=1e-9)
    assert set(report.tables["fit_quality"]["equation"]) == {"search", "sales"}
    seen = fit.data.columns["sales"].sum(axis=0)
    np.testing.assert_allclose(of(report.tables["predictive"], equation="sales")["observed"], seen)


def test_geos_are_ranked_within_a_channel_by_their_draws(fit, report):
    roi = mm.roi(fit, by="geo").stack(sample=OVER)
    for channel in ("tv", "social"):
        draws = roi.sel(channel=channel).transpose("geo", "sample").dropna("geo")
        table = of(report.tables["roi_by_geo"], quantity="roi", channel=channel).set_index("geo")
        order = draws.median("sample").to_series().sort_values(ascending=False).index
        assert table["rank"].dropna().sort_values().index.tolist() == order.tolist()
        best = [(draws.values.argmax(axis=0) == g).mean() for g in range(draws.sizes["geo"])]
        np.testing.assert_allclose(table.loc[draws["geo"].values, "p_best"], best)
        assert table["p_best"].sum() == pytest.approx(1.0)
    assert np.isnan(table.loc["south", "p_best"])


def test_fit_of_each_geo_by_hand(fit, report):
    table = of(report.tables["fit_by_geo"], equation="sales", geo="west").iloc[0]
    mean = mm.predict(fit, by="geo")["sales"].sel(geo="west").mean(OVER).values
    seen = fit.data.sel("west").columns["sales"][0]
    assert table["r2"] == pytest.approx(1 - ((seen - mean) ** 2).sum() / ((seen - seen.mean()) ** 2).sum())
    low, high = fit.tree["posterior_predictive"]["sales"].sel(geo="west").quantile([0.05, 0.95], OVER).values
    assert table["coverage"] == pytest.approx(((low <= seen) & (seen <= high)).mean())
    assert len(report.tables["fit_by_geo"]) == 10
    series = of(report.tables["predictive_by_geo"], equation="sales", geo="west")
    np.testing.assert_allclose(series["fitted_mean"], mean)
    np.testing.assert_allclose(series["observed"], seen)


def test_what_was_learnt_about_contributions_is_told_by_geo(report):
    table = of(report.tables["learnt"], equation="sales", parameter="contribution").set_index(["geo", "channel"])
    assert len(table) == 5 * 3
    assert np.isnan(table.loc[("south", "social"), "width_ratio"])
    assert table["width_ratio"].notna().sum() == 14


def test_a_panel_has_a_recommended_plan_of_all_its_geos(fit, monkeypatch):
    """At what all geos spent in the last quarter; no channel in a geo moves by more than the limit."""
    fits.judge(monkeypatch, Convergence("converged", 1.0, 500.0, 400.0, 0, 50, 2, "sales.slope[tv]"))
    plan, why = recommend(fit, Asked())
    assert plan is not None, why
    assert why == ""
    now = plan.current.sum("date")
    assert now.dims == ("geo", "channel")
    spent = [
        [fit.data.columns[name][fit.data.geos.index(geo), -13:].sum() for name in now["channel"].values]
        for geo in now["geo"].values
    ]
    np.testing.assert_allclose(now, spent, rtol=1e-6)
    bought = now.values > 0.0
    moved = (plan.spend.sum("date").values - now.values)[bought] / now.values[bought]
    assert np.abs(moved).max() <= CHANGE + 1e-6
    assert plan.table().index.tolist()[-1] == "total"


# ------------------------------------------------------------------------------------------------------ words, figures
def test_sentences_name_the_best_and_the_last_geo_no_surer_than_they_are(fit, report):
    table = of(report.tables["roi_by_geo"], quantity="roi", channel="tv").set_index("geo")
    first, last = table["median"].idxmax(), table["median"].idxmin()
    text = said(report, "Where it worked")
    assert f"Of the 5 geos that bought tv, it returned most in {first}: " in text
    assert f"It returned least in {last}: " in text
    tv = next(f.text for f in report.findings if f.text.startswith("Of the 5 geos that bought tv"))
    assert ("so the order is not settled" in tv) == (table.loc[first, "p_best"] < 0.9)
    assert "Of the 4 geos that bought social" in text
    above = int((table["lower"] > 1.0).sum())
    assert f"The 90 % interval lies above 1 in {above} of 5 geos" in text
    marginal = (
        mm.marginal_roi(fit, by="geo").stack(pair=("geo", "channel"), sample=OVER).transpose("pair", "sample")
    )
    known = marginal[np.isfinite(marginal.values).all(axis=1)]
    share = np.bincount(known.values.argmax(axis=0), minlength=len(known)) / known.sizes["sample"]
    geo, channel = known["pair"].values[share.argmax()]
    assert (
        f"Of the 9 pairs of channel and geo, one more unit of money is most likely to go furthest in {channel} in "
        in text
    )
    assert f"{channel} in {geo}, where it brings " in text
    assert "moves sales in all geos at once" in said(report, "What is not media")


def test_the_page_of_a_panel_is_whole(fit, report, tmp_path):
    write(report, tmp_path)
    told = page_of(tmp_path)
    assert told.faults == []
    for heading in (" By geo ", "Return by geo", "Effect on sales by geo", "How well each geo is fitted"):
        assert heading in told.text
    drawn = {figure.name for figure in report.figures}
    assert {"roi_by_geo", "roi_map", "period_effects_sales", "predictive_by_geo_sales"} <= drawn
    assert {path.stem for path in (tmp_path / "figures").glob("*.svg")} == drawn  # none was left out
    assert "of 5 geos, in total where no geo is named" in told.text
    assert "a geo that says little is drawn towards the others" in told.text
    assert "Geos do not act on each other" in told.text
    assert "Shown are" not in told.text


def test_long_lists_of_geos_are_cut_and_say_so(fit, tmp_path, monkeypatch, no_drawing):
    for where in (figures, geo_answers, page):
        monkeypatch.setattr(where, "ROWS", 3)
    monkeypatch.setattr(figures, "PANELS", 1)
    short = compose(fit)
    write(short, tmp_path)
    text = page_of(tmp_path).text
    assert "Shown are the 3 geos with the largest outcome; 2 more are in the files roi_by_geo.csv." in text
    readings = {figure.name: figure.reading for figure in short.figures}
    assert "Shown are the 3 geos" in readings["roi_by_geo"]
    assert (
        "Shown are the 1 geo with the largest outcome; 4 more are in the table"
        in readings["predictive_by_geo_sales"]
    )
    size = dict(zip(fit.data.geos, fit.data.columns["sales"].sum(axis=1), strict=True))
    assert short.answers.geos.first(3) == sorted(size, key=size.get, reverse=True)[:3]
    (forest,) = (f for f in short.figures if f.name == "roi_by_geo")
    rows = [label.get_text() for label in forest.draw()[0].get_yticklabels()]
    assert sorted(rows) == sorted(short.answers.geos.first(3))
    assert set(short.tables["roi_by_geo"]["geo"]) == set(fit.data.geos)
    assert set(short.tables["fit_by_geo"]["geo"]) == set(fit.data.geos)


def test_returns_are_drawn_with_the_highest_geo_first(fit):
    draws = mm.roi(fit, by="geo")
    for i, ax in enumerate(mm.plots.roi_by_geo(draws, ranked=True)):
        own = draws.isel(channel=i).median(OVER).to_series()
        order = own.sort_values(ascending=False, kind="stable", na_position="last").index
        assert [label.get_text() for label in ax.get_yticklabels()] == order.tolist()


# -------------------------------------------------------------------------------------------------- panels of all kinds
@pytest.mark.parametrize(
    "case",
    [
        "two geos",
        "full",
        "none",
        "one channel",
        "lognormal",
        "own sigma",
        "own curves",
        "without groups",
        "window",
    ],
)
def test_reports_of_panels_of_all_kinds(case, tmp_path, monkeypatch, no_drawing):
    data, system, settings = panels.data(), panels.system(), {}
    if case == "two geos":
        data = panels.data(("north", "south"))
    elif case in ("full", "none"):
        system = panels.system(panel=Panel(pooling=case))
    elif case == "one channel":
        system = MMM([Equation("sales", media=["tv"])])
    elif case == "own sigma":
        system = panels.system(panel=Panel(sigma="per_geo"))
    elif case == "own curves":
        system = panels.system(panel=Panel(pooled=["half_life", "half_saturation"]))
    elif case == "lognormal":
        system = panels.system("lognormal")
    elif case == "without groups":
        monkeypatch.setattr(groups, "MOST_POINTWISE", 1)
        monkeypatch.setattr(geo_answers, "_VALUES", 3_000)
    else:
        settings = {"start": "2023-02-05", "stop": "2023-04-30", "window": "outcome"}
    fit = fitted(system, data)
    assert ("log_likelihood" in fit.tree.children) == (case != "without groups")
    write_report(fit, tmp_path, **settings)
    told = page_of(tmp_path)
    assert told.faults == []
    for file in (tmp_path / "tables").glob("*.csv"):
        assert set(pd.read_csv(file)["verdict"]) == {fit.convergence.verdict}
    assert ("period_effects.csv" in {p.name for p in (tmp_path / "tables").iterdir()}) == (case != "two geos")
    words = {"full": "the same share of the mean series in all geos", "none": "biased upwards"}
    words["two geos"] = "Nothing stands for what moves all geos at once"
    words["window"] = "2023-02-05 to 2023-04-30"
    assert words.get(case, "By geo") in told.text
    if case == "two geos":
        assert "social was bought in north only" in told.text


def test_a_large_panel_is_replicated_with_fewer_draws(monkeypatch):
    monkeypatch.setattr(groups, "MOST_POINTWISE", 1)
    fit = fitted(panels.system(), panels.data())
    monkeypatch.setattr(geo_answers, "_VALUES", 3_000)
    fewer = geo_answers.with_replicates(fit)
    assert (
        fewer.tree["posterior_predictive"].sizes["draw"] == 5
    )  # 3000 / (2 equations x 5 geos x 30 weeks) / 2 chains
    assert len(fewer.data.geos) == 5
    names = [name for name, _ in _figures(fit, fit.summary(), None, 0.9)]  # those of `bayesmmm fit`
    assert {"predictive_by_geo_sales", "predictive_check_search", "prior_posterior_sales_slope"} <= set(names)


def test_values_that_were_not_recorded_are_not_judged():
    frame = panels.frame()
    weeks = frame["week"].unique()
    frame = frame[~((frame["geo"] == "west") & (frame["week"] < weeks[6]))]
    frame.loc[(frame["geo"] == "north") & (frame["week"] == weeks[10]), "sales"] = np.nan
    data = mm.MMMData.from_frame(frame, **panels.ROLES, missing="ignore")
    ragged = fitted(panels.system(), data)
    tables = compose(ragged).tables
    table = tables["fit_by_geo"].set_index(["equation", "geo"])
    assert table.loc[("sales", "north"), "periods"] == 29
    assert table.loc[("sales", "west"), "periods"] == 24
    assert np.isfinite(table[["r2", "rmse", "coverage"]]).all(axis=None)
    total = of(tables["predictive"], equation="sales")
    assert total["observed"].isna().sum() == 1
    early = [v for name, v in zip(data.geos, data.columns["sales"], strict=True) if name != "west"]
    assert total["observed"].iloc[0] == pytest.approx(sum(v[0] for v in early))
    assert of(tables["fit_quality"], equation="sales")["periods"].item() == 29
    found = mm.diagnostics.audit(data, panels.system())
    ahead = found.tables["prior_predictive"]
    assert ahead.loc[("sales", "west")].shape[0] == 24
    assert found["prior_predictive:sales"].verdict == "ok"
