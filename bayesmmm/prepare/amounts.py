"""From cells to numbers: one decimal mark for a whole column, currency and percent signs stripped, nothing guessed.

Knows digits, marks and signs. A cell that says that its number is not stated, or only that it is small, is never a
number of its own accord: the caller says what it is to be taken for.
"""

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from bayesmmm.data.cells import ANSWERS, BLANKS, CODE_OF_SIGN, NOT_STATED, SIGNS
from bayesmmm.errors import AmbiguousError, MixedRowsError, NotNumericError, NotStatedError, ValueRangeError
from bayesmmm.text import counted, written
from bayesmmm.validate import LARGEST_NUMBER

_SIMPLE = frozenset("0123456789.,-\n" + SIGNS + BLANKS)
_DIGITS = frozenset("0123456789.,-\n")
_STRIPPED = str.maketrans("", "", SIGNS + BLANKS)
_ALIKE = str.maketrans("23456789", "11111111")
_NUMBER = str.maketrans("", "", "0123456789.,-−–()\t" + BLANKS)
_CURRENCY = r"(?:[A-Z]{1,3}\$|[A-Z]{3}|[$€£¥₹₩₽₺฿₪%]|kr\.?|zł|Kč|Ft|Fr\.)"
_ODD = re.compile(
    rf"(?P<sign>[-−–+(]?)\s*{_CURRENCY}?\s*(?P<minus>[-−–]?)\s*(?P<number>\d[\d.,\s'’]*|[.,]\d+)\s*{_CURRENCY}?\s*(?P<end>[-−)]?)"
)
_LIMIT = re.compile(
    r"(?P<side>[<>≤≥]|less than|under|fewer than|weniger als|unter|moins de|menos de|menos que|meno di|minder dan)\s*"
    r"(?P<number>\d[\d.,]*)\s*[%*]?",
    flags=re.IGNORECASE,
)
_POWER = re.compile(r"[-+]?\d+(?:[.,]\d+)?[eE][-+]?\d+")
_SHORT = re.compile(r"\d\s?(?:[kKmMbB]|Tsd\.?|Mio\.?|Mrd\.?|tys\.?|mln)(?![^\W\d_])")
_ABOVE = frozenset(">≥")
_MOST_DECIMALS = 9
_SHOWN = 3


def _decides(mark: str, other: str) -> re.Pattern:
    """Return what shows that `mark` is the decimal mark.

    Behind it stand other than three digits, before it a single zero, nothing, or four digits; or the other mark is one
    of thousands. Every way begins with a mark, which lets the search skip from mark to mark.
    """
    m, o = re.escape(mark), re.escape(other)
    return re.compile(
        rf"{m}(?:(?!\d{{3}}(?:[.,]|$)|\d{{2}}{m}\d)|(?<=(?<!\d)0{m})|(?<=(?<!\d){m})|(?<=\d{{4}}{m})(?=\d{{3}}$))|{o}\d+[.,]",
        flags=re.MULTILINE,
    )


def _misgrouped(mark: str, other: str) -> re.Pattern:
    """Return what is wrong where `mark` is the decimal mark: the other one away from groups of digits."""
    m, o = re.escape(mark), re.escape(other)
    return re.compile(
        rf"{o}(?:(?!\d{{3}}(?:[.,]|$)|\d{{2}}{o})|(?<!\d{o})|(?<=\d{{4}}{o}))|{m}\d*[.,]", flags=re.MULTILINE
    )


_EVIDENCE = {".": _decides(".", ","), ",": _decides(",", ".")}
_FAULT = {".": _misgrouped(".", ","), ",": _misgrouped(",", ".")}


@dataclass(frozen=True)
class Column:
    """Cells of one column as they stand, before their decimal mark is known."""

    text: str  # numbers, reduced to digits, marks and a minus sign, one a line
    index: np.ndarray  # for every row the line of its number in `text`; -1 where there is none
    limits: dict[int, tuple[str, str]]  # for rows such as "<5" the side and the number
    point: np.ndarray | None  # the numbers if a point marks decimals, where they are known already
    #: the decimal mark that the column itself shows; "?" where it can be either, None without any mark
    mark: str | None
    signs: frozenset[str]  # the units that its cells have: signs and codes of currencies, the percent sign
    #: its numbers with 1 for every digit above 0, each once: where marks stand shows in these as well
    shapes: str
    answers: str = ""  # what its words were taken for, where it holds yes and no


