"""`Plan`: a budget beside the current one. A record; nothing is solved here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import xarray as xr

from bayesmmm.data.future import GEO
from bayesmmm.optimize.plan_table import table_of
from bayesmmm.optimize.plan_text import plan_columns, plan_text
from bayesmmm.optimize.solution import Solution
from bayesmmm.text import CI_PROB, notebook_html

#: Share of the total by which rounding may exceed it without being called overspending.
ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class Plan:
    """A budget for a window beside the current plan. Printing it shows what a manager has to know.

    Attributes
    ----------
    spend : xarray.DataArray
        Money of the decided channels, dims channel, date; of a panel geo, channel, date, with zeros where a geo never
        bought a channel.
    current : xarray.DataArray
        The current plan, likewise; scaled to the total where that is a number, by ``attrs["factor"]``.
    answers : xarray.Dataset
        Per draw, on draws that had no part in choosing the plan where ``attrs["held_out"]`` is 1. With the coordinate
        plan (current, new): ``outcome`` of the window and what its spend still sells after it; ``lift`` over no spend
        of the decided channels; ``cost`` in money, that of induced mediators included; ``induced`` by mediator, where
        a paid one responds; ``roi`` and ``marginal_roi`` by channel. ``uplift`` is outcome new less current, ``gain``
        the same in terms of the objective. ``extrapolated`` (plan, channel) is the share of spend in periods above
        the highest spend ever seen in one. Of a panel all this is in total over its geos, those that are not decided
        included in ``outcome``; ``outcome_by_geo``, ``lift_by_geo``, ``cost_by_geo`` (plan, geo), ``roi_by_geo``,
        ``marginal_roi_by_geo`` and ``extrapolated_by_geo`` (plan, geo, channel) tell the decided ones apart.
    solution : Solution
    frame : pandas.DataFrame
        Every exogenous column under the plan, indexed by date, of a panel with a column "geo": the ``plan=`` of
        `predict` and `roi`.
    units : xarray.DataArray, optional
        What the money buys of the decided channels that are exposures, in the unit of each, ``attrs["counted"]``: dims
        plan (current, new), then as `spend`. None where all are money.
    attrs : mapping
        outcome, unit, objective, risk, total, flighting, start, stop, verdict, window, mediators, controls, assumed
        (controls that nobody stated, on which levels of the outcome rest), margin, target (a phrase) and reach (the
        outcome that is the target). Of a panel also held_geos, which stay as they
        are, and unbought, channels and geos that stay at zero because nothing was ever spent there.

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
    units: xr.DataArray | None = None

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

    def table(self, ci_prob: float = CI_PROB, by: str = "channel") -> pd.DataFrame:
        """Return the plan beside the current one, a row per channel and induced mediator and one for the total.

        Parameters
        ----------
        ci_prob : float in (0, 1)
            Probability of the equal-tailed intervals.
        by : {"channel", "geo", "pair"}
            Of a panel, what rows are about: channels over all decided geos; geos, whose ROI is lift over all cost; or
            channels in geos, which have the columns ``geo`` and ``channel``.

        Returns
        -------
        pandas.DataFrame
            Indexed by name. ``kind`` is "channel", "geo", "induced" (what a paid mediator spends because of the decided
            channels) or "total" (both together). ``current`` and ``new`` are money of the window, posterior means where
            spend is induced, with the interval of the new one in ``new_lower`` and ``new_upper``; ``change`` is a share
            of the current spend. Where channels are exposures, ``units_current`` and ``units_new`` are what is had for
            it, in the ``unit`` of the channel. ``roi_current`` and ``roi_new``, each with ``_lower`` and ``_upper``,
            are medians (of the total: lift over cost). ``marginal`` is the outcome gained by the next unit of money,
            induced spend included; at zero spend that of a step of one typical period's spend, over the step.
            ``extrapolated_current`` and ``extrapolated`` are shares of spend in periods above the highest spend ever
            seen in one. ``note`` says what to know about the row. NaN where a number has no meaning. ``attrs`` hold
            ci_prob, verdict, unit, p_better, p_overspend and p_target.

        Raises
        ------
        ValueError
            For a probability outside 0 to 1.
        SettingError
            For an unknown `by`, and one of a panel where all is one series.

        Examples
        --------
        >>> plan.table()[["current", "new", "change"]]  # doctest: +SKIP
        """
        table = table_of(self, ci_prob, by)
        table.attrs |= {"ci_prob": ci_prob, "verdict": self.attrs["verdict"], "unit": self.attrs["unit"]}
        table.attrs |= {name: getattr(self, name) for name in ("p_better", "p_overspend", "p_target")}
        return table

    def __str__(self) -> str:
        by_geo = self.table(by=GEO) if GEO in self.spend.dims else None
        return plan_text(self.table(), self.answers, self.solution, self.attrs, self.current, by_geo, self.units)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Return the printed table of channels, for notebooks."""
        return notebook_html(str(self), plan_columns(self.table(), self.answers, self.solution))
