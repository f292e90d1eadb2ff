"""A plan as a calendar of spend, in money and in shares, and as a workbook."""

import html
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import xarray as xr

from bayesmmm.data.future import GEO
from bayesmmm.errors import MissingLibraryError, SettingError
from bayesmmm.files import write_files, writing
from bayesmmm.text import amounts, html_table, rough_percent
from bayesmmm.validate import check_choice, check_flag, check_path, refusal

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

#: Column and row of sums.
TOTAL = "total"
_SHARE, _RATIO = "0.0%", "0.00"
#: Amounts, in whole units and with two places: "#,##0.##" would leave a point behind whole ones.
_WHOLE, _PLACES = "#,##0", "#,##0.00"
_LARGE = 1000.0  # amounts whose places do not matter
_WIDEST = 60
_STYLE = (
    "body{font:15px/1.4 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em}"
    "table{border-collapse:collapse;display:block;overflow-x:auto}"
    "td,th{padding:.25em .7em;border-bottom:1px solid #ccc;text-align:right;white-space:nowrap}"
    "td:first-child,th:first-child{text-align:left}pre{overflow-x:auto;font-size:13px}"
)


def calendar_of(spend: xr.DataArray, shares: bool, by: str) -> pd.DataFrame:
    """Spend by period (rows) and channel (columns), in money or in shares of the spend of the period."""
    check_flag(shares, "shares")
    check_choice(by, "by", ("channel", "pair"), "of a panel")
    if by == "pair" and GEO not in spend.dims:
        raise refusal("by", by, "tells the geos of a panel apart, and this plan is of one series; leave by out")
    if GEO in spend.dims and by == "channel":
        spend = spend.sum(GEO)
    table = spend.stack(row=[dim for dim in spend.dims if dim != "date"]).transpose("date", "row").to_pandas()
    if by == "channel":
        table.columns = pd.Index([name for (name,) in table.columns], name="channel")
    table.columns.name = None
    total = table.sum(axis=1)
    label: Any = (TOTAL, "") if by == "pair" else TOTAL
    table[label] = total
    return table.div(total.where(total > 0.0), axis=0) if shares else table


def calendar_cells(table: pd.DataFrame, *, shares: bool) -> dict[str, list[str]]:
    """Write a calendar out, a column of text for each of its columns, with a row of sums where it is money."""
    if not shares:
        table = pd.concat([table, table.sum().to_frame().T])
    dates = [f"{row:%Y-%m-%d}" if isinstance(row, pd.Timestamp) else TOTAL for row in table.index]
    cells = {"": dates if shares else [*dates[:-1], TOTAL]}
    for name, column in table.items():
        label = " in ".join(filter(None, map(str, reversed(name)))) if isinstance(name, tuple) else str(name)
        cells[label] = [rough_percent(value) for value in column] if shares else amounts(column)
    return cells


def plan_page(
    printed: str, columns: Mapping[str, list[str]], calendars: Mapping[str, Mapping[str, list[str]]]
) -> str:
    """Write a whole page: the first line as its heading, the table, the calendars, and all that is printed."""
    head = html.escape(printed.partition("\n")[0])
    parts = "".join(f"<h2>{html.escape(name)}</h2>{html_table(own)}" for name, own in calendars.items())
    body = f"<h1>{head}</h1>{html_table(columns)}{parts}<h2>as printed</h2><pre>{html.escape(printed)}</pre>"
    style = f"<style>{_STYLE}</style>"
    meta = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    top = f"<head>{meta}<title>{head}</title>{style}</head>"
    return f'<!DOCTYPE html>\n<html lang="en">{top}<body>{body}</body></html>\n'


# -------------------------------------------------------------------------------------------------------- a workbook
def write_workbook(path: str | Path, sheets: Mapping[str, pd.DataFrame], notes: Mapping[str, list[str]]) -> Path:
    """Write tables as sheets of one workbook, then lines of text; the file is the old one or the new one, whole.

    Shares, per cents and money are numbers that a spreadsheet computes with; text is never taken for a formula.
    """
    target = check_path(path, "path", SettingError, "plan.xlsx")
    if target.suffix.lower() != ".xlsx":
        raise refusal("path", path, "is to be a workbook; let its name end in .xlsx, as plan.xlsx")
    try:
        from openpyxl import Workbook
    except ImportError as error:
        raise MissingLibraryError(
            f"{str(target)!r} needs openpyxl, which is not installed; pip install 'bayesmmm[xlsx]', or write the tables "
            f"as CSV, as plan.calendar().to_csv('calendar.csv')"
        ) from error
    book = Workbook()
    book.remove(book.active)
    for name, table in sheets.items():
        _fill(book.create_sheet(name), table)
    for name, lines in notes.items():
        sheet = book.create_sheet(name)
        for row, line in enumerate(lines, start=1):
            put_cell(sheet, row, 1, line)
        sheet.column_dimensions["A"].width = 120
    content = io.BytesIO()
    book.save(content)
    with writing(target):
        write_files({target: content.getvalue()})
    return target


def _fill(sheet: "Worksheet", table: pd.DataFrame) -> None:
    """Write a table with its index; a `share` attribute of the table says which columns are shares."""
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    index = table.index.to_frame(index=False)
    index.columns = [str(name or "") for name in table.index.names]
    shares = set(table.attrs.get("shares", ()))
    heads = [
        *index.columns,
        *(" in ".join(filter(None, map(str, n[::-1]))) if isinstance(n, tuple) else n for n in table),
    ]
    columns = [
        *(index.iloc[:, i] for i in range(index.shape[1])),
        *(table.iloc[:, i] for i in range(table.shape[1])),
    ]
    formats = [None] * index.shape[1] + [
        _SHARE if name in shares else _RATIO if str(name).startswith(("roi", "marginal")) else _amount_of(column)
        for name, column in zip(table, columns[index.shape[1] :], strict=True)
    ]
    for at, (head, column, form) in enumerate(zip(heads, columns, formats, strict=True), start=1):
        put_cell(sheet, 1, at, head).font = Font(bold=True)
        widest = len(str(head))
        for row, value in enumerate(column, start=2):
            if isinstance(value, float) and pd.isna(value):
                continue
            cell = put_cell(sheet, row, at, value)
            if isinstance(value, pd.Timestamp):
                cell.number_format, widest = "yyyy-mm-dd", max(widest, 10)
            elif isinstance(value, str):
                widest = max(widest, len(value))
            elif form is not None:
                cell.number_format, widest = form, max(widest, 11)
        sheet.column_dimensions[get_column_letter(at)].width = min(widest + 2, _WIDEST)
    sheet.freeze_panes = sheet.cell(2, index.shape[1] + 1)


def _amount_of(column: pd.Series) -> str:
    """Format of the amounts of a column: two places where they are small and not whole."""
    known = pd.to_numeric(column, errors="coerce").dropna()
    return _PLACES if (known % 1.0 != 0.0).any() and known.abs().max() < _LARGE else _WHOLE


def put_cell(sheet: "Worksheet", row: int, column: int, value: object) -> Any:
    """Write a value into a cell of a sheet: text as text, whatever it begins with."""
    cell = sheet.cell(row, column, value.to_pydatetime() if isinstance(value, pd.Timestamp) else value)
    if isinstance(value, str):
        cell.data_type = "s"  # a name that begins with an equals sign is no formula
    return cell
