"""The figures of a report, drawn by `plots` from the answers, each with a title and a sentence on how to read it."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.errors import FigureWarning
from bayesmmm.files import safe_names, writing
from bayesmmm.processes import Helper
from bayesmmm.progress import Tell, silent
from bayesmmm.report.answers import Estimates
from bayesmmm.report.geo_answers import PANELS, ROWS, of_all_geos
from bayesmmm.results import FACTORS, Fit, prior_and_posterior

#: Sections of the page that hold figures.
FIRST, ANSWERS, GEOS, MODEL, DATA, LEARNT, CHECKS = (
    "first",
    "answers",
    "geos",
    "model",
    "data",
    "learnt",
    "checks",
)
#: Every figure is written so; those of the first pages also as a picture for slides.
SUFFIXES, PNG = (".svg",), ".png"
#: Size of a figure that a phone shows whole, in inches.
_NARROW = (4.4, 4.2)
#: Title of each figure, and how to read it.
_WORDS = {
    "effects": (
        "What {outcome} would have lost without each channel",
        "Each bar is laid together from what came directly and what came through mediators; the line is the interval of "
        "the total, and a line that reaches zero says that the effect may be nothing.",
    ),
    "roi": (
        "Return on spend, and on a little more of it",
        "The first mark of a channel is the return on what was spent, the second the return on the next unit of money; "
        "{back}.",
    ),
    "roi_by_geo": (
        "Return on spend by geo, the highest first",
        "Each panel is a channel, each row a geo with its interval; the band is the return in total over all geos. "
        "Where the intervals of two geos overlap widely, their order is not settled.{left_out}",
    ),
    "roi_map": (
        "Return on spend: channels by geo",
        "Median returns only: dark cells are high, a dash is a channel that the geo did not buy. How sure they are is "
        "in the figure above.{left_out}",
    ),
    "period_effects": (
        "{equation}: what all geos have in common in a period",
        "What no term explains and moves all geos at once, as a share of the mean of the series; without it, what "
        "drives spend and {equation} everywhere in one week would be taken for an effect of media.",
    ),
    "predictive_by_geo": (
        "{equation} by geo: observed, and what the model expects",
        "Read as the figure in total; a geo whose dots leave the band in runs is one that the others do not explain."
        "{left_out}",
    ),
    "waterfall": (
        "Where {outcome} came from: accounting for the window",
        "Read from the baseline on: each bar adds its part until the mean of the whole is reached; the lines are the "
        "intervals of single parts.",
    ),
    "decomposition": (
        "Where {outcome} came from, period by period",
        "The areas are posterior means and add up to what the model expects; the line is what was observed.",
    ),
    "accounting": (
        "Two ways to count: accounting beside what would have been lost",
        "The left panel lays both counts side by side, the right one shows their difference; where its interval holds "
        "zero, the two may be the same.",
    ),
    "shares": (
        "Share of spend and of the effect",
        "Blue longer than grey: more effect than its part of the money.",
    ),
    "by_month": (
        "Where {outcome} came from, by month",
        "Means over the periods of each month.",
    ),
    "response_curves": (
        "What more or less spend would have brought to {outcome}",
        "Dot: spend as it was; dashed: never seen.",
    ),
    "adstock_decay": (
        "How long spend keeps working",
        "The line falls to one half at the half-life; a wide band says that the data do not tell how long the effect "
        "lasts.",
    ),
    "causal_graph": (
        "What is taken to cause what, and how strongly",
        "An arrow says that what stands on its left acts on what stands on its right; where there is no arrow, "
        "no direct effect is allowed for. The boxes say how large the effects are, beside the mean of what they act on.",
    ),
    "data": (
        "The data over time",
        "One panel for each series; channels that rise and fall together, or never pause, are hard to tell apart.",
    ),
    "correlation": (
        "How the series move together",
        "Two channels near 1 or -1 share their effect in a way that the data cannot settle.",
    ),
    "prior_posterior": (
        "{equation}: before and after the data",
        "Grey is what was assumed before the data, blue what is left after them; where both are alike, the data said "
        "little. {meaning}.",
    ),
    "predictive": (
        "{equation}: observed, and what the model expects",
        "Dots are observed values; about as many of them as the interval promises should lie in the band, and those "
        "outside should not come in runs.",
    ),
    "residuals": (
        "{equation}: what the model leaves unexplained",
        "There should be no pattern over time; a run above or below zero is something that the model misses.",
    ),
    "predictive_check": (
        "{equation}: is its distribution right?",
        "Points on the line say that simulated data spread as the observed ones do; points off it at an end, that the "
        "model misses extremes or zeros.",
    ),
    "residual_autocorrelation": (
        "{equation}: does the unexplained part remember?",
        "Bars should stay within the grey band, but for a few by chance; bars outside at the first lags say that "
        "intervals may be too narrow.",
    ),
}
_MEANINGS = {
    "contribution": "How much each term adds on average, as a share of the mean of the series",
    "half_life": "In how many days carried-over pressure halves",
    "half_saturation": "At how much spend, in multiples of the mean, the response is half its ceiling",
    "tau": "How much contributions differ between geos: about their standard deviation in percent, over 100",
    "slope": "How the response begins, from the start flattening (up to 1) or S-shaped (above 1)",
}


@dataclass(frozen=True)
class Drawn:
    """What came of drawing a figure."""

    files: Sequence[bytes] = ()  # by suffix; none of one that cannot be drawn
    reason: str = ""  # why it cannot


@dataclass(frozen=True)
class Figure:
    """A figure of the report."""

    name: str  # of its files, without suffix
    section: str
    title: str
    reading: str  # how to read it
    draw: Callable[..., object]  # returns its axes; takes ``title``
    small: bool = False  # whether two of its kind fit side by side
    large: bool = False  # whether a phone has to scroll for it to be read
    kind: str = ""  # of `_WORDS`
    found: str = ""  # a finding that stands above it in place of its title
    begun: Callable[[], Drawn] | None = None  # waits for it, wherever it is drawn

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Of its files."""
        return (*SUFFIXES, PNG) if self.section == FIRST else SUFFIXES

    @property
    def call(self) -> tuple[Callable[..., Drawn], Callable[[], object], tuple[str, ...]]:
        """What draws it, with arguments; without a title, which the page has."""
        return draw_figure, partial(self.draw, title=None), self.suffixes


