"""The table of a plan beside the current one: rows of channels, of geos, or of channels in geos, and the total."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.data.future import GEO
from bayesmmm.optimize.decision_variables import label_of
from bayesmmm.optimize.solution import BindingLimit
from bayesmmm.results import summarise
from bayesmmm.text import rough_percent
from bayesmmm.validate import check_choice, refusal

if TYPE_CHECKING:
    from bayesmmm.optimize.plan import Plan

#: What rows of the table of a panel's plan are about.
BY = ("channel", GEO, "pair")
_LIMITS = 3
_ENDS = ("median", "lower", "upper")
#: Both plans, and the columns of how much of their spend was never seen.
_PLANS = {"current": "extrapolated_current", "new": "extrapolated"}


def table_of(plan: "Plan", ci_prob: float, by: str) -> pd.DataFrame:
    """Rows of what is decided, of induced mediators where rows are of channels, and of the total."""
    check_choice(by, "by", BY, "of a panel")
    if by != "channel" and GEO not in plan.spend.dims:
        raise refusal("by", by, "tells the geos of a panel apart, and this plan is of one series; leave by out")
    parts = [_decided(_subjects(plan, by), ci_prob)]
    if "induced" in plan.answers and by == "channel":
        parts.append(_induced(plan.answers["induced"], ci_prob, plan.attrs["mediators"]))
    parts.append(_total(plan, ci_prob))
    table = pd.concat(parts)
    table.insert(3, "change", table["new"] / table["current"].where(table["current"] > 0.0) - 1.0)
    table["note"] = table["note"].fillna("")
    return table if plan.units is None else _with_units(table, plan, by)


def _counted(plan: "Plan") -> Mapping[str, str]:
    """Channels of a plan that are exposures, with their units."""
    return {} if plan.units is None else json.loads(plan.units.attrs["counted"])


def _with_units(table: pd.DataFrame, plan: "Plan", by: str) -> pd.DataFrame:
    """Add what is had for the money of exposures, in the unit of each; those of a geo have no unit in common."""
    assert plan.units is not None
    total = plan.units.sum("date")
    if GEO in total.dims and by == "channel":
        total = total.sum(GEO)
    counted = _counted(plan)
    at = [{dim: row[dim] for dim in (GEO, "channel")} for _, row in table.iterrows()] if by == "pair" else []
    at = at or [{"channel": name} for name in table.index]
    known = [by != GEO and where["channel"] in counted for where in at]
    for position, which in enumerate(_PLANS):
        values = [
            float(total.sel(plan=which, **where)) if here else np.nan
            for where, here in zip(at, known, strict=True)
        ]
        table.insert(3 + position, f"units_{which}", values)
    table.insert(5, "unit", [counted[w["channel"]] if here else "" for w, here in zip(at, known, strict=True)])
    return table


# ------------------------------------------------------------------------------------------------- who the rows are of
@dataclass(frozen=True)
class _Subjects:
    """What rows are about: names (N), with dims plan and name where nothing else is said."""

    kind: str
    names: list[str]
    money: xr.DataArray
    roi: xr.DataArray  # and chain, draw
    unseen: xr.DataArray
    threshold: float  # from which on unseen spend is told
    marginal: np.ndarray  # (N,)
    limits: list[list[BindingLimit]]  # that hold each
    where: tuple[tuple[str, str], ...] = ()  # geo and channel of each, where they are of pairs
    counted: frozenset[str] = frozenset()  # those that are exposures, whose units were seen


def _subjects(plan: "Plan", by: str) -> _Subjects:
    if GEO not in plan.spend.dims or by == "channel":
        return _of_channels(plan)
    return _of_pairs(plan) if by == "pair" else _of_geos(plan)


def _money(plan: "Plan", *over: str) -> xr.DataArray:
    both = [each.sum(["date", *(dim for dim in over if dim in each.dims)]) for each in (plan.current, plan.spend)]
    return xr.concat(both, pd.Index(list(_PLANS), name="plan"))


def _of_channels(plan: "Plan") -> _Subjects:
    names = [str(name) for name in plan.spend["channel"].values]
    net, share = plan.solution.net_marginal, plan.answers["extrapolated"]
    if GEO in plan.spend.dims:  # the next unit is spread over geos as the plan is
        net = _averaged(net, plan, "channel")
    limits = [[each for each in plan.solution.binding if (each.channel, each.geo) == (n, None)] for n in names]
    return _Subjects(
        "channel",
        names,
        _money(plan, GEO).sel(channel=names).rename(channel="name"),
        plan.answers["roi"].sel(channel=names).rename(channel="name"),
        share.sel(channel=names).rename(channel="name"),
        share.attrs.get("threshold", 0.0),
        net.reindex(names).to_numpy(),
        limits,
        counted=frozenset(name for name in names if name in _counted(plan)),
    )


def _of_geos(plan: "Plan") -> _Subjects:
    answers, names = plan.answers, [str(name) for name in plan.spend[GEO].values]
    cost, share = answers["cost_by_geo"], answers["extrapolated_by_geo"]
    each, money = _money(plan), _money(plan, "channel")
    unseen = (share * each).sum("channel") / money.where(money > 0.0)
    limits = [[lim for lim in plan.solution.binding if lim.kind == GEO and lim.name == name] for name in names]
    return _Subjects(
        GEO,
        names,
        money.rename({GEO: "name"}),
        (answers["lift_by_geo"] / cost.where(cost > 0.0)).rename({GEO: "name"}),
        unseen.fillna(0.0).rename({GEO: "name"}),
        share.attrs["threshold"],
        _averaged(plan.solution.net_marginal, plan, GEO).reindex(names).to_numpy(),
        limits,
    )


def _of_pairs(plan: "Plan") -> _Subjects:
    answers, net = plan.answers, plan.solution.net_marginal
    where = tuple((str(geo), str(channel)) for geo, channel in net.index)
    names = [label_of(channel, geo) for geo, channel in where]
    at = {dim: xr.DataArray([pair[i] for pair in where], dims="name") for i, dim in enumerate((GEO, "channel"))}
    share = answers["extrapolated_by_geo"]
    limits = [[each for each in plan.solution.binding if (each.geo, each.channel) == pair] for pair in where]
    return _Subjects(
        "channel",
        names,
        _money(plan).sel(at),
        answers["roi_by_geo"].sel(at),
        share.sel(at),
        share.attrs["threshold"],
        net.to_numpy(),
        limits,
        where,
        frozenset(label_of(channel, geo) for geo, channel in where if channel in _counted(plan)),
    )


def _averaged(net: pd.Series, plan: "Plan", level: str) -> pd.Series:
    """Average of net marginal returns by geo and channel over one of these, by the spend of the plan there."""
    money = plan.spend.sum("date")
    own = np.array([float(money.sel({GEO: geo, "channel": channel})) for geo, channel in net.index])
    own = pd.Series(own, net.index)
    own = own.where(own.groupby(level=level).transform("sum") > 0.0, 1.0)
    return (net * own).groupby(level=level).sum() / own.groupby(level=level).sum()


# ---------------------------------------------------------------------------------------------------------- the rows
def _decided(of: _Subjects, ci_prob: float) -> pd.DataFrame:
    """Rows of what is decided. What is spent is certain: its interval has no width."""
    current, new = (of.money.sel(plan=which).values for which in _PLANS)
    table = pd.DataFrame({"kind": of.kind, "current": current, "new": new}, index=pd.Index(of.names, name="name"))
    table["new_lower"] = table["new_upper"] = new
    for which, unseen in _PLANS.items():
        roi = summarise(of.roi.sel(plan=which).rename("roi"), ci_prob)
        for end, column in zip(_ENDS, _columns(which), strict=True):
            table[column] = roi[end].values
        table[unseen] = of.unseen.sel(plan=which).values
    table["marginal"] = of.marginal
    table["note"] = _notes(of, table["extrapolated"].to_numpy())
    if of.where:
        table[GEO], table["channel"] = zip(*of.where, strict=True)
    return table


def _notes(of: _Subjects, unseen: np.ndarray) -> list[str]:
    """Limits that hold each row, and how much of its spend was never seen."""
    notes = []
    for name, limits, share in zip(of.names, of.limits, unseen, strict=True):
        words = [limit.words for limit in limits]
        if len(words) > _LIMITS:  # with a limit for each period there may be many
            words = [*words[:_LIMITS], f"and {len(words) - _LIMITS} more limits"]
        if share > of.threshold:
            most = "most units" if name in of.counted else "highest spend"
            words.append(f"{rough_percent(share)} in periods above the {most} seen")
        notes.append("; ".join(words))
    return notes


def _induced(induced: xr.DataArray, ci_prob: float, modes: Mapping[str, str]) -> pd.DataFrame:
    """Rows of the paid mediators that respond; one that is decided does so after the window."""
    mean, spent = induced.mean(("chain", "draw")), summarise(induced.sel(plan="new").rename("induced"), ci_prob)
    names = [str(name) for name in induced["mediator"].values]
    rows = [f"{name} ({'induced later' if modes.get(name) == 'decide' else 'induced'})" for name in names]
    columns = {which: mean.sel(plan=which).values for which in _PLANS}
    columns |= {f"new_{end}": spent[end].values for end in ("lower", "upper")}
    note = "induced by the channels, mean of the draws"
    return pd.DataFrame({"kind": "induced", **columns, "note": note}, index=pd.Index(rows, name="name"))


def _total(plan: "Plan", ci_prob: float) -> pd.DataFrame:
    cost = plan.answers["cost"]
    roi = (plan.answers["lift"] / cost.where(cost > 0.0)).rename("roi")
    mean = cost.mean(("chain", "draw"))
    spent = summarise(cost.sel(plan="new").rename("cost"), ci_prob).iloc[0]
    row: dict[str, object] = {"kind": "total", "new_lower": spent["lower"], "new_upper": spent["upper"]}
    for which, unseen in _PLANS.items():
        total = summarise(roi.sel(plan=which), ci_prob).iloc[0]
        spend = (plan.current if which == "current" else plan.spend).sum(
            [d for d in plan.spend.dims if d != "channel"]
        )
        row |= {which: float(mean.sel(plan=which))}
        row |= {column: total[end] for end, column in zip(_ENDS, _columns(which), strict=True)}
        row[unseen] = overall(plan.answers["extrapolated"].sel(plan=which), spend)
    return pd.DataFrame([row], index=pd.Index(["total"], name="name"))


def _columns(which: str) -> tuple[str, str, str]:
    return f"roi_{which}", f"roi_{which}_lower", f"roi_{which}_upper"


def overall(share: xr.DataArray, spend: xr.DataArray) -> float:
    """Share of all spend, from shares by channel; NaN where nothing is spent."""
    whole = float(spend.sum())
    return float((share * spend).sum()) / whole if whole > 0.0 else np.nan
