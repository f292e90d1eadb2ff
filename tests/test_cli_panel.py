"""The command line on panels: the demo, tables with geos, one geo chosen, plans with a column of geos."""

import contextlib
import io
import re

import numpy as np
import pandas as pd
import pytest

import bayesmmm as mm
from bayesmmm import cli
from bayesmmm.equations import for_data, read_toml
from bayesmmm.simulate.datasets import FOLDER
from tests import panel_budgets, panel_fits
from tests.fits import judge
from tests.test_cli import refusal

QUICK = ["--draws", "500", "--tune", "500", "--chains", "2", "--no-progress"]


@pytest.fixture(scope="module")
def panel_demo(tmp_path_factory):
    """The demo of the panel, run once: folder and output. Figures are looked at elsewhere."""
    out, said = tmp_path_factory.mktemp("demo") / "results", io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setattr("bayesmmm.report.figures.save_figure", lambda make, paths: paths[0].touch())
        assert cli.main(["demo", "regions", "--by", "geo", "--out", str(out), *QUICK]) == 0
    return out, said.getvalue()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    fit = panel_fits.panel_fit("mediated", draws=20)
    return fit.save(tmp_path_factory.mktemp("panel") / "fit.nc"), fit


@pytest.fixture
def saved(written, monkeypatch):
    """A saved fit of a panel with made-up draws, of which nothing bad is said, and the fit."""
    judge(monkeypatch, written[1].convergence)
    return written


def test_demo_of_a_panel_lays_effects_beside_the_truth(panel_demo):
    _, said = panel_demo
    assert "\nEffects of each channel by geo, beside the truth\n" in said
    assert "roi[north, tv]" in said
    assert "islands, radio" not in said  # never bought
    assert "sales.half_life[tv]" in said.partition("media parameters")[2]
    assert "sales.period[" not in said
    assert re.search(r"next: bayesmmm report \S+fit\.nc --out report", said)
    assert cli.main(["report", str(panel_demo[0] / "fit.nc"), "--out", str(panel_demo[0] / "report")]) == 0
    assert (panel_demo[0] / "report" / "tables" / "roi_by_geo.csv").exists()


def test_tables_of_a_panel_say_which_geo_a_row_is_about(panel_demo):
    out, _ = panel_demo
    fit, world = mm.load(out / "fit.nc"), mm.load_case("regions")
    summary = pd.read_csv(out / "summary.csv", index_col="parameter")
    assert summary.loc["sales.contribution[coast, tv]", "geo"] == "coast"
    assert summary.loc["search.coefficient[hills, price]", "geo"] == "hills"
    assert summary.loc[["sales.half_life[tv]", "sales.period[2022-01-02]", "sales.sigma"], "geo"].isna().all()
    by_geo = pd.read_csv(out / "effects_by_geo.csv", index_col=["geo", "channel", "effect"])
    total = pd.read_csv(out / "effects.csv", index_col=["channel", "effect"])
    draws = mm.effects(fit, groups={}, window="outcome", by="geo")
    found = draws["total"].sel(geo="west", channel="social")
    assert by_geo.loc[("west", "social", "total"), "median"] == pytest.approx(float(found.median()), rel=1e-12)
    whole = mm.roi(fit, window="outcome").sel(channel="tv").quantile([0.05, 0.95])
    np.testing.assert_allclose(total.loc[("tv", "roi"), ["lower", "upper"]].astype(float), whole, rtol=1e-12)
    true = world.truth.effects_by_geo["roi"].sel(geo="east", channel="radio").item()
    assert by_geo.loc[("east", "radio", "roi"), "truth"] == true
    assert ("islands", "radio", "roi") not in by_geo.index
    assert set(by_geo["ci_prob"]) == {0.9}
    assert (by_geo["inside"] == by_geo["truth"].between(by_geo["lower"], by_geo["upper"])).all()


def test_the_specification_that_is_written_reads_the_panel(panel_demo):
    """As fitted, with the shares of spend that its default contributions were taken from."""
    world = mm.load_case("regions")
    assert read_toml(panel_demo[0] / "system.toml")[0] == for_data(world.system, world.data)


