"""From questions to answers as JSON: each by the function that Python users call, with everything needed to read it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm import estimands
from bayesmmm.data import MONEY
from bayesmmm.errors import SettingError
from bayesmmm.estimands.counterfactual import compared, read_do
from bayesmmm.estimands.decomposition import FREQUENCIES, by_calendar
from bayesmmm.estimands.query import Timeline, open_query
from bayesmmm.results import Fit
from bayesmmm.results.kept import posterior_of
from bayesmmm.serve import questions
from bayesmmm.serve.hearing import heard
from bayesmmm.serve.library import Library, Served
from bayesmmm.serve.limits import Limits
from bayesmmm.serve.tables import finite, label, places_of, plan_of, summaries, variable, variables
from bayesmmm.validate import check_choice, check_ci_prob, check_count, check_fraction, check_number

Answer = dict[str, Any]


# ---------------------------------------------------------------------------------------------------------- the answers
class Answers:
    """What answers questions about the fits of a library, within limits."""

    def __init__(self, library: Library, limits: Limits) -> None:
        self.library, self.limits = library, limits

    def fit_of(self, question: questions.Question) -> tuple[Served, Fit]:
        """The fit that a question is about, answering with as many draws as it asks for."""
        served = self.library[question.fit]
        posterior = posterior_of(served.fit)[1].sizes
        chains, least = posterior["chain"], min(posterior["chain"] * posterior["draw"], self.limits.draws)
        if question.draws is None:
            return served, served.fit if self.limits.draws >= chains * posterior["draw"] else served.fit.thin(
                least
            )
        advice = f"one per chain, and at most the {self.limits.draws} that this service gives"
        check_count(question.draws, "draws", least=chains, most=max(self.limits.draws, chains), advice=advice)
        return served, served.fit.thin(question.draws)

    def plan(self, rows: Any) -> pd.DataFrame | None:
        """The table of a plan."""
        return plan_of(rows, self.limits.rows)

    def predict(self, question: questions.Predict) -> Answer:
        """Predict every series."""
        served, fit = self.fit_of(question)
        check_levels(question.quantiles)
        settings = _settings(question, "noise", "paths", "seed", "by")
        with heard() as said:
            found = estimands.predict(fit, self.plan(question.plan), do=_arrays(question.do), **settings)
        names, out = list(fit.system.order), envelope(served, fit, question, found, said)
        out["variables"], out["totals"] = _series(found, names, question)
        return out | _extrapolated(found)

    def what_if(self, question: questions.WhatIf) -> Answer:
        """Compare a scenario with what happened, or with a plan."""
        served, fit = self.fit_of(question)
        check_levels(question.quantiles)
        margin = margin_of(fit, question.margin)
        plan = self.plan(question.plan)
        settings = _settings(question, "start", "stop", "paths", "seed", "by")
        scale, do = dict(question.scale or {}), _arrays(question.do)
        with heard() as said:
            query = open_query(fit, plan=plan, **settings)
            spent = Spending(fit, query.timeline)
            scale |= spent.shifted(question.shift, [*scale, *(do or {})])
            found = compared(query, scale=scale or None, do=do)
        out = envelope(served, fit, question, found, said)
        names = [name for each in fit.system.order for name in (each, f"{each}.change")]
        out["variables"], out["totals"] = _series(found, names, question)
        out["scale"], out["spend"] = scale, spent.table(scale, do or {})
        if "by" not in settings or settings["by"] is None:
            out["gain"] = _gain(fit, found, out["spend"], margin, question)
        return out | _extrapolated(found)

    def effects(self, question: questions.Effects) -> Answer:
        """Total, direct and mediated effects."""
        settings = _settings(
            question, "channels", "groups", "terms", "start", "stop", "window", "paths", "seed", "by"
        )
        return self._asked(question, estimands.effects, plan=self.plan(question.plan), **settings)

    def roi(self, question: questions.Roi) -> Answer:
        """Return on spend."""
        settings = _settings(question, "net", "channels", "start", "stop", "window", "paths", "seed", "by")
        return self._asked(question, estimands.roi, plan=self.plan(question.plan), **settings)

    def curves(self, question: questions.Curves) -> Answer:
        """Response to more or less spend."""
        settings = _settings(
            question, "channels", "factors", "start", "stop", "window", "paths", "seed", "by", "parts"
        )
        if question.factors is not None and len(question.factors) > 50:
            text = (
                f"factors has {len(question.factors)} numbers, and this service takes 50; ask for fewer at a time"
            )
            raise SettingError(text, argument="factors", value=len(question.factors))
        return self._asked(question, estimands.response_curves, plan=self.plan(question.plan), **settings)

    def decompose(self, question: questions.Decompose) -> Answer:
        """Parts of a series that add up."""
        settings = _settings(question, "equation", "start", "stop", "freq", "paths", "seed", "by")
        return self._asked(question, estimands.decompose, plan=self.plan(question.plan), **settings)

    def _asked(self, question: questions.Question, ask: Callable[..., Any], **settings: Any) -> Answer:
        served, fit = self.fit_of(question)
        check_ci_prob(question.ci_prob)
        with heard() as said:
            found = ask(fit, **settings)
        out = envelope(served, fit, question, found, said)
        if isinstance(found, xr.DataArray):
            found = found.to_dataset(name=found.name)
        return out | {"variables": variables(found, question.ci_prob)}


# ------------------------------------------------------------------------------------------------------------- envelope
def envelope(served: Served, fit: Fit, question: questions.Question, found: Any, said: Sequence[str]) -> Answer:
    """What every answer says besides its numbers."""
    attrs = found.attrs
    sizes = found.sizes if "draw" in found.sizes else posterior_of(fit)[1].sizes
    return {
        "fit": served.id,
        "stamp": served.stamp,
        "verdict": attrs["verdict"],
        "interval_probability": check_ci_prob(question.ci_prob),
        "seed": question.seed,
        "draws": int(sizes["chain"] * sizes["draw"]),
        "outcome": fit.system.outcome,
        "unit": fit.data.unit(fit.system.outcome),
        "money": MONEY,
        "window": {key: attrs[key] for key in ("start", "stop", "window") if key in attrs},
        "warnings": list(said),
    }


def _settings(question: questions.Question, *names: str) -> dict[str, Any]:
    return {name: getattr(question, name) for name in names}


def check_levels(levels: Sequence[float]) -> None:
    """Refuse quantiles that are none, or too many."""
    if len(levels) > 20:
        raise SettingError(f"quantiles has {len(levels)} levels; ask for 20 at most", argument="quantiles")
    for k, level in enumerate(levels):
        check_fraction(level, f"quantiles[{k}]", "as 0.25")


def margin_of(fit: Fit, margin: float | None) -> float | None:
    """Profit of a unit of outcome: 1 where the outcome is money and nothing else is said."""
    if margin is not None:
        return check_number(margin, "margin", above=0.0, advice="as margin=0.4")
    return 1.0 if fit.data.unit(fit.system.outcome) == MONEY else None


def _arrays(do: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if do is None:
        return None
    return {
        name: values if isinstance(values, int | float | bool | str | dict) else np.array(values)
        for name, values in do.items()
    }


# --------------------------------------------------------------------------------------------------------------- series
def _series(found: xr.Dataset, names: Sequence[str], question: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Series by period, or by month and the like, and their sums over all periods."""
    ci_prob, series = check_ci_prob(question.ci_prob), [found.variables[name] for name in names]
    if question.freq is not None:
        check_choice(question.freq, "freq", FREQUENCIES, "or left out")
    labels, place = by_calendar(pd.DatetimeIndex(found.indexes["date"]), question.freq)
    first = np.searchsorted(place, np.arange(len(labels)))
    dims = [str(dim) for dim in series[0].dims[2:]]  # chain and draw stand before them, date behind
    apart = [[label(v) for v in found.indexes[dim]] for dim in dims[:-1]]
    whole, parts = places_of(dims[:-1], apart), places_of(dims, [*apart, [label(day) for day in labels]])
    # All numbers together: each call of what summarises costs more than one more number.
    columns, above = [], []
    for name, each in zip(names, series, strict=True):
        values = each.values.reshape(-1, *each.shape[2:])
        added = _added(values, first) if len(labels) < len(place) else values
        columns += [_added(values, np.zeros(1, int)).reshape(len(values), -1), added.reshape(len(values), -1)]
        above += [0.0 if name.endswith(".change") else None] * (len(whole) + len(parts))
    rows = iter(summaries(np.concatenate(columns, axis=1), ci_prob, above=above, further=question.quantiles))
    by_period, totals = {}, {}
    for name, each in zip(names, series, strict=True):
        own = {"unit": each.attrs["unit"]} | ({"above": 0.0} if name.endswith(".change") else {})
        totals[name] = own | {"dims": dims[:-1], "rows": [at | next(rows) for at in whole]}
        by_period[name] = own | {"dims": dims, "rows": [at | next(rows) for at in parts]}
    return by_period, totals


