"""`Plan`: a budget beside the current one. A record; nothing is solved here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from bayesmmm.data.future import GEO
from bayesmmm.errors import SettingError
from bayesmmm.files import write_files, writing
from bayesmmm.optimize.plan_calendar import TOTAL, calendar_cells, calendar_of, plan_page, write_workbook
from bayesmmm.optimize.plan_table import table_of
from bayesmmm.optimize.plan_text import plan_columns, plan_text
from bayesmmm.optimize.solution import Solution
from bayesmmm.text import CI_PROB, notebook_html
from bayesmmm.validate import about, check_choice, check_path, refusal

#: Share of the total by which rounding may exceed it without being called overspending.
ROUNDING = 1e-6


def beside(plan: "Plan", other: object) -> "Plan":
    """Return a plan that is held against another one."""
    advice = "lay them side by side with mm.compare_plans(fit, {'one': plan, 'other': other})"
    if not isinstance(other, Plan):
        raise refusal("other", other, "must be a Plan, as mm.optimize_budget(fit, ...) gives it")
    coords = ("channel", "date", *([GEO] if GEO in plan.spend.dims or GEO in other.spend.dims else []))
    alike = all(name in other.spend.dims and plan.spend[name].equals(other.spend[name]) for name in coords)
    if not alike or not all(plan.answers[dim].equals(other.answers[dim]) for dim in ("chain", "draw")):
        text = f"other= is of another window, of other channels, or judged on other draws; {advice}"
        raise about("other", other, text)
    new, old = plan.answers.sel(plan="new", drop=True), other.answers.sel(plan="new", drop=True)
    each = [name for name in plan.answers.data_vars if "plan" in plan.answers[name].dims and name in old]
    both = xr.concat([old[each], new[each]], pd.Index(["current", "new"], name="plan"), combine_attrs="override")
    uplift, saved = new["outcome"] - old["outcome"], old["cost"] - new["cost"]
    gains = {
        "most profit": (plan.attrs["margin"] or 1.0) * uplift + saved,
        "least spend for the target": saved,
        "highest ROI": new["lift"] / new["cost"] - old["lift"] / old["cost"],
    }
    gain = gains.get(plan.attrs["objective"], uplift).assign_attrs(plan.answers["gain"].attrs)
    answers = both.assign(uplift=uplift.assign_attrs(plan.answers["uplift"].attrs), gain=gain)
    answers.attrs |= plan.answers.attrs
    units = plan.units
    if units is not None and other.units is not None:
        sides = [other.units.sel(plan="new", drop=True), units.sel(plan="new", drop=True)]
        units = xr.concat(sides, units["plan"].to_index()).assign_attrs(units.attrs)
    return replace(plan, current=other.spend, current_frame=other.frame, answers=answers, units=units)


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
    current_frame : pandas.DataFrame
        The same under the current plan, as it was scaled.
    units : xarray.DataArray, optional
        What the money buys of the decided channels that are exposures, in the unit of each, ``attrs["counted"]``: dims
        plan (current, new), then as `spend`. None where all are money.
    attrs : mapping
        outcome, unit, objective, risk, total, flighting, start, stop, verdict, window, mediators, controls, assumed
        (controls that nobody stated, on which levels of the outcome rest), margin, target (a phrase) and reach (the
        outcome that is the target). Of a panel also held_geos, which stay as they are, and unbought, channels and geos
        that stay at zero because nothing was ever spent there. round_to is the step of which every amount is a
        multiple, or None; target_holds how a target is reached.

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
    current_frame: pd.DataFrame
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

    def to_frame(self, plan: str = "new") -> pd.DataFrame:
        """Return every exogenous column under the plan, indexed by date: the ``plan=`` of `predict` and `roi`.

        Those under the current plan are ``to_frame("current")``.

        A mediator that is decided is no such column: pass it as ``do={"google": plan.spend.sel(channel="google")}``.
        """
        check_choice(plan, "plan", ("new", "current"))
        return (self.frame if plan == "new" else self.current_frame).copy()

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

    def calendar(self, *, shares: bool = False, by: str = "channel") -> pd.DataFrame:
        """Return what is spent in every period.

        Parameters
        ----------
        shares : bool
            Shares of the spend of each period in place of money.
        by : {"channel", "pair"}
            Of a panel, channels over all decided geos, or channels in geos.

        Returns
        -------
        pandas.DataFrame
            A row for each date; columns of channels, or of geos and channels, and ``total``.

        Raises
        ------
        SettingError
            For an unknown `by`, and one of a panel where all is one series.

        Examples
        --------
        >>> plan.calendar(shares=True)  # doctest: +SKIP
        """
        return calendar_of(self.spend, shares, by)

    def to_excel(self, path: str | Path, ci_prob: float = CI_PROB) -> Path:
        """Write the plan as a workbook and return its path.

        Its sheets: ``plan``, the table beside the current plan; ``calendar`` and ``current``, money by period under
        both; ``shares``, the plan in shares of each period; of a panel ``geos`` and ``pairs``; ``columns``, everything
        that `to_frame` holds; and ``about``, what is printed.

        Raises
        ------
        SettingError, MissingLibraryError, WritingError
            For a path that is no workbook; without openpyxl, which ``pip install 'bayesmmm[xlsx]'`` installs; where
            nothing can be written.

        Examples
        --------
        >>> plan.to_excel("plan.xlsx")  # doctest: +SKIP
        """
        panel = GEO in self.spend.dims
        by = "pair" if panel else "channel"
        sheets = {"plan": self.table(ci_prob)}
        if panel:
            sheets |= {"geos": self.table(ci_prob, GEO), "pairs": self.table(ci_prob, "pair")}
        for table in sheets.values():
            table.attrs["shares"] = ("change", "extrapolated", "extrapolated_current")
        money = {"calendar": self.spend, "current": self.current}
        for name, spend in money.items():
            table = calendar_of(spend, shares=False, by=by)
            sums = table.sum().to_frame(TOTAL).T
            dated = table.set_axis(table.index.astype(object))  # dates that a spreadsheet computes with
            sheets[name] = pd.concat([dated, sums]).rename_axis("date")
        shares = self.calendar(shares=True, by=by)
        shares.attrs["shares"] = tuple(shares)
        sheets |= {"shares": shares, "columns": self.to_frame()}
        return write_workbook(path, sheets, {"about": str(self).splitlines()})

    def to_html(self, path: str | Path | None = None) -> str:
        """Return the plan as one page of HTML, to be sent or printed; written to `path` where one is given.

        Raises
        ------
        SettingError, WritingError
            For a path that is none, or cannot be written to.

        Examples
        --------
        >>> page = plan.to_html("plan.html")  # doctest: +SKIP
        """
        page = plan_page(str(self), self._columns(), self._calendars())
        if path is not None:
            target = check_path(path, "path", SettingError, "plan.html")
            with writing(target):
                write_files({target: page.encode()})
        return page

    def _columns(self) -> dict[str, list[str]]:
        return plan_columns(self.table(), self.answers, self.solution)

    def _calendars(self) -> dict[str, dict[str, list[str]]]:
        return {
            "calendar in money": calendar_cells(self.calendar(), shares=False),
            "calendar in shares": calendar_cells(self.calendar(shares=True), shares=True),
        }

    def against(self, other: "Plan") -> "Plan":
        """Return the same plan beside another one of its window, in place of the current plan.

        Of more plans, of plans chosen on other draws and of the current plan `compare_plans` tells more.

        Raises
        ------
        SettingError
            For something that is no plan, and a plan of another window, of other channels or judged on other draws.

        Examples
        --------
        >>> mm.plots.budget(plan.against(cautious))  # doctest: +SKIP
        """
        return beside(self, other)

    def __str__(self) -> str:
        by_geo = self.table(by=GEO) if GEO in self.spend.dims else None
        return plan_text(self.table(), self.answers, self.solution, self.attrs, self.current, by_geo, self.units)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Return the printed table of channels and the calendar, for notebooks."""
        return notebook_html(str(self), self._columns(), self._calendars())
