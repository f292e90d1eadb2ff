"""What a planner says, as records that check themselves, and the short keywords that fill in their fields."""

import datetime
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any, TypedDict

import pandas as pd

from bayesmmm.errors import SettingError
from bayesmmm.optimize.ranges import Bounds, LinearConstraint, Range
from bayesmmm.text import no_such
from bayesmmm.validate import (
    PATHS,
    about,
    check_count,
    check_flag,
    check_mapping,
    check_paths,
    check_seed,
    refusal,
)

#: Draws that choose a plan, and as many that judge it, unless the caller says otherwise.
DRAWS = 1000
#: Starts that the solver goes on from, besides the current plan.
STARTS = 4
#: What a limit may be said of: a channel, all its geos together, or a channel in one geo.
Target = str | tuple[str, str]


class Record:
    """Base of the records of a planner: printing one leaves out what is as it would be anyway."""

    def __repr__(self) -> str:
        names = [f.name for f in fields(self) if not _same(getattr(self, f.name), f.default)]  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"


def _same(value: object, default: object) -> bool:
    # Tables cannot be compared with ==, and none of them is a default.
    return value is default or (default not in (None, MISSING) and value == default)


@dataclass(frozen=True, repr=False, eq=False)
class Window(Record):
    """The window of a plan: the next periods, those of a current plan, or fitted ones.

    Parameters
    ----------
    periods : int, optional
        Plan the next so many periods. The current plan is the last so many periods of history.
    plan : DataFrame, optional
        Instead: the current plan of the window, every exogenous column, as in `predict`; of a panel with a row for
        each geo and period.
    start, stop : str or date, optional
        Instead: a window in the fitted periods, whose spend is the current plan; residuals are kept.
    controls : mapping or DataFrame, optional
        With `periods`: values of controls in the window, one number or one per period, in raw units; of a panel the
        same in all geos, or by geo, as a mapping or as a table with the dates as its index. What is not given is
        expected from the past (`expected_controls` of ``bayesmmm.data``): columns of 0 and 1 and those that follow the
        calendar are what they were in the same periods a year before, others what they were in the last periods. Plans
        say which, mark levels that rest on it, and give a `ControlsWarning` where the best plan does. Events have their
        dates.
    cost : mapping of str to number or array (W,), optional
        Exposure -> money that one unit costs in the window; of a panel one number, or by geo as controls are. A plan
        decides money, and ``money / cost`` units are had for it. What is not given is what a unit costs in the current
        plan: in a plan with units and spend period by period, elsewhere the mean of the window.

    Raises
    ------
    SettingError

    Examples
    --------
    >>> Window(periods=13, controls={"promotion": 0.0})
    Window(periods=13, controls={'promotion': 0.0})
    """

    periods: int | None = None
    plan: pd.DataFrame | None = None
    start: str | datetime.date | None = None
    stop: str | datetime.date | None = None
    controls: Mapping[str, object] | pd.DataFrame | None = None
    cost: Mapping[str, object] | None = None

    def __post_init__(self) -> None:
        ways = self.said()
        if len(ways) > 1:
            raise which_window(ways)
        if self.controls is not None and ways not in ([], ["periods"]):
            text = f"controls= goes with periods=; with {ways[0]} they are those of the window"
            raise about("controls", self.controls, text)
        check_mapping(self.cost, "cost", "{'display': 0.004}")
        if self.periods is not None:
            check_count(self.periods, "periods", advice="as periods=13")

    def said(self) -> list[str]:
        """How it says which periods are meant."""
        past = self.start is not None or self.stop is not None
        ways = {"periods": self.periods is not None, "plan": self.plan is not None, "start/stop": past}
        return [name for name, here in ways.items() if here]


def which_window(ways: list[str]) -> SettingError:
    """Ask for one way of saying which periods are meant."""
    return SettingError(
        f"{' and '.join(ways) or 'nothing'} says which window to plan; give one of periods=13 (the next ones), "
        f"plan=DataFrame (those of a current plan), or start= and stop= (fitted periods)",
        argument="periods",
    )


