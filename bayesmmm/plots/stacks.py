"""What the parts of a series add up to: stacked over time, and as a waterfall of totals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import dates as mdates
from matplotlib import patheffects
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bayesmmm.plots.axis import date_axis, label_rows, numbers, tidy, zero_line
from bayesmmm.plots.layout import AUTO, Title, finish, one, panels, rows_axes, whole_figure
from bayesmmm.plots.parts import key, legend_above
from bayesmmm.plots.reading import SAMPLE, caution, dates_of, series_of, span_of, unit_of, variable
from bayesmmm.plots.sources import DECOMPOSITION, WATERFALL
from bayesmmm.plots.style import BLACK, BLUE, BROWN, GREY, ORANGE, PALE, SERIES, SKY, SMALL, TEXT
from bayesmmm.results import Fit
from bayesmmm.results.summaries import interval
from bayesmmm.text import counted, percent, rough_percent
from bayesmmm.validate import check_ci_prob, check_count, check_flag

_MAKER = "decompose(fit)"
_VIA, _ORGANIC = (ORANGE, "#B87A00", "#FFC14D"), (PALE, "#E3C58A", "#FBEBC8")
_MIDDLE, _LIGHT, _SAND = "#A0A0A0", "#D0D0D0", "#DCCDA4"
_KINDS = {
    "base": (_MIDDLE, "baseline"),
    "control": (_LIGHT, "control, from its reference"),
    "event": (_SAND, "event"),
    "direct": (BLUE, "channel, direct"),
    "via": (ORANGE, "channel, via a mediator"),
    "organic": (PALE, "mediator, organic"),
    "other": (SKY, "several parts"),
}
_NARROW = 8.0  # inches
_EVENTS = 5  # so many have a bar of their own
_NEGLIGIBLE = 5e-4  # share of the whole that is written as 0.0 %
_PERIOD = {"month": "M", "quarter": "Q", "year": "Y"}


@dataclass(frozen=True)
class _Area:
    """Components drawn as one."""

    label: str
    members: tuple[str, ...]
    colour: str
    #: events, of whose sum only the part above zero, or only that below it, belongs to the area
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()

    def height(self, values: xr.DataArray) -> np.ndarray:
        """Return how high the area is in every period."""
        labels = values["component"].values
        members, above, below = (
            values.isel(component=np.isin(labels, of)).sum("component").values
            for of in (self.members, self.above, self.below)
        )
        return members + above.clip(min=0.0) + below.clip(max=0.0)


def decomposition(dataset: xr.Dataset | Fit, *, title: Title = AUTO, ax: Axes | None = None) -> Axes:
    """Draw the posterior mean contributions stacked over time, with the observed series as a line.

    The baseline (intercept, trend, seasonality) and the controls, which are counted from their references, share the
    lowest area: a price alone would change sides all the time. Events have an area where all of them together add
    something, and lower the lowest one where they take something away. Up to six channels have an area of their own;
    of more than six, the smallest share one, and the legend says how many. What all channels do through a mediator is
    one area for each mediator (`waterfall` takes it apart). Negative values are stacked downwards, and then a dashed
    line shows the sum. Months, quarters and years are drawn as bars, and so is a single period. Their height is the mean
    of the periods that they hold: sums of weeks would rise and fall with the number of Sundays in a month.

    Parameters
    ----------
    dataset : Dataset or Fit
        As ``mm.decompose(fit)`` gives it, or a fit.
    title, ax : as for every figure, see `bayesmmm.plots`

    Examples
    --------
    >>> ax = decomposition(mm.decompose(fit, freq="month"))  # doctest: +SKIP
    """
    dataset = DECOMPOSITION(dataset)
    values = variable(dataset, "contribution", ["component", "date"], _MAKER).mean(SAMPLE)
    own = ax is None
    ax = panels(1, 1, (11.0, 4.2))[0] if ax is None else one(ax)
    freq = str(dataset.attrs.get("freq") or "")
    freq = freq if freq in _PERIOD else ""  # otherwise one value per period of the data
    held = dataset["periods"].values if freq and "periods" in dataset.coords else np.ones(values.sizes["date"])
    values = values / xr.DataArray(held, dims="date")
    left, middle, width = _places(values["date"].values, freq)
    as_bars = bool(freq) or len(middle) == 1  # one period has no width to fill
    up, down = np.zeros(len(middle)), np.zeros(len(middle))
    handles: list[Artist] = []
    for area in _areas(values):
        height = area.height(values)
        style: dict[str, Any] = {"facecolor": area.colour, "edgecolor": "white", "linewidth": 0.3 * as_bars}
        for base, part in ((up, height.clip(min=0.0)), (down, height.clip(max=0.0))):
            if not part.any():
                continue
            if as_bars:
                ax.bar(left, part, width, bottom=base, align="edge", **style)
            else:
                ax.fill_between(middle, base, base + part, **style)
            base += part
        handles.append(Patch(label=area.label, **style))
    handles.reverse()
    ax.xaxis_date()
    below = down.min() < -_NEGLIGIBLE * up.max()
    if below:
        zero_line(ax)
        at, total = middle, up + down
        if len(at) == 1:  # across its bar
            at, total = left[0] + np.array([0.0, width[0]]), total.repeat(2)
        (line,) = ax.plot(at, total, color=BLACK, lw=1.0, ls=(0, (3, 1.5)), label="sum of the parts")
        handles.insert(0, line)
    marker: dict[str, Any] = {"marker": "o", "markersize": 3.5} if as_bars else {}
    (line,) = ax.plot(
        middle, dataset["observed"].values / held, color=BLACK, linewidth=0.9, label="observed", **marker
    )
    line.set_path_effects([patheffects.withStroke(linewidth=2.2, foreground="white", alpha=0.7)])
    handles = [line, *handles, *caution(dataset.attrs)]
    tidy(ax)
    ax.margins(y=0.03)
    if not below:
        ax.set_ylim(bottom=min(0.0, float((dataset["observed"] / held).min())))
    numbers(ax.yaxis)
    date_axis(ax, pd.DatetimeIndex(values["date"].values) if len(middle) == 1 and not freq else None)
    if len(middle) > 1 or freq:
        ax.set_xlim(left[0], left[-1] + width[-1])
    name, word = series_of(dataset.attrs), str(dataset.attrs.get("period") or "period")
    means = bool(freq) and "periods" in dataset.coords and word != freq
    per = f" per {word}, mean of each {freq}" if means else f" per {freq}" if freq else ""
    ax.set_ylabel(f"{name}{per}{unit_of(dataset['contribution'], dataset)}", fontsize=TEXT)
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0), "alignment": "left"}
    if whole_figure(ax).get_figwidth() < _NARROW:  # no room beside the axes
        place |= {"bbox_to_anchor": (-0.12, -0.1), "ncols": 2}
        for handle in handles:
            handle.set_label(_folded(" ".join(str(handle.get_label()).split()), 30))
    style = {"frameon": False, "fontsize": SMALL, "title_fontsize": SMALL}
    ax.legend(handles=handles, title="posterior means", **place, **style)
    return finish([ax], own, title, f"What {name} is made up of{per}{dates_of(*span_of(dataset))}")[0]


def _places(dates: np.ndarray, freq: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Left end, middle and width of every period, in days of Matplotlib; bars leave a gap."""
    index = pd.DatetimeIndex(dates)
    if not freq:
        at = mdates.date2num(index)
        return (at - 0.5, at, np.ones(1)) if len(at) == 1 else (at, at, np.zeros(len(at)))
    periods = index.to_period(_PERIOD[freq])
    start, stop = mdates.date2num(periods.start_time), mdates.date2num((periods + 1).start_time)
    return start, start + 0.45 * (stop - start), 0.9 * (stop - start)