def _added(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Sums over the periods from each of some places to the next; of a panel that no geo has yet nothing is added."""
    known = ~np.isnan(values)
    if known.all():
        return np.add.reduceat(values, first, axis=-1)
    out = np.add.reduceat(np.where(known, values, 0.0), first, axis=-1)
    return np.where(np.logical_or.reduceat(known, first, axis=-1), out, np.nan)


def _extrapolated(found: xr.Dataset) -> dict[str, Any]:
    if "extrapolated" not in found:
        return {}
    return {"extrapolated": variable(found["extrapolated"], 0.9)}


class Spending:
    """Money of the window, as it is and under a scenario."""

    def __init__(self, fit: Fit, line: Timeline) -> None:
        self._fit, self._line = fit, line
        self._names = [name for name in fit.system.channels if fit.data.has_spend(name)]

    def now(self, name: str) -> float:
        """Money of a channel in the window, over all geos."""
        return float(self._line.spend(self._fit.data, name).sum())

    def shifted(self, shifts: Sequence[questions.Shift], changed: Sequence[str]) -> dict[str, float]:
        """Factors of the spend of channels that money is moved from or to."""
        money: dict[str, float] = {}
        for k, shift in enumerate(shifts):
            where = f"shift[{k}]"
            amount = check_number(
                shift.amount, f"{where}.amount", least=0.0, advice="money of the window, as 1000"
            )
            for name, sign in ((shift.source, -1.0), (shift.target, 1.0)):
                check_choice(name, where, self._names, "the channels that are paid")
                if name in changed:
                    text = (
                        f"{where} moves money of {name!r}, which is in scale or in do as well; leave it out of one"
                    )
                    raise SettingError(text, argument="shift", value=name)
                money[name] = money.get(name, 0.0) + sign * amount
        factors = {}
        for name, extra in money.items():
            now = self.now(name)
            if now <= 0.0 or now + extra < 0.0:
                what = f"takes {-extra:,.6g} of money from" if extra < 0.0 else f"moves {extra:,.6g} of money to"
                text = (
                    f"shift {what} {name!r}, which spends {now:,.6g} in the window; move less than it has, and to a "
                    f"channel without spend set the amounts of each period with do"
                )
                raise SettingError(text, argument="shift", value=name)
            factors[name] = (now + extra) / now
        return factors

    def table(self, scale: Mapping[str, float], do: Mapping[str, Any]) -> dict[str, Any]:
        """Money of every channel now and under the scenario; null where the cost of a unit that is set is not known."""
        rows: list[dict[str, Any]] = []
        data, set_to = self._fit.data, read_do(self._fit, do, self._line)
        for name in self._names:
            now = self.now(name)
            then: float | None = now * scale.get(name, 1.0)
            if name in set_to:
                there = self._line.inside(data.has_row, np.ones((len(data.geos), self._line.planned), bool))
                then = float((set_to[name][0] * there).sum()) if data.is_money(name) else None
            rows.append({"channel": name, "now": finite(now), "scenario": None if then is None else finite(then)})
        known = [row["scenario"] for row in rows if row["scenario"] is not None]
        total = finite(sum(known)) if len(known) == len(rows) else None
        return {
            "unit": MONEY,
            "rows": rows,
            "total": {"now": finite(sum(r["now"] or 0.0 for r in rows)), "scenario": total},
        }


def _gain(
    fit: Fit, found: xr.Dataset, spend: Mapping[str, Any], margin: float | None, question: Any
) -> dict[str, Any]:
    """What the change of the outcome is worth over the change of its cost, mediators that are paid included."""

    def changed(name: str) -> np.ndarray:
        return np.nansum(found.variables[f"{name}.change"].values, axis=-1).ravel()

    change = changed(fit.system.outcome)
    cost = np.zeros_like(change)
    for name in fit.system.mediators:
        if fit.data.is_money(name):
            cost = cost + changed(name)
    total = spend["total"]
    known = total["scenario"] is not None and total["now"] is not None
    extra = total["scenario"] - total["now"] if known else np.nan
    out: dict[str, Any] = {
        "unit": MONEY,
        "margin": margin,
        "cost": summaries((cost + extra)[:, None], question.ci_prob)[0],
        "p_more_outcome": float((change > 0.0).mean()),
        "profit": None,
    }
    if margin is not None and known:
        profit = margin * change - (cost + extra)
        out["profit"] = summaries(profit[:, None], question.ci_prob, above=[0.0], further=question.quantiles)[0]
    return out
