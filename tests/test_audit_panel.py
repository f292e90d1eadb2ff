"""The audit of a panel: it speaks where geos cannot answer, is silent where they can, and its remedies help."""

from dataclasses import replace

import numpy as np
import pytest

import bayesmmm as mm
from bayesmmm.data import MMMData
from bayesmmm.diagnostics import audit
from bayesmmm.equations import MMM, Equation, Panel
from bayesmmm.equations.spend_share import for_data
from tests import panels


def read(frame, **changes):
    return MMMData.from_frame(frame, **{**panels.ROLES, **changes})


SALES = MMM([Equation("sales", media=["tv", "social"], linear=["price"])])


def remedied(check, name):
    """The panel that the first remedy with a piece of code gives an equation."""
    code = next(r for r in check.remedies if f"mm.Equation({name!r}" in r)
    start = code.index("mm.Equation(")
    depth, end = 0, start
    for end in range(start + len("mm.Equation"), len(code)):
        depth += {"(": 1, ")": -1}.get(code[end], 0)
        if depth == 0:
            break
    asked = eval(code[start : end + 1].replace("..., ", "media=['tv', 'social'], linear=['price'], "), {"mm": mm})
    return asked


def with_changes(system, asked):
    return MMM(
        [
            replace(e, panel=asked.panel or e.panel, priors={**e.priors, **asked.priors})
            if e.name == asked.name
            else e
            for e in system.equations
        ]
    )


def test_the_shipped_panel_passes_its_audit():
    world = mm.load_case("regions")
    found = audit(world.data, world.system)
    assert [check.name for check in found.raised] == ["variation"]  # searches are never zero, and vary by 19 %
    assert found["variation"].verdict == "warn"
    assert "'search' is never zero and varies by only 19%" in found["variation"].finding
    names = {check.name for check in found.checks}
    assert {"geos", "common_spend", "pooling", "own_parameters:sales", "media_share:sales"} <= names
    assert {"prior_predictive:sales", "prior_predictive:search", "periods:sales", "seasons:sales"} <= names
    spend = found.tables["spend"]
    np.testing.assert_allclose(spend["sales"], world.data.columns["sales"].sum(axis=0))
    channels = found.tables["channels"]
    tv = world.data.columns["tv"][0]
    assert channels.loc[("tv", "north"), "variation"] == pytest.approx(tv.std() / tv.mean())
    assert np.isnan(channels.loc[("radio", "islands"), "variation"])
    axes = mm.plots.audit(found)
    assert len(axes) == 4


def test_prior_media_share_of_each_geo_is_that_of_its_prior():
    world = mm.load_case("regions")
    table = audit(world.data, world.system).tables["media_share_by_geo"].loc["sales"]
    # The contribution of a geo is that of the median geo times exp(tau z): drawn anew, independently.
    equation = for_data(world.system, world.data).equation("sales")
    rng = np.random.default_rng(5)
    blocks = {block.name: dict(zip(block.labels, block.priors, strict=False)) for block in equation.parameters()}
    size, total = 200_000, 0.0
    for channel in equation.media:
        if channel == "radio":
            continue
        spread = np.exp(blocks["tau"][channel].draw(rng, size) * rng.standard_normal(size))
        total = total + blocks["contribution"][channel].draw(rng, size) * spread
    for geo in ("hills", "islands"):  # which never buy radio
        assert table.loc[geo, "median"] == pytest.approx(np.median(total), rel=0.1)
        assert table.loc[geo, "p_above"] == pytest.approx((total > 1.0).mean(), abs=0.03)


def test_curves_and_scales_of_geos_are_looked_at_geo_by_geo():
    panel = Panel(pooled=["half_life", "slope"], sigma="per_geo")
    found = audit(panels.data(), MMM([replace(SALES.equations[0], panel=panel)]))
    assert found["prior_predictive:sales"].verdict == "ok"
    assert found["own_parameters:sales"].value == pytest.approx(30 / (1 + 1 + 2 * 3))


def test_few_geos_for_period_effects():
    data = panels.data(("north", "east"))
    asked = MMM([replace(SALES.equations[0], panel=Panel(periods="random"))])
    check = audit(data, asked)["geos"]
    assert (check.verdict, check.value) == ("warn", 2.0)
    better = with_changes(asked, remedied(check, "sales"))
    assert "geos" not in {c.name for c in audit(data, better).checks}
    assert audit(panels.data(), asked)["geos"].verdict == "ok"
    assert "geos" not in {c.name for c in audit(data, SALES).checks}  # left open: none for two geos


