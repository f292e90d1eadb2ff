"""Numbers, intervals, lists and lines in words: every sentence and printed table writes them with these functions."""

import datetime
import difflib
import html
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, repeat
from textwrap import TextWrapper

#: Significant digits of a number in a sentence, and of the width of an interval whose ends are told apart.
DIGITS = 3
#: Longer lists are cut, with the number left out.
SHOWN = 5
#: Probability of every interval, unless another one is asked for.
CI_PROB = 0.9
UNKNOWN = "unknown"
UNBOUNDED = "unbounded"
_SIZES = ((1e12, " trillion"), (1e9, " billion"), (1e6, " million"))
_BRIEF = ((1e12, " tn"), (1e9, " bn"), (1e6, " m"), (1e3, " k"))
_LETTERS = ((1e9, "B"), (1e6, "M"), (1e3, "k"))
_TINY = 1e-6
#: Letters of a value that is written as code.
_CODE = 200
#: Letters of a name that a figure has room for.
LONGEST = 60
#: Whole numbers from here on have digits that mean nothing.
_EXACT = 1e15
#: Shares below this, in per cent, are not told apart.
_LEAST = 0.001
#: A probability of 0 or 1 among so many draws is not certainty.
_SURE = 0.995


# ------------------------------------------------------------------------------------------------------------- numbers
def number(value: float, digits: int = DIGITS) -> str:
    """Write a number with so many significant digits, thousands set apart: 12,300, 1.50, 0.0123."""
    value = float(value)
    if value == 0.0 or not math.isfinite(value):
        return _fixed(value, 0)
    if abs(value) < _TINY:
        return f"{value:.{digits - 1}e}"
    rounded = float(f"{value:.{digits - 1}e}")  # 999.6 has one more digit before the point once it is rounded
    return _fixed(rounded, digits - 1 - _magnitude(rounded))


def large_number(value: float) -> str:
    """Write a number, large ones in millions: 2.31 million."""
    size, word = _size(value, _SIZES, DIGITS)
    return f"{number(value / size)}{word}"


def short_number(value: float, _position: object = None) -> str:
    """Write a number as the label of an axis: 12000 as 12k, 3400000 as 3.4M."""
    if not math.isfinite(value):
        return _fixed(value, 0)
    size, letter = _size(value, _LETTERS, 4)
    return f"{value / size + 0.0:.4g}{letter}".replace("-", "−")


def brief(value: float, currency: str = "") -> str:
    """Write an amount for a reader in a hurry: two digits, or all before the point.

    Parameters
    ----------
    value : float
    currency : str
        Stands before the amount: a sign, as "€", or a code, as "EUR".

    Examples
    --------
    >>> brief(1_812_000, "€"), brief(-84_100, "EUR"), brief(0.554, "$"), brief(128.4)
    ('€1.8 m', '−EUR 84 k', '$0.55', '128')
    """
    value = float(value)
    sign, before = "−" * (value < 0.0), f"{currency} " if currency[-1:].isalnum() else currency
    if value == 0.0 or not math.isfinite(value):
        return _fixed(value, 0) if not math.isfinite(value) else f"{before}0"
    size, word = _size(value, _BRIEF, DIGITS)
    rounded = float(f"{abs(value) / size:.1e}")
    places = 1 - _magnitude(rounded)
    return f"{sign}{before}{_fixed(abs(value) / size if places < 1 else rounded, places)}{word}"


def amount(value: float) -> str:
    """Write an amount of money by itself: rounded, small amounts would read as if they were equal."""
    if math.isfinite(value) and abs(value) >= _EXACT:
        return f"{value:.{DIGITS - 1}e}".replace("-", "−")
    if not abs(value) < 1e5 or abs(value - round(value)) <= 1e-9 * abs(value):
        return _fixed(value, 0)
    return _fixed(value, 2) if abs(value) >= 100.0 else f"{value:.5g}".replace("-", "−")


def amounts(values: Iterable[float]) -> list[str]:
    """Write amounts of money that stand in one column, with as many decimals as the largest needs."""
    values = [float(value) for value in values]
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    places = 3 - _magnitude(largest) if largest > 0.0 else 0
    return [_fixed(value, places) for value in values]