@dataclass(frozen=True)
class Amounts:
    """The numbers of a column."""

    values: np.ndarray  # one for each row; NaN where nothing is stated
    decimals: int  # decimals that hold every number exactly
    whole: bool  # whether the numbers are whole, and not written as money is ("5.00")
    small: np.ndarray  # rows that only say that the number is below a limit
    notes: tuple[str, ...]  # what was taken for what


def look(cells: Sequence[str], where: str, lines: Sequence[int], *, answers: bool = False) -> Column:
    """Reduce the cells of a column to digits and marks, and look for its decimal mark; yes and no where told so."""
    if answers and (words := _answers(cells)):
        read = look([words.get(cell, cell) for cell in cells], where, lines)
        said = ", ".join(f"{cell.strip()!r} is taken as {number}" for cell, number in words.items())
        return dataclasses.replace(read, answers=said)
    text = "\n".join(cells)
    signs = _letters(text)
    limits: dict[int, tuple[str, str]] = {}
    point = None
    if (plain := _plain(cells, text, signs)) is not None:
        reduced, index, point = plain
    else:
        reduced, index, limits = _one_by_one(cells, where, lines)
    shapes = "\n".join(dict.fromkeys(reduced.translate(_ALIKE).split("\n")))
    mark = _mark(reduced, shapes, where)
    return Column(reduced, index, limits, point, mark, _units(cells, index, signs), shapes)


def _letters(text: str) -> set[str]:
    """Return every character of a text."""
    if not text.isascii():
        return set(text)
    return set(map(chr, np.flatnonzero(np.bincount(np.frombuffer(text.encode(), np.uint8)))))


def _units(cells: Sequence[str], index: np.ndarray, letters: set[str]) -> frozenset[str]:
    """Return the units of a column; `letters` are all characters of its cells."""
    if not letters & set(SIGNS) and not any(letter.isalpha() for letter in letters):
        return frozenset()
    if letters <= _SIMPLE:  # then every unit is one sign
        return frozenset(CODE_OF_SIGN.get(sign, sign) for sign in letters & set(SIGNS))
    numbers = {cell for cell, line in zip(cells, index.tolist(), strict=True) if line >= 0}
    return frozenset(map(unit_of, numbers)) - {""}


def _answers(cells: Sequence[str]) -> dict[str, str]:
    """Return the number for every cell that says yes or no; nothing where another cell states something."""
    stated = [cell for cell in dict.fromkeys(cells) if cell.strip().casefold() not in NOT_STATED]
    words = {cell: ANSWERS.get(cell.strip().casefold()) for cell in stated}
    return {} if None in words.values() else {cell: f"{number:.0f}" for cell, number in words.items()}


def _plain(cells: Sequence[str], text: str, signs: set[str]) -> tuple[str, np.ndarray, np.ndarray] | None:
    """Read a column of digits, marks, signs and empty cells at once; None for any other column."""
    if not signs <= _SIMPLE or text.count("\n") != len(cells) - 1:
        return None
    if signs & (_SIMPLE - _DIGITS):
        text = text.translate(_STRIPPED)
    index = np.arange(len(cells))
    for _ in range(2):
        try:
            point = np.fromiter(map(float, text.replace(",", "").split("\n")), np.float64)
        except ValueError:
            stated = [cell for cell in text.split("\n") if cell not in NOT_STATED]
            index = np.where([cell not in NOT_STATED for cell in text.split("\n")], 0, -1)
            index[index == 0] = np.arange(len(stated))
            text = "\n".join(stated)
            continue
        return text, index, point
    return None


def _one_by_one(
    cells: Sequence[str], where: str, lines: Sequence[int]
) -> tuple[str, np.ndarray, dict[int, tuple[str, str]]]:
    regular: list[str] = []
    known: dict[str, int] = {}
    limited: dict[str, tuple[str, str]] = {}
    for cell in dict.fromkeys(cells):
        read = _reduce(cell)
        if read is _NO_NUMBER:
            row = lines[list(cells).index(cell)]
            raise NotNumericError(f"{where}, row {row}: {cell.strip()!r} {_why_none(cell.strip())}")
        known[cell] = len(regular) if isinstance(read, str) else -1
        if isinstance(read, str):
            regular.append(read)
        elif isinstance(read, tuple):
            limited[cell] = read
    index = np.array([known[cell] for cell in cells])
    limits = {i: limited[cell] for i, cell in enumerate(cells) if cell in limited} if limited else {}
    return "\n".join(regular), index, limits