def figures_of_fit(fit: Fit, ci_prob: float) -> list[Figure]:
    """Return the figures for which nothing has to be asked."""
    return [*_of_model(fit, ci_prob), *_of_learnt(fit, ci_prob)]


def figures_of_answers(answers: Estimates) -> list[Figure]:
    """Return all other figures."""
    return [figure for make in (_of_first, _of_answers, _of_geos, _of_checks) for figure in make(answers)]


def named(figures: Sequence[Figure]) -> list[Figure]:
    """Give figures safe and distinct names."""
    names = safe_names(figure.name for figure in figures)
    return [replace(figure, name=name) for figure, name in zip(figures, names, strict=True)]


def begin(figures: Sequence[Figure], helper: Helper) -> list[Figure]:
    """Let a helper draw figures; return them as they are to be saved."""
    return [replace(figure, begun=helper.submit(*figure.call)) for figure in figures]


def save_figures(figures: list[Figure], folder: Path, tell: Tell = silent) -> list[Figure]:
    """Draw every figure and write it as SVG, the first ones also as PNG; returns those that could be drawn."""
    out = []
    for figure in figures:
        tell(f"drawing {figure.name}")
        draw, *how = figure.call
        drawn = draw(*how) if figure.begun is None else figure.begun()
        if _write(drawn, [folder / f"{figure.name}{suffix}" for suffix in figure.suffixes]):
            out.append(figure)
    return out


def save_figure(draw: Callable[[], object], paths: Sequence[Path]) -> bool:
    """Draw a figure and write it, or warn which one cannot be drawn and leave it out."""
    return _write(draw_figure(draw, [path.suffix for path in paths]), paths)


