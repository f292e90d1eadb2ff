"""The table of the e-commerce world: 50 columns as brands report them, and the files that hold it with the truth.

Money is in the currency of each series. A channel that a series does not buy is blank. Clicks on what is not paid follow
sales and demand: they are no causes of sales here. Discounts are known once something is sold.
"""

import gzip
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.errors import DataError
from bayesmmm.files import write_files
from bayesmmm.simulate.ecommerce import EMAIL, OUTCOME, PAID, RATES, Ecommerce
from bayesmmm.simulate.truth import plain_dataset, read_dataset
from bayesmmm.validate import check_path

FORMAT = 1
#: What is kept of the parameters of the world: not those of every day and series.
_KEPT = ("half_life", "half_saturation", "slope", "median_contribution", "tau", "tau_group", "sigma", "omega")
# Mean sales of one purchase and cost of a click, in US dollars; share of impressions that are clicked.
_BASKET, _CLICK, _CLICKED = 60.0, 0.8, 0.012
# Columns of clicks that nobody pays, clicks for one purchase, and share of brands that do not record them.
_ORGANIC = {
    "DIRECT_CLICKS": (7.0, 0.0),
    "BRANDED_SEARCH_CLICKS": (3.0, 0.35),
    "ORGANIC_SEARCH_CLICKS": (9.0, 0.0),
    "EMAIL_CLICKS": (0.0, 0.0),
    "REFERRAL_CLICKS": (1.5, 0.1),
    "ALL_OTHER_CLICKS": (2.0, 0.1),
}


def ecommerce_table(made: Ecommerce) -> pd.DataFrame:
    """Write the e-commerce world as a table with a row for each series and day.

    Parameters
    ----------
    made : Ecommerce

    Returns
    -------
    pandas.DataFrame
        50 columns: nine that say which series, day and currency; first and all purchases, their units, price before
        discounts, and discount; spend, clicks and impressions of nine paid channels; clicks of six other sources.

    Examples
    --------
    >>> from bayesmmm.simulate.ecommerce import ecommerce
    >>> table = ecommerce_table(ecommerce(seed=1, series=8, rows=3600))
    >>> table.shape
    (3600, 50)
    """
    # The first three streams of the seed made the world.
    rng = np.random.default_rng(made.world.seed).spawn(4)[3]
    data, shops = made.world.data, made.shops
    columns, cells = _series(made), shops.present
    brand = shops.table["brand"].astype("category").cat.codes.to_numpy()
    sales = data.columns[OUTCOME]
    rate = np.array([RATES[currency] for currency in shops.table["currency"]])[:, None]
    columns |= _purchases(np.nan_to_num(sales), rate, made.demand, rng)
    for kind in ("SPEND", "CLICKS", "IMPRESSIONS"):
        columns |= {f"{name.upper()}_{kind}": np.empty(0) for name in PAID}
    for c, name in enumerate(PAID):
        bought = shops.buys[:, [c]]
        for kind, values in _reach(data.columns[name], brand, rate, rng).items():
            columns[f"{name.upper()}_{kind}"] = np.where(bought, values, np.nan)
    for name, (clicks, unrecorded) in _ORGANIC.items():
        mean = np.nan_to_num(sales) / _BASKET * clicks * np.exp(0.3 * rng.standard_normal((len(sales), 1)))
        values = rng.poisson(np.maximum(mean, 0.0)).astype(float)
        blank = (rng.random(brand.max() + 1) < unrecorded)[brand][:, None]
        columns[name] = data.columns[EMAIL] if name == "EMAIL_CLICKS" else np.where(blank, np.nan, values)
    return pd.DataFrame({name: np.broadcast_to(values, cells.shape)[cells] for name, values in columns.items()})


def _series(made: Ecommerce) -> dict[str, np.ndarray]:
    """Which series, day and currency a row is about; (G, 1) or (T,)."""
    table, buys = made.shops.table, made.shops.buys
    platforms = np.array([name.partition("_")[0] for name in PAID])
    titles = {"google": "Google", "meta": "Meta", "tiktok": "TikTok"}
    of_brand = pd.DataFrame(buys).groupby(table["brand"].to_numpy()).transform("any").to_numpy()
    sources = [
        ", ".join(title for key, title in titles.items() if own[platforms == key].any()) for own in of_brand
    ]
    said = {
        "MMM_TIMESERIES_ID": [f"series {i + 1:03d}" for i in range(len(table))],
        "ORGANISATION_ID": table["brand"],
        "ORGANISATION_VERTICAL": table["vertical"],
        "ORGANISATION_SUBVERTICAL": table["subvertical"],
        "ORGANISATION_MARKETING_SOURCES": sources,
        "ORGANISATION_PRIMARY_TERRITORY_NAME": table["home"],
        "TERRITORY_NAME": table["territory"],
        "DATE_DAY": made.shops.dates.strftime("%Y-%m-%d"),
        "CURRENCY_CODE": table["currency"],
    }
    each = {name: np.array(values, dtype=object) for name, values in said.items()}
    return {name: values if name == "DATE_DAY" else values[:, None] for name, values in each.items()}


