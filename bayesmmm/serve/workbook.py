"""A scenario as a workbook."""

import io
from typing import Any

from openpyxl import Workbook

from bayesmmm.optimize.plan_calendar import put_cell

_COLUMNS = ("mean", "median", "lower", "upper", "sd")


def workbook_of(answer: dict[str, Any]) -> bytes:
    """Return the answer of a comparison as the content of an .xlsx file: totals, periods, spend, its ground."""
    book = Workbook()
    book.remove(book.active)
    totals = [[name, v["unit"], *(v["rows"][0][c] for c in _COLUMNS)] for name, v in answer["totals"].items()]
    periods = [
        [name, v["unit"], row["date"], *(row[c] for c in _COLUMNS)]
        for name, v in answer["variables"].items()
        for row in v["rows"]
    ]
    money = answer["spend"]
    spend = [[row["channel"], money["unit"], row["now"], row["scenario"]] for row in money["rows"]]
    about = [
        [name, str(answer[name])] for name in ("fit", "stamp", "verdict", "interval_probability", "seed", "draws")
    ]
    about += [[name, str(value)] for name, value in answer["window"].items()]
    about += [["warning", text] for text in answer["warnings"]]
    _sheet(book, "totals", ["series", "unit", *_COLUMNS], totals)
    _sheet(book, "periods", ["series", "unit", "date", *_COLUMNS], periods)
    _sheet(book, "spend", ["channel", "unit", "now", "scenario"], spend)
    _sheet(book, "about", ["what", "value"], about)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _sheet(book: Workbook, name: str, head: list[str], rows: list[list[Any]]) -> None:
    sheet = book.create_sheet(name)
    for r, row in enumerate([head, *rows], 1):
        for c, value in enumerate(row, 1):
            put_cell(sheet, r, c, value)