def test_a_demo_has_a_folder_for_each_world(tmp_path, monkeypatch):
    asked = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "bayesmmm.cli.commands._analyse", lambda data, _, options, world: asked.append((data, options))
    )
    for words in ([], ["social_search"], ["regions"], ["regions", "--out", "mine"]):
        cli.main(["demo", *words])
    assert [str(options.out) for _, options in asked] == ["bayesmmm-demo"] * 2 + ["bayesmmm-demo-regions", "mine"]
    assert [len(data.geos) for data, _ in asked] == [1, 1, 8, 8]


def test_a_specification_with_geos_is_read_as_a_panel(tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr("bayesmmm.cli.commands._analyse", lambda data, system, *_: read.append((data, system)))
    words = ["fit", FOLDER / "regions.csv", "--spec", FOLDER / "regions.toml", "--out", tmp_path / "out"]
    cli.main(list(map(str, words)))
    world = mm.load_case("regions")
    assert read == [(world.data, world.system)]


def test_geos_of_national_data_are_not_told_apart(tmp_path, capsys):
    data, spec = FOLDER / "social_search.csv", FOLDER / "social_search.toml"
    line = refusal(["fit", data, "--spec", spec, "--by", "geo", "--out", tmp_path / "out"], capsys)
    assert "leave it out, or name the column of geos in [data]" in line


def test_one_geo_of_a_panel_is_asked_for(saved, tmp_path, capsys):
    command = ["optimize", "--periods", "4", "--total", "1000"]
    line = refusal([*command, saved[0], "--geo", "west", "--geos", "west", "--out", tmp_path / "out"], capsys)
    assert "give one of them" in line
    line = refusal(["report", saved[0], "--geo", "nort", "--out", tmp_path / "out"], capsys)
    assert "geo 'nort' is not in the data (did you mean 'north'?)" in line
    line = refusal([*command, saved[0], "--geo", "nort", "--out", tmp_path / "out"], capsys)
    assert "geo 'nort' is not in the data (did you mean 'north'?)" in line
    assert not (tmp_path / "out").exists()


def plan_file(fit, folder, **changes):
    plan = panel_fits.plan_of(fit, periods=6).assign(**changes)
    plan.to_csv(folder / "plan.csv", index=False)
    return folder / "plan.csv", plan


def test_a_plan_with_a_column_of_geos_is_read_for_the_chosen_one(saved, tmp_path, monkeypatch):
    monkeypatch.setattr("bayesmmm.report.figures.save_figure", lambda make, paths: paths[0].touch())
    path, fit = saved
    file, plan = plan_file(fit, tmp_path)
    own = panel_fits.of_geo(plan, "west")
    own.to_csv(tmp_path / "own.csv", index=False)
    tables = []
    for given in (file, tmp_path / "own.csv"):
        out = tmp_path / f"plan-{given.stem}"
        words = [
            "optimize",
            path,
            "--geo",
            "west",
            "--plan",
            given,
            "--total",
            "200",
            "--starts",
            "1",
            "--out",
            out,
        ]
        assert cli.main(list(map(str, [*words, "--quiet"]))) == 0
        tables.append(pd.read_csv(out / "spend.csv").drop(columns="bayesmmm run"))
    pd.testing.assert_frame_equal(*tables)
    current = tables[0].pivot_table(index="date", columns="channel", values="current")
    assert len(current) == 6
    ratio = current["tv"].to_numpy() / own["tv"].to_numpy()  # the current plan is scaled to the total
    np.testing.assert_allclose(ratio[np.isfinite(ratio)], ratio[np.isfinite(ratio)][0])


def test_a_plan_for_other_geos_is_refused(saved, tmp_path, capsys):
    path, fit = saved
    file, plan = plan_file(fit, tmp_path)
    plan[plan["geo"] != "west"].to_csv(file, index=False)
    words = ["optimize", path, "--geo", "west", "--plan", file, "--total", "1000", "--out", tmp_path / "out"]
    assert "has no rows of geo 'west'. It has" in refusal(words, capsys)


def test_a_budget_over_channels_and_geos(saved, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("bayesmmm.report.figures.save_figure", lambda make, paths: paths[0].touch())
    path, _ = saved
    out, limits = (
        tmp_path / "plan",
        ["--bounds", "ALL=50%:150%", "--bounds", "tv@north=0:100", "--bounds", "tv=:500"],
    )
    limits += ["--geo-total", "west=:500", "--group", "few=tv@west+social@north::300"]
    words = [
        "optimize",
        path,
        "--periods",
        "4",
        "--total",
        "1200",
        "--controls",
        "price=10",
        "--starts",
        "1",
        *limits,
    ]
    assert cli.main(list(map(str, [*words, "--out", out]))) == 0
    spoken = capsys.readouterr().out
    assert "held at zero, where nothing was ever spent: radio in south" in spoken
    spend = pd.read_csv(out / "spend.csv")
    by_pair = spend.groupby(["geo", "channel"])["new"].sum()
    assert by_pair.sum() == pytest.approx(1200.0, rel=1e-6)
    assert by_pair["north", "tv"] <= 100.0 * (1 + 1e-6)
    assert by_pair[:, "tv"].sum() <= 500.0 * (1 + 1e-6)
    assert by_pair["west"].sum() <= 500.0 * (1 + 1e-6)
    assert by_pair["west", "tv"] + by_pair["north", "social"] <= 300.0 * (1 + 1e-6)
    assert len(pd.read_csv(out / "pairs.csv")) == 9
    assert pd.read_csv(out / "geos.csv")["name"].tolist() == ["north", "south", "west", "total"]
    assert (out / "budget_map.png").exists()
    again = ["optimize", path, "--plan", out / "plan.csv", "--total", "1200", "--starts", "1", "--geos", "north"]
    assert cli.main(list(map(str, [*again, "--out", tmp_path / "again", "--quiet"]))) == 0
    assert set(pd.read_csv(tmp_path / "again" / "spend.csv")["geo"]) == {"north"}


def test_limits_of_what_a_panel_does_not_have_are_refused(saved, tmp_path, capsys):
    words = ["optimize", saved[0], "--periods", "4", "--total", "1000", "--controls", "price=10"]
    for option, value, advice in (
        ("--bounds", "radio@south=0:100", "nothing was ever spent on it"),
        ("--geo-total", "nort=0:100", "did you mean 'north'"),
        ("--geos", "nort", "no geo is called 'nort'"),
    ):
        assert advice in refusal([*words, option, value, "--out", tmp_path / "out"], capsys)
    assert not (tmp_path / "out").exists()


def test_a_plan_in_total_is_split_by_a_rule_that_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("bayesmmm.report.figures.save_figure", lambda make, paths: paths[0].touch())
    fit = panel_budgets.plain_panel(without=[("radio", "south")])
    judge(monkeypatch, fit.convergence)
    path, file = fit.save(tmp_path / "fit.nc"), tmp_path / "total.csv"
    dates = pd.date_range(fit.data.dates[-1], periods=5, freq="7D")[1:]
    pd.DataFrame({"date": dates, "tv": 200.0, "radio": 100.0}).to_csv(file, index=False)
    words = ["optimize", path, "--plan", file, "--total", "1200", "--starts", "1", "--out", tmp_path / "plan"]
    assert "as --split history" in refusal(words, capsys)
    assert cli.main(list(map(str, [*words, "--split", "history", "--quiet"]))) == 0
    spend = pd.read_csv(tmp_path / "plan" / "spend.csv").query("channel == 'tv'")
    own = spend.groupby("geo")["current"].sum()[list(fit.data.geos)]
    np.testing.assert_allclose(own / own.sum(), fit.data.columns["tv"].sum(axis=1) / fit.data.columns["tv"].sum())
    weights = ["--split", "north=3", "--split", "south=1", "--split", "west=0"]
    assert cli.main(list(map(str, [*words, *weights, "--quiet"]))) == 0
    spend = pd.read_csv(tmp_path / "plan" / "spend.csv").groupby(["channel", "geo"])["current"].sum()
    assert spend["tv", "north"] == pytest.approx(3.0 * spend["tv", "south"])
    assert "no weight for geo 'west'" in refusal([*words, *weights[:4]], capsys)
    assert "leave the others out" in refusal([*words, "--split", "history", "--split", "north=2"], capsys)
    assert "GEO=WEIGHT" in refusal([*words, "--split", "half"], capsys)
