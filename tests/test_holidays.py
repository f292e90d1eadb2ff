"""Public holidays as tables of events: what is in them, what is not, and what is refused."""

import sys

import holidays
import pandas as pd
import pytest

import bayesmmm as mm
from bayesmmm import errors
from bayesmmm.data import read_events

YEAR = {"first": "2024-01-01", "last": "2024-12-31"}


def test_what_a_country_has_without_a_region():
    whole = mm.holiday_events("DE", **YEAR)
    bavaria = mm.holiday_events("DE", "BY", **YEAR)
    assert (len(whole), len(bavaria)) == (9, 12)
    assert set(bavaria["name"]) - set(whole["name"]) == {"Heilige Drei Könige", "Fronleichnam", "Allerheiligen"}
    assert list(whole["first_day"]) == sorted(whole["first_day"])
    # The bank holiday of late summer is one of England, and not of all of Great Britain.
    assert "Summer Bank Holiday" not in set(mm.holiday_events("GB", **YEAR)["name"])
    assert "Late Summer Bank Holiday" in set(mm.holiday_events("GB", "ENG", **YEAR)["name"])


def test_what_is_not_in_it():
    names = set(mm.holiday_events("US", **YEAR)["name"])
    assert "Thanksgiving Day" in names
    assert not names & {"Black Friday", "Cyber Monday", "Mother's Day", "Valentine's Day", "Halloween"}
    assert len(names) == 11


def test_days_are_those_of_the_holiday_and_not_the_days_off():
    table = mm.holiday_events("US", first="2021-07-01", last="2021-07-31")
    assert table.to_dict("records") == [
        {
            "name": "Independence Day",
            "first_day": pd.Timestamp("2021-07-04"),  # a Sunday: the Monday after it was a day off
            "last_day": pd.Timestamp("2021-07-04"),
        }
    ]
    assert pd.Timestamp("2021-07-05") in holidays.country_holidays("US", years=2021)


def test_days_of_one_name_are_one_row_in_every_year():
    table = mm.holiday_events("TR", first="2023-01-01", last="2026-12-31", language="en_US")
    assert not [name for name in table["name"] if "estimated" in name]
    feast = table[table["name"].str.startswith("Eid al-Fitr")]
    assert list((feast["last_day"] - feast["first_day"]).dt.days + 1) == [3, 3, 3, 3]
    assert len(read_events(table, ["national"])) == len(table)


def test_every_table_can_be_read():
    for country in ("GB", "FR", "IT", "ES", "CN", "IN", "BR", "JP", "LS", "VN"):
        read_events(mm.holiday_events(country, first="2022-01-01", last="2025-12-31"), ["national"])


@pytest.mark.parametrize(
    ("country", "more", "kind", "advice"),
    [
        ("XX", {}, errors.EventError, r"'XX' is no country .* codes have two capitals, as 'DE'"),
        ("de", {}, errors.EventError, r"'de' is no country"),
        (5, {}, errors.EventError, r"5 is no country"),
        ("DE", {"region": "ZZ"}, errors.EventError, r"'ZZ' is no region of DE.*Regions are: BB, BE"),
        (
            "DE",
            {"language": "xx"},
            errors.EventError,
            r"language='xx' is none that names of DE have: .*leave language out",
        ),
        (
            "DE",
            {"first": "1950-01-01", "last": "1955-01-01"},
            errors.EventError,
            r"known from 1991 to 2100, and 1950 to",
        ),
        (
            "DE",
            {"first": "2024-02-01", "last": "2024-02-03"},
            errors.EventError,
            r"no public holiday .* take in more days",
        ),
        (
            "DE",
            {"first": "2024-12-31", "last": "2024-01-01"},
            errors.DateError,
            r"is after last 2024-01-01; swap the two",
        ),
        ("DE", {"first": "soon"}, errors.DateError, r"first='soon' is not a date"),
    ],
)
def test_what_is_refused(country, more, kind, advice):
    with pytest.raises(kind, match=advice):
        mm.holiday_events(country, **{**YEAR, **more})


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(
        errors.MissingLibraryError, match=r"pip install 'bayesmmm\[holidays\]', or write the table"
    ):
        mm.holiday_events("DE", **YEAR)
