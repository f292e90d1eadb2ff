"""The audit of a panel: what its geos can say together, and what each of them is asked for."""

from dataclasses import replace

import numpy as np
import pandas as pd

from bayesmmm import engine
from bayesmmm.data import MMMData
from bayesmmm.diagnostics import thresholds as bounds
from bayesmmm.diagnostics.advice import prior_on
from bayesmmm.diagnostics.audit_equations import predictive_table, ratio_check, season_check
from bayesmmm.diagnostics.check import Check, check_against
from bayesmmm.diagnostics.prior_view import PriorView, evaluate
from bayesmmm.equations import MMM, Equation
from bayesmmm.equations.checks import values_per_parameter
from bayesmmm.equations.panel import POOLABLE
from bayesmmm.equations.panel_warnings import common_spend_share


def panel_checks_before(data: MMMData, system: MMM) -> tuple[list[Check], dict[str, pd.DataFrame]]:
    """Check a panel before a fit; tables as `audit` lists them for panels."""
    view = evaluate(data, system)
    checks: list[Check | None] = [_geos(view), _common_spend(view), _buyers(view)]
    shares, counts, ahead = {}, {}, {}
    for name in system.order:
        values, parameters = values_per_parameter(system.equation(name), data)
        counts[name] = {"values": values, "parameters": parameters, "ratio": values / parameters}
        ahead[name] = _ahead(view, name)
        checks += [ratio_check(name, values, parameters), _own(view, name), season_check(view, name)]
        if view.media(name):
            shares[name] = share_by_geo(view, name)
            checks.append(_share(view, name, shares[name]))
        checks.append(_coverage(name, ahead[name]))
    tables = {
        "channels": channel_table(view),
        "parameters": pd.DataFrame.from_dict(counts, orient="index").rename_axis("equation"),
        "prior_predictive": pd.concat(ahead, names=["equation"]),
        "media_share": _in_total(view),
    }
    if shares:
        tables["media_share_by_geo"] = pd.concat(shares, names=["equation"])
    return [check for check in checks if check is not None], tables


def summed(data: MMMData) -> pd.DataFrame:
    """Outcome, mediators and media by date, added up over geos, with their units and roles in attrs."""
    roles = {data.outcome: "outcome", **dict.fromkeys(data.mediators, "mediator")}
    roles |= {name: "channel" for name in data.media if name not in roles}
    columns = {name: data.columns[name].sum(axis=0) for name in roles}
    table = pd.DataFrame(columns, pd.DatetimeIndex(data.dates, name="date"))
    table.attrs = {"unit": {name: data.unit(name) for name in roles}, "role": roles}
    return table


# ---------------------------------------------------------------------------------------------------------- all geos
def channel_table(view: PriorView) -> pd.DataFrame:
    """By channel and geo: mean, variation over time, and share of active periods; NaN variation where never bought."""
    rows = {}
    for name in view.system.media:
        for geo, row in zip(view.data.geos, view.data.known(name), strict=True):
            x = np.maximum(row[np.isfinite(row)], 0.0)
            mean = x.mean()
            variation = x.std() / mean if mean > 0.0 else np.nan
            rows[name, geo] = {"mean": mean, "variation": variation, "active": float((x > 0.0).mean())}
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(table.index, names=["channel", "geo"])
    return table


def _geos(view: PriorView) -> Check | None:
    count, names = len(view.data.geos), [e.name for e in view.system.equations if e.has_period_effects]
    if not names:
        return None
    one = names[0]
    return check_against(
        "geos",
        "data",
        bounds.FEW_GEOS,
        float(count),
        f"period effects of {', '.join(names)} are told from what {count} geos do.",
        "with few geos, what all have in common in a period is mostly what each does by itself: period effects take "
        "effects of media with them",
        (f"leave them out, as mm.Equation({one!r}, ..., panel=mm.Panel(periods='none'))", "add geos"),
    )


