"""The command `prepare`: its options, which are the arguments of `bayesmmm.prepare.tidy`, and its files."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesmmm.cli import arguments
from bayesmmm.cli.commands import DONE
from bayesmmm.cli.text import heading
from bayesmmm.errors import ExportSettingError

if TYPE_CHECKING:
    from bayesmmm.prepare import Prepared

ABOUT = """\
Make one tidy table of raw exports of advertising platforms and shops. The header is found by the columns asked for.
What can be read in two ways, is not stated or would count twice is refused, and the message names the argument that
settles it: missing=0 in a message is --missing 0 here, accept=['totals'] is --accept totals. Writes the table and the
log of every step beside it, which --replay does again to next month's files.

example:
  bayesmmm prepare google.csv --columns cost=Cost clicks=Clicks --week-start monday --out tidy.csv
"""
_PAIR = "NAME=TEXT"


# ------------------------------------------------------------------------------------------------------------- options
def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "files", metavar="FILE", nargs="+", help="a file, or NAME=FILE to call it NAME in other options"
    )
    parser.add_argument("--out", metavar="CSV", type=Path, required=True, help="the tidy table")
    parser.add_argument("--log", metavar="JSON", type=Path, help="the log (beside the table, as tidy.log.json)")
    parser.add_argument("--replay", metavar="JSON", type=Path, help="take all that is not said here from this log")
    parser.add_argument(
        "--compare", metavar="FILE", nargs="+", help="an earlier import of the same account, to compare with"
    )
    _add_columns(parser.add_argument_group("columns"))
    _add_cells(parser.add_argument_group("how cells are written"))
    _add_rows(parser.add_argument_group("rows"))
    _add_periods(parser.add_argument_group("periods"))
    _add_money(parser.add_argument_group("money"))
    parser.set_defaults(run=prepare)


def _add(group: arguments.Options, name: str, text: str, metavar: str = "NAME", **options: Any) -> None:
    group.add_argument(f"--{name}", metavar=metavar, help=text, **options)


def _add_columns(group: arguments.Options) -> None:
    many = {"nargs": "+", "action": "extend"}
    _add(
        group,
        "columns",
        "column of the result and of the files, as cost=Cost or cost=google:Cost (every column of numbers that "
        "can be added up); NAME alone for the same name, or where --how needs no column",
        "NAME[=COLUMN]",
        **many,
    )
    _add(group, "date", "column of days, FILE=COLUMN where files differ (found)", "COLUMN", **many)
    _add(group, "date-as", "name of the dates in the result (date)")
    _add(
        group,
        "how",
        "how rows of a period become one value: sum (if nothing is said), mean, max, only, distinct, below; "
        "without a column: rows, days, iso_week, complete",
        "NAME=HOW",
        **many,
    )
    _add(
        group, "only", "count a row only where COLUMN is not empty, or holds a text", "NAME=COLUMN[=TEXT]", **many
    )
    _add(group, "geo", "column of regions, which stay rows", "COLUMN")
    _add(group, "pivot", "column whose groups become columns", "COLUMN")
    _add(group, "rules", "group and pattern of --pivot, as brand=*brand*; repeatable", "GROUP=PATTERN", **many)
    _add(group, "label", "column, such as the campaign, that --compare tells apart", "COLUMN")


def _add_cells(group: arguments.Options) -> None:
    many = {"nargs": "+", "action": "extend"}
    _add(group, "date-format", "format of dates, as %%d/%%m/%%Y; FILE=FORMAT where files differ", "FORMAT", **many)
    _add(group, "decimal", "decimal mark; NAME=MARK for one column or file", "MARK", **many)
    _add(group, "encoding", "encoding, FILE=ENCODING where files differ (UTF-8 or UTF-16)", "ENCODING", **many)
    _add(group, "table", "which of several tables of a file", "N", type=arguments.count)
    _add(
        group, "missing", "what an unstated cell counts as: a number or empty; NAME=VALUE for one", "VALUE", **many
    )
    _add(group, "below", "what <5 counts as: a number, half or empty; NAME=VALUE for one", "VALUE", **many)


def _add_rows(group: arguments.Options) -> None:
    many = {"nargs": "+", "action": "extend"}
    _add(group, "where", "rows to take, as Status=paid; repeatable", "COLUMN=TEXT", **many)
    _add(
        group,
        "accept",
        "accept what is else refused: totals, attribution, currency, incomplete, overlap",
        "WHAT",
        **many,
    )
    group.add_argument("--stack", action="store_true", default=None, help="files are pieces of one export")


def _add_periods(group: arguments.Options) -> None:
    many = {"nargs": "*", "action": "extend"}
    _add(group, "fill", "absent days count as zero, in all columns or in those named", **many)
    _add(group, "start", "first day", "DATE")
    _add(group, "stop", "last day", "DATE")
    _add(group, "week-start", "sum days to weeks that start on this day, as monday", "DAY")
    _add(group, "week-label", "start or end: the day that labels a week (start)", "WHICH", nargs="+")
    _add(group, "partial", "drop or keep weeks of which only some days are covered (drop)", "WHAT")
    _add(group, "fiscal", "columns of year and week of the retail calendar", "COLUMN", nargs=2)


def _add_money(group: arguments.Options) -> None:
    _add(group, "currency", "convert money into this currency, as EUR", "CODE")
    _add(group, "rates", "units of it for one of another, as USD=0.92, or a CSV file", "RATE", nargs="+")
    _add(group, "money", "columns to convert (those that are money by name)", nargs="+")


# ------------------------------------------------------------------------------------------------------------- running
def prepare(options: argparse.Namespace) -> int:
    """Prepare files, write the table and its log."""
    from bayesmmm.prepare import compare

    given = _given(options)
    result = _run(options, _files(options.files), given)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    log = options.log or options.out.with_suffix(".log.json")
    result.to_csv(options.out)
    result.log.to_json(log)
    print(result)
    if options.compare:
        heading("Beside the earlier import")
        print(compare(_run(options, _files(options.compare), given), result))
    heading("Files")
    print(f"written: {options.out}, {log}")
    return DONE


def _run(options: argparse.Namespace, files: dict[str, str] | list[str], given: dict[str, Any]) -> "Prepared":
    from bayesmmm.prepare import replay, tidy

    return tidy(files, **given) if options.replay is None else replay(options.replay, files, **given)


def _files(texts: list[str]) -> dict[str, str] | list[str]:
    """Return files by name where every one has a name; a file whose path holds a sign of equality has none."""
    named = [text.partition("=") for text in texts]
    if all(mark and not Path(text).exists() for text, (_, mark, _) in zip(texts, named, strict=True)):
        return {name: path for name, _, path in named}
    return texts


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of `tidy` that the options state."""
    from bayesmmm.prepare import name_files

    read: dict[str, Any] = {
        **dict.fromkeys(("how", "only"), _pairs),
        **dict.fromkeys(("where", "rules"), _lists),
        **dict.fromkeys(("date", "date_format", "encoding", "week_label"), _by_file),
        **dict.fromkeys(("decimal", "missing", "below"), _by_name),
        "columns": _columns,
        "rates": _rates,
        "fill": lambda _, names: names or True,
    }
    plain = ("date_as", "geo", "pivot", "label", "table", "accept", "stack", "start", "stop", "week_start")
    read |= dict.fromkeys((*plain, "partial", "fiscal", "currency", "money"), lambda _, value: value)
    names = list(name_files(_files(options.files)))
    values = {name: getattr(options, name) for name in read}
    return {
        name: read[name](names if read[name] is _by_file else name, value)
        for name, value in values.items()
        if value is not None
    }


