"""What the columns of a data set say: their units, what was paid, what is known. The base of `MMMData`."""

from collections.abc import Mapping, Sequence

import numpy as np

from bayesmmm.data import checks
from bayesmmm.data.checks import MONEY
from bayesmmm.data.events import Event, event_names
from bayesmmm.data.exposures import EXPOSURES, cost_of_unit


class Columns:
    """Readings of columns (geo, date) by name; the fields are those of `MMMData`."""

    geos: tuple[str, ...]
    columns: Mapping[str, np.ndarray]
    outcome: str
    media: tuple[str, ...]
    mediators: Mapping[str, str]
    controls: tuple[str, ...]
    outcome_unit: str
    units: Mapping[str, str]
    spend: Mapping[str, str]
    present: np.ndarray | None
    events: tuple[Event, ...]

    @property
    def _shape(self) -> tuple[int, int]:
        return next(iter(self.columns.values())).shape

    @property
    def event_names(self) -> tuple[str, ...]:
        """Names of events, each once."""
        return event_names(self.events)

    # ------------------------------------------------------------------------------------------------ units, money
    def unit(self, name: str) -> str:
        """Return the unit of a column: that of a channel, "money" where none was said, "" of a control."""
        checks.check_known([name], list(self.columns), where="the data")
        counted = {**dict.fromkeys(self.spend, EXPOSURES), **self.units}
        fixed = {self.outcome: self.outcome_unit, **self.mediators, **dict.fromkeys(self.controls, ""), **counted}
        fixed |= dict.fromkeys(self.event_names, "days")
        return fixed.get(name, MONEY)

    def is_money(self, name: str) -> bool:
        """Return whether a column is money that the planner pays: media or a mediator in that unit, or spend."""
        checks.check_known([name], list(self.columns), where="the data")
        return name not in (self.outcome, *self.controls) and self.unit(name) == MONEY

    def has_spend(self, name: str) -> bool:
        """Return whether it is known what is paid for a channel or mediator: it is money, or has a column of spend."""
        return name in self.spend or self.is_money(name)

    def spend_of(self, name: str) -> np.ndarray:
        """Return what was paid for a channel or mediator, (geo, date), in money; NaN where that is not known.

        Examples
        --------
        >>> import pandas as pd
        >>> from bayesmmm.data import MMMData
        >>> weeks = pd.date_range("2024-01-07", periods=8, freq="7D")
        >>> frame = pd.DataFrame({"week": weeks, "sales": range(8), "views": [500.0, 0] * 4, "cost": [2.0, 0] * 4})
        >>> roles = {"media": ["views"], "units": {"views": "impressions"}, "spend": {"views": "cost"}}
        >>> data = MMMData.from_frame(frame, date="week", outcome="sales", **roles)
        >>> data.unit("views"), data.spend_of("views").sum()
        ('impressions', np.float64(8.0))
        """
        if not self.has_spend(name):
            return np.full(self._shape, np.nan)
        return self.columns[self.spend.get(name, name)]

    def cost_of_unit(self, name: str) -> np.ndarray:
        """Return what one unit of a channel costs over all periods, (geo,): 1 where it is money, NaN where not known.

        What was paid over what was had; a geo that has no units or no spend has the cost of the others together.
        """
        if name not in self.spend:
            return np.full(len(self.geos), 1.0 if self.is_money(name) else np.nan)
        return cost_of_unit(self.columns[name], self.spend_of(name))

    # ------------------------------------------------------------------------------------------------ what is known
    @property
    def has_row(self) -> np.ndarray:
        """Whether a geo has a row, (geo, date): from its own first period to its last."""
        return np.ones(self._shape, bool) if self.present is None else self.present

    def recorded(self, name: str) -> np.ndarray:
        """Whether the value of a column is known, (geo, date): in rows of its geo that are not missing."""
        return self.has_row & ~np.isnan(self.columns[name])

    def known(self, name: str) -> np.ndarray:
        """Values of a column (geo, date), NaN where there is none: also spend and controls outside a geo's periods."""
        at = self.recorded(name)
        return self.columns[name] if at.all() else np.where(at, self.columns[name], np.nan)

    def values(self, name: str) -> np.ndarray:
        """Values of a column that are known: all of them, (geo, date), or in one row those that are."""
        at = self.recorded(name)
        return self.columns[name] if at.all() else self.columns[name][at]

    def bought(self, names: Sequence[str]) -> np.ndarray:
        """Return whether each of some columns was ever above zero in each geo, (geo, column)."""
        return np.array([(self.columns[name] > 0).any(axis=-1) for name in names]).reshape(-1, len(self.geos)).T
