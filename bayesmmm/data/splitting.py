"""Plans in total for a panel: how the spend of every period is divided among the geos, said by the planner."""

import datetime
from collections.abc import Mapping

import numpy as np
import pandas as pd

from bayesmmm.data.future import DATE, GEO, dated, plan_dates, window_mask
from bayesmmm.data.schema import MMMData
from bayesmmm.data.tables import check_table, to_float
from bayesmmm.errors import PanelError, PlanError, SettingError, UnknownColumnError
from bayesmmm.text import did_you_mean, listed, no_such
from bayesmmm.validate import check_choice, check_dates_by_geo, check_mapping, check_number, refusal

#: Rules that need no numbers.
RULES = ("history", "equal")


def split_plan(
    data: MMMData,
    plan: pd.DataFrame,
    split: str | Mapping[str, float],
    *,
    start: str | datetime.date | None = None,
    stop: str | datetime.date | None = None,
    controls: Mapping[str, pd.DataFrame] | None = None,
) -> pd.DataFrame:
    """Divide a plan in total among the geos of a panel: ``x_gct = x_ct w_gc / sum_g w_gc``.

    A geo that never bought a channel gets nothing of it, under every rule.

    Parameters
    ----------
    data : MMMData
        The history, with several geos.
    plan : pandas.DataFrame
        A row per period, without a column of geos: media in total over all geos, in their units, spend of exposures, and
        controls. Dates as in `predict`.
    split : {"history", "equal"} or mapping of str to float
        The weights w: what each geo had of the column in a window of the history; the same for all geos; or a weight
        for every geo, such as its population.
    start, stop : str or date, optional
        That window, both included; all of the history by default. For ``split="history"``.
    controls : mapping of str to DataFrame, optional
        Controls of every geo, with the dates of the plan as index and a column for every geo. A control that is the
        same in all geos throughout the history may stand in the plan itself.

    Returns
    -------
    pandas.DataFrame
        A row for every geo and period, indexed by date, with a column "geo": what `predict`, `what_if`, `roi` and
        `optimize_budget` take as ``plan=``.

    Raises
    ------
    PanelError
        The data are of one series; the plan tells geos apart already; a weight is for a geo that is not there, or a geo
        has none.
    PlanError
        A channel of the plan was not bought by anyone in the window, or has no weight where it was ever bought.
    SettingError, WindowError, DateError
        For an unknown rule, impossible weights, and a window that lies outside the history.
    UnknownColumnError, NotNumericError, DataError
        For a column that the data do not have, and one that is text.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from bayesmmm.data import MMMData, next_dates, split_plan
    >>> weeks = np.tile(pd.date_range("2024-01-07", periods=8, freq="7D"), 2)
    >>> frame = pd.DataFrame({"week": weeks, "region": ["north"] * 8 + ["south"] * 8})
    >>> frame["tv"] = [1.0, 0, 2, 1, 3, 0, 0, 1] + [3.0, 3, 0, 3, 9, 0, 3, 3]
    >>> frame["revenue"] = 10.0 + frame["tv"] + np.tile([0.0, 1.0], 8)
    >>> roles = {"date": "week", "geo": "region", "outcome": "revenue", "media": ["tv"]}
    >>> data = MMMData.from_frame(frame, **roles)
    >>> total = pd.DataFrame({"tv": [8.0, 4.0]}, index=next_dates(data, 2))
    >>> split_plan(data, total, "history")["tv"].tolist()
    [2.0, 1.0, 6.0, 3.0]
    """
    weights, plan = _weights(data, split, start, stop), dated(data, plan)
    if isinstance(plan, pd.DataFrame) and {GEO, *data.levels}.intersection([*plan.columns, *plan.index.names]):
        raise PanelError("the plan has a row for each geo already; leave split out and pass the plan as it is")
    check_table(
        plan,
        wanted=[name for name in (DATE, *data.columns) if name in getattr(plan, "columns", ())],
        where="the plan",
    )
    dates = plan_dates(plan)
    columns = {}
    for name in plan.columns:
        if name == DATE:
            continue
        bought = (*data.media, *data.spend.values())
        if name not in (*bought, *data.controls):
            known = (*bought, *data.controls)
            raise UnknownColumnError(no_such(f"column {name!r} of the plan cannot be split", name, known))
        values = to_float(plan[name], name, fix="correct the value")
        columns[name] = _media(data, name, values, weights) if name in bought else _control(data, name, values)
    for name, table in check_mapping(controls, "controls", "{'price': table}").items():
        if name not in data.controls or name in columns:
            why = (
                "is in the plan as well"
                if name in columns
                else f"is no control{did_you_mean(name, data.controls)}"
            )
            raise SettingError(f"controls[{name!r}] {why}; controls are {listed(data.controls)}, each given once")
        columns[name] = check_dates_by_geo(table, f"controls[{name!r}]", dates, data.geos)
    return long_frame(data, dates, columns)


