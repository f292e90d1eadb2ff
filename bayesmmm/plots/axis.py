"""Axes of figures: rows with names, numbers and dates with few labels, zero lines."""

import re
from collections.abc import Sequence
from functools import lru_cache

import pandas as pd
from matplotlib import dates as mdates
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.axis import Axis

from bayesmmm.plots.style import GREY, SMALL
from bayesmmm.text import short_number, shortened


def tidy(ax: Axes) -> None:
    """Take away the lines that carry nothing."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=SMALL)


def zero_line(ax: Axes, *, vertical: bool = False) -> None:
    """Draw the zero that values are judged against."""
    (ax.axvline if vertical else ax.axhline)(0.0, color=GREY, linewidth=0.8, zorder=1)


# ------------------------------------------------------------------------------------------------------------ numbers
def numbers(axis: Axis, *, most: int = 5) -> None:
    """Label an axis with few short numbers, as 120k."""
    axis.set_major_locator(ticker.MaxNLocator(most))
    axis.set_major_formatter(ticker.FuncFormatter(short_number))


def percents(axis: Axis, *, most: int = 5) -> None:
    """Label an axis of shares in percent."""
    axis.set_major_locator(ticker.MaxNLocator(most))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{100 * value:.3g} %".replace("-", "−")))


def log_axis(ax: Axes, *, most: int = 5) -> None:
    """Make the x axis logarithmic, with few labels."""
    ax.set_xscale("log")
    log_numbers(ax.xaxis, most=most)


def log_numbers(axis: Axis, *, most: int = 5) -> None:
    """Label a logarithmic axis with few short numbers."""
    axis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0), numticks=most))
    axis.set_major_formatter(ticker.FuncFormatter(short_number))
    axis.set_minor_locator(ticker.NullLocator())


# -------------------------------------------------------------------------------------------------------------- dates
_DATE = 0.75  # inches that a label with its gap takes
_MONTHS, _DAYS = (1, 2, 3, 4, 6, 12), (1, 2, 7, 14, 28)  # steps between labels


def date_axis(ax: Axes, dates: pd.DatetimeIndex | None = None, *, step: float = 0.0, most: int = 8) -> None:
    """Label the x axis with few dates, at most so many and as many as there is room for.

    Every month stands with its year, every day with its month.

    With `dates`, the axis reaches from the first to the last, so many steps further on either side; the date of a
    single period is written in the middle.
    """
    if dates is not None and len(dates) == 1:
        at = float(mdates.date2num(dates[0]))
        ax.set_xlim(at - 1.0, at + 1.0)
        ax.xaxis.set_major_locator(ticker.FixedLocator([at]))
        ax.xaxis.set_major_formatter(mdates.DateFormatter("%Y-%m-%d"))
        return
    if dates is not None:
        room = step * (dates[-1] - dates[0]) / len(dates)
        ax.set_xlim(mdates.date2num(dates[0] - room), mdates.date2num(dates[-1] + room))
    figure = ax.get_figure(root=True)
    assert figure is not None, "axes that were taken off their figure"
    wide = ax.get_position().width * figure.get_figwidth()
    most = max(min(most, int(wide / _DATE)), 2)
    ax.xaxis.set_major_locator(_EvenDates(most))
    ax.xaxis.set_major_formatter(_WrittenDates(most))


class _EvenDates(ticker.Locator):
    """Ticks of an axis of dates, as `even_dates` chooses them for what is seen of it."""

    def __init__(self, most: int) -> None:
        self.most = most

    def __call__(self) -> list[float]:
        return self.tick_values(*_view(self))

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        return list(_ticks(vmin, vmax, self.most)[0])


class _WrittenDates(ticker.Formatter):
    """Labels of these ticks."""

    def __init__(self, most: int) -> None:
        self.most = most

    def __call__(self, x: float, pos: int | None = None) -> str:
        return _written(x, _ticks(*_view(self), self.most)[1])


@lru_cache(256)  # an axis asks for its ticks a hundred times while it is laid out and drawn
def _ticks(low: float, high: float, most: int) -> tuple[tuple[float, ...], str]:
    """Ticks between the ends of what is seen, and how they are written."""
    dates, form = even_dates(_day(low), _day(high), most)
    return tuple(mdates.date2num(dates).tolist()), form


@lru_cache(1024)
def _written(at: float, form: str) -> str:
    return format(_day(at), form)


def _view(helper: ticker.TickHelper) -> tuple[float, float]:
    """Ends of what is seen of an axis."""
    assert helper.axis is not None, "set by the axis that it helps"
    low, high = helper.axis.get_view_interval()
    return float(low), float(high)


def _day(at: float) -> pd.Timestamp:
    return pd.Timestamp(mdates.num2date(at)).tz_localize(None)


def even_dates(first: pd.Timestamp, last: pd.Timestamp, most: int) -> tuple[pd.DatetimeIndex, str]:
    """Return at most so many dates between two, evenly apart, and how they are written.

    Steps are whole years, months or days: first days of years, of every so many months, or every so many days.

    Examples
    --------
    >>> even_dates(pd.Timestamp("2024-01-07"), pd.Timestamp("2024-12-29"), 5)[0].strftime("%b").tolist()
    ['Apr', 'Jul', 'Oct']
    """
    months = 12 * (last.year - first.year) + last.month - first.month
    if months >= 4:
        step = next((step for step in _MONTHS if months <= step * most), 12 * -(-months // (12 * most)))
        start = pd.Timestamp(first.year, 1, 1)
        dates = pd.date_range(start, last, freq=pd.DateOffset(months=step))
        return dates[dates >= first], "%Y" if step >= 12 else "%b %Y"
    days = max(1, -(-(last - first).days // most))
    step = next((step for step in _DAYS if days <= step), 28)
    return pd.date_range(first.ceil("D"), last, freq=pd.Timedelta(days=step)), "%d %b"


# --------------------------------------------------------------------------------------------------------------- rows
_PARTS = re.compile(r"[^\s_\-./]+[\s_\-./]*|[\s_\-./]+")


def on_two_lines(name: object, wide: int) -> str:
    """Break a long name between its words into two lines, each of about so many letters; a longer one is cut.

    Examples
    --------
    >>> on_two_lines("direct_mail_catalogue", 14).splitlines()
    ['direct_mail_', 'catalogue']
    """
    text = shortened(str(name), 2 * wide)
    parts = _PARTS.findall(text)
    if len(text) <= wide or len(parts) < 2:
        return text
    cuts = ["".join(parts[:i]) for i in range(1, len(parts))]
    head = min(cuts, key=lambda cut: max(len(cut), len(text) - len(cut)))
    return f"{head.rstrip(' ')}\n{text[len(head) :]}"


def label_rows(ax: Axes, labels: Sequence[object]) -> None:
    """Name the rows, the first on top."""
    ax.set_yticks(range(len(labels)), [str(label) for label in labels])
    ax.set_ylim(len(labels) - 0.4, -0.6)
    tidy(ax)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", color="#EEEEEE", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.xaxis.set_major_locator(ticker.MaxNLocator(3 if len(labels) > 1 else 2))
