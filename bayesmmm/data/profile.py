"""What is in each column period by period: amounts, zeros, what was not recorded, values far from the others."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayesmmm.data.data_warnings import outlying
from bayesmmm.data.roles import uses_of

if TYPE_CHECKING:
    from bayesmmm.data.schema import MMMData


def data_profile(data: "MMMData") -> pd.DataFrame:
    """Return one row for each column and period.

    Parameters
    ----------
    data : MMMData

    Returns
    -------
    pandas.DataFrame
        Index: column, date, columns in the order of the data. Columns: ``role``; ``value``, the sum over geos of what
        is known; ``zero``, ``gap`` and ``outlier``: in how many geos the value is zero, is not known (not recorded, or
        before the first and after the last period of the geo), or lies more than 8 robust standard deviations from
        the median of the values of its geo that are not zero.

    Examples
    --------
    >>> import bayesmmm as mm
    >>> from bayesmmm.data.profile import data_profile
    >>> profile = data_profile(mm.load_case("social_search").data)
    >>> int(profile.loc["tiktok", "zero"].sum()), int(profile["gap"].sum())
    (92, 0)
    """
    tables = {}
    for name, role in uses_of(data.outcome, data.media, data.mediators, data.controls, data.spend):
        known, there = data.known(name), data.recorded(name)
        far = np.array([outlying(np.nan_to_num(series))[0] for series in known])
        tables[name] = pd.DataFrame(
            {
                "role": role.removesuffix("s"),
                "value": np.nansum(known, axis=0),
                "zero": ((known == 0) & there).sum(axis=0),
                "gap": (~there).sum(axis=0),
                "outlier": far.sum(axis=0),
            },
            index=pd.Index(data.dates, name="date"),
        )
    return pd.concat(tables, names=["column"])