def told_apart(*values: float) -> tuple[str, ...]:
    """Write numbers that belong together so that they can be told apart: digits follow from how far they are."""
    known = [float(value) for value in values if math.isfinite(value)]
    if not known:
        return tuple(_fixed(value, 0) for value in values)
    width, largest = max(known) - min(known), max(map(abs, known))
    # Equal numbers, up to rounding, still need digits of their own.
    size = width if width > 1e-6 * largest else largest / 10.0
    places = DIGITS - 1 - _magnitude(size) if size > 0.0 else 0
    return tuple(_fixed(round(v, places) if math.isfinite(v) else v, places) for v in map(float, values))


def interval_cells(median: float, lower: float, upper: float) -> tuple[str, str]:
    """Write a median and its interval for themselves, both in millions where one is large."""
    known = [abs(value) for value in (median, lower, upper) if math.isfinite(value)]
    size, word = _size(max(known, default=0.0), _SIZES, DIGITS)
    middle, low, high = (number(v / size) + word * math.isfinite(v) for v in (median, lower, upper))
    return middle, f"{low.removesuffix(word) if high.endswith(word) else low} to {high}"


def interval(median: float, lower: float, upper: float, ci_prob: float, unit: str = "") -> str:
    """Write a median with its interval: ``2.31 million (90 %: 1.50 to 3.02 million)``.

    Parameters
    ----------
    unit : str
        Written after the median where it is not money, which has no unit of its own in the data; ``"%"`` stands
        after the interval too.
    """
    middle, low_high = interval_cells(median, lower, upper)
    return f"{middle}{f' {unit}' * bool(unit)} ({percent(ci_prob)}: {low_high}{' %' * (unit == '%')})"


def percent(value: float) -> str:
    """Write a chosen share, as 0.9, in per cent."""
    return f"{100.0 * value:.4g} %"


def rough_percent(value: float) -> str:
    """Write a computed share in per cent, with two digits below 10 %."""
    value = 100.0 * float(value)
    if not math.isfinite(value):
        return UNKNOWN
    if 0.0 < value < _LEAST:
        return f"less than {_LEAST:g} %"
    return f"{value + 0.0:{'.0f' if abs(value) >= 9.95 else '.2g'}} %".replace("-", "−")


def probability(value: float) -> str:
    """Write a probability from draws in whole per cents, and never as certainty."""
    if math.isnan(value):
        return UNKNOWN
    if value >= _SURE:
        return "more than 99 %"
    return "less than 1 %" if value <= 1.0 - _SURE else f"{100.0 * value:.0f} %"


# --------------------------------------------------------------------------------------------------------------- lists
def joined(words: Iterable[object], last: str = "and") -> str:
    """Write a list: a, b and c."""
    *first, end = [str(word) for word in words] or ["none"]
    return f"{', '.join(first)} {last} {end}" if first else end


def listed(items: Iterable[object], *, shown: int = SHOWN) -> str:
    """Write items as ``'a', 'b' and 3 more``; dates are written without quotes as YYYY-MM-DD."""
    plain = (item.item() if hasattr(item, "item") else item for item in items)  # NumPy's would show their types
    words = [f"{item:%Y-%m-%d}" if isinstance(item, datetime.date) else written(item) for item in plain]
    return ", ".join(words[:shown]) + (f" and {len(words) - shown} more" if len(words) > shown else "")


def row_parts(row: str, known: Iterable[str] = ()) -> tuple[str, str]:
    """Return variable and label of a row of a table, ``variable[label]``; names may hold brackets, too.

    Of `known` variables whatever they hold, of others in pairs.

    Examples
    --------
    >>> row_parts("sales [EUR].slope[tv [spots]]"), row_parts("sales [EUR].sigma")
    (('sales [EUR].slope', 'tv [spots]'), ('sales [EUR].sigma', ''))
    """
    own = max((name for name in known if row == name or row.startswith(f"{name}[")), key=len, default=None)
    if own is not None:
        return own, row[len(own) + 1 : -1]
    depth = 0
    for i in reversed(range(len(row))) if row.endswith("]") else ():
        depth += (row[i] == "]") - (row[i] == "[")
        if depth == 0:
            return row[:i], row[i + 1 : -1]
    return row, ""


