"""The tables of a report: one row per value, with its unit, its interval and the sampler's verdict beside it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.data import MONEY
from bayesmmm.equations.event_terms import event_columns
from bayesmmm.estimands import EXTRAPOLATED, series_total
from bayesmmm.report.answers import Answers
from bayesmmm.results import FACTORS, prior_and_posterior, summarise
from bayesmmm.text import row_parts

_OVER = ("chain", "draw")
#: What rounding leaves of parts that add up to nothing, as a control that is centred, in shares of the mean.
_NOTHING = 1e-12
_KINDS = {
    "base": "base (intercept, trend, seasonality)",
    "control": "controls",
    "event": "events",
    "direct": "channels, direct",
    "via": "channels via {}",
    "organic": "{} organic",
}


def make_tables(answers: Answers) -> dict[str, pd.DataFrame]:
    """Return every table by its name, which is also the name of its file without ``.csv``.

    Each has a column verdict, that of the sampler; those with intervals (lower, upper) a column ci_prob; units stand in
    a column unit or in the name of a column.
    """
    tables = {
        "effects": _effects(answers),
        "shares": _shares(answers),
        "induced": _induced(answers),
        "groups": _groups(answers),
        "decomposition_total": _labelled_parts(answers.quarters.sum("date", keep_attrs=True), answers),
        "decomposition_kinds": _decomposition_kinds(answers),
        "decomposition_quarters": _decomposition_quarters(answers),
        "accounting": _accounting(answers),
        "response_curves": _curves(answers),
        "half_lives": _half_lives(answers),
        "adstock_decay": _decay(answers),
        "data": answers.fit.data.summary().reset_index(),
        "parameters": _parameters(answers),
        "learnt": learnt(answers),
        "coefficients": _coefficients(answers),
        "fit_quality": _quality(answers),
        "predictive": _predictive(answers),
        "predictive_check": _by_equation(
            answers.checks, "probability", "unit", "observed", "median", "lower", "upper"
        ),
        "residual_autocorrelation": _autocorrelation(answers),
        "convergence": _convergence(answers),
        "diagnosis": answers.diagnosis.table().rename(columns={"verdict": "result"}).reset_index(),
    }
    if answers.bought:
        tables |= {"roi": _roi(answers), "marginal_roi": _marginal(answers), "cost": _cost(answers)}
    if answers.exposures:
        tables["per_thousand"] = _per_thousand(answers)
    if answers.bought and answers.paid:
        tables["roi_net"] = _stacked(_by_channel(answers, "roi_net"), answers)
    return {name: marked(table, answers) for name, table in tables.items() if len(table)}


def marked(table: pd.DataFrame, answers: Answers) -> pd.DataFrame:
    """Add the probability of intervals and the sampler's verdict to every row."""
    out = table.reset_index(drop=True)
    if any(str(name).endswith("lower") for name in out.columns):
        out["ci_prob"] = answers.ci_prob
    out["verdict"] = answers.verdict
    return out


def rows(draws: xr.DataArray, answers: Answers, **columns: object) -> pd.DataFrame:
    """Summarise draws, one row per value: a column for each dim, then `columns`, unit and the summary."""
    table = summarise(draws.rename("value"), answers.ci_prob)
    dims = [dim for dim in draws.dims if dim not in _OVER]
    places = pd.MultiIndex.from_product([draws[dim].values for dim in dims] or [np.zeros(1)])
    labels: dict[str, object] = {str(dim): places.get_level_values(i) for i, dim in enumerate(dims)}
    unit = {"unit": draws.attrs.get("unit", "")}
    return pd.DataFrame(labels | columns | unit, index=range(len(table))).join(table.reset_index(drop=True))


def pick(table: pd.DataFrame, **where: object) -> pd.DataFrame:
    """Return the rows whose columns have the values given."""
    keep = np.ones(len(table), bool)
    for name, value in where.items():
        keep &= (table[name] == value).to_numpy()
    return table[keep]


def one(table: pd.DataFrame, **where: object) -> pd.Series:
    """Return the first of the rows that `pick` returns."""
    return pick(table, **where).iloc[0]


def _window(answers: Answers, window: str | None = None) -> dict[str, str]:
    return {"window": window or answers.window, "start": answers.start, "stop": answers.stop}


# -------------------------------------------------------------------------------------------------------- effects
def _effects(answers: Answers) -> pd.DataFrame:
    names = ("total", "direct", "indirect", *(["via"] if "via" in answers.effects else []))
    return _stacked([*_by_channel(answers, *names), *_own(answers, "total")], answers)