def draw_figure(draw: Callable[[], object], suffixes: Sequence[str]) -> Drawn:
    """Draw a figure as the bytes of files with these suffixes."""
    from bayesmmm.plots import layout

    try:
        return Drawn(layout.rendered(np.ravel(np.asarray(draw(), dtype=object)), suffixes))
    except OSError:  # such as a full disk: no matter of this figure
        raise
    except Exception as problem:
        return Drawn(reason=f"{type(problem).__name__}: {' '.join(str(problem).split())}")


def _write(drawn: Drawn, paths: Sequence[Path]) -> bool:
    """Write the files of a figure, or warn that there are none."""
    if drawn.reason:
        warnings.warn(
            FigureWarning(
                f"the figure {paths[0].stem!r} could not be drawn ({drawn.reason}); all else is written"
            ),
            stacklevel=3,
        )
        return False
    with writing(*paths):
        for path, content in zip(paths, drawn.files, strict=True):
            path.write_bytes(content)
    return True


def _figure(
    kind: str, section: str, draw: Callable[..., object], *, end: str = "", small: bool = False, **words: str
) -> Figure:
    """Return a figure whose title and reading are filled with `words`; `end` tells it from others of its kind."""
    title, reading = (text.format(**words) for text in _WORDS[kind])
    large = section != FIRST and not small
    return Figure(kind + end, section, title, reading, draw, small, large, kind)


def _of_first(answers: Estimates) -> Iterator[Figure]:
    """Figures for the person who decides, narrow enough for a phone."""
    ci_prob: dict[str, Any] = {"ci_prob": answers.ci_prob}
    if answers.bought and float(answers.effects["spend"].sel(channel=answers.bought).sum()) > 0.0:
        yield _figure("shares", FIRST, partial(_plot, "shares", answers.effects, **ci_prob), small=True)
    if len(answers.months["date"]) > 1:
        by_month = partial(_by_month, answers.months)
        yield _figure("by_month", FIRST, by_month, small=True, outcome=answers.outcome)
    curves = partial(_plot, "response_curves", answers.curves, across=2, **ci_prob)
    yield _figure("response_curves", FIRST, curves, small=True, outcome=answers.outcome)


def _plot(name: str, *drawn: object, **settings: Any) -> object:
    """Call a function of `plots`; only who draws waits for Matplotlib."""
    from bayesmmm import plots

    return getattr(plots, name)(*drawn, **settings)


def _by_month(months: xr.Dataset, **title: None) -> object:
    from bayesmmm.plots.layout import panels

    return _plot("decomposition", months, ax=panels(1, 1, _NARROW)[0], **title)


def _of_answers(answers: Estimates) -> Iterator[Figure]:
    ci_prob: dict[str, Any] = {"ci_prob": answers.ci_prob}
    outcome = answers.outcome
    yield _figure("effects", ANSWERS, partial(_plot, "effects", answers.effects, **ci_prob), outcome=outcome)
    if answers.marginal is not None:
        back = answers.effects["roi"].sel(channel=answers.marginal["channel"])
        reading = (
            "an interval that crosses the line at 1 leaves open whether spend was earned back"
            if answers.in_money
            else "the wider the interval, the less is known"
        )
        yield _figure(
            "roi", ANSWERS, partial(_plot, "roi", back, marginal=answers.marginal, **ci_prob), back=reading
        )
    yield _figure("waterfall", ANSWERS, partial(_plot, "waterfall", answers.months, **ci_prob), outcome=outcome)
    yield _figure("decomposition", ANSWERS, partial(_plot, "decomposition", answers.parts), outcome=outcome)
    yield _figure(
        "accounting", ANSWERS, partial(_plot, "accounting", answers.quarters, answers.counted, **ci_prob)
    )
    yield _figure("adstock_decay", ANSWERS, partial(_plot, "adstock_decay", answers.decay, **ci_prob))