def counted(count: int, one: str, many: str | None = None) -> str:
    """Write a number of things: 1 channel, 3 channels."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def did_you_mean(word: object, known: Iterable[object]) -> str:
    """Return " (did you mean 'x'?)" for the known word nearest to `word`, or "" when none is near."""
    words = {str(k).strip().lower(): str(k) for k in known}
    hits = difflib.get_close_matches(str(word).strip().lower(), words, n=1)
    return f" (did you mean {words[hits[0]]!r}?)" if hits else ""


def no_such(text: str, word: object, known: Iterable[object], say: str = "Use one of", none: str = "none") -> str:
    """Write that a word is unknown, the known word nearest to it, and all that are known.

    Examples
    --------
    >>> no_such("there is no channel 'tvs'", "tvs", ["tv", "radio"])
    "there is no channel 'tvs' (did you mean 'tv'?). Use one of: tv, radio."
    """
    words = [str(k) for k in known]
    return f"{text}{did_you_mean(word, words)}. {say}: {', '.join(words) or none}."


def written(value: object) -> str:
    """Write a value as code, a long one cut in the middle; Python writes no number of thousands of digits."""
    try:
        text = repr(value)
    except ValueError:
        return "(a number of thousands of digits)"
    except RecursionError:
        return "(lists in lists without end)"
    return shortened(text, _CODE)


# --------------------------------------------------------------------------------------------------------------- lines
def shortened(text: str, width: int = LONGEST) -> str:
    """Cut a long text in the middle, since names often differ at their ends.

    Examples
    --------
    >>> shortened("paid_social_prospecting_video", 11)
    'paid_…video'
    """
    if len(text) <= width:
        return text
    kept = width - 1
    return f"{text[: kept // 2]}…{text[len(text) - (kept + 1) // 2 :]}"


def wrapped(text: str, width: int, *, head: str = "", indent: int = 2) -> list[str]:
    """Break a text into lines after `head`, the later ones indented; a number and its percent sign stay together."""
    wrapper = TextWrapper(width, initial_indent=head, subsequent_indent=" " * indent)
    wrapper.break_long_words = wrapper.break_on_hyphens = False
    return [line.replace("\0", " ") for line in wrapper.wrap(text.replace(" %", "\0%"))]


def aligned(columns: Mapping[str, Sequence[str]], left: Sequence[str]) -> list[str]:
    """Lay columns side by side under their heads, numbers to the right and words (the columns `left`) to the left."""
    cells = []
    for head, column in columns.items():
        width = max(map(len, [head, *column]))
        cells.append([text.ljust(width) if head in left else text.rjust(width) for text in [head, *column]])
    return ["  ".join(line).rstrip() for line in zip(*cells, strict=True)]


def notebook_html(
    printed: str,
    columns: Mapping[str, Sequence[object]],
    more: Mapping[str, Mapping[str, Sequence[object]]] | None = None,
) -> str:
    """Write a record for a notebook: the first line it prints, a small table, and all it prints to be opened.

    So are `more` tables, by their headings.

    Examples
    --------
    >>> notebook_html("A & B", {"name": ["<b>"]}).partition("<details>")[0]
    '<div><b>A &amp; B</b><table><tr><th>name</th></tr><tr><td>&lt;b&gt;</td></tr></table>'
    """
    head = html.escape(printed.partition("\n")[0])
    closed = "".join(
        f"<details><summary>{html.escape(name)}</summary>{html_table(own)}</details>"
        for name, own in (more or {}).items()
    )
    text = f"<details><summary>as printed</summary><pre>{html.escape(printed)}</pre></details>"
    return f"<div><b>{head}</b>{html_table(columns)}{closed}{text}</div>"


def html_table(columns: Mapping[str, Sequence[object]]) -> str:
    """Write columns as a table of HTML."""
    rows = zip(*([head, *map(str, column)] for head, column in columns.items()), strict=True)
    lines = (
        "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)
        for tag, row in zip(chain(["th"], repeat("td")), rows, strict=False)
    )
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _fixed(value: float, places: int) -> str:
    if not math.isfinite(value):
        return UNKNOWN if math.isnan(value) else UNBOUNDED
    return f"{value + 0.0:,.{max(places, 0)}f}".replace("-", "−")


def _magnitude(value: float) -> int:
    return math.floor(math.log10(abs(value)))


def _size(value: float, sizes: Sequence[tuple[float, str]], digits: int) -> tuple[float, str]:
    """Return the largest size that a value has once it is rounded to so many digits, and its word."""
    least = 1.0 - 0.5 * 10.0**-digits
    return next((size for size in sizes if math.inf > abs(value) >= least * size[0]), (1.0, ""))