def _areas(values: xr.DataArray) -> list[_Area]:
    """Areas from the bottom to the top: baseline, mediators, channels from large to small."""
    labels, kind = values["component"].values.tolist(), values["kind"].values
    mediator = values["mediator"].values
    base, controls, events = (
        [label for label, k in zip(labels, kind, strict=True) if k == of] for of in ("base", "control", "event")
    )
    words = [_named("baseline", base)] if base else []
    words += [_named("controls from their references", controls)] if controls else []
    lowers = tuple(events) if events and (values.sel(component=events).sum("component") < 0.0).any() else ()
    label = " and ".join(words) + (", less what events take away" if lowers and words else "")
    areas = [_Area(_folded(label or "what events take away"), (*base, *controls), _LIGHT, below=lowers)]
    areas = areas if words or lowers else []
    areas += [_Area(_folded(_named("events", events)), (), _SAND, above=tuple(events))] if events else []
    for i, name in enumerate(dict.fromkeys(m for m in mediator.tolist() if m)):
        of = [(label, k) for label, k, m in zip(labels, kind, mediator, strict=True) if m == name]
        organic = tuple(label for label, k in of if k == "organic")
        via = tuple(label for label, k in of if k == "via")
        if organic:
            areas.append(_Area(f"{name}, organic", organic, _ORGANIC[i % len(_ORGANIC)]))
        if via:
            areas.append(_Area(f"all channels via {name}", via, _VIA[i % len(_VIA)]))
    direct = values.isel(component=kind == "direct")
    size = abs(direct).sum("date").values
    ranked = [direct["component"].values.tolist()[i] for i in np.argsort(-size, kind="stable")]
    own = ranked if len(ranked) <= len(SERIES) else ranked[: len(SERIES)]
    rest = tuple(ranked[len(own) :])
    areas += [_Area(name, (name,), colour) for name, colour in zip(own, SERIES, strict=False)]
    return areas + ([_Area(f"{counted(len(rest), 'other channel')}", rest, GREY)] if rest else [])


