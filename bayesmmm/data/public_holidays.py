"""Public holidays of a country or region as a table of events, from the package `holidays`, which is optional."""

import datetime
import importlib
from typing import Any

import pandas as pd

from bayesmmm.data.dates import iso_date
from bayesmmm.errors import DateError, EventError, MissingLibraryError
from bayesmmm.text import listed, no_such, written


def holiday_events(
    country: str,
    region: str | None = None,
    *,
    first: str | datetime.date,
    last: str | datetime.date,
    language: str | None = None,
) -> pd.DataFrame:
    """Return the public holidays of a country or region as a table of events, for ``MMMData(events=)``.

    They are those that the package `holidays` calls public, on their own days: a day off in place of one that falls on a
    weekend is left out. A country without a region has what holds in all of it: Germany has 9 a year, Bavaria 12 to 13,
    so that a region is needed where sales are those of one. Not among them are days on which nobody is off and much is
    sold (Black Friday, Mother's Day, sales), school holidays, and most days before and after a holiday: add rows of
    your own, or columns ``lead_days`` and ``lag_days``, which make events of the days around each. Days of one name that
    follow on each other are one row.

    Parameters
    ----------
    country : str
        Code of two letters, as "DE" or "US".
    region : str, optional
        Code of a part of it, as "BY" or "CA".
    first, last : str or date
        First and last day of the table. Take in periods to come: what a plan covers is known by its dates alone.
    language : str, optional
        Of the names, as "en_US", where the package has it; the country's own by default.

    Returns
    -------
    pandas.DataFrame
        Columns name, first_day, last_day, in order of the days. A column "geo" put to it says in which geo of a panel
        they are.

    Raises
    ------
    MissingLibraryError
        When the package is not installed.
    EventError, DateError
        For a country, region, language or years that it does not have; for days that are none.

    Examples
    --------
    >>> holiday_events("DE", first="2024-12-01", last="2025-01-01")["name"].tolist()
    ['Erster Weihnachtstag', 'Zweiter Weihnachtstag', 'Neujahr']
    """
    start, stop = iso_date(first, "first"), iso_date(last, "last")
    if start > stop:
        raise DateError(f"first {start:%Y-%m-%d} is after last {stop:%Y-%m-%d}; swap the two")
    known = _holidays_of(country, region, language, range(start.year, stop.year + 1))
    rows: list[dict[str, Any]] = []
    open_rows: dict[str, dict[str, Any]] = {}
    for day in sorted(known):
        stamp = pd.Timestamp(day)
        if not start <= stamp <= stop:
            continue
        for full in dict.fromkeys(known.get_list(day)):
            name = _plain(full, known)
            row = open_rows.get(name)
            if row is not None and stamp - row["last_day"] <= pd.Timedelta(days=1):
                row["last_day"] = stamp
                continue
            open_rows[name] = {"name": name, "first_day": stamp, "last_day": stamp}
            rows.append(open_rows[name])
    if not rows:
        raise EventError(
            f"{country} has no public holiday from {start:%Y-%m-%d} to {stop:%Y-%m-%d}; take in more days, as a year"
        )
    return pd.DataFrame(rows)


def _plain(name: str, known: Any) -> str:
    """Return the name of a holiday as it is called in all years, without what no column may hold."""
    # A day that follows the moon is marked as estimated in some years and not in others.
    for label in (" (estimated)", getattr(known, "estimated_label", None)):
        name = name.removesuffix(label.replace("%s", "")) if label else name
    return name.replace("/", "-")


def _holidays_of(country: str, region: str | None, language: str | None, years: range) -> Any:
    """Return what the package knows of these years; it answers for years that it does not have with none at all."""
    try:
        library = importlib.import_module("holidays")
    except ImportError as error:
        raise MissingLibraryError(
            "public holidays are read by the package holidays, which is not installed; install it, as pip install "
            "'bayesmmm[holidays]', or write the table of events yourself"
        ) from error
    countries = library.list_supported_countries(include_aliases=False)
    if country not in countries:
        fix = f"{written(country)} is no country that the package holidays has; codes have two capitals, as 'DE'"
        raise EventError(no_such(fix, str(country), countries, "Countries are"))
    try:
        known = library.country_holidays(
            country, subdiv=region, years=years, observed=False, language=language, expand=False
        )
    except NotImplementedError:
        regions = library.list_supported_countries()[country]
        raise EventError(
            no_such(
                f"{written(region)} is no region of {country}", str(region), regions, "Regions are", "it has none"
            )
        ) from None
    if language is not None and language not in (*known.supported_languages, known.default_language):
        raise EventError(
            f"language={written(language)} is none that names of {country} have: {listed(known.supported_languages)}; "
            f"use one of these, or leave language out"
        )
    if not known.start_year <= years[0] <= years[-1] <= known.end_year:
        raise EventError(
            f"holidays of {country} are known from {known.start_year} to {known.end_year}, and {years[0]} to "
            f"{years[-1]} were asked for; ask for days in these years"
        )
    return known
