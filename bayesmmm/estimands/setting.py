"""Reading interventions: which columns are set, over which periods, to what."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bayesmmm.errors import MissingValueError, NegativeSpendError, SettingError, UnknownTermError
from bayesmmm.estimands.query import Timeline, check_mapping, is_money
from bayesmmm.priors import closest
from bayesmmm.results import Fit


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
        if (
            isinstance(given, pd.Series)
            and isinstance(given.index, pd.DatetimeIndex)
            and not given.index.equals(dates)
        ):
            raise SettingError(
                f"do[{name!r}] has {len(given)} values with other dates than the window: "
                f"the window has the {len(dates)} periods {dates[0]:%Y-%m-%d} to {dates[-1]:%Y-%m-%d}; give a value for "
                f"each of these, in order"
            )
        try:
            values = np.asarray(given, dtype=float)
        except (TypeError, ValueError) as error:
            raise SettingError(f"do[{name!r}] must be numbers, one per period of the window: {error}") from error
        if values.shape not in ((), (len(dates),)):
            raise SettingError(
                f"do[{name!r}] has shape {values.shape}, the window has {len(dates)} periods from "
                f"{dates[0]:%Y-%m-%d} to {dates[-1]:%Y-%m-%d}; give one number, or one for each period"
            )
        values = np.broadcast_to(values, (1, 1, len(dates)))
        check_values(fit, name, values, f"do[{name!r}]")
        out[name] = values
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
        number = isinstance(factor, int | float | np.number) and not isinstance(factor, bool)
        if not number or not np.isfinite(factor) or factor < 0:
            raise SettingError(
                f"scale[{name!r}]={factor!r} must be a number of 0 or more: 0 switches off, 1.3 adds 30 %"
            )
        out[name] = float(factor)
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
        f"{where} names {name!r}, which the system does not have{closest(name, known)}. It has: {', '.join(known)}."
    )


def check_values(fit: Fit, name: str, values: np.ndarray, where: str) -> None:
    """Refuse values that are no data: not finite, or negative money."""
    if not np.isfinite(values).all():
        raise MissingValueError(f"{where} has missing or infinite values; give a finite number for every period")
    if is_money(fit, name) and (values < 0).any():
        raise NegativeSpendError(f"{where} has the negative value {values.min():g}; spend is zero or more")
