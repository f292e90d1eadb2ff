"""Geos that start late or end early, and values that were not recorded: answers are those of each geo by itself."""

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal

from bayesmmm.data.scales import common_share
from bayesmmm.diagnostics.panel_checks import panel_checks
from bayesmmm.estimands import decompose, predict, residuals, roi
from tests.panel_fits import EARLY, GEOS, LATE, NAMES, alone, of_geo, panel_fit, plan_of
from tests.test_panel_answers import ASKED, DIFFERENCE_OF, RATIOS, assert_close, variables

FITS = {name: panel_fit(name, ragged=True) for name in NAMES}
PLANNED = [asked for asked in ASKED if "plan" in asked]
#: Answers in which the tail of a geo that ended goes on into periods in which others are still observed.
TAILED = ["effects", "roi", "marginal roi", "curves", "effects of a window"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("asked", ASKED)
def test_by_geo_is_the_national_answer_of_each_geo_over_its_own_periods(name, asked):
    fit = FITS[name]
    plan = plan_of(fit)
    whole = variables(ASKED[asked](fit, plan, by="geo"))
    for geo in GEOS:
        if geo == EARLY and asked in (*TAILED, *PLANNED):
            continue
        national = alone(fit, geo)
        own = variables(ASKED[asked](national, of_geo(plan, geo)[["date", *national.system.exogenous]]))
        for key, values in own.items():
            found = whole[key].sel(geo=geo)
            for dim in ("channel", "component", "input", "date"):
                if dim in values.dims:
                    found = found.sel({dim: values[dim].values})
            assert_close(values, found, (geo, key), of=own.get(DIFFERENCE_OF.get(key)))


@pytest.mark.parametrize(
    "asked", ["effects of a window", "effects on a window", "decompose", "predict", "what if less"]
)
@pytest.mark.parametrize("name", ["mediated", "lognormal", "sigma per geo"])
def test_totals_are_sums_over_the_geos_that_have_a_row(name, asked):
    fit = FITS[name]
    whole, total = (variables(ASKED[asked](fit, None, **by)) for by in ({"by": "geo"}, {}))
    for key in set(total) - set(RATIOS):
        skipna = not key.startswith("observed")
        sums = whole[key].fillna(0.0).sum("geo") if skipna else _observed_total(fit)
        assert_close(sums, total[key], key, of=total.get(DIFFERENCE_OF.get(key)))


def _observed_total(fit):
    """Sales of all geos that have a row; not known where one of them was not recorded."""
    sales = fit.data.columns[fit.system.outcome]
    total = [
        sum(v for v, own in zip(column, rows, strict=True) if own)
        for column, rows in zip(sales.T, fit.data.has_row.T, strict=True)
    ]
    return xr.DataArray(total, dims="date")


@pytest.mark.parametrize(
    "asked", ["effects", "effects on a window", "marginal roi", "decompose", "predict with noise", "residuals"]
)
def test_geos_that_are_chosen_answer_over_their_own_periods(asked):
    fit = FITS["mediated"]
    whole = variables(ASKED[asked](fit, None, by="geo"))
    for geo in (LATE, "south"):
        for key, values in variables(ASKED[asked](fit.sel(geo=geo), None)).items():
            found = whole[key].sel(geo=geo)
            found = found.sel(date=values["date"]) if "date" in values.dims else found
            assert_close(values, found, (geo, key), of=whole.get(DIFFERENCE_OF.get(key)))
    assert list(fit.sel([LATE, EARLY]).data.dates) == list(fit.data.dates)
    assert fit.sel(EARLY).data.dates[-1] < fit.data.dates[-1]


def test_what_was_spent_last_goes_on_after_a_geo_ended():
    fit = FITS["no mediator"]
    whole, inside = (roi(fit, by="geo", window=window).sel(geo=EARLY) for window in ("spend", "outcome"))
    assert (inside < whole).all()
    # Within its own periods it is what the geo says by itself.
    assert_allclose(inside, roi(fit.sel(EARLY), window="outcome"), rtol=1e-10)


def test_nothing_is_said_of_a_geo_outside_its_own_periods():
    fit = FITS["mediated"]
    parts = decompose(fit, by="geo")
    own = fit.data.has_row
    for key in ("contribution", "mean"):
        absent = np.isnan(parts[key]).transpose("geo", "date", ...).values
        assert_array_equal(absent.all(axis=tuple(range(2, absent.ndim))), ~own)
        assert_array_equal(absent.any(axis=tuple(range(2, absent.ndim))), ~own)
    assert_array_equal(np.isnan(parts["observed"]), np.isnan(fit.data.columns["sales"]))
    assert np.isfinite(decompose(fit)["contribution"]).all()
    fitted = predict(fit, by="geo")["sales"].transpose("geo", "date", ...)
    assert np.isfinite(fitted.values[own]).all()  # also where sales were not recorded
    assert np.isnan(fitted.values[~own]).all()


def test_a_mean_contribution_is_one_over_the_periods_of_the_geo():
    fit = FITS["mediated"]
    parts = decompose(fit, by="geo").sel(component="tv")["contribution"].mean("date")
    right = fit.posterior["sales.contribution"].sel({"sales.media": "tv"}) * xr.DataArray(
        fit.scales.size["sales"], dims="geo"
    )
    assert_close(right.transpose(*parts.dims), parts, "mean contribution")
    all_periods = decompose(fit, by="geo").sel(component="tv")["contribution"].fillna(0.0).mean("date")
    assert (
        np.abs(all_periods.sel(geo=LATE) / right.sel(geo=LATE).transpose("chain", "draw") - 1.0).min() > 0.1
    )  # the negative control


def test_what_geos_have_in_common_is_looked_for_in_their_own_periods():
    """By chance the mean over the geos of a period has one part in so many of their variance."""
    fit = FITS["no mediator"]
    found = panel_checks(fit, seed=0)[1]["common"].loc["sales"]
    known = fit.data.recorded("sales")
    assert found["by_chance"] == pytest.approx((1.0 / known.sum(axis=0)).mean())
    assert found["by_chance"] > 1.0 / len(GEOS)
    left = residuals(fit, by="geo").mean(("chain", "draw")).transpose("geo", "date").values
    sigma = float(fit.posterior["sales.sigma"].std() / fit.posterior["sales.sigma"].mean())
    assert sigma < 0.5  # so that both ways of averaging over draws agree
    assert found["share"] == pytest.approx(common_share(np.where(known, left, np.nan)), rel=0.2)