def unit_of(cell: str) -> str:
    """Return what stands beside a number: the code of a currency, or of its sign, or the percent sign."""
    unit = cell.translate(_NUMBER).strip()
    return CODE_OF_SIGN.get(unit, unit)


_NO_NUMBER = object()


def _reduce(cell: str) -> object:
    text = cell.strip()
    if text.casefold() in NOT_STATED:
        return None
    if limit := _LIMIT.fullmatch(text):
        return (">" if limit["side"] in _ABOVE else "<", limit["number"])
    found = _ODD.fullmatch(text)
    if not found or (found["sign"] == "(") != (found["end"] == ")"):
        return _NO_NUMBER
    minus = found["sign"] in ("-", "−", "–", "(") or found["minus"] != "" or found["end"] in ("-", "−")
    return ("-" if minus else "") + found["number"].translate(_STRIPPED)


def _why_none(cell: str) -> str:
    """Say what a cell is that is no number, and the way out."""
    if _POWER.fullmatch(cell):
        said = "is rounded, as spreadsheets write large numbers; format the column as a number there and save it again"
    elif _SHORT.search(cell):
        said = "is a number cut short; download the table with whole numbers"
    else:
        said = "is not a number; correct the cell"
    return f"{said}, or leave the column out"


def _mark(text: str, shapes: str, where: str) -> str | None:
    if "." not in shapes and "," not in shapes:
        return None
    shown = [mark for mark, pattern in _EVIDENCE.items() if pattern.search(shapes)]
    if len(shown) == 2:
        first, second = (next(cell for cell in text.split("\n") if _EVIDENCE[mark].search(cell)) for mark in shown)
        also = f" and {second!r}" if first != second else ""
        raise NotNumericError(
            f"{where} holds {first!r}{also}: the decimal mark of a column must be one, a point or a comma; correct "
            f"the cells that differ"
        )
    return shown[0] if shown else "?"


def is_number(cell: str) -> bool:
    """Tell whether a cell holds a number, whatever its marks mean."""
    return isinstance(_reduce(cell), str)


def refuse_mark(column: Column, where: str) -> NoReturn:
    """Refuse a column whose marks can be read in two ways."""
    cell = next(cell for cell in column.text.split("\n") if "." in cell or "," in cell)
    mark = "," if "," in cell else "."
    raise AmbiguousError(
        f"{where} reads {cell!r}, and no cell of the file shows whether that is {cell.replace(mark, '')} or "
        f"{cell.replace(mark, '.')}: thousands or decimals; decimal='{'.' if mark == ',' else ','}' makes the "
        f"{'comma' if mark == ',' else 'point'} a mark of thousands, decimal='{mark}' a decimal mark"
    )


def to_numbers(
    column: Column,
    cells: Sequence[str],
    lines: Sequence[int],
    *,
    mark: str,
    where: str,
    missing: float | str | None,
    below: float | str | None,
    count: bool = False,
) -> Amounts:
    """Turn the cells of a column into numbers.

    `missing` is the number to take where nothing is stated, `below` that for "<5"; either may be "empty", `below` "half"
    of the limit, and None refuses. With `count` only such cells are counted. Signs are stripped, so that 5% is 5, where
    all numbers of the column have the same.
    """
    notes = _check_signs(column, cells, lines, where)
    notes += [f"{where.rpartition(' column ')[2]}: {column.answers}"] if column.answers else []
    numbers = _values(column, mark, where, lines, cells)
    if (large := np.flatnonzero(~(np.abs(numbers) <= LARGEST_NUMBER))).size:
        row = int(np.flatnonzero(column.index == large[0])[0])
        raise ValueRangeError(
            f"{where}, row {lines[row]}: {written(cells[row].strip())} is more than {LARGEST_NUMBER:g}, the most that "
            f"is computed with; correct the cell"
        )
    values = np.full(len(cells), np.nan)
    held = column.index >= 0
    if count and len(numbers) and numbers.min() == -1.0 and ((numbers >= 0.0) | (numbers == -1.0)).all():
        held[held] = numbers[column.index[held]] != -1.0
    values[held] = numbers[column.index[held]]
    small = np.zeros(len(cells), dtype=bool)
    small[[row for row, (side, _) in column.limits.items() if side == "<"]] = True
    for rows, taken, argument, said in (
        (np.flatnonzero(~held & ~small).tolist(), missing, "missing", "not stated"),
        (np.flatnonzero(small).tolist(), below, "below", "only said to be below a limit"),
    ):
        if not rows:
            continue
        if taken is None:
            _refuse_unstated(where, [cells[i] for i in rows], [lines[i] for i in rows], argument, said)
        if taken == "half":
            values[rows] = [_limit(column.limits[i][1], mark) / 2.0 for i in rows]
        elif taken is not None and taken != "empty":
            values[rows] = float(taken)
        notes.append(f"{where.rpartition(' column ')[2]}: {counted(len(rows), 'cell')} {said}, taken as {taken}")
    decimals = fewest_decimals(numbers)
    whole = decimals == 0 and f"{mark}00" not in column.text
    return Amounts(values, decimals, whole, small, tuple(notes))