def _by_channel(answers: Answers, *names: str) -> list[pd.DataFrame]:
    """Effects of channels by name, summarised; of returns and costs, those of channels that are money."""
    lost = answers.effects if names[0] in ("total", "induced") else _bought(answers)
    return [_with_spend(answers, lost, lost[name], "channel", name) for name in names]


def _own(answers: Answers, name: str) -> list[pd.DataFrame]:
    """Effects of paid mediators that are set to zero themselves."""
    own = answers.mediators
    return [] if own is None else [_with_spend(answers, own, own[name], "mediator", name)]


def _with_spend(answers: Answers, lost: xr.Dataset, draws: xr.DataArray, kind: str, quantity: str) -> pd.DataFrame:
    table = rows(draws, answers, kind=kind, quantity=quantity)
    return with_amounts(table, lost, answers)


def with_amounts(table: pd.DataFrame, lost: xr.Dataset, answers: Answers) -> pd.DataFrame:
    """Add what was paid, in money, and of exposures what was had and in which unit, by channel or geo and channel."""
    data, out = answers.fit.data, table.copy()
    keys = table["channel"] if "geo" not in table else pd.MultiIndex.from_frame(table[["geo", "channel"]])
    for name in ("spend", "units"):
        if name in lost:
            out[name] = lost[name].to_series().loc[list(keys)].to_numpy()
    out["spend_unit"] = [MONEY if data.has_spend(name) else "" for name in table["channel"]]
    if "units" in lost:
        own = [not data.is_money(name) for name in table["channel"]]
        out["units"] = out["units"].where(own)
        out["counted_in"] = [
            data.unit(name) if here else "" for name, here in zip(table["channel"], own, strict=True)
        ]
    return out


def had(table: pd.DataFrame) -> pd.Series:
    """Whether there was anything of a channel: units of an exposure, spend of another."""
    return (table["units"].fillna(table["spend"]) if "units" in table else table["spend"]) > 0.0


def _stacked(tables: list[pd.DataFrame], answers: Answers, window: str | None = None) -> pd.DataFrame:
    out = pd.concat(tables, ignore_index=True)
    if "mediator" in out:
        out["mediator"] = out["mediator"].fillna("")
    front = ["channel", "kind", "quantity", "mediator", "spend", "spend_unit", "units", "counted_in", "unit"]
    order = [name for name in front if name in out] + [name for name in out if name not in front]
    return out[order].assign(**_window(answers, window))


def _roi(answers: Answers) -> pd.DataFrame:
    tables = _by_channel(answers, "roi", "roi_direct", "roi_indirect")
    tables[0]["p_best"] = _best(_bought(answers)["roi"])
    return _stacked([*tables, *_own(answers, "roi")], answers)


def _bought(answers: Answers) -> xr.Dataset:
    return answers.effects.sel(channel=answers.bought)


def _marginal(answers: Answers) -> pd.DataFrame:
    marginal, own = answers.marginal, answers.marginal_mediators
    assert marginal is not None, "made where a channel is money, as this table is"
    table = _with_spend(answers, answers.effects, marginal, "channel", "marginal_roi")
    # That of a channel without spend is the return on a step: no answer to where a little more goes furthest.
    active = xr.DataArray(had(table).to_numpy(), {"channel": marginal["channel"]}, "channel")
    tables = [table.assign(p_best=_best(marginal.where(active)))]
    if own is not None and answers.mediators is not None:
        tables.append(_with_spend(answers, answers.mediators, own, "mediator", "marginal_roi"))
    return _stacked(tables, answers)


def _best(draws: xr.DataArray) -> np.ndarray:
    """Probability, by channel, of having the highest value of all channels that have one."""
    values = draws.stack(sample=_OVER).transpose("channel", "sample").values
    known = np.isfinite(values).all(axis=1)
    out = np.full(len(values), np.nan)
    if known.sum() > 1:
        best = np.argmax(values[known], axis=0)
        out[known] = np.bincount(best, minlength=known.sum()) / values.shape[1]
    return out


def _cost(answers: Answers) -> pd.DataFrame:
    """Spend per unit of outcome; p_gain is the share of draws with a gain, in others the cost is infinite."""
    (table,) = _by_channel(answers, "cost")
    table["p_gain"] = (_bought(answers)["total"] > 0.0).mean(_OVER).values
    return _stacked([table], answers)


def _per_thousand(answers: Answers) -> pd.DataFrame:
    """What a thousand units of an exposure brought and cost, with its return beside them."""
    lost = answers.effects.sel(channel=answers.exposures)
    table = _with_spend(answers, lost, lost["per_thousand"], "channel", "per_thousand")
    table["cost_per_thousand"] = lost["cost_per_thousand"].to_numpy()
    back = rows(lost["roi"], answers)[["median", "lower", "upper"]].add_prefix("roi_")
    return _stacked([table.join(back)], answers)


