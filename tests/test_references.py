"""What a control or an event brought is counted from its reference, alike in decompositions, effects and what-ifs."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayesmmm as mm
from bayesmmm.equations import MMM, Equation, for_data, read_toml
from bayesmmm.errors import EquationError, SettingError, UnknownTermError
from bayesmmm.estimands.term_effects import terms_of
from tests import answer_cases, made, panel_fits
from tests import reference_answers as reference

#: One case of each likelihood of outcome and mediator, and of each way in which a control acts.
CASES = (
    "no mediator",
    "linear in a mediator",
    "student_t mediator",
    "lognormal mediator",
    "lognormal outcome",
    "censored mediator",
    "censored outcome",
)
LEVELS = ("min", 9.25)


def counted_from(fit, level):
    """The fit with its price counted from a level."""
    own = [e if "price" in e.linear else None for e in fit.system.equations]
    equations = [
        dataclasses.replace(e, reference={**e.reference, "price": level}) if e in own else e
        for e in fit.system.equations
    ]
    return dataclasses.replace(fit, system=MMM(equations)).with_convergence(fit.convergence)


# ---------------------------------------------------------------------------------------------------- what is given
def frame():
    rng = np.random.default_rng(1)
    table = made.frame(3)
    return table.assign(
        mails=rng.poisson(40.0, len(table)) * 1000.0 * (rng.random(len(table)) < 0.8),
        cents=np.round(200.0 + 10.0 * rng.normal(size=len(table))),
        degrees=np.round(rng.normal(2.0, 9.0, len(table))),
    )


CONTROLS = ["price", "holiday", "mails", "cents", "degrees"]


def data():
    return mm.MMMData.from_frame(
        frame(),
        date="date",
        outcome="sales",
        media=["tv", "radio"],
        mediators={"shop": "money"},
        controls=CONTROLS,
    )


def system(**reference):
    linear = [*CONTROLS, "radio", "shop"]
    own = {n: level for n, level in reference.items() if n in CONTROLS}
    return MMM(
        [
            Equation("shop", media=["tv"], linear=["holiday"]),
            Equation("sales", media=["tv"], linear=linear, reference=own),
        ]
    )


def test_what_happens_or_not_is_counted_from_zero_and_what_always_is_from_its_mean():
    fitted = for_data(system(), data())
    assert dict(fitted.equation("sales").reference) == {
        **{"price": "mean", "holiday": 0.0, "mails": 0.0, "cents": "mean", "degrees": "mean"},
        **{"radio": 0.0, "shop": 0.0},
    }
    assert dict(fitted.equation("shop").reference) == {"holiday": 0.0}
    assert for_data(fitted, data()) == fitted


def test_a_given_reference_is_kept_holds_everywhere_and_is_a_number_once_it_is_fitted():
    given = system(price="min", holiday=1, cents="max", mails="mean")
    fitted, table = for_data(given, data()), frame()
    own = fitted.equation("sales").reference
    assert (own["price"], own["cents"], own["mails"]) == (table["price"].min(), table["cents"].max(), "mean")
    assert own["holiday"] == fitted.equation("shop").reference["holiday"] == 1.0


def test_references_are_printed_and_written():
    text = str(system())
    assert "linear terms count from" not in text
    assert "a fit takes 0 for 0/1, counts and spend, else the mean" in text
    fitted = for_data(system(price="min"), data())
    assert f"linear terms count from {frame()['price'].min():.4g} (price); 0 (holiday, mails" in str(fitted)
    assert "a fit takes 0" not in str(fitted)
    for one in (fitted, system(price="max", holiday=0)):
        assert read_toml(one.to_toml() + "\n")[0] == one
    assert max(map(len, text.splitlines())) < 130


@pytest.mark.parametrize(
    ("reference", "error", "words"),
    [
        (["price"], EquationError, r"Give a mapping from linear terms to levels, as \{'price': 'mean'"),
        ({"tv": 0}, UnknownTermError, "a reference for 'tv', which is none of its linear terms"),
        ({"prise": 0}, UnknownTermError, "did you mean 'price'"),
        ({"price": "median"}, EquationError, "Give 'mean', 'min' or 'max', over the fitted periods, or a number"),
        ({"price": True}, EquationError, "the reference True of 'price'"),
        ({"price": np.nan}, EquationError, "or a number in the unit of the column"),
    ],
)
def test_what_is_no_reference_is_refused(reference, error, words):
    with pytest.raises(error, match=words):
        Equation("sales", media=["tv"], linear=["price"], reference=reference)
    assert Equation("sales", media=["tv"], linear=["price"], reference={"price": "mean"})


def test_a_column_has_one_reference():
    queries = Equation("queries", media=["tv"], linear=["price"], reference={"price": 0})
    sales = {"media": ["queries"], "linear": ["price"]}
    with pytest.raises(
        EquationError, match=r"counts 'price' from 0\.0, and another equation from 'mean'.*leave it out"
    ):
        MMM([queries, Equation("sales", **sales, reference={"price": "mean"})])
    one = MMM([queries, Equation("sales", **sales)])
    table = made.frame(2).drop(columns=["social", "radio", "holiday", "search", "visits", "shop", "deals"])
    roles = {"date": "date", "outcome": "sales", "media": ["tv"], "mediators": {"queries": "queries"}}
    fitted = for_data(one, mm.MMMData.from_frame(table, **roles, controls=["price"]))
    assert fitted.equation("sales").reference["price"] == 0.0


# ------------------------------------------------------------------------------------------------------- accounting
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", CASES)
def test_parts_add_up_whatever_they_are_counted_from(name, level):
    usual = answer_cases.fit_of(name)
    fit, at = counted_from(usual, level), answer_cases.DRAWS[0]
    draw, residual = answer_cases.draw_and_residual(name, at)
    draw = dataclasses.replace(draw, levels=draw.levels | {"price": level_of(fit, level)})
    for n in fit.system.order:
        parts, before = mm.decompose(fit, n), mm.decompose(usual, n)
        size = 1e-8 * fit.scales.size[n][0]
        assert_allclose(parts["contribution"].sum("component"), before["mean"], atol=size)
        expected, _ = reference.decompose(draw, n, residual)
        for (_, _, _, label), values in expected.items():
            found = parts["contribution"].sel(component=label).isel(chain=at[0], draw=at[1])
            assert_allclose(found, values, atol=size, err_msg=label)
        media = [c for c in parts["component"].values if parts["kind"].sel(component=c) in ("direct", "via")]
        if fit.system.equation(n).family.additive:  # what channels brought does not depend on it
            assert_allclose(
                parts["contribution"].sel(component=media), before["contribution"].sel(component=media), atol=size
            )


def level_of(fit, level):
    values = fit.data.columns["price"][0]
    return {"mean": fit.scales.center["price"], "min": values.min(), "max": values.max()}.get(level, level)


def test_a_control_at_its_reference_has_no_part():
    fit = counted_from(made.case_fit("no mediator", draws=2), "min")
    part = mm.decompose(fit)["contribution"].sel(component="price")
    assert_allclose(part[..., fit.data.columns["price"][0].argmin()], 0.0, atol=1e-9)
    assert (part.std("date") > 0.0).all()


# ---------------------------------------------------------------------------------------------------------- effects
def same_as_what_if(fit, found, term, level, **by):
    changed = mm.what_if(fit, do={term: level}, **by)[f"{fit.system.outcome}.change"].sum("date")
    total = found["term_total"].sel(term=term)
    size = np.abs(fit.data.columns[fit.system.outcome]).sum()
    assert_allclose(total, -changed, rtol=1e-10, atol=1e-10 * size)
    assert level == fit.scales.center[term] or (abs(total) > 1e-6 * size).all()


@pytest.mark.parametrize("level", ["max", 0])
@pytest.mark.parametrize("name", CASES)
def test_effects_of_controls_are_those_of_setting_them_to_their_reference(name, level):
    fit = counted_from(made.case_fit(name, draws=2), level)
    found = mm.effects(fit, window="outcome")
    assert found["term"].values.tolist() == list(terms_of(fit))
    assert set(found["term_kind"].values) == {"control"}
    own = float(found["reference"].sel(term="price"))
    assert own == level_of(fit, level)
    same_as_what_if(fit, found, "price", own)
    assert_allclose(found["term_direct"] + found["term_indirect"], found["term_total"], rtol=1e-10)
    if fit.system.mediators:
        via = found["term_via"].sum("mediator").transpose(*found["term_indirect"].dims)
        assert_allclose(via, found["term_indirect"], rtol=1e-10)
    if fit.system.equation(fit.system.outcome).family.additive and not fit.system.mediators:
        slope = fit.coefficients("sales").sel({"sales.term": "price"}).values
        assert_allclose(found["per_unit"].sel(term="price"), slope, rtol=1e-9)
        part = mm.decompose(fit)["contribution"].sel(component="price").sum("date")
        assert_allclose(found["term_total"].sel(term="price"), part, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("by", [None, "geo"])
@pytest.mark.parametrize("name", ["lognormal", "censored", "ragged"])
def test_effects_of_controls_on_a_panel(name, by):
    fit = panel_fits.panel_fit(*([] if name == "ragged" else [name]), ragged=name == "ragged")
    fit, by = counted_from(fit, 9.0), {} if by is None else {"by": by}
    found = mm.effects(fit, window="outcome", groups={}, **by)
    changed = mm.what_if(fit, do={"price": 9.0}, **by)["sales.change"].sum("date")
    size = np.nansum(np.abs(fit.data.columns["sales"]))
    assert_allclose(found["term_total"].sel(term="price"), -changed, rtol=1e-10, atol=1e-10 * size)
    for n in fit.system.order:
        parts = mm.decompose(fit, n, **by)
        together = parts["contribution"].sum("component", skipna=False)
        assert_allclose(together, parts["mean"], atol=1e-8 * size)


def test_effects_of_the_window_and_of_a_plan():
    fit = counted_from(made.case_fit("one mediator", draws=2), "min")
    dates = fit.data.dates
    where = {"start": dates[10], "stop": dates[30]}
    whole, part = mm.effects(fit), mm.effects(fit, window="outcome", **where)
    direct = mm.effects(fit, **where)
    assert_allclose(direct["term_direct"], part["term_direct"], rtol=1e-9)
    assert (abs(direct["term_indirect"]) > 0.0).all()  # with its tail, after the window
    away = fit.data.columns["price"][0] - whole["reference"].sel(term="price").item()
    assert_allclose(whole["units_away"].sel(term="price"), away.sum())
    plan = made.frame(5, periods=8, start="2023-12-31").set_index("date")[["tv", "social", "price"]]
    low = fit.data.columns["price"][0].min()
    ahead = mm.effects(fit, plan=plan, groups={}, paths=4)
    gone = mm.what_if(fit, do={"price": low}, plan=plan, paths=4)["sales.change"].sum("date")
    tail = ahead["term_total"].sel(term="price") + gone  # what mediators pass on after the plan
    assert (abs(tail) < 0.5 * abs(gone)).all()
    level = mm.effects(fit, terms=["price"], plan=plan.assign(price=low), groups={})
    assert_allclose(level["term_total"], 0.0, atol=1e-9)
    assert np.isnan(level["per_unit"]).all()


def test_what_is_no_control_is_refused():
    fit = made.case_fit("one mediator", draws=2)
    with pytest.raises(
        UnknownTermError, match=r"no equation has the control or event 'prise'.*did you mean 'price'"
    ):
        mm.effects(fit, terms=["prise"])
    with pytest.raises(UnknownTermError, match="'tv', which is a channel: ask channels= about it"):
        mm.effects(fit, terms=["tv"])
    with pytest.raises(SettingError, match=r"must be a list of controls and events, as terms=\['price'\]"):
        mm.effects(fit, terms="price")
    assert mm.effects(fit, terms=["price"])["term"].values.tolist() == ["price"]
    none = mm.effects(fit, terms=())
    assert "term" not in none.dims
    table = mm.summarise(mm.effects(fit, groups={}))
    assert {"term_total[price]", "per_unit[price]"} <= set(table.index)