def _of_geos(answers: Estimates) -> Iterator[Figure]:
    geos, ci_prob = answers.geos, answers.ci_prob
    if geos is None:
        return
    if answers.bought:
        rest: dict[str, Any] = {"left_out": _after(geos.left_out(ROWS, "the table roi_by_geo"))}
        back = geos.effects["roi"].sel(channel=answers.bought, geo=geos.first(ROWS))
        whole = answers.effects["roi"].sel(channel=answers.bought)
        forest = partial(_plot, "roi_by_geo", back, whole, ranked=True, ci_prob=ci_prob)
        yield _figure("roi_by_geo", GEOS, forest, **rest)
        yield _figure("roi_map", GEOS, partial(_plot, "roi_map", back), **rest)
    for name, draws in geos.period.items():
        draws = draws.assign_attrs(verdict=answers.verdict)
        common = partial(_plot, "period_effects", draws, ci_prob=ci_prob)
        yield _figure("period_effects", GEOS, common, end=f"_{name}", equation=name)


def _after(sentence: str) -> str:
    """A sentence to follow another one, or nothing."""
    return f" {sentence}" if sentence else ""


def _of_model(fit: Fit, ci_prob: float) -> Iterator[Figure]:
    graph = partial(_plot, "causal_graph", fit.system, posterior=of_all_geos(fit), ci_prob=ci_prob)
    yield _figure("causal_graph", MODEL, graph)
    yield _figure("data", DATA, partial(_plot, "spend", fit.data))
    if len(fit.data.columns) > 2:
        yield _figure("correlation", DATA, partial(_plot, "correlation", fit.data.correlation()))


def _of_learnt(fit: Fit, ci_prob: float) -> Iterator[Figure]:
    for equation in fit.system.order:
        known = [name for name in _MEANINGS if _drawn(fit, f"{equation}.{name}")]
        if known:
            meaning = "; ".join(f"{name.replace('_', '-')}: {_MEANINGS[name]}" for name in known)
            tables = {n: prior_and_posterior(fit, f"{equation}.{n}", ci_prob) for n in known}
            draw = partial(_learnt, tables)
            yield _figure("prior_posterior", LEARNT, draw, end=f"_{equation}", equation=equation, meaning=meaning)


def _drawn(fit: Fit, variable: str) -> bool:
    """Whether a variable has a figure: not where each of many geos has a value of its own."""
    known = fit.posterior
    return variable in known and ("geo" not in known[variable].dims or known[variable][0, 0].size <= ROWS)


def _learnt(known: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]], **title: None) -> object:
    """Prior and posterior of the media parameters of an equation, a panel for each."""
    from bayesmmm.plots.layout import panels

    rows = max(len(prior) for prior, _ in known.values())
    across = min(len(known), 2)
    axes = panels(len(known), across, (9.5, (0.9 + 0.3 * rows) * -(-len(known) // across)))
    for ax, (name, tables) in zip(axes, known.items(), strict=True):
        _plot("prior_posterior", *tables, log=name in FACTORS, ax=ax, **title)
        ax.set_title(name.replace("_", "-"), loc="right", fontsize=9)
    return axes


def _of_checks(answers: Estimates) -> Iterator[Figure]:
    for name in answers.fit.system.order:
        left = answers.residuals[name]
        common: dict[str, Any] = {"end": f"_{name}", "equation": name}
        yield _figure("predictive", CHECKS, partial(_plot, "predictive", answers.predictive[name]), **common)
        if (geos := answers.geos) is not None:
            table = geos.predictive[name].loc[geos.first(PANELS)]
            rest = _after(geos.left_out(PANELS, "the table predictive_by_geo"))
            by_geo = partial(_plot, "predictive_by_geo", table)
            yield _figure("predictive_by_geo", CHECKS, by_geo, left_out=rest, **common)
        yield _figure("residuals", CHECKS, partial(_plot, "residuals", left, ci_prob=answers.ci_prob), **common)
        check = partial(_plot, "predictive_check", answers.checks[name])
        yield _figure("predictive_check", CHECKS, check, small=True, **common)
        memory = partial(_plot, "residual_autocorrelation", answers.autocorrelation[name])
        yield _figure("residual_autocorrelation", CHECKS, memory, small=True, **common)
