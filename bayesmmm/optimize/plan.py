"""`Plan`: a budget beside the current one. A record; nothing is solved here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.optimize.plan_text import CI_PROB, plan_columns, plan_text
from bayesmmm.optimize.solution import Solution
from bayesmmm.results import summarise
from bayesmmm.text import notebook_html, rough_percent

#: Share of the total by which rounding may exceed it without being called overspending.
ROUNDING = 1e-6
_LIMITS = 3
_ENDS = ("median", "lower", "upper")
#: Both plans, and the columns of how much of their spend was never seen.
_PLANS = {"current": "extrapolated_current", "new": "extrapolated"}


@dataclass(frozen=True, eq=False)
class Plan:
    """A budget for a window beside the current plan. Printing it shows what a manager has to know.

    Attributes
    ----------
    spend : xarray.DataArray
        Money of the decided channels, dims channel, date.
    current : xarray.DataArray
        The current plan, likewise; scaled to the total where that is a number, by ``attrs["factor"]``.
    answers : xarray.Dataset
        Per draw, on draws that had no part in choosing the plan where ``attrs["held_out"]`` is 1. With the coordinate
        plan (current, new): ``outcome`` of the window and what its spend still sells after it; ``lift`` over no spend
        of the decided channels; ``cost`` in money, that of induced mediators included; ``induced`` by mediator, where
        a paid one responds; ``roi`` and ``marginal_roi`` by channel. ``uplift`` is outcome new less current, ``gain``
        the same in terms of the objective. ``extrapolated`` (plan, channel) is the share of spend in periods above
        the highest spend ever seen in one.
    solution : Solution
    frame : pandas.DataFrame
        Every exogenous column under the plan, indexed by date: the ``plan=`` of `predict` and `roi`.
    attrs : mapping
        outcome, unit, objective, risk, total, flighting, start, stop, verdict, window, mediators, controls, margin,
        target (a phrase) and reach (the outcome that is the target).

    Examples
    --------
    >>> plan = mm.optimize_budget(fit, total=250_000, periods=13)  # doctest: +SKIP
    >>> print(plan)  # doctest: +SKIP
    >>> ahead = mm.predict(fit, plan.to_frame())  # doctest: +SKIP
    """

    spend: xr.DataArray
    current: xr.DataArray
    answers: xr.Dataset
    solution: Solution
    frame: pd.DataFrame
    attrs: Mapping[str, Any]

    @property
    def p_better(self) -> float:
        """Share of draws in which the plan gains on the current one, in terms of the objective."""
        return float((self.answers["gain"] > 0.0).mean())

    @property
    def p_overspend(self) -> float | None:
        """Share of draws in which the plan costs more than the total; None where the total is no number."""
        total, cost = self.attrs["total"], self.answers["cost"].sel(plan="new")
        return None if total is None else float((cost > total * (1.0 + ROUNDING)).mean())

    @property
    def p_target(self) -> float | None:
        """Share of draws in which the outcome reaches the target; None where there is none."""
        reach, outcome = self.attrs.get("reach"), self.answers["outcome"].sel(plan="new")
        return None if reach is None else float((outcome >= reach * (1.0 - ROUNDING)).mean())

    def to_frame(self) -> pd.DataFrame:
        """Return every exogenous column under the plan, indexed by date: the ``plan=`` of `predict` and `roi`.

        A mediator that is decided is no such column: pass it as ``do={"google": plan.spend.sel(channel="google")}``.
        """
        return self.frame.copy()

    def table(self, ci_prob: float = CI_PROB) -> pd.DataFrame:
        """Return the plan beside the current one, a row per channel and induced mediator and one for the total.

        Parameters
        ----------
        ci_prob : float in (0, 1)
            Probability of the equal-tailed intervals.

        Returns
        -------
        pandas.DataFrame
            Indexed by name. ``kind`` is "channel", "induced" (what a paid mediator spends because of the decided
            channels) or "total" (both together). ``current`` and ``new`` are money of the window, posterior means
            where spend is induced, with the interval of the new one in ``new_lower`` and ``new_upper``; ``change`` is a
            share of the current spend. ``roi_current`` and ``roi_new``, each with ``_lower`` and ``_upper``, are
            medians (of the total: lift over cost). ``marginal`` is the outcome gained by the next unit of money,
            induced spend included. ``extrapolated_current`` and ``extrapolated`` are shares of spend in periods above
            the highest spend ever seen in one. ``note`` says what to know about the row. NaN where a number has no
            meaning. ``attrs`` hold ci_prob, verdict, unit, p_better, p_overspend and p_target.

        Raises
        ------
        ValueError
            For a probability outside 0 to 1.

        Examples
        --------
        >>> plan.table()[["current", "new", "change"]]  # doctest: +SKIP
        """
        answers, names = self.answers, [str(name) for name in self.spend["channel"].values]
        parts = [_channels(self, names, ci_prob)]
        if "induced" in answers:
            parts.append(_induced(answers["induced"], ci_prob, self.attrs["mediators"]))
        parts.append(_total(self, ci_prob))
        table = pd.concat(parts)
        table.insert(3, "change", table["new"] / table["current"].where(table["current"] > 0.0) - 1.0)
        table["note"] = table["note"].fillna("")
        table.attrs |= {"ci_prob": ci_prob, "verdict": self.attrs["verdict"], "unit": self.attrs["unit"]}
        table.attrs |= {name: getattr(self, name) for name in ("p_better", "p_overspend", "p_target")}
        return table

    def __str__(self) -> str:
        return plan_text(self.table(CI_PROB), self.answers, self.solution, self.attrs, self.current)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Return the printed table of channels, for notebooks."""
        return notebook_html(str(self), plan_columns(self.table(), self.answers, self.solution))


