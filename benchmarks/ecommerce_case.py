"""The e-commerce case as its notebook states it: from the raw table to a panel, the system, the proposals, the truth."""

import json
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

import bayesmmm as mm
from bayesmmm.baselines import Regression
from bayesmmm.data import MMMData
from bayesmmm.prepare import Prepared
from bayesmmm.results import Fit
from bayesmmm.simulate import Ecommerce
from bayesmmm.simulate.ecommerce import EMAIL, OUTCOME, PAID

#: The days that proposals are about.
WINDOW = {"start": "2023-09-01", "stop": "2023-11-30"}
MOVED = 10_000.0
KEYS = {"vertical": "ORGANISATION_VERTICAL", "brand": "ORGANISATION_ID", "territory": "TERRITORY_NAME"}


def quiet(work: Callable, *arguments: object, **settings: object):
    """Do something without the warnings of the package: days of a sale, and of a mailing, are no mistakes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mm.errors.BayesMMMWarning)
        return work(*arguments, **settings)


def prepared(table: Path) -> Prepared:
    """Read and prepare the raw table: US dollars, blanks of channels that are not bought as no spend."""
    rates = json.loads(table.with_name("ecommerce.json").read_text(encoding="utf-8"))["rates"]
    columns = {OUTCOME: "ALL_PURCHASES_ORIGINAL_PRICE", **{name: f"{name.upper()}_SPEND" for name in PAID}}
    return mm.prepare.tidy(
        table,
        columns=columns | {EMAIL: "EMAIL_CLICKS"},
        date="DATE_DAY",
        geo=KEYS,
        missing=dict.fromkeys(PAID, 0),
        currency="USD",
        rates=rates,
        money=[OUTCOME, *PAID],
        ragged=True,
    )


def panel(ready: Prepared) -> MMMData:
    """The prepared table with its roles."""
    roles = {"outcome": OUTCOME, "media": [*PAID, EMAIL], "units": {EMAIL: "clicks"}, "missing": "ignore"}
    return quiet(mm.MMMData.from_frame, ready.frame, date="date", geo=list(KEYS), **roles)


def system(periods: str = "fixed") -> mm.MMM:
    """The equation of the notebook; nothing draws effects of days to zero unless `periods` says so."""
    seasons = [mm.Fourier(period=365.25, order=2), mm.Fourier(period=7, order=2)]
    rest = {"trend": True, "seasonality": seasons}
    shape = mm.Panel(group="brand", per_geo=["trend"], periods=periods)
    return mm.MMM([mm.Equation(OUTCOME, media=[*PAID, EMAIL], panel=shape, **rest)])


def baseline(data: MMMData, probability: float) -> Regression:
    """One linear regression over all rows, with a level for each series."""
    return mm.baselines.least_squares(data, ci_prob=probability)


def proposals(data: MMMData) -> dict[str, dict[str, float]]:
    """Channel -> factor on its spend in the window, for each of the four proposals."""
    asked = (data.dates >= WINDOW["start"]) & (data.dates <= WINDOW["stop"])
    money = {name: float(data.columns[name][:, asked].sum()) for name in PAID}
    moved = {
        "google_pmax": 1.0 - MOVED / money["google_pmax"],
        "google_shopping": 1.0 + MOVED / money["google_shopping"],
    }
    return {
        "paid search + 30 %": {"google_paid_search": 1.3},
        "Facebook - 50 %": {"meta_facebook": 0.5},
        "e-mails x 2": {EMAIL: 2.0},
        "10,000 from PMax to Shopping": moved,
    }


def gained(fit: Fit, scale: Mapping[str, float]) -> np.ndarray:
    """Draws of the sales that a proposal adds."""
    change = mm.what_if(fit, scale=dict(scale), **WINDOW)[f"{OUTCOME}.change"]
    return change.sum("date").values.ravel()


def truly_gained(made: Ecommerce, scale: Mapping[str, float]) -> float:
    """The sales that a proposal would really have added."""
    data = made.world.data
    inside = (data.dates >= WINDOW["start"]) & (data.dates <= WINDOW["stop"])
    other = {
        name: np.where(inside, factor * data.columns[name], data.columns[name]) for name, factor in scale.items()
    }
    return float(made.change(other).sum())
