"""Dates have a stated range that is kept everywhere, and a year."""

import numpy as np
import pandas as pd
import pytest

import bayesmmm as mm
from bayesmmm.data import MMMData, next_dates
from bayesmmm.data.dates import FIRST_YEAR, LAST_YEAR
from bayesmmm.equations import MMM, Equation
from bayesmmm.errors import DateError, EquationError, ExportSettingError, PlanError
from bayesmmm.prepare import tidy
from tests.made import YEAR, frame, made_data, made_fit

SYSTEM = MMM([Equation("sales", media=["tv", "radio"], linear=["price"], trend=True, seasonality=YEAR)])


def table(start, step="7D"):
    return frame(2, start=start, step=step)


def read(dates, **roles):
    return MMMData.from_frame(
        frame(2).assign(date=dates),
        date="date",
        outcome="sales",
        media=["tv", "radio"],
        controls=["price"],
        **roles,
    )


@pytest.mark.parametrize(("step", "start"), [("7D", "1900-01-07"), ("1D", "1968-10-01"), ("MS", "1907-01-01")])
def test_data_before_1970_answer_and_plan_as_others_do(step, start, tmp_path):
    early = made_data(SYSTEM, table(start, step))
    fit = made_fit(SYSTEM, early, draws=5)
    path = fit.save(tmp_path / "fit.nc")
    back = mm.load(path).accept_unconverged()
    ahead = next_dates(early, 4)
    plan = pd.DataFrame({name: early.columns[name][0, -4:] for name in SYSTEM.exogenous}, index=ahead)
    assert ahead[0] > early.dates[-1]
    assert np.isfinite(mm.predict(back, plan)["sales"].values).all()
    assert np.isfinite(mm.effects(back, window="spend")["roi"].values).all()
    assert mm.optimize_budget(
        back, total=500.0, periods=4, starts=0, controls={"price": 10.0}
    ).spend.sum() == pytest.approx(500)


@pytest.mark.parametrize("start", ["1899-12-31", "1700-01-03", "2190-01-03", "2255-01-03"])
def test_years_outside_the_range_are_refused_with_the_row(start):
    with pytest.raises(DateError, match=rf"data row 1: {start} has a year outside 1900 to 2189; correct the date"):
        made_data(SYSTEM, table(start))


def test_the_range_can_be_counted_in_nanoseconds():
    span = pd.Timestamp(f"{LAST_YEAR}-12-31") - pd.Timestamp(f"{FIRST_YEAR}-01-01")
    assert span.days == (np.datetime64("2189-12-31") - np.datetime64("1900-01-01")).astype(int)


@pytest.mark.parametrize("bound", ["1899-12-31", "2190-01-01", "0001-01-01", "9999-12-31"])
def test_bounds_knots_and_plans_keep_the_range(bound):
    data = made_data(SYSTEM, table("2022-01-02"))
    with pytest.raises(DateError, match="in 1900 to 2189; write it as YYYY-MM-DD"):
        data.between(bound, bound)
    with pytest.raises(EquationError, match="trend knot"):
        Equation("sales", trend=[bound])
    fit = made_fit(SYSTEM, data, draws=5)
    with pytest.raises(DateError, match="in 1900 to 2189"):
        mm.effects(fit, start=bound)
    with pytest.raises(PlanError, match="beyond the year 2189, where dates end; ask for fewer periods"):
        next_dates(data, 9000)


@pytest.mark.parametrize(
    "form", ["%d %b", "%d.%m.", "%m-%d", "%j", "%H:%M", "%A", "%d %%Y %b", "junk", "", "%", 5, ["%Y"]]
)
@pytest.mark.parametrize("step", ["1D", "7D"])
def test_a_format_without_a_year_is_refused(form, step):
    dates = pd.date_range("2022-01-02", periods=52, freq=step).strftime("%d %b")
    with pytest.raises(DateError, match=r"date_format=.* (has no year|is no format of dates); .* as '%d/%m/%Y'"):
        read(dates, date_format=form)


@pytest.mark.parametrize("form", ["%d %b %Y", "%d/%m/%y", "%Y%m%d", "%d %%b %Y %b"])
def test_a_format_with_a_year_is_read(form):
    dates = pd.date_range("2022-01-02", periods=52, freq="7D")
    assert read(dates.strftime(form), date_format=form).dates[0] == dates[0]


def test_raw_exports_need_a_year_too(tmp_path):
    path = tmp_path / "export.csv"
    path.write_text("Day,Cost\n" + "".join(f"{d} Mar,{d}\n" for d in range(1, 21)))
    with pytest.raises(ExportSettingError, match="date_format='%d %b' has no year"):
        tidy(path, columns={"cost": "Cost"}, date_format="%d %b")
    with pytest.raises(ExportSettingError, match="date_format='%d %b' has no year"):
        tidy({"a": path}, columns={"cost": "Cost"}, date_format={"a": "%d %b"})


def test_dates_of_controls_are_read_like_those_of_plans():
    fit = made_fit(SYSTEM, made_data(SYSTEM, table("2022-01-02")), draws=5)
    for wrong in ("1500-01-01", "03/04/2023", "soon"):
        controls = pd.DataFrame({"date": [wrong] * 4, "price": 10.0})
        with pytest.raises(DateError, match="column 'date', data row 1"):
            mm.optimize_budget(fit, total=500.0, periods=4, controls=controls)
