"""Numbers, intervals and lists as words. Every number of the report's sentences and pages is written here."""

import math
from collections.abc import Iterable

#: Significant digits of numbers in sentences.
DIGITS = 3
_SIZES = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))
_TINY = 1e-6
#: A probability of 0 or 1 among so many draws is not certainty.
_SURE = 0.995


def digits(value: float) -> str:
    """Write a number with three significant digits, thousands set apart: 12,300, 1.50, 0.0123."""
    if math.isnan(value):
        return "unknown"
    if math.isinf(value):
        return "unbounded"
    if value == 0:
        return "0"
    if abs(value) < _TINY:
        return f"{value:.{DIGITS - 1}e}"
    rounded = float(f"{value:.{DIGITS - 1}e}")  # 999.6 has one more digit before the point once it is rounded
    places = DIGITS - 1 - math.floor(math.log10(abs(rounded)))
    return f"{rounded:,.{max(places, 0)}f}"


def number(value: float) -> str:
    """Write a number, large ones in millions: 2.31 million."""
    size, word = _size(value)
    return f"{digits(value / size)}{word}"


def spread(median: float, lower: float, upper: float, ci_prob: float, unit: str = "") -> str:
    """Write a median with its interval: ``2.31 million (90 %: 1.50 to 3.02 million)``.

    Parameters
    ----------
    unit : str
        Written after the numbers where it is not money, which has no unit of its own in the data.
    """
    middle, ends = apart(median, lower, upper)
    return f"{middle}{f' {unit}' if unit else ''} ({percent(ci_prob)}: {ends})"


def apart(median: float, lower: float, upper: float) -> tuple[str, str]:
    """Write a median and its interval for themselves, both in millions where one is large."""
    known = [abs(value) for value in (median, lower, upper) if math.isfinite(value)]
    size, word = _size(max(known, default=0.0))
    middle, low, high = (digits(value / size) for value in (median, lower, upper))
    return f"{middle}{word}", f"{low} to {high}{word}"


def share(median: float, lower: float, upper: float, ci_prob: float) -> str:
    """Write a share with its interval in percent."""
    middle, low, high = (digits(100.0 * value) for value in (median, lower, upper))
    return f"{middle} % ({percent(ci_prob)}: {low} to {high} %)"


def percent(value: float) -> str:
    """Write a chosen share, as 0.9, in percent."""
    return f"{100.0 * value:.4g} %"


def probability(value: float) -> str:
    """Write a probability from draws in whole percents, and never as certainty."""
    if math.isnan(value):
        return "unknown"
    if value > _SURE:
        return f"more than {percent(0.99)}"
    if value < 1.0 - _SURE:
        return f"less than {percent(0.01)}"
    return f"{100.0 * value:.0f} %"


def joined(words: Iterable[str], last: str = "and") -> str:
    """Write a list: a, b and c."""
    words = [str(word) for word in words]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else "none"


def counted(count: int, one: str, many: str | None = None) -> str:
    """Write a number of things: 1 channel, 3 channels."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def _size(value: float) -> tuple[float, str]:
    if math.isfinite(value):
        for size, word in _SIZES:
            if abs(value) >= 0.9995 * size:
                return size, f" {word}"
    return 1.0, ""