def _folded(label: str, wide: int = 45) -> str:
    """Break a label of the legend into lines."""
    return fill(label, wide, break_long_words=False, break_on_hyphens=False)


def _named(what: str, parts: Sequence[str]) -> str:
    """Name what is inside, where that is not too much."""
    inside = f"{len(parts)} of them" if len(parts) > 5 else ", ".join(parts)
    return f"{what} ({inside})"


def waterfall(
    dataset: xr.Dataset | Fit,
    *,
    ci_prob: float | None = None,
    largest: int = 20,
    from_zero: bool = False,
    title: Title = AUTO,
    ax: Axes | None = None,
) -> Axes:
    """Draw the totals over the window from the baseline to the mean of the series, one bar per part.

    The baseline is intercept, trend and seasonality. Controls are counted from their references (`bayesmmm.Equation`),
    so that a promotion has what it brought, and a price about nothing over all fitted periods. Bars are posterior
    means, which add up; beside each stands its share of the whole. The interval is that of the part alone, laid where
    its bar ends.

    Parameters
    ----------
    dataset : Dataset or Fit
        As ``mm.decompose(fit)`` gives it, or a fit.
    ci_prob : float in (0, 1), optional
        Probability of the intervals; by default 0.9, or ArviZ's ``stats.ci_prob`` where it was set.
    largest : int
        So many parts beside the baseline have a bar of their own; the smaller ones share one. Of more than six events
        the smaller ones share a bar in any case.
    from_zero : bool
        Whether the axis must start at zero. Otherwise it is cut where the baseline takes up most of it; cut bars are
        torn and the axis says so.
    title, ax : as for every figure, see `bayesmmm.plots`

    Examples
    --------
    >>> ax = waterfall(mm.decompose(fit), ci_prob=0.9)  # doctest: +SKIP
    """
    dataset = WATERFALL(dataset)
    draws = variable(dataset, "contribution", ["component", "date"], _MAKER).sum("date")
    ci_prob = check_ci_prob(ci_prob)
    rows = _rows(draws, check_count(largest, "largest", least=0, advice="as largest=20"))
    from_zero = check_flag(from_zero, "from_zero")
    name, own = series_of(dataset.attrs), ax is None
    labels = [label for label, _, _ in rows] + [f"mean of {name}"]
    ax = rows_axes(labels, 6.4, 1.2, 0.23) if ax is None else one(ax)
    steps = _steps(rows, draws, ci_prob)
    colours = [_KINDS[kind][0] for _, kind, _ in rows] + [_MIDDLE]
    negative = (steps["length"] < -_NEGLIGIBLE * abs(steps["length"].iloc[-1])).to_numpy()
    style: dict[str, Any] = {"color": colours, "hatch": ["////" if minus else "" for minus in negative]}
    style["edgecolor"] = [BROWN if colour == PALE else "white" for colour in colours]
    ax.barh(range(len(steps)), steps["length"], left=steps["start"], height=0.72, linewidth=0.0, **style)
    ends = (steps["start"] + steps["length"]).to_numpy()
    ax.vlines(ends[:-1], np.arange(len(rows)) - 0.36, np.arange(len(rows)) + 1.36, color=GREY, linewidth=0.6)
    ax.hlines(range(len(steps)), steps["lower"], steps["upper"], color=BLACK, linewidth=1.1, zorder=3)
    observed = float(dataset["observed"].sum(skipna=False))
    known = not np.isnan(observed)  # periods to come were not observed
    if known:
        ax.plot([observed], [len(rows)], "D", mfc="white", mec=BLACK, markersize=4.5, zorder=4)
    observed = observed if known else float(ends[-1])
    label_rows(ax, labels)
    cut = _limits(ax, steps, observed, from_zero)
    _percents(ax, steps, observed, ends[-1])
    numbers(ax.xaxis)
    unit = unit_of(dataset["contribution"], dataset)
    span = " to ".join(f"{day:%Y-%m-%d}" for day in span_of(dataset))
    ax.set_xlabel(f"{name}, {span}{unit}{', axis not from zero' if cut else ''}", fontsize=TEXT)
    names = {kind: name for kind, (_, name) in _KINDS.items() if kind in [k for _, k, _ in rows]}
    if "base" in names:
        base = dataset["component"].values[dataset["kind"].values == "base"]
        names["base"] = _named("baseline", base.tolist())
    _waterfall_legend(ax, names, bool(negative.any()), ci_prob, caution(dataset.attrs), known)
    channels = np.isin(dataset["kind"].values, ["direct", "via"])
    words = f"From the baseline to {name}"
    if channels.any() and ends[-1] > 0.0:
        share = float(draws.isel(component=channels).sum("component").mean()) / ends[-1]
        words = f"{rough_percent(share)} of {name} {'came' if known else 'comes'} from channels"
    return finish([ax], own, title, f"{words}{dates_of(*span_of(dataset))}")[0]