def _common_spend(view: PriorView) -> Check | None:
    each = {name: common_spend_share(name, view.data) for name in view.system.channels}
    shares = {name: share for name, share in each.items() if share is not None}
    if not shares:
        return None
    worst = max(shares, key=shares.__getitem__)
    return check_against(
        "common_spend",
        "data",
        bounds.COMMON_SPEND,
        shares[worst],
        f"{shares[worst]:.0%} of the variation of {worst} over time is the same in all geos that buy it, more than of "
        f"any other channel.",
        "what is split among geos by one key says nothing that the national series does not say, and period effects "
        "take what all geos have in common",
        (
            f"spend on {worst} at other times, or more of it, in some geos, and fit again",
            f"say what is known, as {_prior(view, worst)}",
            "add the geos up to one national series, as frame.groupby('date').sum()",
        ),
    )


def _buyers(view: PriorView) -> Check | None:
    pooled = [e for e in view.system.equations if e.panel and e.panel.pooling == "partial" and e.media]
    counts = {c: int(view.data.bought([c])[:, 0].sum()) for e in pooled for c in e.media}
    if not counts:
        return None
    fewest = min(counts, key=counts.__getitem__)
    equation = next(e for e in pooled if fewest in e.media)
    return check_against(
        "pooling",
        "data",
        bounds.BUYERS,
        float(counts[fewest]),
        f"{fewest} is bought by {counts[fewest]} of {len(view.data.geos)} geos, fewer than any other channel.",
        f"one geo cannot say how far geos differ: tau of {fewest} stays what its prior says, and the contribution of "
        f"the geo is as wide as both priors together",
        (
            f"say how far geos differ, as {prior_on(equation, 'tau', fewest)}",
            f"take geos for alike, as mm.Equation({equation.name!r}, ..., panel=mm.Panel(pooling='full'))",
        ),
    )


def _prior(view: PriorView, channel: str) -> str:
    equation = next(e for e in view.system.equations if channel in e.media)
    return prior_on(equation, "contribution", channel)


# ------------------------------------------------------------------------------------------------- an equation by geo
def _own(view: PriorView, name: str) -> Check:
    """Values of one geo beside the parameters that it has for itself."""
    equation, periods = view.system.equation(name), len(view.data.dates)
    own = _own_parameters(equation)
    most = int(view.data.bought(equation.media).sum(axis=1).max()) if equation.media else 0
    pooled = equation.panel is not None and equation.panel.pooling != "full"
    curves = len(equation.panel.pooled) if equation.panel else 0
    count = own + most * (pooled + curves)
    return check_against(
        f"own_parameters:{name}",
        "data",
        bounds.PERIODS_PER_PARAMETER,
        periods / count,
        f"each geo has {periods} values of {name} for up to {count} parameters of its own, {periods / count:.1f} for "
        f"each.",
        "geos say little by themselves: their own terms lean on priors, and their contributions on the other geos",
        (
            f"let geos share terms, as mm.Equation({name!r}, ..., panel=mm.Panel(per_geo=[]))",
            f"let geos share contributions, as mm.Equation({name!r}, ..., panel=mm.Panel(pooling='full'))",
            "use a longer history, or days instead of weeks",
        ),
    )


def _own_parameters(equation: Equation) -> int:
    return len(equation.per_geo) + int(equation.has_sigma_per_geo)


def share_by_geo(view: PriorView, name: str) -> pd.DataFrame:
    """What priors let all media together bring, in shares of the mean size of a series: quantiles and p_above by geo."""
    total = view.prior[name]["contribution"].sum(axis=-1)
    if view.system.equation(name).family.log_scale:
        total = -np.expm1(-total)
    lower, median, upper = np.quantile(total, [0.05, 0.5, 0.95], axis=0)
    columns = {"median": median, "lower": lower, "upper": upper, "p_above": (total > 1.0).mean(axis=0)}
    return pd.DataFrame(columns, index=pd.Index(view.data.geos, name="geo"))


