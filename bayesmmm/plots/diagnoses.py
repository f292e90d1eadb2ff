"""Everything that was checked about a fit, on one page."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from bayesmmm.diagnostics import Diagnosis
from bayesmmm.diagnostics.check import Check
from bayesmmm.diagnostics.thresholds import PARETO_K
from bayesmmm.plots.axis import label_rows, tidy
from bayesmmm.plots.layout import AUTO, Title, finish
from bayesmmm.plots.parts import key
from bayesmmm.plots.sources import DIAGNOSIS
from bayesmmm.plots.style import BLACK, BLUE, GREY, LETTER, ORANGE, RED, SKY, SMALL, TEXT
from bayesmmm.results import Fit
from bayesmmm.text import short_number

#: Shape and colour of each verdict: neither alone carries the meaning.
_MARKS = {"ok": ("o", BLUE), "warn": ("^", ORANGE), "fail": ("X", RED), "unknown": ("_", GREY)}
_ROW, _WIDTH, _COLUMN, _PANEL = 0.17, 11.0, 0.95, 1.55
_WORDS = {"half_life": "half-life", "half_saturation": "half-\nsaturation", "roi": "ROI"}
_PARAMETERS = ("half_life", "retention", "half_saturation", "slope", "contribution", "roi")
_SHADES = LinearSegmentedColormap.from_list("taught", ["#FFFFFF", SKY, BLUE])
_READABLE = {"rhat": "R-hat", "ess_bulk": "ESS, bulk", "ess_tail": "ESS, tail", "energy": "E-BFMI"}
_UNITS = {
    "ess_bulk": "draws",
    "ess_tail": "draws",
    "divergences": "draws",
    "tree_depth": "draws",
    "explained": "R²",
    **dict.fromkeys(("media_share", "prior_share", "baseline", "dominance", "unseen"), "share"),
}
#: Checks that name a channel where others name an equation: each has a row.
_OF_CHANNELS = ("weak",)
_GROUP = 0.25  # of a column, beside the last one: room for the name of a group
_LEVELS = ("quantile 0.05", "quantile 0.25", "quantile 0.5", "quantile 0.75", "quantile 0.95", "maximum")


def diagnosis(diagnosis: Diagnosis | Fit, *, title: Title = AUTO) -> np.ndarray:
    """Draw a diagnosis: every check with its verdict, what the data taught, and each equation beside its series.

    The table of checks shows the number judged in each cell, and beside its name what it is held against. Below it, for
    each equation: the series with its 90 % predictive interval; quantiles and maximum beside those of replicates;
    residuals with their 90 % posterior intervals; Pareto k of each period.

    Parameters
    ----------
    diagnosis : Diagnosis or Fit
        As `diagnose` returns it, or a fit. A diagnosis without tables (of a fit whose draws are no numbers) gets the
        checks alone.
    title : as for every figure, see `bayesmmm.plots`

    Returns
    -------
    array of Axes
        The checks; contraction, where there are media; then four panels for each equation.

    Examples
    --------
    >>> axes = diagnosis(diagnose(fit))  # doctest: +SKIP
    >>> save(axes, "diagnosis.png")  # doctest: +SKIP
    """
    diagnosis = DIAGNOSIS(diagnosis)
    rows, columns = _cells(diagnosis)
    equations = list(diagnosis.tables["series"].index.unique("equation")) if "series" in diagnosis.tables else []
    taught = _taught(diagnosis.tables["contraction"]) if "contraction" in diagnosis.tables else pd.DataFrame()
    tall = max(len(rows), len(taught) + 3) * _ROW + 0.8
    below = _PANEL * len(equations)
    figure = plt.figure(figsize=(_WIDTH, tall + below + 0.3 * bool(equations)), layout="constrained")
    parts: Any = [figure]
    if equations:
        parts = figure.subfigures(2, 1, height_ratios=[tall, below + 0.3])
    named = max(len(_row_label(row.partition("/")[2], list(cells.values()))) for row, cells in rows.items())
    left = min(LETTER * named + _COLUMN * len(columns), 0.68 * _WIDTH)
    ratios = [left, _WIDTH - left] if len(taught) else [1.0]
    top = parts[0].subplots(1, len(ratios), squeeze=False, width_ratios=ratios)[0]
    axes: list[Axes] = [_checks(top[0], diagnosis, rows, columns)]
    if len(taught):
        axes.append(_contraction(top[1], taught))
    if equations:
        grid = parts[1].subplots(len(equations), 4, squeeze=False, width_ratios=[1.5, 0.9, 1.5, 1.1])
        for line, name in zip(grid, equations, strict=True):
            axes += _equation(line, diagnosis.tables, name, last=name == equations[-1])
    return finish(axes, True, title, f"Diagnosis of the {diagnosis.subject}: {diagnosis.verdict}")


# ----------------------------------------------------------------------------------------------------------- checks
def _cells(diagnosis: Diagnosis) -> tuple[dict[str, dict], list[str]]:
    """Checks by row and column: an equation's own in its column, the others in the first."""
    rows: dict[str, dict] = {}
    columns = ["whole fit" if diagnosis.subject == "fit" else diagnosis.subject]
    for check in diagnosis.checks:
        base, _, where = check.name.partition(":")
        source, arrow, target = where.rpartition("->")
        of_channel = base in _OF_CHANNELS
        label = f"{base}: {target if of_channel else source}" if arrow or of_channel else base
        column = columns[0] if of_channel else target or columns[0]
        columns += [column] if column not in columns else []
        rows.setdefault(f"{check.group}/{label}", {})[column] = check
    order = list(dict.fromkeys(check.group for check in diagnosis.checks))
    return dict(sorted(rows.items(), key=lambda item: order.index(item[0].partition("/")[0]))), columns


