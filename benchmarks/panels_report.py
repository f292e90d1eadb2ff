"""The page of `panels.py`. Knows its JSON only."""

import math
from collections.abc import Sequence

import numpy as np

CHANNELS = 4  # of simulated panels
_HEAD = """# Panels: speed, fits and answers

Written by `panels.py`; do not edit. {processor}, {cores} cores, {system}, Python {python}.

All fits have default priors and settings, 4 chains of {draws} draws after {tune} of warm-up unless a row says
otherwise, one run each. The machine was shared: *load* is its load average before the run, so that seconds say little
where it is above two, and *processor* seconds, on all threads, say more. **ESS/s** is the smallest bulk effective
sample size over half the processor seconds of the fit call: what two free cores would give. It is taken over every
number of the posterior of bayesmmm (the coefficients and period effects that are drawn afterwards among them), over
every number that another package samples, and, as the one quantity that all have in common, over total ROI.
"""
_GRADIENT = """
## Cost of a gradient
One evaluation of the log density and its gradient on simulated panels with {channels} channels, period effects,
trend, season and a control; median processor time around the prior medians. Time grows as rows to the power
**{slope:.2f}** (least squares in logarithms; a straight line has 1).

| geos × weeks | rows | unknowns | microseconds | nanoseconds per row and channel |
|---|---|---|---|---|
"""
_FITS = """
## Fits
A straight trend, a yearly season of order two, and the controls, all shared by the geos. R-hat and ESS are the worst of
all numbers.

"""
_COLUMNS = (
    *("panel", "by", "verdict", "R-hat", "divergences", "smallest ESS", "of ROI", "steps per draw", "fit, s"),
    *("processor, s", "ESS/s", "of ROI", "memory, MB", "load"),
)
_ROI = """
## Total ROI: median and 90 % interval
Contribution over spend within the data. Truth where it is known to us.

"""
_ANSWERS = """
## Answers
On 20 geos × 156 weeks × 4 channels and 4000 draws, in the process of the fit. Peak memory {before:.0f} MB before, with
the fit, and {after:.0f} MB after all of them (load {load:.1f}).

| call | `roi`, s | `effects`, s | `decompose`, s | together, s | processor, s |
|---|---|---|---|---|---|
"""

_PLAN = """
## A plan
`optimize_budget` over {decisions} decisions, 20 geos × 4 channels, for 13 weeks, with a limit on the total of every geo;
{draws_used} of 4000 draws choose it and as many judge it. It is within {gap_share:.2%} of the best (bound), and net
marginal returns differ by {kkt:.1e} at most. Peak memory {peak_before_mb:.0f} MB before, with the fit, and
{peak_after_mb:.0f} MB after (load {load:.1f}).

| call | seconds | processor, s |
|---|---|---|
"""


def written(result: dict, machine: dict) -> str:
    """Return the page."""
    first = next((row for row in result.values() if "draws" in row), {"draws": 1000, "tune": 1000})
    text = _HEAD.format(**machine, draws=first["draws"], tune=first["tune"])
    if "gradients" in result.get("gradient", {}):
        text += _gradients(result["gradient"]["gradients"])
    fits = {part: row for part, row in result.items() if part not in ("gradient", "answers", "plan")}
    if fits:
        text += (
            _FITS
            + _line(_COLUMNS)
            + _line(["---"] * len(_COLUMNS))
            + "".join(_fit(part, row) for part, row in fits.items())
        )
        text += _ROI + _returns({part: row for part, row in fits.items() if "roi" in row})
    if "answers" in result.get("answers", {}):
        text += _answers(result["answers"])
    if "plan" in result.get("plan", {}):
        text += _plan(result["plan"])
    return text


def slope(rows: list[dict]) -> float:
    """Power of the number of rows that seconds grow with."""
    sizes = np.log([row["geos"] * row["periods"] for row in rows])
    return float(np.polyfit(sizes, np.log([row["seconds"] for row in rows]), 1)[0])