def _check_signs(column: Column, cells: Sequence[str], lines: Sequence[int], where: str) -> list[str]:
    """Refuse numbers of several units, of which signs tell; say that percent signs are stripped."""
    if len(column.signs) > 1 or "%" in column.signs:
        units = {cell: unit_of(cell) for cell in set(cells)}
        for sign in sorted(column.signs):
            bare = [i for i, cell in enumerate(cells) if column.index[i] >= 0 and sign != units[cell]]
            other = [i for i in bare if sign == "%" or units[cells[i]]]
            if other:
                mine = [lines[i] for i, cell in enumerate(cells) if column.index[i] >= 0 and sign == units[cell]]
                raise MixedRowsError(
                    f"{where}, row {lines[other[0]]}: {cells[other[0]].strip()!r} stands among numbers with {sign!r}, "
                    f"as in row {mine[0]}, and numbers of one unit only can be added up; write the column in one unit"
                )
    name = where.rpartition(" column ")[2]
    return [f"{name}: percent signs are stripped, 5% is taken as 5"] if "%" in column.signs else []


def _limit(text: str, mark: str) -> float:
    return float(text.replace("." if mark == "," else ",", "").replace(mark, "."))


def _values(column: Column, mark: str, where: str, lines: Sequence[int], cells: Sequence[str]) -> np.ndarray:
    text = column.text
    if not text:
        return np.empty(0)
    other = "," if mark == "." else "."
    if _FAULT[mark].search(column.shapes) and (fault := _FAULT[mark].search(text)):
        row = int(np.flatnonzero(column.index == text.count("\n", 0, fault.start()))[0])
        name = "comma" if mark == "," else "point"
        raise NotNumericError(
            f"{where}, row {lines[row]}: {cells[row].strip()!r} is not a number where a {name} marks decimals; "
            f"correct the cell, or say the mark: decimal={other!r}"
        )
    if mark == "." and column.point is not None:
        return column.point
    return np.array([float(number) for number in text.replace(other, "").replace(mark, ".").split("\n")])


def _refuse_unstated(where: str, cells: list[str], lines: list[int], argument: str, said: str) -> None:
    rows = ", ".join(map(str, lines[:_SHOWN])) + (
        f" and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    )
    written = ", ".join(dict.fromkeys(repr(cell.strip()) for cell in cells[:_SHOWN]))
    fix = (
        "missing=0 takes them as zero, missing='empty' leaves them out of sums"
        if argument == "missing"
        else "below='half' takes half the limit, below=0 zero, below='empty' leaves them out of sums"
    )
    raise NotStatedError(
        f"{where}: {counted(len(lines), 'cell is', 'cells are')} {said}, which is not zero: {written} in row "
        f"{rows}; {fix}"
    )


def fewest_decimals(numbers: np.ndarray) -> int:
    """Return the fewest decimals that hold every number; NaN needs none."""
    numbers = np.nan_to_num(numbers)
    for decimals in range(_MOST_DECIMALS):
        scaled = numbers * 10.0**decimals
        if not len(scaled) or np.abs(scaled - np.rint(scaled)).max() < 1e-4:
            return decimals
    return _MOST_DECIMALS