def _shares(answers: Answers) -> pd.DataFrame:
    """Total effects over the outcome of the window; an effect with its tail counts more periods than the window has."""
    counted = answers.counted
    return _stacked([_with_spend(answers, counted, counted["share"], "channel", "share")], answers, "outcome")


def _induced(answers: Answers) -> pd.DataFrame:
    if "induced" not in answers.effects:
        return pd.DataFrame()
    out = _stacked(_by_channel(answers, "induced"), answers)
    return out.assign(unit=out["mediator"].map(dict(answers.fit.data.mediators)))


def _groups(answers: Answers) -> pd.DataFrame:
    """All channels removed together: effects, interaction, return, cost, and the share of the outcome of the window."""
    lost, unit = answers.effects, answers.unit
    spend = float(lost["spend"].sel(channel=answers.bought).sum())
    joint = lost["joint"]
    parts = [lost[name] for name in ("joint", "joint_direct", "joint_indirect", "interaction")]
    # A return of all together needs all of them to be money.
    if spend > 0.0 and answers.bought == answers.channels:
        money = {"unit": f"{unit} per {MONEY}"} | ({"threshold": 1.0} if answers.in_money else {})
        parts.append((joint / spend).rename("roi").assign_attrs(money))
        cost = {"unit": f"{MONEY} per unit of {answers.outcome} ({unit})"}
        gain = joint > 0.0
        parts.append((spend / joint.where(gain, 1.0)).where(gain, np.inf).rename("cost").assign_attrs(cost))
    tables = [rows(part, answers, quantity=part.name, **_window(answers)) for part in parts]
    total = series_total(answers.quarters)
    share = (answers.counted["joint"] / total).assign_attrs(unit="share of the outcome")
    if total > 0.0:
        tables.append(rows(share, answers, quantity="share", **_window(answers, "outcome")))
    out = pd.concat(tables, ignore_index=True)
    out.insert(2, "spend", spend)
    out.insert(3, "spend_unit", MONEY)
    out["p_gain"] = np.where(out["quantity"] == "cost", float((joint > 0.0).mean()), np.nan)
    return out


# -------------------------------------------------------------------------------------------------- decomposition
def _labelled_parts(parts: xr.Dataset, answers: Answers) -> pd.DataFrame:
    """Contributions with kind, channel and mediator of their component, and their share of the mean."""
    out = _with_shares(parts["contribution"], parts["mean"], answers)
    for at, key in enumerate(("kind", "channel", "mediator"), start=1):
        out.insert(at, key, parts[key].values)
    return out


def _with_shares(values: xr.DataArray, mean: xr.DataArray, answers: Answers) -> pd.DataFrame:
    """Parts, summarised, and their shares of the mean."""
    values = without_rounding(values, mean)
    shares = rows(values / mean, answers)[["median", "lower", "upper"]].add_prefix("share_")
    return rows(values, answers).join(shares).assign(start=answers.start, stop=answers.stop)


def without_rounding(values: xr.DataArray, whole: xr.DataArray) -> xr.DataArray:
    """Values with 0 where there is nothing but rounding, beside the size of the whole they are parts of."""
    kept = np.abs(values) > _NOTHING * float(np.abs(whole).mean())
    return values.where(kept, 0.0)


def _decomposition_kinds(answers: Answers) -> pd.DataFrame:
    """Parts of one kind added up draw by draw; those of a mediator by mediator."""
    total = answers.quarters.sum("date", keep_attrs=True)
    common = answers.geos is not None and answers.outcome in answers.geos.period
    kinds = _KINDS | ({"base": "base (intercept, trend, seasonality, period effects)"} if common else {})
    labels = [
        kinds[kind].format(mediator)
        for kind, mediator in zip(total["kind"].values, total["mediator"].values, strict=True)
    ]
    order = list(dict.fromkeys(labels))
    summed = [total["contribution"][..., [label == k for k in labels]].sum("component") for label in order]
    values = xr.concat(summed, pd.Index(order, name="part")).transpose(*_OVER, "part")
    out = _with_shares(values.assign_attrs(unit=answers.unit), total["mean"], answers)
    first = [labels.index(label) for label in order]
    out.insert(1, "kind", total["kind"].values[first])
    out.insert(2, "mediator", total["mediator"].values[first])
    return out