def test_spend_that_one_key_splits_and_spend_that_geos_decide():
    frame = panels.frame()
    whole = frame[frame["geo"] == "north"].set_index("week")["tv"]
    key = frame["geo"].map(dict(zip(panels.GEOS, (0.1, 0.2, 0.3, 0.25, 0.15), strict=True)))
    split = read(frame.assign(tv=whole.loc[frame["week"]].to_numpy() * key))
    check = audit(split, SALES)["common_spend"]
    assert check.verdict == "warn"
    assert check.value == pytest.approx(1.0)
    assert "100% of the variation of tv" in check.finding
    assert audit(read(frame), SALES)["common_spend"].verdict == "ok"
    # The remedies: spend at other times in a geo; or one national series.
    moved = split.columns["tv"].copy()
    moved[:2] = np.roll(moved[:2], 9, axis=1)
    assert audit(split.replace_columns({"tv": moved}), SALES)["common_spend"].verdict == "ok"
    total = frame.groupby("week", as_index=False)[["sales", "search", "tv", "social"]].sum()
    national = MMMData.from_frame(total, date="week", outcome="sales", media=["tv", "social"])
    assert audit(national, MMM([Equation("sales", media=["tv", "social"])])).subject == "data"


def test_a_channel_that_one_geo_buys_is_not_pooled():
    frame = panels.frame()
    alone = read(frame.assign(social=frame["social"] * (frame["geo"] == "north")))
    check = audit(alone, SALES)["pooling"]
    assert (check.verdict, check.value) == ("warn", 1.0)
    assert "social is bought by 1 of 5 geos" in check.finding
    full = MMM([replace(SALES.equations[0], panel=Panel(pooling="full"))])
    assert "pooling" not in {c.name for c in audit(alone, full).checks}
    asked = remedied(check, "sales")  # says what tau is: accepted by the equation
    assert set(with_changes(SALES, asked).equation("sales").priors["tau"]) == {"social"}
    assert audit(alone, with_changes(SALES, asked))
    assert audit(panels.data(), SALES)["pooling"].verdict == "ok"


def test_geos_too_short_for_what_is_their_own():
    data = panels.data(periods=14)
    season = mm.Fourier(period=365.25, order=2)
    panel = Panel(per_geo=["seasonality", "price"])
    many = MMM([replace(SALES.equations[0], seasonality=season, panel=panel)])
    check = audit(data, many)["own_parameters:sales"]
    assert check.verdict == "warn"
    assert check.value == pytest.approx(14 / (1 + 4 + 1 + 2))
    better = with_changes(many, remedied(check, "sales"))
    assert audit(data, better)["own_parameters:sales"].value > check.value
    assert audit(panels.data(periods=60), SALES)["own_parameters:sales"].verdict == "ok"


def test_priors_that_rule_a_geo_out_name_it():
    priors = {"intercept": mm.Prior("Normal", mu=0.8, sigma=0.01), "sigma": mm.Prior("HalfNormal", sigma=0.01)}
    frame = panels.frame()
    at = (frame["geo"] == "west").to_numpy()
    # In the west nearly all that is sold comes in a few weeks.
    burst = np.where(np.arange(len(frame)) % 10 == 0, 10.0, 0.01)
    frame.loc[at, "sales"] = (frame["sales"] * burst)[at]
    narrow = MMM([replace(SALES.equations[0], priors=priors, panel=Panel(periods="none"))])
    check = audit(read(frame), narrow)["prior_predictive:sales"]
    assert check.verdict in ("warn", "fail")
    assert " in west holds " in check.finding
    assert audit(panels.data(), SALES)["prior_predictive:sales"].verdict == "ok"


def test_wide_priors_of_geos_are_told_with_the_geo():
    wide = {"tau": mm.Prior("LogNormal", mu=1.0, sigma=0.1), "contribution": mm.Prior("HalfNormal", sigma=0.5)}
    system = MMM([replace(SALES.equations[0], priors=wide, panel=Panel())])
    check = audit(panels.data(), system)["media_share:sales"]
    assert check.verdict == "warn"
    assert " in " in check.finding
    narrow = {"tau": mm.Prior("LogNormal", mu=-1.4, sigma=0.3), "contribution": mm.Prior("HalfNormal", sigma=0.1)}
    better = MMM([replace(SALES.equations[0], priors=narrow, panel=Panel())])  # both remedies, for every channel
    assert audit(panels.data(), better)["media_share:sales"].verdict == "ok"
    assert "'tau'" in check.remedies[0]
    assert with_changes(SALES, remedied(check, "sales"))
