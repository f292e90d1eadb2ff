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


#: Options by part of the help: name, what stands for its value, and "..." where there may be several; with their text.
_OPTIONS = {
    "columns": {
        "columns NAME[=COLUMN]...": "column of the result and of the files, as cost=Cost or cost=google:Cost (every "
        "column of numbers that can be added up); NAME alone for the same name, or where --how needs no column",
        "date COLUMN...": "column of days, FILE=COLUMN where files differ (found)",
        "date-as NAME": "name of the dates in the result (date)",
        "how NAME=HOW...": "how rows of a period become one value: sum (if nothing is said), mean, max, only, distinct, "
        "below; without a column: rows, days, iso_week, complete",
        "only NAME=COLUMN[=TEXT]...": "count a row only where COLUMN is not empty, or holds a text",
        "geo COLUMN...": "column of regions, which stay rows; several name series together, NAME=COLUMN to rename",
        "pivot COLUMN": "column whose groups become columns",
        "rules GROUP=PATTERN...": "group and pattern of --pivot, as brand=*brand*; repeatable",
        "label COLUMN": "column, such as the campaign, that --compare tells apart",
    },
    "how cells are written": {
        "date-format FORMAT...": "format of dates, as %%d/%%m/%%Y; FILE=FORMAT where files differ",
        "decimal MARK...": "decimal mark; NAME=MARK for one column or file",
        "encoding ENCODING...": "encoding, FILE=ENCODING where files differ (UTF-8 or UTF-16)",
        "table N": "which of several tables of a file",
        "missing VALUE...": "what an unstated cell counts as: a number or empty; NAME=VALUE for one",
        "below VALUE...": "what <5 counts as: a number, half or empty; NAME=VALUE for one",
    },
    "rows": {
        "where COLUMN=TEXT...": "rows to take, as Status=paid; repeatable",
        "accept WHAT...": "accept what is else refused: totals, attribution, currency, incomplete, overlap",
        "duplicates WHAT": "add or drop rows that equal another one in every cell (add)",
        "stack": "files are pieces of one export",
        "ragged": "series start late and end early",
    },
    "periods": {
        "fill NAME": "absent days count as zero, in all columns or in those named",
        "start DATE": "first day",
        "stop DATE": "last day",
        "week-start DAY": "sum days to weeks that start on this day, as monday",
        "week-label WHICH...": "start or end: the day that labels a week (start; end for a column called Week ending); "
        "day: dates that lie weeks apart are days",
        "partial WHAT": "drop or keep weeks of which only some days are covered (drop)",
        "fiscal COLUMN": "columns of year and week of the retail calendar",
    },
    "money": {
        "currency CODE": "convert money into this currency, as EUR",
        "rates RATE...": "units of it for one of another, as USD=0.92, or a CSV file",
        "money NAME...": "columns to convert (those that are money by name)",
    },
}
#: Options that are read in another way than one text, or one or more of them.
_OTHERWISE: dict[str, dict[str, Any]] = {
    "table": {"type": arguments.count},
    **{name: {"action": "store_true", "default": None} for name in ("stack", "ragged")},
    "fill": {"nargs": "*", "action": "extend"},
    "fiscal": {"nargs": 2},
}


# ------------------------------------------------------------------------------------------------------------- options
def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    named = "a file, or NAME=FILE to call it NAME in other options"
    parser.add_argument("files", metavar="FILE", nargs="+", help=named)
    parser.add_argument("--out", metavar="CSV", type=arguments.place, required=True, help="the tidy table")
    parser.add_argument("--log", metavar="JSON", type=Path, help="the log (beside the table, as tidy.log.json)")
    parser.add_argument("--replay", metavar="JSON", type=Path, help="take all that is not said here from this log")
    earlier = "an earlier import of the same account, to compare with"
    parser.add_argument("--compare", metavar="FILE", nargs="+", help=earlier)

    for title, options in _OPTIONS.items():
        group = parser.add_argument_group(title)
        for usage, text in options.items():
            name, _, metavar = usage.partition(" ")
            several = {"nargs": "+", "action": "extend"} if metavar.endswith("...") else {}
            shown = {"metavar": metavar.removesuffix("...")} if metavar else {}
            group.add_argument(f"--{name}", help=text, **{**shown, **several, **_OTHERWISE.get(name, {})})
    parser.set_defaults(run=prepare)


