"""A plan of exposures with both columns: what is had of each, and what is paid for it."""

from collections.abc import Mapping

import pandas as pd

from bayesmmm.data.future import plan_rows, read_plan
from bayesmmm.data.schema import MMMData


def complete_plan(data: MMMData, plan: pd.DataFrame, *, cost: Mapping[str, object] | None = None) -> pd.DataFrame:
    """Write units and spend of every exposure into a plan that has one of the two: ``spend = units * cost``.

    A plan may give either: the other follows from the cost of a unit. Without `cost` that is what one unit cost in as
    many periods at the end of the history as are planned; in a geo that had none then, in all of its periods.

    Parameters
    ----------
    data : MMMData
        The history, with `spend` of exposures.
    plan : pandas.DataFrame
        As in `predict`, with the columns of exposures, of their spend, or both.
    cost : mapping of str to number, array (W,) or Series, optional
        Exposure -> money that one unit costs in the periods of the plan, above 0; of a panel a number for all, or a
        DataFrame with these periods as its index and a column for every geo.

    Returns
    -------
    pandas.DataFrame
        The plan, with both columns of each exposure that it names: what `predict`, `what_if`, `roi` and
        `optimize_budget` take as ``plan=``.

    Raises
    ------
    PlanError
        Units and spend contradict the cost that is given, or nothing was ever paid for an exposure.
    SettingError
        A cost is impossible, or of a channel that is no exposure with a column of spend.
    DataError
        As `predict`, for a plan that cannot be used.

    Warns
    -----
    UnitWarning
        One unit costs ten times what it did, or a tenth.

    Examples
    --------
    >>> import pandas as pd
    >>> from bayesmmm.data import MMMData, complete_plan, next_dates
    >>> weeks = pd.date_range("2024-01-07", periods=8, freq="7D")
    >>> frame = pd.DataFrame({"week": weeks, "sales": range(8), "views": [500.0, 0] * 4, "cost": [2.0, 0] * 4})
    >>> roles = {"media": ["views"], "units": {"views": "impressions"}, "spend": {"views": "cost"}}
    >>> data = MMMData.from_frame(frame, date="week", outcome="sales", **roles)
    >>> money = pd.DataFrame({"cost": [4.0, 1.0]}, index=next_dates(data, 2))
    >>> complete_plan(data, money)["views"].tolist()
    [1000.0, 250.0]
    >>> complete_plan(data, money, cost={"views": [0.004, 0.005]})["views"].tolist()
    [1000.0, 200.0]
    """
    columns = list(getattr(plan, "columns", ()))
    names = [name for name, column in data.spend.items() if name in columns or column in columns]
    future = read_plan(data, plan, needed=names, cost=cost)
    rows, out = plan_rows(data, plan), plan.copy()
    for name, ahead in future.exposures.items():
        for column, values in ((name, ahead.units), (data.spend[name], ahead.spend)):
            told = out[column].to_numpy(float, copy=True) if column in columns else 0.0 * rows.ravel()
            told[rows] = values
            out[column] = told
    return out
