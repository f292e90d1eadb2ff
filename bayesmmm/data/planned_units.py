"""What a plan says of an exposure: its units, the money that is paid for them, and what one unit costs, of which two do.

``spend = units * cost``. What is not said follows: the cost from the money and units of the plan where it has both,
otherwise from as many periods of the history as are planned.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from warnings import warn

import numpy as np
import pandas as pd

from bayesmmm.data.checks import places
from bayesmmm.data.exposures import cost_of_unit
from bayesmmm.errors import PlanError, SettingError, UnitWarning
from bayesmmm.text import amount, no_such
from bayesmmm.validate import check_dates, check_dates_by_geo, check_mapping, check_values

if TYPE_CHECKING:
    from bayesmmm.data.schema import MMMData

#: How far money and units of a plan may be from a cost that is given beside them.
AGREES = 1e-6
# : A cost of a unit that is so many times that of the history, or its inverse, is likely one of thousands or of another
# unit.
ODD_COST = 10.0


@dataclass(frozen=True, eq=False)
class PlannedUnits:
    """An exposure in the periods of a plan, (geo, date) each: ``spend = units * cost``."""

    units: np.ndarray
    spend: np.ndarray
    cost: np.ndarray


def read_costs(data: "MMMData", cost: object, dates: pd.DatetimeIndex) -> dict[str, np.ndarray]:
    """Return costs of a unit by exposure, (geo, date), that are given with a plan.

    A number for all, a value for each period or, of a panel, a table of dates by geos.
    """
    out = {}
    for name, value in check_mapping(cost, "cost", "{'display': 0.004}").items():
        if name not in data.spend:
            wrong = f"cost has {name!r}, which is no exposure with a column of spend"
            if name in data.media:
                why = "is money, of which one unit costs one" if data.is_money(name) else "has no column of spend"
                wrong = f"cost has {name!r}, which {why}"
            raise SettingError(
                no_such(wrong, str(name), tuple(data.spend), "Such are"), argument="cost", value=value
            )
        where = f"cost[{name!r}]"
        if len(data.geos) == 1:
            values = check_dates(value, where, dates)[None]
        else:
            values = check_dates_by_geo(value, where, dates, data.geos)
        check_values(values, where)
        if not (values > 0.0).all():
            raise SettingError(
                f"{where} has {values.min():g}; the cost of one unit, in money, is above 0; for a cost per thousand "
                "units divide it by 1000",
                argument="cost",
                value=value,
            )
        out[name] = np.array(values)
    return out


def recent_cost(data: "MMMData", name: str, periods: int) -> np.ndarray:
    """Return what one unit of an exposure cost in the last so many periods, (geo,); NaN where it never cost anything.

    A geo that had none then has the cost of all its periods, and one that never had any that of the others together.
    """
    units, spend = data.columns[name][:, -periods:], data.spend_of(name)[:, -periods:]
    had, paid = units.sum(axis=-1), spend.sum(axis=-1)
    known = (had > 0.0) & (paid > 0.0)
    return np.where(known, paid / np.where(known, had, 1.0), data.cost_of_unit(name))


def complete(
    data: "MMMData",
    name: str,
    dates: pd.DatetimeIndex,
    units: np.ndarray | None,
    spend: np.ndarray | None,
    cost: np.ndarray | None,
) -> PlannedUnits:
    """Return units, spend and cost (geo, date) of an exposure, from those that a plan has: units, spend or both.

    Under a plan with units and spend, the cost of a period is the ratio of both, if every period that has one of them
    has the other; else it is that of the whole plan.
    """
    shape = (len(data.geos), len(dates))
    if units is not None and spend is not None:
        if cost is not None:
            _check_agreement(data, name, dates, units, spend, cost)
            return PlannedUnits(units, spend, cost)
        cost = cost_by_period(units, spend, recent_cost(data, name, len(dates)))
        _warn_of_odd_cost(data, name, units, spend)
        return PlannedUnits(units, spend, cost)
    if cost is None:
        cost = np.broadcast_to(recent_cost(data, name, len(dates))[:, None], shape)
    if units is None:
        assert spend is not None
        unknown = np.isnan(cost) & (spend != 0.0)
        if unknown.any():
            raise PlanError(
                f"what one unit of {name!r} costs is not known{places(unknown, data.geos, dates)}: nothing was ever "
                f"paid for it in the data; write its units into the plan, as column {name!r}"
            )
        return PlannedUnits(np.where(spend > 0.0, spend / cost, 0.0), spend, cost)
    return PlannedUnits(units, np.where(units > 0.0, units * cost, 0.0), cost)


def cost_by_period(units: np.ndarray, spend: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """Return what one unit costs in every period (G, W), from units and spend (G, W).

    Their ratio where every period of a geo that has one of the two has the other, and in periods without both the ratio
    of their sums; where the two do not go together that ratio in all periods; `otherwise` (G,) where there is none.
    """
    whole = cost_of_unit(units, spend)
    own = (units.sum(axis=-1) > 0.0) & (spend.sum(axis=-1) > 0.0)
    whole = np.where(own, whole, otherwise)[:, None]
    both = (units > 0.0) & (spend > 0.0)
    together = ((units > 0.0) == (spend > 0.0)).all(axis=-1, keepdims=True)
    return np.where(both & together, spend / np.where(both, units, 1.0), whole)


def _check_agreement(
    data: "MMMData", name: str, dates: pd.DatetimeIndex, units: np.ndarray, spend: np.ndarray, cost: np.ndarray
) -> None:
    """Refuse units and spend that a cost beside them contradicts."""
    due = units * cost
    apart = np.abs(spend - due) > AGREES * np.maximum(due, spend)
    if apart.any():
        g, t = np.argwhere(apart)[0]
        raise PlanError(
            f"the plan has {amount(units[g, t])} {data.unit(name)} of {name!r} for {amount(spend[g, t])} "
            f"({data.spend[name]!r}), and at the cost of {cost[g, t]:.6g} given for one they take {amount(due[g, t])}"
            f"{places(apart, data.geos, dates)}; two of units, spend and cost say the third: leave one of them out"
        )


def _warn_of_odd_cost(data: "MMMData", name: str, units: np.ndarray, spend: np.ndarray) -> None:
    """Tell of a plan in which a unit costs many times what it did, or a small share of it."""
    if not (units.any() and spend.any()):
        return
    ahead, known = spend.sum() / units.sum(), data.spend_of(name).sum() / data.columns[name].sum()
    if known > 0.0 and not 1.0 / ODD_COST < ahead / known < ODD_COST:
        text = (
            f"one unit of {name!r} ({data.unit(name)}) costs {ahead:.3g} in the plan and {known:.3g} in the data; "
            f"check the columns {name!r} and {data.spend[name]!r} of the plan: thousands beside single units?"
        )
        warn(UnitWarning(text, argument="plan"), skip_file_prefixes=(str(Path(__file__).parents[1]),))
