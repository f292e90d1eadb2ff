"""Plans in total of a panel: shares by rule, sums that are kept, and refusals whose remedies run."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from bayesmmm import predict, split_plan, what_if
from bayesmmm.data import next_dates
from bayesmmm.errors import BayesMMMError, PanelError, PlanError, SettingError, UnknownColumnError
from bayesmmm.optimize import optimize_budget
from tests import budgets
from tests.panel_budgets import GEOS, PERIODS, plain_panel
from tests.panel_fits import NEVER, WITHOUT, panel_fit


@pytest.fixture(scope="module")
def fit():
    return plain_panel(without=[("radio", "south")])


def total_of(fit, periods=4, **columns) -> pd.DataFrame:
    spend = {n: np.linspace(100.0, 300.0, periods) * (1 + i) for i, n in enumerate(fit.data.media)}
    return pd.DataFrame(spend | columns, index=next_dates(fit.data, periods))


def by_geo(plan, name) -> np.ndarray:
    """Values (G, W) of a column."""
    return np.stack([plan.loc[plan["geo"] == geo, name].to_numpy() for geo in GEOS])


@pytest.mark.parametrize("split", ["history", "equal", {"north": 3.0, "south": 2.0, "west": 0.5}])
def test_shares_add_up_and_are_those_of_the_rule(fit, split):
    plan = total_of(fit)
    long = split_plan(fit.data, plan, split)
    assert long["geo"].tolist() == [geo for geo in GEOS for _ in range(4)]
    for name in fit.data.media:
        found = by_geo(long, name)
        assert_allclose(found.sum(axis=0), plan[name], rtol=1e-12)
        bought = np.array([(name, geo) != ("radio", "south") for geo in GEOS])
        weight = {
            "history": fit.data.columns[name].sum(axis=1),
            "equal": bought.astype(float),
        }.get(split if isinstance(split, str) else "", np.array([3.0, 2.0, 0.5]) * bought)
        assert_allclose(found, np.outer(weight / weight.sum(), plan[name]), rtol=1e-12)


def test_history_is_that_of_a_window(fit):
    dates = fit.data.dates
    long = split_plan(fit.data, total_of(fit), "history", start=dates[5], stop=dates[9])
    own = fit.data.columns["tv"][:, 5:10].sum(axis=1)
    assert_allclose(by_geo(long, "tv"), np.outer(own / own.sum(), total_of(fit)["tv"]), rtol=1e-12)
    assert PERIODS > 10


def test_a_plan_that_was_split_goes_where_plans_go(fit):
    long = split_plan(fit.data, total_of(fit), "history")
    ahead = predict(fit, long, by="geo")["sales"]
    assert ahead.sizes["geo"] == 3
    what_if(fit, plan=long, scale={"tv": 1.1})
    plan = optimize_budget(fit, plan=long, total=2000.0, starts=0)
    now = plan.current.sum("date")
    assert_allclose(now / now.sum(), _shares(long), rtol=1e-9)
    whole = long.groupby(level="date", sort=False)[["tv", "radio"]].sum()
    again = split_plan(fit.data, whole, "history")
    pd.testing.assert_frame_equal(again, long)


def _shares(long) -> np.ndarray:
    money = long.groupby("geo", sort=False)[["tv", "radio"]].sum()
    return (money / money.to_numpy().sum()).to_numpy()


def test_equal_history_gives_equal_shares():
    fit = plain_panel(alike=True)
    one, two = (split_plan(fit.data, total_of(fit), rule) for rule in ("history", "equal"))
    pd.testing.assert_frame_equal(one, two)
    other = plain_panel()
    with pytest.raises(AssertionError):  # where geos differ, so do the rules
        pd.testing.assert_frame_equal(
            *(split_plan(other.data, total_of(other), rule) for rule in ("history", "equal"))
        )


def test_controls_are_given_by_geo_or_are_alike():
    fit = panel_fit("no mediator")
    plan = total_of(fit)
    with pytest.raises(PlanError, match=r"the control 'price' differs between geos.*controls="):
        split_plan(fit.data, plan.assign(price=10.0), "history")
    table = pd.DataFrame({geo: [9.0, 10.0, 11.0, 12.0] for geo in GEOS}, index=plan.index)
    long = split_plan(fit.data, plan, "history", controls={"price": table})
    predict(fit, long)
    assert (long.loc[long["geo"] == WITHOUT, NEVER] == 0.0).all()
    with pytest.raises(SettingError, match="is no control"):
        split_plan(fit.data, plan, "history", controls={"prise": table})
    with pytest.raises(SettingError, match="in the plan as well"):
        split_plan(fit.data, plan, "equal", controls={"price": table, "tv": table})


def test_without_a_rule_both_ways_are_named_and_run(fit):
    plan = total_of(fit)
    with pytest.raises(PanelError, match=r"no column 'geo'.*mm\.split_plan\(fit\.data, plan, 'history'\)"):
        predict(fit, plan)
    predict(fit, split_plan(fit.data, plan, "history"))
    predict(fit, pd.concat([(plan * (g != "south")).assign(geo=g) for g in GEOS]))


@pytest.mark.parametrize(
    ("split", "more", "error", "text"),
    [
        ("even", {}, SettingError, "split='even' must be"),
        ({"north": 1.0, "south": 1.0}, {}, PanelError, "no weight for geo 'west'"),
        ({"north": 1.0, "south": 1.0, "west": 1.0, "nord": 1.0}, {}, PanelError, "no geo.*did you mean 'north'"),
        ({"north": -1.0, "south": 1.0, "west": 1.0}, {}, SettingError, "population"),
        ("equal", {"start": "2023-01-01"}, SettingError, "leave them out"),
        (
            {"north": 0.0, "south": 1.0, "west": 0.0},
            {},
            PlanError,
            "'radio'.*no geo gets any of it.*split='equal'",
        ),
    ],
)
def test_impossible_rules_are_refused(fit, split, more, error, text):
    with pytest.raises(error, match=text):
        split_plan(fit.data, total_of(fit), split, **more)


def test_what_is_no_plan_in_total_is_refused(fit):
    plan = total_of(fit)
    long = split_plan(fit.data, plan, "equal")
    with pytest.raises(PanelError, match="for each geo already"):
        split_plan(fit.data, long, "equal")
    with pytest.raises(PanelError, match="nothing to split; pass the plan"):
        split_plan(budgets.plain_fit().data, plan, "equal")
    with pytest.raises(UnknownColumnError, match="column 'tvs' of the plan cannot be split"):
        split_plan(fit.data, plan.rename(columns={"tv": "tvs"}), "equal")
    for wrong in (None, plan.assign(tv="many"), plan.reset_index(drop=True)):
        with pytest.raises(BayesMMMError):
            split_plan(fit.data, wrong, "equal")