def _decomposition_quarters(answers: Answers) -> pd.DataFrame:
    parts = answers.quarters
    dates = answers.fit.data.dates
    inside = pd.Series(dates[(dates >= answers.start) & (dates <= answers.stop)])
    periods = inside.groupby(inside.dt.to_period("Q")).size()
    out = rows(parts["contribution"], answers).rename(columns={"date": "quarter"})
    quarter = pd.DatetimeIndex(out["quarter"]).to_period("Q")
    out["quarter"] = quarter.astype(str)
    out["periods"] = periods.loc[quarter].values
    observed = parts["observed"].to_series()
    observed.index = observed.index.to_period("Q")
    out["observed"] = observed.loc[quarter].values
    return out.assign(kind=out["component"].map(parts["kind"].to_series()))


def _accounting(answers: Answers) -> pd.DataFrame:
    """The two views of each channel, on the outcome of the window, and their difference draw by draw."""
    parts = answers.quarters["contribution"].sum("date")
    counted = answers.counted
    tables = []
    for channel in answers.channels:
        own = parts["channel"].values == channel
        via = parts["mediator"].values != ""
        for name, at in {"total": own, "direct": own & ~via, "indirect": own & via}.items():
            booked = parts[..., at].sum("component")
            removed = counted[name].sel(channel=channel, drop=True)
            pair = {"accounting": booked, "zero_out": removed, "difference": booked - removed}
            for view, draws in pair.items():
                draws = without_rounding(draws, booked).assign_attrs(unit=answers.unit)
                tables.append(rows(draws, answers, channel=channel, effect=name, view=view))
    return pd.concat(tables, ignore_index=True).assign(**_window(answers, "outcome"))


# ---------------------------------------------------------------------------------------------- curves and memory
def _curves(answers: Answers) -> pd.DataFrame:
    curves = answers.curves
    out = rows(curves["outcome"], answers)
    long = curves[["spend", "extrapolated"]].to_dataframe().reset_index()
    out.insert(2, "spend", long["spend"])
    out.insert(3, "spend_unit", [MONEY if answers.fit.data.has_spend(name) else "" for name in out["channel"]])
    out.insert(4, "extrapolated_share", long["extrapolated"])
    out.insert(5, "extrapolated", out["extrapolated_share"] > EXTRAPOLATED)
    if "units" in curves:
        out = out.assign(
            units=curves["units"].to_series().to_numpy(), counted_in=out["channel"].map(answers.fit.data.unit)
        )
    return out.assign(draws=curves.sizes["chain"] * curves.sizes["draw"], **_window(answers))


def _half_lives(answers: Answers) -> pd.DataFrame:
    table = answers.parameters
    labels: dict[str, tuple[str, str]] = {}
    for name in answers.fit.system.order:
        # Of curves that vary from geo to geo, that of the median geo.
        known = [n for n in (f"{name}.median_half_life", f"{name}.half_life") if n in answers.fit.posterior]
        labels |= {f"{n}[{c}]": (name, c) for n in known[:1] for c in answers.fit.system.equation(name).media}
    at = list(labels)
    out = pd.DataFrame([*labels.values()], columns=["equation", "channel"]).assign(unit="days")
    columns = ["median", "lower", "upper", "mean", "sd"]
    return out.join(table.loc[at, columns].reset_index(drop=True))


def _decay(answers: Answers) -> pd.DataFrame:
    tables = [
        rows(draws, answers, equation=name).rename(columns={f"{name}.media": "channel", "lag": "lag_days"})
        for name, draws in answers.decay.data_vars.items()
    ]
    return pd.concat(tables, ignore_index=True)


# --------------------------------------------------------------------------------------------- model and diagnostics
def _parameters(answers: Answers) -> pd.DataFrame:
    table = answers.parameters
    known = table.attrs["units"]
    units = [known[row_parts(row, known)[0]] for row in table.index]
    out = table.rename_axis("parameter").reset_index()
    out.insert(1, "unit", units)
    return out


