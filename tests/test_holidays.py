"""Public holidays as tables of events: what is in them, what is not, and what is refused."""

import sys

import holidays
import pandas as pd
import pytest

import bayesmmm as mm
from bayesmmm import cli, errors
from bayesmmm.data import MMMData, read_events

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


# --------------------------------------------------------------------------------------------------- the command line
def test_the_command_writes_what_data_read(tmp_path, capsys):
    out = tmp_path / "tables" / "holidays.csv"
    words = ["--first", "2024-01-01", "--last", "2025-12-31", "--out", str(out)]
    assert cli.main(["holidays", "DE", "BY", *words, "--lead-days", "2", "--geo", "south"]) == cli.DONE
    said = capsys.readouterr().out
    assert "24 events from 2024-01-01 to 2025-12-31" in said
    assert "    2  Neujahr\n    4  Neujahr lead" in said
    assert read_events(str(out), ["south"]) == read_events(
        mm.holiday_events("DE", "BY", first="2024-01-01", last="2025-12-31").assign(lead_days=2, geo="south"),
        ["south"],
    )


def test_the_command_and_a_spec(tmp_path, capsys):
    """A table that the command wrote goes into a system by its name in [data]."""
    out = tmp_path / "holidays.csv"
    assert (
        cli.main(["holidays", "US", "--first", "2024-01-01", "--last", "2024-12-31", "--out", str(out)])
        == cli.DONE
    )
    weeks = pd.date_range("2024-01-01", periods=20, freq="7D")
    frame = pd.DataFrame({"week": weeks, "sales": range(20), "tv": range(1, 21)})
    frame.to_csv(tmp_path / "data.csv", index=False)
    spec = f"""
[data]
date = "week"
outcome = "sales"
media = ["tv"]
date_is = "first"
events = "{out.name}"

[[equation]]
name = "sales"
media = ["tv"]

[equation.pooled_events]
holidays = ["New Year's Day", "Memorial Day"]
"""
    (tmp_path / "system.toml").write_text(spec, encoding="utf-8")
    assert cli.main(["check", str(tmp_path / "data.csv"), "--spec", str(tmp_path / "system.toml")]) == cli.DONE
    assert "no fault" in capsys.readouterr().out
    data = MMMData.from_file(
        tmp_path / "data.csv", date="week", outcome="sales", media=["tv"], date_is="first", events=str(out)
    )
    assert "New Year's Day" in data.event_names


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["DE", "XX"], "'XX' is no region of DE"),
        (["XX"], "'XX' is no country"),
        (["DE", "--language", "xx"], "language='xx' is none"),
        (["DE", "--lead-days", "400"], "lead_days"),
    ],
)
def test_what_the_command_refuses(tmp_path, capsys, words, said):
    out = tmp_path / "holidays.csv"
    days = ["--first", "2024-01-01", "--last", "2024-12-31", "--out", str(out)]
    assert cli.main(["holidays", *words, *days]) == cli.BAD_INPUT
    assert said in capsys.readouterr().err
    assert not out.exists()