def _checks(ax: Axes, diagnosis: Diagnosis, rows: Mapping[str, Mapping], columns: Sequence[str]) -> Axes:
    group = ""
    for i, (row, cells) in enumerate(rows.items()):
        if row.partition("/")[0] != group:
            group = row.partition("/")[0]
            ax.axhline(i - 0.5, color=GREY, linewidth=0.8)
            ax.text(len(columns) + _GROUP - 0.03, i, group, fontsize=SMALL, color=GREY, ha="right", va="center")
        for column, check in cells.items():
            mark, colour = _MARKS[check.verdict]
            at = columns.index(column)
            ax.plot(at - 0.38, i, mark, color=colour, markersize=6, markeredgewidth=1.5 if mark == "_" else 0.5)
            bold = "bold" if check.raised else "normal"
            ax.text(at - 0.26, i, _number(check), fontsize=SMALL, va="center", fontweight=bold)
    label_rows(ax, [_row_label(row.partition("/")[2], list(cells.values())) for row, cells in rows.items()])
    ax.grid(visible=False)
    ax.set_xlim(-0.5, len(columns) + _GROUP)
    ax.set_xticks(np.arange(len(columns)) - 0.26, columns, ha="left")
    ax.tick_params(axis="x", top=True, labeltop=True, bottom=False, labelbottom=False)
    ax.tick_params(axis="x", length=0)
    ax.spines[["left", "bottom"]].set_visible(False)
    present = [v for v in _MARKS if any(c.verdict == v for c in diagnosis.checks)]
    handles = [key(v, _MARKS[v][1], ls="", marker=_MARKS[v][0], ms=6) for v in present]
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (0, 0), "ncols": 4, "frameon": False}
    ax.legend(handles=handles, fontsize=SMALL, handletextpad=0.1, columnspacing=1.2, **place)
    return ax


def _row_label(name: str, checks: Sequence[Check]) -> str:
    """Name of a check, the unit of its number, and what it is held against where that is one number."""
    readable = _READABLE.get(name, name.replace("_", " ").replace("roi", "ROI"))
    known = {check.threshold for check in checks if np.isfinite(check.threshold) and np.isfinite(check.value)}
    about = [_UNITS[name]] if name in _UNITS else []
    if len(known) == 1:
        (bound,) = known
        judged = next(check for check in checks if check.threshold == bound and np.isfinite(check.value))
        below = (judged.value <= bound) != judged.raised  # on which side of its bound a number is good
        about.append(f"{'at most' if below else 'at least'} {bound:.3g}".replace("-", "−"))
    return f"{readable} ({', '.join(about)})" if about else readable


def _number(check: Check) -> str:
    if np.isnan(check.value):
        return "-"
    if check.group == "fit" and not check.name.startswith(("pareto_k", "explained")):
        return "p < 1e-4" if check.value < 1e-4 else f"p {check.value:.2g}"
    if check.name == "rhat":
        return f"{check.value:.3f}"
    return (f"{check.value:.0f}" if abs(check.value) >= 100.0 else f"{check.value:.2g}").replace("-", "−")


# ------------------------------------------------------------------------------------------------------ contraction
def _taught(table: pd.DataFrame) -> pd.DataFrame:
    """Contraction by equation and channel (rows) and parameter (columns)."""
    media = table[table.index.get_level_values("parameter").isin(_PARAMETERS)]["contraction"]
    wide = media.unstack("parameter")
    keys = dict.fromkeys((e, c) for e, _, c in media.index)
    return wide.reindex(list(keys))[[p for p in _PARAMETERS if p in wide]]


