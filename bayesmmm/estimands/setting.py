"""Reading interventions: which columns are set, over which periods, to what."""

from collections.abc import Mapping

import numpy as np

from bayesmmm.errors import UnknownTermError
from bayesmmm.estimands.query import Timeline
from bayesmmm.results import Fit
from bayesmmm.text import did_you_mean
from bayesmmm.validate import check_dates, check_mapping, check_number, check_values


def read_do(
    fit: Fit, do: Mapping[str, object] | None, line: Timeline, *, mediators: bool = False
) -> dict[str, np.ndarray]:
    """Return columns set to a series as (1, G, W) arrays over the W periods of the window.

    Parameters
    ----------
    do : mapping of str to number, array (W,) or Series
        A pandas Series indexed by date is matched by date and must cover the window exactly.
    mediators : bool
        Whether only mediators may be set.

    Raises
    ------
    UnknownTermError
        For a column that the system does not have, or the outcome.
    SettingError
        For values of another length or other dates than the window.
    MissingValueError, NegativeSpendError
        For values that are not finite, or negative money.
    """
    out = {}
    dates = line.dates[line.window]
    for name, given in check_mapping(do, "do", "{'google': series}").items():
        check_settable(fit, name, "do", mediators=mediators)
        values = check_dates(given, f"do[{name!r}]", dates)
        check_values(values, f"do[{name!r}]", money=fit.data.is_money(name))
        out[name] = values[None, None]
    return out


def read_scale(fit: Fit, scale: Mapping[str, float] | None) -> dict[str, float]:
    """Return columns that are multiplied by a factor, checked.

    Raises
    ------
    UnknownTermError
        For a column that the system does not have, or the outcome.
    SettingError
        For a factor that is not a number of 0 or more.
    """
    out = {}
    for name, factor in check_mapping(scale, "scale", "{'tiktok': 1.3}").items():
        check_settable(fit, name, "scale", mediators=False)
        advice = "as 0 to switch off, or 1.3 to add 30 %"
        out[name] = check_number(factor, f"scale[{name!r}]", least=0.0, advice=advice)
    return out


def check_settable(fit: Fit, name: str, where: str, *, mediators: bool) -> None:
    """Refuse a column that cannot be set."""
    known = fit.system.mediators if mediators else (*fit.system.exogenous, *fit.system.mediators)
    if name in known:
        return
    if name == fit.system.outcome:
        raise UnknownTermError(
            f"{where} sets {name!r}, which is the outcome; set what drives it: {', '.join(known)}"
        )
    if mediators and name in fit.system.exogenous:
        raise UnknownTermError(
            f"{where} sets {name!r}, which is a column of the plan; write it into the plan instead"
        )
    raise UnknownTermError(
        f"{where} names {name!r}, which the system does not have{did_you_mean(name, known)}. It has: {', '.join(known)}."
    )