def _channels(plan: Plan, names: list[str], ci_prob: float) -> pd.DataFrame:
    """Rows of the decided channels. What they spend is certain: its interval has no width."""
    new, current = (part.sum("date").sel(channel=names).values for part in (plan.spend, plan.current))
    table = pd.DataFrame({"kind": "channel", "current": current, "new": new}, index=pd.Index(names, name="name"))
    table["new_lower"] = table["new_upper"] = new
    share = plan.answers["extrapolated"].sel(channel=names)
    for which, unseen in _PLANS.items():
        roi = summarise(plan.answers["roi"].sel(plan=which, channel=names).rename("roi"), ci_prob)
        for end, column in zip(_ENDS, _columns(which), strict=True):
            table[column] = roi[end].values
        table[unseen] = share.sel(plan=which).values
    table["marginal"] = plan.solution.net_marginal.reindex(names)
    table["note"] = _notes(plan, names)
    return table


def _notes(plan: Plan, names: list[str]) -> list[str]:
    """Limits that hold a channel, and how much of its spend was never seen."""
    share = plan.answers["extrapolated"].sel(plan="new")
    least = share.attrs.get("threshold", 0.0)
    notes: dict[str, list[str]] = {name: [] for name in names}
    for limit in plan.solution.binding:
        if limit.channel in notes:
            notes[limit.channel].append(limit.words)
    for name, words in notes.items():
        if len(words) > _LIMITS:  # with a limit for each period there may be many
            notes[name] = [*words[:_LIMITS], f"and {len(words) - _LIMITS} more limits"]
    for name in names:
        unseen = float(share.sel(channel=name))
        if unseen > least:
            notes[name].append(f"{rough_percent(unseen)} in periods above the highest spend seen")
    return ["; ".join(notes[name]) for name in names]


def _induced(induced: xr.DataArray, ci_prob: float, modes: Mapping[str, str]) -> pd.DataFrame:
    """Rows of the paid mediators that respond; one that is decided does so after the window."""
    mean, spent = induced.mean(("chain", "draw")), summarise(induced.sel(plan="new").rename("induced"), ci_prob)
    names = [str(name) for name in induced["mediator"].values]
    rows = [f"{name} ({'induced later' if modes.get(name) == 'decide' else 'induced'})" for name in names]
    columns = {which: mean.sel(plan=which).values for which in _PLANS}
    columns |= {f"new_{end}": spent[end].values for end in ("lower", "upper")}
    note = "induced by the channels, mean of the draws"
    return pd.DataFrame({"kind": "induced", **columns, "note": note}, index=pd.Index(rows, name="name"))


def _total(plan: Plan, ci_prob: float) -> pd.DataFrame:
    cost = plan.answers["cost"]
    roi = (plan.answers["lift"] / cost.where(cost > 0.0)).rename("roi")
    mean = cost.mean(("chain", "draw"))
    spent = summarise(cost.sel(plan="new").rename("cost"), ci_prob).iloc[0]
    row: dict[str, object] = {"kind": "total", "new_lower": spent["lower"], "new_upper": spent["upper"]}
    for which, unseen in _PLANS.items():
        total = summarise(roi.sel(plan=which), ci_prob).iloc[0]
        spend = (plan.current if which == "current" else plan.spend).sum("date")
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