# ------------------------------------------------------------------------------------------------------------- running
def prepare(options: argparse.Namespace) -> int:
    """Prepare files, write the table and its log."""
    from bayesmmm.prepare import compare
    from bayesmmm.prepare.log import write_text

    settings, files = _settings(options), _files(options.files)
    log = options.log or options.out.with_suffix(".log.json")
    read = [*(files.values() if isinstance(files, dict) else files), *([options.replay] if options.replay else [])]
    taken = {path.resolve() for path in map(Path, read)}
    if len({options.out.resolve(), log.resolve()} - taken) < 2:
        raise ExportSettingError("--out and --log must differ from each other and from the files that are read")
    result = _run(options, files, settings)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write_text((log, result.log.to_json()), (options.out, result.to_csv()))
    print(result)
    if options.compare:
        heading("Beside the earlier import")
        print(compare(_run(options, _files(options.compare), settings), result))
    heading("Files")
    print(f"written: {options.out}, {log}")
    return DONE


def _run(options: argparse.Namespace, files: dict[str, str] | list[str], settings: dict[str, Any]) -> "Prepared":
    from bayesmmm.prepare import replay, tidy

    return tidy(files, **settings) if options.replay is None else replay(options.replay, files, **settings)


def _files(texts: list[str]) -> dict[str, str] | list[str]:
    """Return files by name where every one has a name; a file whose path holds a sign of equality has none."""
    named = [text.partition("=") for text in texts]
    if all(mark and not Path(text).exists() for text, (_, mark, _) in zip(texts, named, strict=True)):
        return _once("FILE", named)
    return texts


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of `tidy` that the options state."""
    from bayesmmm.prepare import name_files

    read: dict[str, Any] = {
        **dict.fromkeys(("how", "only"), _pairs),
        **dict.fromkeys(("where", "rules"), _lists),
        **dict.fromkeys(("date", "date_format", "encoding", "week_label"), _by_file),
        **dict.fromkeys(("decimal", "missing", "below"), _by_name),
        "columns": _columns,
        "rates": _rates,
        "geo": _geo,
        "fill": lambda _, names: names or True,
    }
    files, out = list(name_files(_files(options.files))), {}
    for name in (usage.partition(" ")[0].replace("-", "_") for part in _OPTIONS.values() for usage in part):
        value, reader = getattr(options, name), read.get(name)
        if value is not None:
            out[name] = value if reader is None else reader(files if reader is _by_file else name, value)
    return out


def _once(option: str, parts: list[tuple[str, str, str]]) -> dict[str, str]:
    """Return values by name; of two values of one name, neither is dropped silently."""
    told: dict[str, str] = {}
    for name, _, value in parts:
        if told.setdefault(name, value) != value:
            raise ExportSettingError(
                f"{option} says {name!r} twice, as {told[name]!r} and {value!r}; give it once"
            )
    return told


def _columns(_: str, texts: list[str]) -> dict[str, str]:
    parts = (text.partition("=") for text in texts)
    return _once("--columns", [(name, mark, source if mark else name) for name, mark, source in parts])


def _geo(_: str, texts: list[str]) -> Any:
    return texts[0] if len(texts) == 1 and "=" not in texts[0] else _columns(_, texts)


def _pairs(option: str, texts: list[str]) -> dict[str, str]:
    parts = [text.partition("=") for text in texts]
    for text, (name, mark, value) in zip(texts, parts, strict=True):
        if not (name and mark and value):
            raise ExportSettingError(f"--{option.replace('_', '-')} {text!r} must be {_PAIR}")
    return _once(f"--{option.replace('_', '-')}", parts)


def _lists(option: str, texts: list[str]) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for text in texts:
        for name, value in _pairs(option, [text]).items():
            out.setdefault(name, []).append(value)
    return out


def _by_file(files: list[str], texts: list[str]) -> Any:
    """Read one value for all files, or FILE=VALUE for each."""
    parts = [text.partition("=") for text in texts]
    if all(mark and name in files for name, mark, _ in parts):
        return _once("an option", parts)
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
