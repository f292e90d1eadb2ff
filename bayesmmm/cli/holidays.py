"""The command `holidays`: public holidays of a country or region, written as a table of events."""

import argparse
from pathlib import Path

from bayesmmm.cli import arguments
from bayesmmm.cli.commands import DONE
from bayesmmm.cli.text import heading

ABOUT = """\
Write the public holidays of a country or region, from the package holidays, as a table of events: a CSV file with the
columns name, first_day and last_day, which [data] of a SYSTEM.toml beside it names as events = "holidays.csv". Without a
region it has those of the whole country only. Black Friday, sales and school holidays are in none: add rows of your own.
Take in the days that plans will be made for.

example:
  bayesmmm holidays DE BY --first 2022-01-01 --last 2026-12-31 --out holidays.csv
"""
_TEXTS = {
    "first": "first day of the table",
    "last": "last day of the table",
    "language": "language of the names, as en_US (that of the country)",
    "lead-days": "days before each that are an event of their own, NAME lead (0)",
    "lag-days": "days after each that are an event of their own, NAME lag (0)",
    "geo": "the geo of a panel in which they are (all)",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("country", metavar="COUNTRY", help="code of two capitals, as DE")
    parser.add_argument(
        "region", metavar="REGION", nargs="?", help="code of a part of it, as BY (the whole country)"
    )
    add = arguments.adding(parser, _TEXTS)
    add("first", "DATE", required=True)
    add("last", "DATE", required=True)
    parser.add_argument("--out", metavar="CSV", type=arguments.place, required=True, help="the table of events")
    add("language", "CODE")
    add("lead-days", "N", arguments.count)
    add("lag-days", "N", arguments.count)
    add("geo", "NAME")
    parser.set_defaults(run=holidays)


def holidays(options: argparse.Namespace) -> int:
    """Write a table of public holidays, and print how many days each has."""
    from bayesmmm.data.events import read_events
    from bayesmmm.data.public_holidays import holiday_events
    from bayesmmm.files import write_files, writing

    given = {"first": options.first, "last": options.last, "language": options.language}
    table = holiday_events(options.country, options.region, **given)
    more = {name: getattr(options, name) for name in ("lead_days", "lag_days", "geo")}
    table = table.assign(**{name: value for name, value in more.items() if value is not None})
    events = read_events(table, [options.geo or ""])  # what data would refuse is refused here
    for day in ("first_day", "last_day"):
        table[day] = table[day].dt.strftime("%Y-%m-%d")
    out: Path = options.out
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        write_files({out: table.to_csv(index=False, lineterminator="\n").encode("utf-8")})
    days = {event.name: 0 for event in events}
    for event in events:
        days[event.name] += (event.last_day - event.first_day).days + 1
    print(f"{len(days)} events from {options.first} to {options.last}, with the number of their days:")
    for name, count in days.items():
        print(f"{count:>5}  {name}")
    heading("Files")
    print(f"written: {out}")
    return DONE