def _columns(_: str, texts: list[str]) -> dict[str, str]:
    return {name: source if mark else name for name, mark, source in (text.partition("=") for text in texts)}


def _pairs(option: str, texts: list[str]) -> dict[str, str]:
    parts = [text.partition("=") for text in texts]
    for text, (name, mark, value) in zip(texts, parts, strict=True):
        if not (name and mark and value):
            raise ExportSettingError(f"--{option.replace('_', '-')} {text!r} must be {_PAIR}")
    return {name: value for name, _, value in parts}


def _lists(option: str, texts: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for text in texts:
        for name, value in _pairs(option, [text]).items():
            found.setdefault(name, []).append(value)
    return found


def _by_file(files: list[str], texts: list[str]) -> Any:
    """Read one value for all files, or FILE=VALUE for each."""
    parts = [text.partition("=") for text in texts]
    if all(mark and name in files for name, mark, _ in parts):
        return {name: value for name, _, value in parts}
    return texts if len(texts) > 1 else texts[0]


def _by_name(_: str, texts: list[str]) -> Any:
    """Read one value for all columns, or NAME=VALUE for each."""
    if len(texts) == 1 and "=" not in texts[0]:
        return _value(texts[0])
    return {name: _value(value) for name, value in _pairs("missing, --below or --decimal", texts).items()}


def _value(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _rates(option: str, texts: list[str]) -> Any:
    return texts[0] if len(texts) == 1 and "=" not in texts[0] else _pairs(option, texts)
