"""A planning problem: window and current plan, what is decided, the outcomes over three sets of draws, the limits."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from warnings import warn

import numpy as np
import pandas as pd

from bayesmmm.data import MONEY, next_dates
from bayesmmm.equations import MMM
from bayesmmm.errors import (
    AnswerError,
    ControlsWarning,
    MissingValueError,
    NeverSpentError,
    SettingError,
    UnknownTermError,
)
from bayesmmm.estimands.windows import Question, bought_channels, question
from bayesmmm.optimize.constraints import Limits, Range, read_limits
from bayesmmm.optimize.flighting import Levels, read_levels
from bayesmmm.optimize.outcomes import Outcomes, prepare
from bayesmmm.priors import closest
from bayesmmm.results import Fit

#: Draws that choose a plan, and as many that judge it, unless the caller says otherwise.
DRAWS = 1000
MODES = ("respond", "fixed", "decide")
#: Draws on which many starts are tried, and the share of adstock at which they stop to count: near enough to find the
#: best start, from which all draws go on.
FEW, FEW_TAIL_WEIGHT = 60, 0.03


@dataclass(frozen=True)
class Window:
    """The window of a plan.

    Attributes
    ----------
    frame : DataFrame or None
        Current plan with every exogenous column, for a future window.
    start, stop : str, date or None
        For a window in the fitted periods.
    controls : str
        Where the controls come from.
    """

    frame: pd.DataFrame | None
    start: str | datetime.date | None
    stop: str | datetime.date | None
    controls: str


def read_window(
    fit: Fit,
    *,
    periods: int | None,
    plan: pd.DataFrame | None,
    start: str | datetime.date | None,
    stop: str | datetime.date | None,
    controls: Mapping[str, object] | pd.DataFrame | None,
) -> Window:
    """Find the window: the next periods, those of a plan, or fitted ones.

    Raises
    ------
    SettingError
        When the window is given not at all or twice, or its controls cannot be used.
    """
    past = start is not None or stop is not None
    given = [
        n
        for n, here in {"periods": periods is not None, "plan": plan is not None, "start/stop": past}.items()
        if here
    ]
    if len(given) != 1:
        raise SettingError(
            f"{' and '.join(given) or 'nothing'} says which window to plan; give one of periods=13 (the next ones), "
            f"plan=DataFrame (those of a current plan), or start= and stop= (fitted periods)"
        )
    if controls is not None and periods is None:
        raise SettingError(f"controls= goes with periods=; with {given[0]} they are those of the window")
    if periods is None:
        return Window(plan, start, stop, "as in the plan" if plan is not None else "as observed")
    length = len(fit.data.dates)
    if not isinstance(periods, int | np.integer) or isinstance(periods, bool) or not 1 <= periods <= length:
        raise SettingError(
            f"periods={periods!r} must be a whole number from 1 to {length}, the number of fitted periods, "
            f"whose last ones are the current plan; for a longer window write the current plan down and pass plan="
        )
    frame, note = _repeated(fit, int(periods), controls)
    return Window(frame, None, None, note)


def _repeated(fit: Fit, periods: int, controls) -> tuple[pd.DataFrame, str]:
    """Return the last periods again, with the controls that are known."""
    data, dates = fit.data, next_dates(fit.data, periods)
    frame = pd.DataFrame({n: data.columns[n][0, -periods:] for n in fit.system.exogenous}, index=dates)
    frame.index.name = "date"
    wanted = [name for name in fit.system.exogenous if name in data.controls]
    if controls is not None and not isinstance(controls, Mapping | pd.DataFrame):
        raise SettingError(
            f"controls is a {type(controls).__name__}, and must be a mapping or a DataFrame, as "
            f"controls={{{wanted[0] if wanted else 'price'!r}: 0.0}}"
        )
    if isinstance(controls, pd.DataFrame) and "date" in controls:
        controls = controls.set_index(pd.DatetimeIndex(pd.to_datetime(controls["date"]))).drop(columns="date")
    known = {} if controls is None else {n: controls[n] for n in controls}
    for name, values in known.items():
        if name not in wanted:
            raise UnknownTermError(
                f"controls has {name!r}, which is no control of the equations{closest(str(name), wanted)}. "
                f"Controls are: {', '.join(wanted) or 'none'}."
            )
        frame[name] = _one_per_period(name, values, dates)
    repeated = [name for name in wanted if name not in known]
    if not wanted:
        return frame, ""
    matter = [name for name in repeated if name in _levels_that_matter(fit.system)]
    if matter:
        warn(
            f"the best plan depends on {', '.join(matter)} in the window, and the values of the last {periods} periods "
            f"are repeated for it; say what to expect with controls={{{matter[0]!r}: value or {periods} values}}",
            ControlsWarning,
            stacklevel=4,
        )
    return frame, f"last {periods} periods repeated: {', '.join(repeated)}" if repeated else "as given"


def _one_per_period(name: str, values: object, dates: pd.DatetimeIndex) -> np.ndarray:
    if (
        isinstance(values, pd.Series)
        and isinstance(values.index, pd.DatetimeIndex)
        and not values.index.equals(dates)
    ):
        raise SettingError(
            f"controls[{name!r}] has other dates than the window, which has the {len(dates)} periods "
            f"{dates[0]:%Y-%m-%d} to {dates[-1]:%Y-%m-%d}; give a value for each of these, in order"
        )
    try:
        numbers = np.asarray(values, float)
    except (TypeError, ValueError) as error:
        raise SettingError(f"controls[{name!r}] must be numbers, one for each period: {error}") from error
    if numbers.shape not in ((), (len(dates),)):
        raise SettingError(
            f"controls[{name!r}] has shape {numbers.shape}, the window has {len(dates)} periods; give one number, or "
            f"one for each period"
        )
    if not np.isfinite(numbers).all():
        raise MissingValueError(f"controls[{name!r}] has missing or infinite values; give a finite number")
    return np.broadcast_to(numbers, len(dates))


def _levels_that_matter(system: MMM) -> set[str]:
    """Linear inputs whose level changes what spend brings: those of equations that something nonlinear follows."""
    out: set[str] = set()
    curved: set[str] = set()  # series whose level matters
    for name in reversed(system.order):
        equation = system.equation(name)
        linked = equation.likelihood in ("lognormal", "censored_normal")
        if name in curved or linked:
            out |= set(equation.linear)
            curved |= set(equation.linear)
        curved |= set(equation.media)
    return out


def read_channels(fit: Fit, channels: Sequence[str] | None, modes: Mapping[str, str]) -> tuple[str, ...]:
    """Return the decided channels: money that is spent on media, then mediators that are decided.

    Raises
    ------
    UnknownTermError, SettingError, AnswerError
        For names that are no channel, or not money.
    NeverSpentError
        For a channel that was never spent in the fitted periods.
    """
    system = fit.system
    own = [m for m, mode in modes.items() if mode == "decide"]
    acting = {name for equation in system.equations for name in equation.media}
    known = [n for n in system.exogenous if n in acting]
    if channels is None:
        names = list(bought_channels(fit, None)) if known or not own else []
    else:
        if isinstance(channels, str) or not len(list(channels)):
            raise SettingError(f"channels={channels!r} must be a list of channels, as channels={known[:2]}")
        names = list(dict.fromkeys(channels))
    for name in names:
        if name in system.mediators:
            raise SettingError(
                f"{name!r} is a mediator, whose spend follows from the channels; to plan it, pass "
                f"mediators={{{name!r}: 'decide'}}"
            )
        if name not in known:
            raise UnknownTermError(
                f"no equation has the channel {name!r}{closest(name, known)}. Channels are: {', '.join(known)}."
            )
    names = list(bought_channels(fit, names)) if names else []
    for name in [*names, *own]:
        if not np.isfinite(fit.scales.spend[name]).all():
            raise NeverSpentError(
                f"{name!r} was never spent in the fitted periods, so that the data say nothing about what it brings; "
                f"leave it out of the plan, or run a test and fit again"
            )
    if not names and not own:
        raise AnswerError("there is no channel to decide about; list channels under media in an equation")
    return (*names, *own)


def read_modes(fit: Fit, mediators: str | Mapping[str, str]) -> dict[str, str]:
    """Return how each mediator behaves under a plan: it responds, stays as it is, or is decided, too.

    Raises
    ------
    SettingError, UnknownTermError
    """
    system = fit.system
    given = dict.fromkeys(system.mediators, mediators) if isinstance(mediators, str) else mediators
    if not isinstance(given, Mapping):
        raise SettingError(f"mediators={mediators!r} must be one of {MODES}, or a mapping from mediators to these")
    if isinstance(mediators, str) and mediators not in MODES:
        raise SettingError(f"mediators={mediators!r} must be one of {', '.join(MODES)}")
    for name, mode in given.items():
        if name not in system.mediators:
            raise UnknownTermError(
                f"mediators has {name!r}, which is no mediator{closest(str(name), system.mediators)}. "
                f"Mediators are: {', '.join(system.mediators) or 'none'}."
            )
        if mode not in MODES:
            raise SettingError(f"mediators[{name!r}]={mode!r} must be one of {', '.join(MODES)}")
        if mode == "decide" and fit.data.mediators[name] != MONEY:
            raise SettingError(
                f"{name!r} is counted in {fit.data.mediators[name]}, not in money that somebody plans; let it 'respond'"
            )
        if mode == "decide" and not any(name in equation.media for equation in system.equations):
            raise SettingError(
                f"{name!r} acts linearly, without saturation, so that there is no best spend on it; let it 'respond'"
            )
    return {name: given.get(name, "respond") for name in system.mediators}


# ------------------------------------------------------------------------------------------------------- draws
@dataclass(frozen=True)
class Questions:
    """The question of a plan, put to the draws that choose it and to others that judge it.

    Attributes
    ----------
    chosen, few : Question
        To all draws that choose, and to some of them.
    judged : Question or None
        To draws that have no part in it; None where there are none left.
    """

    chosen: Question
    few: Question
    judged: Question | None


def put(
    fit: Fit,
    window: Window,
    *,
    draws: int | None,
    few: int,
    paths: int,
    seed: int,
    allow_unconverged: bool,
) -> Questions:
    """Put the question of a window to draws, evenly spaced in every chain."""
    posterior = fit.posterior
    chains, length = posterior.sizes["chain"], posterior.sizes["draw"]
    draws = max(min(DRAWS, chains * length // 2), chains) if draws is None else draws
    whole = question(
        fit,
        start=window.start,
        stop=window.stop,
        window="spend",
        plan=window.frame,
        draws=draws,
        paths=paths,
        seed=seed,
        allow_unconverged=allow_unconverged,
    )
    asked = whole.asked
    count = len(asked.coords["draw"])
    kept = np.searchsorted(posterior["draw"].values, asked.coords["draw"])
    rest = np.setdiff1d(np.arange(length), kept)
    rest = rest[np.unique(np.linspace(0, len(rest) - 1, min(count, len(rest))).round().astype(int))]
    some = kept[np.unique(np.linspace(0, count - 1, max(few // chains, 1)).round().astype(int))]

    def of(positions: np.ndarray, paths: int = whole.paths) -> Question:
        index = (np.arange(chains)[:, None] * length + positions).ravel()
        coords = {**asked.coords, "draw": posterior["draw"].values[positions]}
        return replace(whole, asked=replace(whole.asked, draws=index, coords=coords), paths=paths)

    # One residual path will do where a plan is only to be near the best one.
    return Questions(of(kept), of(some, 1), of(rest) if len(rest) else None)


# --------------------------------------------------------------------------------------------------- the problem
@dataclass(frozen=True)
class Problem:
    """Everything about a planning problem but its goal.

    Attributes
    ----------
    fit : Fit
    window : Window
    dates : DatetimeIndex
        W periods.
    modes : mapping of str to str
        Of mediators.
    questions : Questions
    whole, few : Outcomes
        Over the draws that choose the plan, and some of them.
    judges : Outcomes
        Over draws that have no part in it; the same as `whole` where there are none.
    current : (C, W) array
    factor : float
        What the current plan was multiplied by to meet the total.
    levels : Levels
    limits : Limits
    """

    fit: Fit
    window: Window
    dates: pd.DatetimeIndex
    modes: Mapping[str, str]
    questions: Questions
    whole: Outcomes
    few: Outcomes
    judges: Outcomes
    current: np.ndarray
    factor: float
    levels: Levels
    limits: Limits

    @property
    def names(self) -> tuple[str, ...]:
        """Decided channels."""
        return self.levels.names

    @property
    def held_out(self) -> bool:
        """Whether the draws that judge are others than those that chose."""
        return self.judges is not self.whole


@dataclass(frozen=True)
class Rules:
    """Limits as the planner gave them."""

    bounds: Range | Mapping[str, Range] | None = None
    period_bounds: Range | Mapping[str, Range] | None = None
    change: float | Mapping[str, float] | None = None
    groups: Mapping[str, tuple[Sequence[str], Range]] | None = None
    linear: Sequence[tuple[Mapping[str, float], Range]] | None = None
    minimum: Mapping[str, float] | None = None


def put_together(
    fit: Fit,
    window: Window,
    *,
    names: tuple[str, ...],
    modes: Mapping[str, str],
    flighting: str,
    rules: Rules,
    total: float | None,
    draws: int | None,
    paths: int,
    seed: int,
    allow_unconverged: bool,
) -> Problem:
    """Evaluate what no plan changes, scale the current plan to `total` where that is a number, read the limits."""
    questions = put(fit, window, draws=draws, few=FEW, paths=paths, seed=seed, allow_unconverged=allow_unconverged)
    current, dates = _current(fit, questions, names)
    levels = read_levels(flighting, names, current)
    asked = [(questions.chosen, None), (questions.few, FEW_TAIL_WEIGHT)]
    asked += [] if questions.judged is None else [(questions.judged, None)]
    whole, few, *others = (Outcomes(each, names, modes) for each in prepare(asked))
    judges = others[0] if others else whole
    factor = 1.0
    if total is not None and current.any():
        factor = total / current.sum()
        if whole.paid:
            slope = None
            for outcomes in (few, whole):
                factor, slope = _factor(outcomes, current, total, factor, slope)
    for outcomes in {id(o): o for o in (whole, few, judges)}.values():
        outcomes.compare_with(factor)
    current = factor * current
    limits = read_limits(
        levels,
        current,
        bounds=rules.bounds,
        period_bounds=rules.period_bounds,
        change=rules.change,
        groups=rules.groups,
        linear=rules.linear,
        minimum=rules.minimum,
    )
    return Problem(fit, window, dates, modes, questions, whole, few, judges, current, factor, levels, limits)


def _current(fit: Fit, questions: Questions, names: tuple[str, ...]) -> tuple[np.ndarray, pd.DatetimeIndex]:
    """Spend (C, W) of the current plan, and the dates of the window.

    A mediator of a future window is to be spent as in as many periods before it.
    """
    line = questions.chosen.line
    at = np.flatnonzero(line.window)
    rows = []
    for name in names:
        known = fit.data.columns[name][0]
        if name in line.columns:
            known = np.concatenate([known, line.columns[name][0]])
        rows.append(known[at] if len(known) > at[-1] else np.resize(known[-len(at) :], len(at)))
    # A mediator may be recorded below zero, spend may not be planned so.
    return np.maximum(np.stack(rows), 0.0), line.dates[line.window]


def _factor(
    outcomes: Outcomes, current: np.ndarray, total: float, factor: float, slope: float | None
) -> tuple[float, float | None]:
    """Factor on the current plan that makes it cost `total`, induced spend included, and the slope of that cost.

    By the secant, from a factor and a slope that are near.
    """

    def cost(factor: float) -> float:
        return outcomes.cost_of_multiple(current, factor)

    ahead = cost(factor)
    for _ in range(50):
        if abs(ahead - total) <= 1e-9 * total:
            break
        before, seen = factor, ahead
        # Cost is nearly proportional to the factor, so that the first step goes by the ratio.
        factor = factor * total / ahead if slope is None else factor - (ahead - total) / slope
        if factor == before:
            break
        ahead = cost(factor)
        slope = (ahead - seen) / (factor - before)
    return factor, slope