def _rows(draws: xr.DataArray, largest: int) -> list[tuple[str, str, xr.DataArray]]:
    """Label, kind and draws of each bar: the baseline, then the others from large to small, then the rest."""
    kind = draws["kind"].values
    rows = []
    if (kind == "base").any():
        rows.append(("baseline", "base", draws.isel(component=kind == "base").sum("component")))
    others = [(str(c), str(k)) for c, k in zip(draws["component"].values, kind, strict=True) if k != "base"]
    parts = {label: draws.sel(component=label) for label, _ in others}
    mean = {label: float(part.mean()) for label, part in parts.items()}
    events = sorted((label for label, k in others if k == "event"), key=lambda label: -abs(mean[label]))
    if len(small := events[_EVENTS:]) > 1:
        name = f"{len(small)} other events"
        parts[name] = draws.sel(component=small).sum("component")
        mean[name] = float(parts[name].mean())
        others = [*((label, k) for label, k in others if label not in small), (name, "event")]
    kept = sorted(others, key=lambda part: -abs(mean[part[0]]))[:largest]
    rest = [label for label, k in others if (label, k) not in kept]
    if len(rest) == 1:
        kept, rest = others, []
    rows += [(label, k, parts[label]) for label, k in sorted(kept, key=lambda p: -mean[p[0]])]
    if rest:
        rows.append((f"{len(rest)} smaller parts", "other", reduce(add, [parts[label] for label in rest])))
    return rows


def _steps(rows: Sequence[tuple[str, str, xr.DataArray]], draws: xr.DataArray, ci_prob: float) -> pd.DataFrame:
    """Start and length of every bar, and its interval where it is drawn; the last bar is the whole."""
    out: list[tuple[float, float, float, float]] = []
    at = 0.0
    for part in [part for _, _, part in rows] + [draws.sum("component")]:
        at = 0.0 if len(out) == len(rows) else at
        ends = interval(part, ci_prob)
        length = float(part.mean())
        out.append((at, length, at + float(ends["lower"]), at + float(ends["upper"])))
        at += length
    return pd.DataFrame(out, columns=["start", "length", "lower", "upper"])


def _limits(ax: Axes, steps: pd.DataFrame, observed: float, from_zero: bool) -> bool:
    """Set the limits of the axis; say whether bars were cut."""
    ends = steps["start"] + steps["length"]
    low = min(ends.min(), steps["lower"].min(), observed)
    high = max(ends.max(), steps["upper"].max(), observed)
    left = low - 0.15 * (high - low)
    cut = not from_zero and left > 0.3 * high
    left = left if cut else min(0.0, low - 0.05 * (high - low))
    ax.set_xlim(left, high + 0.12 * (high - left))
    if cut:
        for i in steps.index[steps["start"] == 0.0]:
            for shift in (0.0, 0.012):
                x, place = [0.02 + shift, 0.032 + shift], ax.get_yaxis_transform()
                ax.plot(x, [i + 0.45, i - 0.45], transform=place, color="white", lw=1.5, zorder=5)
    elif left < 0.0:
        zero_line(ax, vertical=True)
    return cut


def _percents(ax: Axes, steps: pd.DataFrame, observed: float, whole: float) -> None:
    """Write the share of each bar in the whole to the right of everything in its row."""
    for i, row in enumerate(steps.itertuples()):
        right = max(row.start, row.start + row.length, row.upper, observed if i == len(steps) - 1 else row.upper)
        share = round(100.0 * row.length / whole, 1) + 0.0  # no negative zero
        text = f"{share:.1f} %".replace("-", "−")
        place: dict[str, Any] = {"xytext": (4, 0), "textcoords": "offset points", "va": "center"}
        ax.annotate(text, (right, i), fontsize=SMALL, color=BLACK, **place)


def _waterfall_legend(
    ax: Axes, names: Mapping[str, str], negative: bool, ci_prob: float, more: Sequence[Line2D], observed: bool
) -> None:
    handles: list[Artist] = [Patch(color=_KINDS[kind][0], label=name) for kind, name in names.items()]
    if negative:
        handles.append(Patch(facecolor=GREY, edgecolor="white", hatch="////", label="negative"))
    handles.append(key(f"{percent(ci_prob)} interval of the part", linewidth=1.1))
    handles += [key("observed", ls="", marker="D", mfc="white", mec=BLACK, ms=4.5)] if observed else []
    legend_above(ax, [*handles, *more], 3)
