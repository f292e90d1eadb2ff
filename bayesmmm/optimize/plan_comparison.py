"""`PlanComparison`: plans of one window side by side. A record; of draws it computes sums and shares only."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.data.future import GEO
from bayesmmm.optimize.plan_calendar import write_workbook
from bayesmmm.optimize.plan_text import CI_PROB, WIDTH, resting
from bayesmmm.results import summarise
from bayesmmm.text import (
    UNKNOWN,
    aligned,
    amounts,
    interval_cells,
    joined,
    no_such,
    notebook_html,
    percent,
    probability,
    rough_percent,
    told_apart,
    wrapped,
)
from bayesmmm.validate import about

#: Relative difference of costs from which on plans are said to cost different amounts.
UNEQUAL = 0.01
_ENDS = ("median", "lower", "upper")


@dataclass(frozen=True, eq=False)
class PlanComparison:
    """Plans of one window side by side, in the same draws. Printing it shows what a manager has to know.

    Attributes
    ----------
    answers : xarray.Dataset
        Per draw, with the coordinate plan, in the order in which they were given: ``outcome`` of the window and what
        its spend still sells after it; ``lift`` over no spend; ``cost``, what paid mediators are induced to spend
        included; ``roi``, lift over cost; ``profit``, margin times outcome less cost, where the worth of the outcome is
        known; ``channel_roi`` (plan, channel), what a channel brings over its own spend; ``induced`` (plan, mediator).
        ``extrapolated`` (plan, channel) is the share of spend in periods above the highest ever seen in one. Of a panel
        all is in total over its geos. ``attrs["draws"]`` says which draws these are.
    spend : xarray.DataArray
        Money, dims plan, (geo,) channel, date.
    attrs : mapping
        outcome, unit, margin, verdict, start, stop, window, assumed (controls that nobody stated in some of the plans).

    Examples
    --------
    >>> found = mm.compare_plans(fit, {"now": "current", "best": plan})  # doctest: +SKIP
    >>> found.table()[["outcome", "cost", "p_best"]]  # doctest: +SKIP
    """

    answers: xr.Dataset
    spend: xr.DataArray
    attrs: Mapping[str, Any]

    @property
    def plans(self) -> list[str]:
        """Names of the plans."""
        return [str(name) for name in self.answers["plan"].values]

    def p_best(self, by: str = "outcome") -> pd.Series:
        """Share of draws in which each plan has the highest outcome, profit or ROI; plans that tie share a draw.

        Raises
        ------
        SettingError
            For something else, and profit where the worth of the outcome is not known.

        Examples
        --------
        >>> found.p_best("profit")  # doctest: +SKIP
        """
        known = [name for name in ("outcome", "profit", "roi") if name in self.answers]
        if by not in known:
            text = no_such(f"by={by!r} is nothing that plans are compared by", by, known)
            if by == "profit":
                worth = f"what a unit of {self.attrs['outcome']} is worth"
                text = f"by='profit' needs {worth}; pass margin= to compare_plans"
            raise about("by", by, text)
        draws = self.answers[by]
        top = draws >= draws.max("plan") - 1e-12 * abs(draws).max("plan")
        return (top / top.sum("plan")).mean(("chain", "draw")).to_series().rename("p_best")

    def differences(self, to: str | None = None) -> xr.Dataset:
        """Return what every plan brings and costs beyond one of them, draw by draw; beyond the first by default.

        Raises
        ------
        SettingError
            For a plan that is not there.

        Examples
        --------
        >>> mm.summarise(found.differences("now"))  # doctest: +SKIP
        """
        names = [name for name in ("outcome", "lift", "cost", "roi", "profit") if name in self.answers]
        other = self._known(to)
        out = self.answers[names] - self.answers[names].sel(plan=other, drop=True)
        for name in names:
            attrs = self.answers[name].attrs
            out[name].attrs = {key: attrs[key] for key in ("unit",) if key in attrs}
        return out.drop_sel(plan=other).assign_attrs(to=other, verdict=self.attrs["verdict"])

    def _known(self, plan: str | None) -> str:
        if plan is not None and plan not in self.plans:
            raise about("to", plan, no_such(f"there is no plan {plan!r}", plan, self.plans, "Plans are"))
        return self.plans[0] if plan is None else plan

    def table(self, ci_prob: float = CI_PROB) -> pd.DataFrame:
        """Return a row per plan.

        Parameters
        ----------
        ci_prob : float in (0, 1)
            Probability of the equal-tailed intervals.

        Returns
        -------
        pandas.DataFrame
            ``outcome``, ``cost``, ``roi`` and, where there is one, ``profit`` are medians, each with ``_lower`` and
            ``_upper``; ``difference``, likewise, is the outcome beyond that of the first plan, and ``p_better`` the
            share of draws in which it is above zero; ``p_best``, ``p_best_roi`` and ``p_best_profit`` are the shares of
            draws in which a plan has the highest outcome, ROI, profit; ``extrapolated`` is the share of its spend in
            periods above the highest ever seen in one.

        Raises
        ------
        SettingError
            For a probability outside 0 to 1.
        """
        names = [name for name in ("outcome", "cost", "roi", "profit") if name in self.answers]
        out = pd.DataFrame(index=pd.Index(self.plans, name="plan"))
        for name in names:
            self._fill(out, name, self.answers[name], ci_prob)
        beyond = self.answers["outcome"] - self.answers["outcome"].isel(plan=0, drop=True)
        self._fill(out, "difference", beyond, ci_prob)
        out["p_better"] = (beyond > 0.0).mean(("chain", "draw")).to_series()
        out.loc[self.plans[0], "p_better"] = np.nan
        for by, column in (("outcome", "p_best"), ("roi", "p_best_roi"), ("profit", "p_best_profit")):
            if by in names:
                out[column] = self.p_best(by)
        spend = self.spend.sum([dim for dim in self.spend.dims if dim not in ("plan", "channel")])
        whole = spend.sum("channel")
        share = (self.answers["extrapolated"] * spend).sum("channel") / whole.where(whole > 0.0)
        out["extrapolated"] = share.to_series()
        return out.assign(verdict=self.attrs["verdict"]) if self.attrs["verdict"] != "converged" else out

    def _fill(self, out: pd.DataFrame, name: str, draws: xr.DataArray, ci_prob: float) -> None:
        rows = summarise(draws.rename("value").drop_attrs(), ci_prob)
        for end in _ENDS:
            out[name if end == "median" else f"{name}_{end}"] = rows[end].to_numpy()

    def spend_table(self, by: str = "channel") -> pd.DataFrame:
        """Return money of the window, a row per channel (of a panel also by "pair" or "geo") and a column per plan.

        Examples
        --------
        >>> found.spend_table()  # doctest: +SKIP
        """
        keep = {"channel": ["channel"], GEO: [GEO], "pair": [GEO, "channel"]}
        allowed = [name for name in keep if GEO in self.spend.dims or name == "channel"]
        if by not in allowed:
            raise about("by", by, no_such(f"by={by!r} is no way of telling spend apart here", by, allowed))
        rows = self.spend.sum([dim for dim in self.spend.dims if dim not in ("plan", *keep[by])])
        table = rows.to_series().unstack("plan")[self.plans]
        if by == "channel":
            table = table.reindex(self.spend["channel"].values)
        table.columns.name = None
        return table

    def to_excel(self, path: str | Path, ci_prob: float = CI_PROB) -> Path:
        """Write the comparison as a workbook and return its path: plans, spend by channel, and what is printed.

        Raises
        ------
        SettingError, MissingLibraryError, WritingError
            As `Plan.to_excel`.
        """
        table = self.table(ci_prob)
        table.attrs["shares"] = (*(name for name in table if name.startswith("p_")), "extrapolated")
        sheets = {"plans": table, "spend": self.spend_table()}
        if GEO in self.spend.dims:
            sheets["geos"] = self.spend_table("pair")
        return write_workbook(path, sheets, {"about": str(self).splitlines()})

    # --------------------------------------------------------------------------------------------------------- text
    def _columns(self, table: pd.DataFrame) -> dict[str, list[str]]:
        between = f"{percent(CI_PROB)} interval"
        columns = {"": self.plans, "cost": amounts(table["cost"])}
        cells = [interval_cells(*row) for row in table[["outcome", "outcome_lower", "outcome_upper"]].to_numpy()]
        columns |= {str(self.attrs["outcome"]): [middle for middle, _ in cells]}
        rows = table[["difference", "difference_lower", "difference_upper"]].to_numpy()
        beyond = [("", "") if i == 0 else interval_cells(*row) for i, row in enumerate(rows)]
        columns |= {
            f"beyond {self.plans[0]}": [middle for middle, _ in beyond],
            between: [ends for _, ends in beyond],
        }
        columns |= {"P(better)": ["" if np.isnan(p) else probability(p) for p in table["p_better"]]}
        roi = [told_apart(*row) for row in table[["roi_lower", "roi", "roi_upper"]].to_numpy()]
        columns |= {
            "ROI": ["" if middle == UNKNOWN else f"{middle} ({low} to {high})" for low, middle, high in roi]
        }
        for column, head in (("p_best", "best"), ("p_best_profit", "best profit"), ("p_best_roi", "best ROI")):
            if column in table:
                columns[f"P({head})"] = [probability(p) for p in table[column]]
        columns["unseen"] = [rough_percent(share) for share in table["extrapolated"]]
        return columns

    def _spend_columns(self) -> dict[str, list[str]]:
        table = self.spend_table()
        table = pd.concat([table, table.sum().to_frame("total").T])
        cells = amounts(table.to_numpy().ravel())
        wide = len(self.plans)
        return {"": list(map(str, table.index))} | {name: cells[k::wide] for k, name in enumerate(self.plans)}

    def __str__(self) -> str:
        attrs, table = self.attrs, self.table()
        head = f"{len(self.plans)} plans for {attrs['start']} to {attrs['stop']}, {attrs['outcome']} in {attrs['unit']}"
        lines = [head, "", *aligned(self._columns(table), left=("",)), ""]
        which = self.answers.attrs["draws"]
        notes = [f"P(best): share of draws in which a plan has the highest outcome, profit or ROI, of {which}"]
        if self.answers.sizes.get("mediator"):
            paid = joined(map(str, self.answers["mediator"].values))
            notes.append(f"costs hold what {paid} is induced to spend, as medians of the draws")
        low, high = table["cost"].min(), table["cost"].max()
        if high - low > UNEQUAL * high:
            notes.append("the plans cost different amounts: a higher outcome may be more money only")
        if (table["extrapolated"] > self.answers["extrapolated"].attrs["threshold"]).any():
            notes.append("unseen: share of the spend in periods above the highest ever seen in one")
        if note := resting(f"levels of {attrs['outcome']} rest", attrs):
            notes.append(note)
        if attrs["verdict"] != "converged":
            notes.append(f"CAUTION, sampler verdict: {attrs['verdict']}")
        lines += [line for note in notes for line in wrapped(note, WIDTH)]
        return "\n".join([*lines, "", "money by channel", *aligned(self._spend_columns(), left=("",))])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Return the printed tables, for notebooks."""
        return notebook_html(str(self), self._columns(self.table()), {"money by channel": self._spend_columns()})