def _purchases(
    sales: np.ndarray, rate: np.ndarray, demand: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """First and all purchases (G, T) of sales in dollars: number, units, price before discounts, discount."""
    shape = sales.shape
    basket = _BASKET * np.exp(0.4 * rng.standard_normal((shape[0], 1)))
    bought = np.maximum(np.round(sales / (basket * np.exp(0.05 * rng.standard_normal(shape)))), 1.0)
    new = np.clip(0.5 + 0.1 * rng.standard_normal((shape[0], 1)) + 0.03 * rng.standard_normal(shape), 0.1, 0.9)
    # More is sold at a discount on days of high demand, and on days on which more is sold for whatever reason.
    off = np.clip(0.08 + 0.03 * demand + 0.01 * rng.standard_normal(shape), 0.0, 0.6)
    price = sales / rate
    out = {}
    for name, share in (("FIRST", new), ("ALL", np.ones(shape))):
        count = np.round(share * bought)
        out[f"{name}_PURCHASES"] = count
        out[f"{name}_PURCHASES_UNITS"] = count + rng.poisson(0.6 * count)
        out[f"{name}_PURCHASES_ORIGINAL_PRICE"] = np.round(share * price, 2)
        out[f"{name}_PURCHASES_GROSS_DISCOUNT"] = np.round(share * price * off, 2)
    return out


def _reach(
    spend: np.ndarray, brand: np.ndarray, rate: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Spend in the currency of the series, clicks and impressions (G, T) of a channel."""
    cost = _CLICK * np.exp(0.3 * rng.standard_normal(brand.max() + 1))[brand][:, None]
    clicks = rng.poisson(spend / (cost * np.exp(0.1 * rng.standard_normal(spend.shape))))
    shown = np.round(clicks / (_CLICKED * np.exp(0.2 * rng.standard_normal(spend.shape))))
    return {"SPEND": np.round(spend / rate, 2), "CLICKS": clicks, "IMPRESSIONS": shown}


def write_ecommerce(made: Ecommerce, folder: str | os.PathLike[str], name: str) -> tuple[Path, Path]:
    """Write the e-commerce world to ``<name>.csv.gz``, its table, and ``<name>.json``, its truth.

    Parameters
    ----------
    made : Ecommerce
    folder : str or path
        Made if it does not exist.
    name : str
        Name of the files without ending.

    Returns
    -------
    tuple of pathlib.Path
        CSV, JSON.

    Raises
    ------
    DataError
        When the files cannot be written.
    """
    folder = check_path(folder, "folder", DataError, "worlds")
    text = _csv(ecommerce_table(made))
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as file:  # the same world gives the same bytes
        file.write(text.encode())
    record = json.dumps(ecommerce_truth(made), allow_nan=False) + "\n"
    table, truth = folder / f"{name}.csv.gz", folder / f"{name}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_files({table: packed.getvalue(), truth: record.encode()})
    except OSError as error:
        raise DataError(
            f"the world {name!r} could not be written to {folder}: {error}. Give a folder with space and write "
            f"permission, and a name without slashes."
        ) from error
    return table, truth


def ecommerce_truth(made: Ecommerce) -> dict[str, Any]:
    """What is true of the world, as plain lists, texts and numbers: money in US dollars.

    Effects are those of ``Truth.effects`` and ``Truth.effects_by_geo``, over all days of the table.
    """
    truth = made.world.truth
    keys = [name for name in truth.parameters.data_vars if str(name).partition(".")[2] in _KEPT]
    kept = truth.parameters[keys].drop_vars(["geo", "date", f"{OUTCOME}.term"], errors="ignore")
    effects = ["spend", "total", "roi"]
    assert truth.effects_by_geo is not None
    return {
        "format": FORMAT,
        "seed": made.world.seed,
        "system": made.world.system.to_toml(),
        "rates": RATES,
        "parameters": plain_dataset(kept),
        "effects": plain_dataset(truth.effects[effects]),
        "effects_by_geo": plain_dataset(truth.effects_by_geo[effects]),
    }


def read_truth(path: str | os.PathLike[str]) -> dict[str, xr.Dataset]:
    """Read what is true of a world that `write_ecommerce` wrote.

    Parameters
    ----------
    path : str or path
        Its JSON file.

    Returns
    -------
    dict of str to xarray.Dataset
        ``parameters``, ``effects`` and ``effects_by_geo``, as in `Truth`, in US dollars.

    Raises
    ------
    DataError
        When the file is missing, or is no such file.
    """
    try:
        record = json.loads(check_path(path, "path", DataError, "ecommerce.json").read_text(encoding="utf-8"))
        return {name: read_dataset(record[name]) for name in ("parameters", "effects", "effects_by_geo")}
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error}. Give the JSON file that write_ecommerce wrote."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{path} is cut short or not the truth of an e-commerce world ({type(error).__name__}: {error}). Write the "
            f"world again."
        ) from error


def _csv(table: pd.DataFrame) -> str:
    """The table as text: whole numbers without a decimal point, and what is not known blank."""
    out = {}
    for name, values in table.items():
        number = values.dtype.kind == "f"
        out[name] = ["" if v != v else repr(v).removesuffix(".0") for v in values.tolist()] if number else values
    return pd.DataFrame(out).to_csv(index=False, lineterminator="\n")