def _share(view: PriorView, name: str, table: pd.DataFrame) -> Check | None:
    equation = view.system.equation(name)
    if not equation.family.additive:
        return None
    geo, row = str(table["p_above"].idxmax()), table.loc[table["p_above"].idxmax()]
    channel = view.media(name)[0]
    return check_against(
        f"media_share:{name}",
        "data",
        bounds.SHARE_BY_GEO,
        float(row["p_above"]),
        f"the priors let all media of {name} bring {100 * row['median']:.0f} % of it in {geo} (90 % "
        f"{100 * row['lower']:.0f} to {100 * row['upper']:.0f} %), and more than all of it with probability "
        f"{row['p_above']:.2f}, more than in any other geo.",
        "the priors believe in answers that cannot be; where a geo says little, so will the posterior",
        (
            f"say that geos differ less, as {prior_on(equation, 'tau', channel)}"
            if equation.panel and equation.panel.pooling == "partial"
            else f"let geos share, as mm.Equation({name!r}, ..., panel=mm.Panel(pooling='partial'))",
            f"narrow the prior of the median geo, as {prior_on(equation, 'contribution', channel)}",
        ),
    )


def _in_total(view: PriorView) -> pd.DataFrame:
    """What priors let each channel bring to the outcome of all geos directly, in shares of it: a row per draw."""
    name = view.system.outcome
    share, size = view.prior[name]["contribution"], view.scales.size[name]
    whole = np.einsum("sgc,g->sc", share, size / size.sum())
    if view.system.equation(name).family.log_scale:
        whole = -np.expm1(-whole)
    table = pd.DataFrame(whole, columns=list(view.media(name)))
    table.insert(len(table.columns), "total", whole.sum(axis=1), allow_duplicates=True)
    return table


def _ahead(view: PriorView, name: str) -> pd.DataFrame:
    """Series beside what the priors predict for it, by geo and date, as `predictive_table` has it for one series."""
    tables = {geo: predictive_table(of_one_geo(view, g), name) for g, geo in enumerate(view.data.geos)}
    return pd.concat(tables, names=["geo"])


def of_one_geo(view: PriorView, g: int) -> PriorView:
    """Return the view of one geo, by the draws of the panel's priors that are about it."""
    prior, data = {}, view.data.sel(view.data.geos[g])
    for name, par in view.prior.items():
        own = {key: par[key][:, [g]] for key in ("contribution", "coefficient")}
        own |= {key: par[key][:, g] for key in POOLABLE if par[key].ndim == 3}  # curves that vary from geo to geo
        if "period" in par:
            own["period"] = par["period"][:, view.data.dates.isin(data.dates)]
        if par["sigma"].ndim == 2:
            own["sigma"] = par["sigma"][:, [g]]
        prior[name] = {**par, **own}
    scales = view.scales.sel([g])
    inputs = {name: engine.inputs(view.system.equation(name), data, scales) for name in view.system.order}
    return replace(view, data=data, scales=scales, prior=prior, inputs=inputs)


def _coverage(name: str, table: pd.DataFrame) -> Check:
    table = table[table["observed"].notna()]
    inside = (table["observed"] >= table["lower"]) & (table["observed"] <= table["upper"])
    by_geo = inside.groupby(level="geo", sort=False).mean()
    geo, value = str(by_geo.idxmin()), float(by_geo.min())
    return check_against(
        f"prior_predictive:{name}",
        "data",
        bounds.PRIOR_COVERAGE,
        value,
        f"the 90 % interval that the priors predict for {name} in {geo} holds {100 * value:.0f} % of its values, fewer "
        f"than in any other geo.",
        "the priors rule out what was observed: data and priors will pull against each other",
        (
            "print(system), and compare the priors on intercept, contribution or roi with what is plausible",
            f"look at {geo} alone, as mm.diagnostics.audit(data.sel({geo!r}), system)",
        ),
    )