def _gradients(rows: list[dict]) -> str:
    text = _GRADIENT.format(channels=CHANNELS, slope=slope(rows))
    for row in rows:
        cells = row["geos"] * row["periods"]
        cost = f"{row['seconds'] * 1e6:,.0f}", f"{row['seconds'] / cells / CHANNELS * 1e9:.1f}"
        text += _line([f"{row['geos']} × {row['periods']}", f"{cells:,}", f"{row['coordinates']:,}", *cost])
    return text


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _names(part: str) -> tuple[str, str]:
    case, _, package = part.partition(", ")
    return case, package or "bayesmmm"


def _fit(part: str, row: dict) -> str:
    case, package = _names(part)
    if "missing" in row:
        return _line([case, package, row["missing"], *[""] * (len(_COLUMNS) - 3)])
    short = "" if row["draws"] == 1000 and row["tune"] == 1000 else f", {row['draws']} draws after {row['tune']}"
    seconds = row["fit_cpu_s"] / 2.0
    cells = [
        case,
        package + short,
        row.get("verdict") or "",
        f"{row['max_rhat']:.3f}",
        str(row["divergences"]),
        f"{row['min_ess']:.0f} ({row['min_ess_of']})",
        f"{row['roi_ess']:.0f}",
        f"{row['steps_per_draw']:.0f}",
        f"{row['fit_s']:.0f}",
        f"{row['fit_cpu_s']:.0f}",
        _figures(row["min_ess"] / seconds),
        _figures(row["roi_ess"] / seconds),
        f"{row['peak_mb']:.0f}",
        "" if row.get("load_average") is None else f"{row['load_average']:.1f}",
    ]
    return _line(cells)


def _figures(value: float) -> str:
    return f"{value:.{max(0, 1 - math.floor(math.log10(value)))}f}"


def _returns(fits: dict[str, dict]) -> str:
    text = ""
    for case in dict.fromkeys(_names(part)[0] for part in fits):
        own = {_names(part)[1]: row for part, row in fits.items() if _names(part)[0] == case}
        truth = next((row["truth"] for row in own.values() if row.get("truth")), {})
        head = [case, *(["truth"] if truth else []), *own]
        text += _line(head) + _line(["---"] * len(head))
        for channel in next(iter(own.values()))["roi"]:
            cells = [channel, *([f"{truth[channel]:.2f}"] if truth else [])]
            for row in own.values():
                low, middle, high = row["roi"][channel]
                cells.append(f"{middle:.2f} [{low:.2f}, {high:.2f}]")
            text += _line(cells)
        if truth:
            text += _held(own, truth)
        text += "\n"
    return text


def _held(own: dict[str, dict], truth: dict[str, float]) -> str:
    sentences = []
    for package, row in own.items():
        inside = sum(row["roi"][c][0] <= v <= row["roi"][c][2] for c, v in truth.items())
        error = float(np.median([abs(row["roi"][c][1] / v - 1.0) for c, v in truth.items()]))
        sentences.append(f"{package}: {inside} of {len(truth)} intervals hold the truth, median error {error:.0%}")
    return f"\n{'; '.join(sentences)}.\n"


def _answers(row: dict) -> str:
    load = row.get("load_average") or float("nan")
    text = _ANSWERS.format(before=row["peak_before_mb"], after=row["peak_after_mb"], load=load)
    for turn, found in row["answers"].items():
        seconds = [each["seconds"] for each in found.values()]
        cells = [
            turn,
            *(f"{s:.2f}" for s in (*seconds, sum(seconds))),
            f"{sum(e['cpu_s'] for e in found.values()):.2f}",
        ]
        text += _line(cells)
    return text


def _plan(row: dict) -> str:
    text = _PLAN.format(**row, load=row.get("load_average") or float("nan"))
    for turn, found in row["plan"].items():
        text += _line([turn, f"{found['seconds']:.2f}", f"{found['cpu_s']:.2f}"])
    return text
