"""The tables of a report of a panel that have rows for single geos."""

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.report.answers import Answers
from bayesmmm.report.geo_answers import GeoAnswers
from bayesmmm.report.tables import marked, quality, rows, with_amounts

_OVER = ("chain", "draw")


def make_geo_tables(answers: Answers) -> dict[str, pd.DataFrame]:
    """Return the tables with rows for single geos; none of one series."""
    if answers.geos is None:
        return {}
    geos, about = answers.geos, {"window": answers.window, "start": answers.start, "stop": answers.stop}

    def told(names: tuple[str, ...], lost: xr.Dataset) -> pd.DataFrame:
        table = pd.concat([rows(lost[n], answers, quantity=n) for n in names], ignore_index=True)
        return with_amounts(table, geos.effects, answers).assign(**about)

    tables = {"effects_by_geo": told(("total", "direct", "indirect"), geos.effects)}
    if answers.bought:
        money = geos.effects.sel(channel=answers.bought)
        tables["roi_by_geo"] = _ranked(told(("roi", "roi_direct", "roi_indirect"), money), money["roi"])
    if geos.marginal is not None:
        marginal = geos.marginal.to_dataset(name="marginal_roi")
        tables["marginal_roi_by_geo"] = _ranked(told(("marginal_roi",), marginal), geos.marginal)
    tables["predictive_by_geo"] = _predictive_by_geo(geos)
    tables["fit_by_geo"] = _fit_by_geo(answers, geos)
    parts = [rows(draws, answers, equation=name) for name, draws in geos.period.items()]
    if parts:
        period = pd.concat(parts, ignore_index=True).assign(unit=lambda t: "share of mean " + t["equation"])
        tables["period_effects"] = period.assign(date=period["date"].dt.strftime("%Y-%m-%d"))
    return {name: marked(table, answers) for name, table in tables.items()}


def _ranked(table: pd.DataFrame, draws: xr.DataArray) -> pd.DataFrame:
    """Add the place of each geo among those that bought a channel, and the probability of being the best of them."""
    values = draws.stack(sample=_OVER).transpose("geo", "channel", "sample").values
    known = np.isfinite(values).all(axis=-1)
    best = (
        np.where(known[..., None], values, -np.inf).argmax(axis=0)[None] == np.arange(len(values))[:, None, None]
    )
    chance = np.where(known & (known.sum(axis=0) > 1), best.mean(axis=-1), np.nan).ravel()
    main = table["quantity"] == table["quantity"].iloc[0]
    place = table[main].groupby("channel")["median"].rank(ascending=False, method="first")
    return table.assign(rank=place, p_best=pd.Series(chance, index=table.index[main]))


def _predictive_by_geo(geos: GeoAnswers) -> pd.DataFrame:
    parts = [
        table.reset_index().assign(equation=name, unit=table.attrs["unit"], fitted_mean=geos.fitted[name].ravel())
        for name, table in geos.predictive.items()
    ]
    out = pd.concat(parts, ignore_index=True)
    columns = ["equation", "geo", "date", "unit", "observed", "fitted_mean", "median", "lower", "upper"]
    return out.assign(date=out["date"].dt.strftime("%Y-%m-%d"))[columns]


def _fit_by_geo(answers: Answers, geos: GeoAnswers) -> pd.DataFrame:
    """How close each fitted mean is in each geo, and how often predictive intervals hold what was observed."""
    out = []
    for name in answers.fit.system.order:
        table = geos.predictive[name]
        for g, geo in enumerate(answers.fit.data.geos):
            series = table.xs(geo, level="geo")
            lags = geos.autocorrelation[name, geo]
            about = {"equation": name, "geo": geo, "unit": table.attrs["unit"]}
            out.append(about | quality(series, geos.fitted[name][g], lags, answers.ci_prob))
    return pd.DataFrame(out)