def long_frame(data: MMMData, dates: pd.DatetimeIndex, columns: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Columns (G, W) as a plan: indexed by date, of a panel with the rows of one geo after those of the other."""
    geos = data.geos
    index = pd.DatetimeIndex(np.tile(dates.values, len(geos)), name=DATE)
    frame = pd.DataFrame({name: values.ravel() for name, values in columns.items()}, index=index)
    if len(geos) > 1:
        frame.insert(0, GEO, np.repeat(np.array(geos, object), len(dates)))
    return frame


def _weights(
    data: MMMData, split: object, start: str | datetime.date | None, stop: str | datetime.date | None
) -> dict[str, np.ndarray]:
    """Weights (G,) of every channel, zero where it was never bought."""
    if len(data.geos) == 1:
        raise PanelError(
            f"the data are of one series, {data.geos[0]!r}, so that there is nothing to split; pass the plan"
        )
    bought = dict(zip(data.media, data.bought(data.media).T.astype(float), strict=True))
    bought |= {column: bought[name] for name, column in data.spend.items()}
    if split == "history":
        inside = window_mask(data.dates, start, stop, where="the history", calendar=data.calendar)
        return {name: data.columns[name][:, inside].sum(axis=-1) for name in bought}
    if start is not None or stop is not None:
        raise refusal(
            "split", split, "takes no start= and stop=, which are the window of split='history'; leave them out"
        )
    if not isinstance(split, Mapping):
        check_choice(split, "split", RULES, "or a mapping from geos to weights, as {'north': 2.0, 'south': 1.0}")
        return bought
    for geo, weight in split.items():
        if geo not in data.geos:
            raise PanelError(
                no_such(f"split has a weight for {geo!r}, which is no geo", geo, data.geos, "Geos are")
            )
        check_number(weight, f"split[{geo!r}]", least=0.0, advice="as its population")
    missing = [geo for geo in data.geos if geo not in split]
    if missing:
        raise PanelError(
            f"split has no weight for geo {listed(missing)}; give every geo one, 0 for none of the spend"
        )
    own = np.array([float(split[geo]) for geo in data.geos])
    return {name: own * each for name, each in bought.items()}


def _media(data: MMMData, name: str, values: np.ndarray, weights: Mapping[str, np.ndarray]) -> np.ndarray:
    own = weights[name]
    if own.sum() <= 0.0 and (values != 0.0).any():
        raise PlanError(
            f"the plan spends on {name!r}, and by the split no geo gets any of it: nothing was spent on it there; use "
            f"another window, split='equal', or weights for the geos that bought it"
        )
    share = own / own.sum() if own.sum() > 0.0 else np.zeros(len(own))
    return share[:, None] * values


def _control(data: MMMData, name: str, values: np.ndarray) -> np.ndarray:
    known = data.columns[name]
    if (known != known[:1]).any():
        raise PlanError(
            f"the control {name!r} differs between geos, so that one column cannot say what it will be in each; leave "
            f"it out of the plan and pass controls={{{name!r}: table}} with a column for every geo"
        )
    return np.repeat(values[None], len(data.geos), axis=0)