def _contraction(ax: Axes, table: pd.DataFrame) -> Axes:
    values = table.to_numpy(float)
    ax.imshow(np.clip(values, 0.0, 1.0), cmap=_SHADES, vmin=0.0, vmax=1.0, aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        if np.isfinite(value):
            colour, text = "white" if value > 0.75 else BLACK, f"{100 * value:.0f}".replace("-", "−")
            ax.text(j, i, text, ha="center", va="center", fontsize=SMALL, color=colour)
    equations = table.index.get_level_values(0)
    for i in np.flatnonzero(equations[1:] != equations[:-1]):
        ax.axhline(i + 0.5, color=BLACK, linewidth=1.0)
    ax.set_yticks(range(len(table)), [f"{channel} in {equation}" for equation, channel in table.index])
    ax.set_xticks(range(table.shape[1]), [_WORDS.get(p, p) for p in table.columns])
    ax.tick_params(labelsize=SMALL, length=0)
    ax.set_title("What the data taught: contraction of the prior, %", fontsize=TEXT, loc="left")
    ax.spines[:].set_visible(False)
    return ax


# -------------------------------------------------------------------------------------------------------- equations
def _equation(line: Sequence[Axes], tables: Mapping, name: str, *, last: bool) -> list[Axes]:
    series, residuals, left_out = (tables[key].loc[name] for key in ("series", "residuals", "loo"))
    dates = series.index
    ax = line[0]
    ax.fill_between(dates, series["lower"], series["upper"], color=SKY, alpha=0.5, linewidth=0, label="90 %")
    ax.plot(dates, series["observed"], color=BLACK, linewidth=0.8)
    ax.set_title(f"{name}: observed, and 90 % of replicates", fontsize=TEXT, loc="left")
    ax.yaxis.set_major_formatter(short_number)
    _quantiles(line[1], tables["predictive"].loc[name])
    ax = line[2]
    for level in (-2.0, 0.0, 2.0):
        ax.axhline(level, color=GREY, linewidth=0.8, linestyle="-" if level == 0 else ":")
    ax.vlines(dates, residuals["lower"], residuals["upper"], color=SKY, linewidth=0.8)
    ax.plot(dates, residuals["median"], "o", color=BLUE, markersize=1.8)
    ax.set_title("residuals, in sds (dotted: ±2)", fontsize=TEXT, loc="left")
    ax = line[3]
    ax.plot(dates, left_out["pareto_k"], "o", color=BLUE, markersize=1.8)
    high = left_out["pareto_k"] > PARETO_K.warn
    ax.plot(dates[high], left_out["pareto_k"][high], "X", color=RED, markersize=5)
    ax.axhline(PARETO_K.warn, color=RED, linewidth=0.8, linestyle="--")
    ax.set_ylim(None, max(0.9, float(left_out["pareto_k"].max()) + 0.1))
    ax.set_title(f"Pareto k (dashed: {PARETO_K.warn:g})", fontsize=TEXT, loc="left")
    for panel, count in ((line[0], 4), (line[2], 4), (line[3], 2)):
        _few_dates(panel, dates, count)
        panel.tick_params(labelbottom=last)
    for panel in line:
        tidy(panel)
    return list(line)


def _few_dates(ax: Axes, dates: pd.DatetimeIndex, count: int) -> None:
    """Label so many dates: the panels are too narrow for a locator that thinks in months."""
    at = dates[(np.linspace(0.08, 0.92, count) * (len(dates) - 1)).round().astype(int)]
    ax.set_xticks(at, [f"{day:%b %Y}" if (dates[-1] - dates[0]).days > 100 else f"{day:%d %b}" for day in at])


def _quantiles(ax: Axes, table: pd.DataFrame) -> None:
    part = table.loc[[row for row in _LEVELS if row in table.index]]
    at = np.arange(len(part))
    ax.hlines(at, part["lower"], part["upper"], color=SKY, linewidth=4)
    ax.plot(part["observed"], at, "D", color=BLACK, markersize=3)
    ax.set_yticks(at, ["5 %", "25 %", "50 %", "75 %", "95 %", "max"][: len(part)])
    ax.xaxis.set_major_formatter(short_number)
    ax.xaxis.set_major_locator(plt.MaxNLocator(3))
    ax.set_title("quantiles, and 90 %", fontsize=TEXT, loc="left")
