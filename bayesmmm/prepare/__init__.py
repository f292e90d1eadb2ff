"""From raw export files to a tidy table: a pipeline of named steps, with a record of each.

Knows files as advertising platforms and shops write them; refuses to know models. Nothing is guessed: what can be read
in two ways, is not stated, or would count twice is refused, with the argument that settles it.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from bayesmmm.prepare.comparing import Comparison, compare
from bayesmmm.prepare.log import Log, Step
from bayesmmm.prepare.pipeline import name_files, prepare_files
from bayesmmm.prepare.prepared import Prepared

__all__ = ["Comparison", "Log", "Prepared", "Step", "compare", "name_files", "replay", "tidy"]


def tidy(
    files: Any,
    *,
    columns: Mapping[str, str | None] | Sequence[str] | None = None,
    date: str | Sequence[str] | Mapping[str, str] | None = None,
    date_as: str = "date",
    how: Mapping[str, str] | None = None,
    only: Mapping[str, str] | None = None,
    where: Mapping[str, str | Sequence[str]] | None = None,
    geo: str | Sequence[str] | Mapping[str, str] | None = None,
    pivot: str | None = None,
    rules: Mapping[str, str | Sequence[str]] | None = None,
    label: str | None = None,
    date_format: str | Mapping[str, str] | None = None,
    decimal: str | Mapping[str, str] | None = None,
    encoding: str | Mapping[str, str] | None = None,
    table: int | None = None,
    missing: float | str | Mapping[str, float | str] | None = None,
    below: float | str | Mapping[str, float | str] | None = None,
    accept: str | Sequence[str] = (),
    duplicates: str = "add",
    currency: str | None = None,
    rates: Any = None,
    money: str | Sequence[str] | None = None,
    fill: bool | str | Sequence[str] = False,
    start: Any = None,
    stop: Any = None,
    week_start: str | None = None,
    week_label: str | Mapping[str, str] | None = None,
    partial: str = "drop",
    fiscal: Sequence[str] | None = None,
    stack: bool = False,
    ragged: bool = False,
) -> Prepared:
    """Read raw exports and make one tidy table of them.

    Parameters
    ----------
    files : path, pandas.DataFrame, list or dict of these
        CSV in UTF-8 or UTF-16 with any usual separator, ``.xlsx``, ``.parquet``, or tables in memory. A file is
        called by its key in a dict, else by the stem of its path.
    columns : dict or list of str, optional
        Names in the result and the columns of the files that they come from; the header is found by them.
        ``"google:Cost"`` is column Cost of the file google, ``"Clicks#2"`` the second column Clicks. Without
        `columns` every column of numbers is taken but shares, averages and identifiers. A percent sign is stripped,
        so that 5% is 5, Yes is 1 and No is 0 where a column that is asked for holds nothing else, and the log says
        so; numbers of several units (5% beside 5, $ beside €) are refused.
    date : str, list or dict by file, optional
        The column of days; found by itself where one column holds days or has a usual name.
    date_as : str
        What the dates are called in the result.
    how : dict, optional
        By name of the result how rows of a period become one value: "sum" (as if nothing is said), "mean",
        "max", "only" (all rows have the same), "distinct" (number of different texts), "below" (number of cells
        such as "<1"); and without a column "rows" (their number), "days" (covered by the file), "iso_week",
        "complete" ("yes" or "no: partial").
    only : dict, optional
        By name of the result a column that must not be empty for a row to count, or ``"Status=refunded"``.
    where : dict, optional
        Columns and the texts of the rows to take.
    geo : str, list or dict, optional
        Column of regions, which stay rows of the result, called "geo" there. Several columns, as ``["brand",
        "territory"]``, name series together; a dict holds them by their names in the result.
    pivot, rules : str and dict, optional
        Column whose groups become columns of their own, and the patterns of each group, as ``{"brand":
        "*brand*", "other": "*"}``: the first that fits counts. Without rules every text is a group.
    label : str, optional
        Column, such as the campaign, that `compare` tells apart.
    date_format, decimal, encoding : str or dict, optional
        Format of dates as in `datetime.strptime`, decimal mark, encoding; a dict holds them by file, `decimal`
        also by column.
    table : int, optional
        Which of several tables of a file that have days and a column asked for.
    missing : float, "empty" or dict by name, optional
        What a cell counts as that states nothing.
    below : float, "half", "empty" or dict by name, optional
        What a cell such as "<5" counts as.
    accept : str or list of str
        What is otherwise refused: "totals" that disagree, rows of several "attribution" settings or "currency",
        an "incomplete" last day, days that files put below each other have both ("overlap").
    duplicates : {"add", "drop"}
        What to do with rows that equal another one in every cell: campaigns of one name are all spend, a week that was
        pasted twice is not. The log names them either way.
    currency, rates, money : optional
        New currency, units of it for one unit of each old one (a dict, or a table or CSV file with the columns
        currency, rate and perhaps date), and names of the columns to convert (all that are money by their
        name). Where each series has its own currency and does not say so, the table has the columns of `geo` in
        place of currency.
    fill : bool or list of names
        Whether absent days inside the covered range count as zero.
    start, stop : date-like, optional
        First and last day to take; also the range that the files cover.
    week_start : str, optional
        Sum days to weeks that start on "monday", "tuesday" and so on.
    week_label : {"start", "end", "day"} or dict by file
        Whether weeks are labelled by their first or their last day: the first, unless their column is called after
        the last, as "Week ending". With "day" dates that lie whole weeks apart are days, as those of mailings.
    partial : {"drop", "keep"}
        What to do with weeks of which only some days are covered; they are listed either way.
    fiscal : (str, str), optional
        Columns of year and week of the retail calendar (4-5-4).
    stack : bool
        Whether the files are pieces of one export, to be put below each other instead of side by side.
    ragged : bool
        Whether series start late and end early: then days before the first and after the last of a series are not
        absent, and its weeks at both ends are dropped where they are not whole.

    Returns
    -------
    Prepared
        The table, the log of every step, and outliers.

    Raises
    ------
    ExportError
        One of its classes for each kind of file that cannot be taken as it is; the message names the argument
        that helps.
    DataError
        A file or column is missing, or a cell is no number or day, or a number above 1e50 or a day outside the years
        1900 to 2189.

    Examples
    --------
    >>> import pandas as pd
    >>> raw = pd.DataFrame({"Day": ["2026-03-02", "2026-03-02"], "Cost": ["1,200.50", "99.50"]})
    >>> tidy(raw, columns={"spend": "Cost"}).frame["spend"].tolist()
    [1300.0]
    """
    given = {name: value for name, value in locals().items() if name != "files" and value is not None}
    return prepare_files(files, given)


def replay(log: Log | str | os.PathLike[str], files: Any, **changes: Any) -> Prepared:
    """Do to other files what a log says was done.

    Parameters
    ----------
    log : Log or path
        The log, or the file that holds it.
    files : path, list or dict
        The new files, in the order of the old ones or by their names.
    **changes
        Arguments of `tidy` that are to differ, as ``stop="2026-04-30"``.
    """
    read = log if isinstance(log, Log) else Log.from_json(log)
    named = name_files(files)
    if set(named) != set(read.files) and len(named) == len(read.files):
        named = dict(zip(read.files, named.values(), strict=True))
    return prepare_files(named, {**read.arguments, **changes}, read.decided)