def learnt(answers: Answers) -> pd.DataFrame:
    """Prior and posterior interval of every media parameter, and how wide the second is beside the first.

    Contributions in a panel are those of its geos.
    Widths of half-lives, half-saturations and slopes are compared in logs, those of contributions as they are.
    """
    tables = []
    for name, draws in answers.fit.posterior.data_vars.items():
        equation, _, parameter = str(name).rpartition(".")
        if parameter not in (*FACTORS, "contribution"):
            continue
        prior, posterior = prior_and_posterior(answers.fit, str(name), answers.ci_prob)
        places = draws[0, 0].to_series().index
        channels = places.get_level_values(f"{equation}.media")
        table = pd.DataFrame({"equation": equation, "channel": channels, "parameter": parameter})
        if "geo" in draws.dims:
            table.insert(2, "geo", places.get_level_values("geo"))
        table["unit"] = posterior.attrs["unit"]
        width = {}
        for group, part in (("prior", prior), ("posterior", posterior)):
            for column in ("median", "lower", "upper"):
                table[f"{group}_{column}"] = part[column].values
            ends = part[["lower", "upper"]].to_numpy()
            if parameter in FACTORS:
                with np.errstate(divide="ignore", invalid="ignore"):
                    ends = np.log(ends)
            width[group] = ends[:, 1] - ends[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            table["width_ratio"] = width["posterior"] / width["prior"]
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _coefficients(answers: Answers) -> pd.DataFrame:
    tables = []
    for name in answers.fit.system.order:
        equation = answers.fit.system.equation(name)
        draws = answers.fit.coefficients(name)
        unit = f"log {name}" if equation.family.log_scale else answers.fitted[name].attrs["unit"]
        table = rows(draws, answers, equation=name).rename(columns={f"{name}.term": "term"})
        per = dict.fromkeys(event_columns(equation), "day") | dict.fromkeys(equation.linear, "unit")
        table["unit"] = [f"{unit} per {per[t]} of {t}" if t in per else unit for t in table["term"]]
        tables.append(table[["equation", *(column for column in table if column != "equation")]])
    return pd.concat(tables, ignore_index=True)


def _quality(answers: Answers) -> pd.DataFrame:
    """How close each fitted mean is, and how often predictive intervals hold what was observed."""
    out = []
    for name in answers.fit.system.order:
        series, fitted = answers.predictive[name], _fitted(answers, name)
        about = {"equation": name, "unit": series.attrs["unit"]}
        out.append(about | quality(series, fitted, answers.autocorrelation[name], answers.ci_prob))
    return pd.DataFrame(out)


def _fitted(answers: Answers, name: str) -> np.ndarray:
    """Fitted mean (T,) of a series, of a panel in total: a geo counts from its first date to its last."""
    data = answers.fit.data
    if data.present is None or answers.geos is None:
        return answers.fitted[name].mean(_OVER).values
    return np.where(data.has_row, answers.geos.fitted[name], 0.0).sum(axis=0)


def quality(series: pd.DataFrame, fitted: np.ndarray, lags: pd.DataFrame, ci_prob: float) -> dict[str, Any]:
    """Numbers on how well one series is fitted: table of its predictive intervals, fitted mean, autocorrelation."""
    known = series["observed"].notna().to_numpy() & np.isfinite(fitted)
    series, fitted = series[known], fitted[known]
    observed = series["observed"].to_numpy()
    error, some = observed - fitted, observed != 0.0  # a share of nothing is not defined
    return {
        "periods": len(observed),
        "r2": 1.0 - np.sum(error**2) / np.sum((observed - observed.mean()) ** 2),
        "rmse": np.sqrt(np.mean(error**2)),
        "mae": np.mean(np.abs(error)),
        "mape": np.mean(np.abs(error[some] / observed[some])) if some.any() else np.nan,
        "interval_probability": ci_prob,
        "coverage": np.mean((series["lower"] <= observed) & (observed <= series["upper"])),
        "lags": len(lags),
        "lags_outside_band": int((lags["median"].abs() > lags["band"]).sum()),
    }


def _by_equation(tables: Mapping[str, pd.DataFrame], *columns: str) -> pd.DataFrame:
    """Tables below each other, each with its equation in front and its unit."""
    parts = [
        table.reset_index().assign(equation=name, unit=table.attrs.get("unit")) for name, table in tables.items()
    ]
    return pd.concat(parts, ignore_index=True)[["equation", *columns]]


def _predictive(answers: Answers) -> pd.DataFrame:
    means = {name: _fitted(answers, name) for name in answers.predictive}
    tables = {name: table.assign(fitted_mean=means[name]) for name, table in answers.predictive.items()}
    out = _by_equation(tables, "date", "unit", "observed", "fitted_mean", "median", "lower", "upper")
    return out.assign(date=out["date"].dt.strftime("%Y-%m-%d"))


def _autocorrelation(answers: Answers) -> pd.DataFrame:
    out = _by_equation(answers.autocorrelation, "lag", "median", "lower", "upper", "band")
    return out.rename(columns={"lag": "lag_periods"})


def _convergence(answers: Answers) -> pd.DataFrame:
    names = ("rhat", "ess_bulk", "ess_tail", "divergences", "draws", "chains", "worst")
    out = pd.DataFrame([{name: getattr(answers.fit.convergence, name) for name in names}])
    return out.rename(columns={"worst": "worst_parameter"})
