"""Text where numbers should be: what kinds of it a column holds, and the line that would make numbers of it.

Nothing is converted here: what text means is for whoever gives the table to say.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from bayesmmm.data.cells import ANSWERS, BLANKS, SIGNS, kind_of_shape, shapes_of
from bayesmmm.errors import NotNumericError
from bayesmmm.text import counted, joined, written

_READ = "read the file with pd.read_csv(path, {}) and pass the frame"
_FEW = 50  # of which each is looked for on its own
_POINT, _COMMA = 'thousands=","', 'decimal=","'
_GROUPED = 'decimal=",", thousands="."'
_SAID = {
    "number": "reads it",
    "point": "reads it",
    "comma": "reads it",
    "either": "reads it, told decimal='.' or decimal=','",
    "unstated": "takes what is not stated as told: missing=0, or missing='empty'",
    "answer": "takes Yes as 1 and No as 0",
    "limit": "takes a number that is only said to be small as told: below='half', below=0, or below='empty'",
    "total": "compares rows of totals with the rest and leaves them out",
    "word": "refuses it",
}


def not_numeric(values: pd.Series, name: str, odd: np.ndarray, fix: str) -> NotNumericError:
    """Return the error about cells of a column, by their places, that are no numbers: each kind, and one way out."""
    cells = values.to_numpy(dtype=object)[odd].tolist()
    found, by_kind, at = _kinds(cells)
    first, value = int(odd[at]), cells[at]
    value = value.item() if isinstance(value, np.generic) else value
    more = ""
    if len(odd) > 1:
        each = joined(f"{count:,} as {written(by_kind[kind][0])}" for kind, count in found.items())
        more = f", and {counted(len(odd), 'cell is none', 'cells are none')}: {each}"
    advice = "" if fix and "unstated" in found else _advice(name, by_kind)
    prepare = "; ".join(dict.fromkeys(_SAID[kind] for kind in found if kind in _SAID))
    return NotNumericError(
        f"column {name!r}, data row {first + 1}: {written(value)} is {type(value).__name__}, not a number; all of "
        f"{name!r} must be numbers{more}; {advice or fix or f'correct the value, or leave {name!r} out'}",
        prepare=prepare or "refuses it",
    )


def _kinds(cells: Sequence[object]) -> tuple[Counter[str], dict[str, list], int]:
    """Return how many cells are of each kind, one of each shape by kind, and the place of the first odd one."""
    shapes: list[str | None] = [*shapes_of([cell for cell in cells if isinstance(cell, str)])]
    if len(shapes) < len(cells):
        each = iter(shapes)
        shapes = [next(each) if isinstance(cell, str) else None for cell in cells]
    counts = Counter(shapes)
    last_first = zip(reversed(shapes), range(len(cells) - 1, -1, -1), strict=True)
    first = {shape: shapes.index(shape) for shape in counts} if len(counts) <= _FEW else dict(last_first)
    found: Counter[str] = Counter()
    by_kind: dict[str, list] = {}
    odd = []
    for shape, count in counts.items():
        kind = "object" if shape is None else kind_of_shape(shape)
        found[kind] += count
        by_kind.setdefault(kind, []).append(cells[first[shape]])
        odd += [first[shape]] if kind != "number" else []
    return found, by_kind, min(odd, default=0)


def _advice(name: str, cells: dict[str, list]) -> str:
    """Write the line that makes numbers of cells by kind; "" where some can only be corrected."""
    if set(cells) & {"word", "object", "limit"}:
        return ""
    if "total" in cells:
        return f"drop the row, which is a total: frame = frame[frame[{name!r}] != {cells['total'][0]!r}]"
    point, comma = [*cells.get("point", ()), *cells.get("either", ())], cells.get("comma", [])
    if point and comma and "point" in cells:
        return ""
    strip = sorted(set("".join((*point, *comma))) & set(SIGNS + BLANKS))
    if not strip and set(cells) <= {"number", "point", "either"} and point:
        either = f", or {_COMMA} where the comma marks decimals" if set(cells) == {"either"} else ""
        return _READ.format(_POINT) + either
    if not strip and set(cells) <= {"number", "comma", "either"} and comma:
        return _READ.format(_GROUPED if any("." in cell for cell in comma) else _COMMA)
    column, words = f"frame[{name!r}]", _words(cells)
    line = f"{column}.astype(object)" if words else column
    line += f".replace({{{words}}})" if words else ""
    line += f".replace('[{''.join(strip)}{'.' if comma else ','}]', '', regex=True)" if point or comma else ""
    line += ".replace(',', '.', regex=True)" if comma else ""
    said = f", where 0 stands for {written(cells['unstated'][0])}" if "unstated" in cells else ""
    return f"convert it first{said}: {column} = pd.to_numeric({line})"


def _words(cells: dict[str, list]) -> str:
    """Write which number stands for which word."""
    pairs = {repr(cell): "0" for cell in cells.get("unstated", ())}
    pairs |= {repr(cell): f"{ANSWERS[cell.strip().casefold()]:.0f}" for cell in cells.get("answer", ())}
    return ", ".join(f"{cell}: {number}" for cell, number in pairs.items())