@dataclass(frozen=True, repr=False)
class Solver(Record):
    """How the best plan is looked for.

    Parameters
    ----------
    draws : int, optional
        Posterior draws that choose the plan: up to 1000, half of what there is, of large panels as many as memory
        allows. As many others judge it.
    starts : int
        Starts that the solver goes on from, besides the current plan.
    seed, paths : int
        Of starts, and of residuals to come: as in `predict`.
    progress : bool or function
        Tell on standard error what is going on, or tell it to a function that takes text.

    Raises
    ------
    SettingError

    Examples
    --------
    >>> Solver(starts=20)
    Solver(starts=20)
    """

    draws: int | None = None
    starts: int = STARTS
    seed: int = 0
    paths: int = PATHS
    progress: bool | Callable[[str], object] = False

    def __post_init__(self) -> None:
        if self.draws is not None:
            check_count(self.draws, "draws", advice=f"as draws={DRAWS}")
        check_count(self.starts, "starts", least=0, advice=f"as starts={STARTS}")
        check_paths(self.paths)
        check_seed(self.seed)
        if not callable(self.progress):
            check_flag(self.progress, "progress")

    def tell(self, text: str) -> None:
        """Say how the search goes on."""
        if callable(self.progress):
            self.progress(text)
        elif self.progress:
            sys.stderr.write(f"optimize_budget: {text}\n")


# ------------------------------------------------------------------------------------------------- short keywords
class FrontierKeywords(TypedDict, total=False):
    """Fields of `Window`, `Constraints` and `Solver`, which `frontier` takes in short."""

    plan: pd.DataFrame | None
    start: str | datetime.date | None
    stop: str | datetime.date | None
    controls: Mapping[str, object] | pd.DataFrame | None
    cost: Mapping[str, object] | None
    channels: Sequence[str] | None
    mediators: str | Mapping[str, str]
    flighting: str
    bounds: Range | Mapping[Target, Range] | Bounds | None
    period_bounds: Range | Mapping[Target, Range] | Bounds | None
    change: float | Mapping[Target, float] | None
    groups: Mapping[str, tuple[Sequence[Target], Range]] | None
    linear: Sequence[tuple[Mapping[Target, float], Range] | LinearConstraint] | LinearConstraint | None
    minimum: float | Mapping[Target, float] | None
    geos: Sequence[str] | None
    geo_totals: Range | Mapping[str, Range] | None
    draws: int | None
    starts: int
    seed: int
    paths: int
    progress: bool | Callable[[str], object]


class BudgetKeywords(FrontierKeywords, total=False):
    """These, and fields of `Goal`, which `optimize_budget` takes in short."""

    objective: str
    margin: float | None
    target: float | None
    target_holds: str | float
    target_roi: float | None
    target_marginal_roi: float | None
    risk: str | tuple[str, float]
    round_to: float | None


def fill_in(
    function: str,
    records: Mapping[str, tuple[type[Any], Any]],
    short: Mapping[str, object],
    own: Sequence[str] = (),
) -> list[Any]:
    """Return the records that a function was given, short keywords filled in.

    Records are by argument: the type that it takes, and what was stated. `own` are arguments besides.
    """
    home = {field.name: name for name, (kind, _) in records.items() for field in fields(kind)}
    for key in short:
        if key not in home:
            known = [*own, *records, *home]
            text = no_such(f"{function} has no argument {key!r}", key, known, "It takes")
            raise SettingError(text, argument=key, value=short[key])
    out = []
    for name, (kind, stated) in records.items():
        record: Any = kind() if stated is None else stated
        if not isinstance(record, kind):
            raise refusal(name, stated, f"must be a {kind.__name__}, as {name}=mm.{kind.__name__}(...)")
        new = {}
        for field in fields(kind):
            value = short.get(field.name)
            if field.name not in short or (value is None and field.default is None):
                continue
            if not _same(getattr(record, field.name), field.default):
                raise refusal(field.name, value, f"is given twice: {name}= has it as well; leave one of them out")
            new[field.name] = value
        out.append(replace(record, **new))
    return out
