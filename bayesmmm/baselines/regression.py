"""What a regression found: coefficients, effects of channels, fitted values, and where it would put money."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesmmm.data import MMMData
from bayesmmm.engine import check_data
from bayesmmm.errors import InfeasibleError, SettingError
from bayesmmm.text import wrapped
from bayesmmm.validate import check_number, is_number

# Into how many equal steps money is divided when it is given away.
_STEPS = 2000
# Of the lines of a printed regression.
_WIDTH = 115

#: Spend of a channel in a period, kept up for ever -> outcome of a period that it brings.
Response = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False, repr=False)
class Regression:
    """What a regression found.

    Attributes
    ----------
    method : str
        What was done, in a few words.
    cannot_say : str
        What its numbers do not tell.
    coefficients : pandas.DataFrame
        Index term; estimate and, where the method has them, std_error, lower, upper and p_value. Of a channel in
        outcome per unit of its column, of a control in outcome per unit of it.
    effects : pandas.DataFrame
        Index ``total[channel]``, ``direct[channel]``, ``indirect[channel]``, ``roi[channel]``, ...; estimate, lower and
        upper: over the periods of the data, in units of the outcome, and per unit of spend. What the spend still does
        after the last period is not counted.
    fitted : pandas.DataFrame
        One row for each observed period (of a geo): date, geo where there are several, observed, fitted, residual.
    ci_prob : float
        Probability of the intervals.
    outcome : str
        Column that was explained.
    responses : mapping of str to callable
        Channel -> what spend of a period that is kept up for ever brings in a period; `allocate` compares them.
    forecast : callable
        What `predict` asks: data -> outcome (G, T).
    """

    method: str
    cannot_say: str
    coefficients: pd.DataFrame
    effects: pd.DataFrame
    fitted: pd.DataFrame
    ci_prob: float
    outcome: str
    responses: Mapping[str, Response]
    forecast: Callable[[MMMData], np.ndarray]

    @property
    def r2(self) -> float:
        """Share of the variance of the observed outcome that the fitted values explain."""
        observed = self.fitted["observed"]
        return float(1.0 - (self.fitted["residual"] ** 2).sum() / ((observed - observed.mean()) ** 2).sum())

    def predict(self, data: MMMData) -> pd.DataFrame:
        """Predict the outcome of some data from their spend and controls.

        Parameters
        ----------
        data : MMMData
            With the columns and geos of those that were fitted; for a hold-out all periods from the first fitted one
            on, since carry-over starts from nothing. Only what comes after the fitted periods is a forecast.

        Returns
        -------
        pandas.DataFrame
            Index date; a column for each geo, or one with the name of the outcome.
        """
        check_data(data)
        columns = list(data.geos) if len(data.geos) > 1 else [self.outcome]
        return pd.DataFrame(self.forecast(data).T, index=pd.Index(data.dates, name="date"), columns=columns)

    def allocate(self, total: float, bounds: Mapping[str, tuple[float, float]]) -> pd.Series:
        """Say where this regression would put the money of a period.

        Money is given in small steps to the channel that is said to make most of the next one, which is the best that
        can be done where no response bends upwards. A straight line never bends: it fills one channel after another, up
        to the bounds.

        Parameters
        ----------
        total : float
            Money of a period.
        bounds : mapping of str to (float, float)
            Channel -> least and most money of a period.

        Returns
        -------
        pandas.Series
            Index channel; money of a period.

        Raises
        ------
        InfeasibleError
            When no plan within the bounds costs the total.
        SettingError
            When bounds lack a channel, or are none.

        Examples
        --------
        >>> import bayesmmm as mm
        >>> data = mm.load_case("social_search").data
        >>> found = mm.baselines.least_squares(data)
        >>> plan = found.allocate(12_000, dict.fromkeys(data.media, (1_000, 9_000)))
        >>> float(plan.sum())
        12000.0
        """
        total = check_number(total, "total", above=0.0, advice="the money of a period")
        low, high = (
            np.array(ends, float) for ends in zip(*map(self._bounds(bounds), self.responses), strict=True)
        )
        # A budget that is as large as all bounds together may miss them by rounding.
        if not low.sum() * (1 - 1e-9) <= total <= high.sum() * (1 + 1e-9):
            raise InfeasibleError(
                f"bounds allow from {low.sum():g} to {high.sum():g} a period, and the total is {total:g}. Change one."
            )
        spend, step = low.copy(), (total - low.sum()) / _STEPS
        responses = list(self.responses.values())
        for _ in range(_STEPS):
            room = np.minimum(step, high - spend)
            gains = [
                float(f(x + r) - f(x)) / r if r > 0 else -np.inf
                for f, x, r in zip(responses, spend, room, strict=True)
            ]
            left = step
            for k in np.argsort(gains)[::-1]:
                given = min(left, room[k])
                spend[k] += given
                left -= given
        return pd.Series(spend, index=pd.Index(list(self.responses), name="channel"), name="spend")

    def _bounds(self, bounds: Mapping[str, tuple[float, float]]) -> Callable[[str], tuple[float, float]]:
        def of(channel: str) -> tuple[float, float]:
            try:
                low, high = bounds[channel]
            except (TypeError, KeyError, ValueError) as error:
                raise SettingError(
                    f"bounds say nothing of {channel!r}. Give each channel its least and most, as "
                    f"bounds={{{channel!r}: (0, 5000)}}."
                ) from error
            if not (is_number(low) and is_number(high) and 0.0 <= low <= high):
                raise SettingError(
                    f"bounds of {channel!r} are {low!r} and {high!r}. Give the smaller of two amounts of money first."
                )
            return float(low), float(high)

        return of

    def __repr__(self) -> str:
        table = self.coefficients.map("{:.3g}".format)
        head = f"{self.method}: {len(self.fitted)} periods, R2 {self.r2:.2f}, intervals of {self.ci_prob:.0%}"
        return "\n".join([head, table.to_string(), *wrapped(self.cannot_say, _WIDTH, head="Cannot say: ")])


def fitted_table(data: MMMData, rows: np.ndarray, fitted: np.ndarray) -> pd.DataFrame:
    """What was observed and fitted in the periods (G, T) that a regression saw."""
    g, t = np.nonzero(rows)
    observed = data.columns[data.outcome][rows]
    geo = {"geo": np.array(data.geos, dtype=object)[g]} if len(data.geos) > 1 else {}
    return pd.DataFrame(
        {"date": data.dates[t], **geo, "observed": observed, "fitted": fitted, "residual": observed - fitted}
    )


def table_of(data: MMMData, parts: Mapping[str, Mapping[str, tuple[float, float, float]]]) -> pd.DataFrame:
    """Effects by part and channel, (estimate, lower, upper), as a table with the returns on spend below them."""
    rows = {f"{part}[{name}]": values for part, by in parts.items() for name, values in by.items()}
    for part, by in parts.items():
        label = "roi" if part == "total" else f"roi_{part}"
        for name, (middle, lower, upper) in by.items():
            spend = float(data.spend_of(name).sum())
            rows[f"{label}[{name}]"] = (middle / spend, lower / spend, upper / spend)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["estimate", "lower", "upper"])
