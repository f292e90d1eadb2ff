"""Questions as JSON: their fields, with examples. What a value may be is said by the function that answers."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from bayesmmm.validate import PATHS

_ROWS = [{"date": "2024-01-07", "tv": 1000.0, "price": 9.5}]


class Question(BaseModel):
    """What every question may say."""

    model_config = ConfigDict(extra="forbid")

    fit: str | None = Field(None, description="Which fit, by its id; may be left out where there is one.")
    draws: int | None = Field(
        None, description="At most so many posterior draws; by default all, up to the limit."
    )
    seed: int = Field(0, description="Of residuals: the same question with the same seed has the same answer.")
    ci_prob: float = Field(0.9, description="Probability of intervals, between 0 and 1.")


class Placed(Question):
    """A question about a panel may tell its geos apart."""

    by: str | dict[str, list[str]] | None = Field(
        None, description='Of a panel: "geo", a column that names its series, or groups of geos by name.'
    )


class Sampled(Placed):
    """A question about periods to come averages over residuals of mediators."""

    paths: int = Field(PATHS, description="Residual paths of mediators per draw.")


class Predict(Sampled):
    """Predict every series over the rows of a plan, or over the fitted periods."""

    plan: list[dict[str, Any]] | dict[str, Any] | None = Field(
        None,
        description="Rows of dates with spend, exposures and controls, from the first period after the data on; one row "
        "may stand by itself. Left out: the fitted periods.",
        examples=[_ROWS],
    )
    noise: bool = Field(False, description="False: the mean of each series; true: new observations.")
    do: dict[str, Any] | None = Field(
        None, description="Mediators that the planner sets over the plan, as in /whatif."
    )
    freq: str | None = Field(None, description='Add up periods by "month", "quarter" or "year".')
    quantiles: list[float] = Field([], description="Further quantiles to return, each between 0 and 1.")


class Shift(BaseModel):
    """Money that is moved from one channel to another in the window, each in proportion to what it spends."""

    model_config = ConfigDict(extra="forbid")

    source: str = Field(description="Channel that gives.", examples=["tv"])
    target: str = Field(description="Channel that receives.", examples=["radio"])
    amount: float = Field(description="Money of the whole window.", examples=[1000.0])


class Windowed(Sampled):
    """A question about a window: fitted periods, or those of a plan."""

    start: str | None = Field(None, description="First period of the window.", examples=["2024-01-07"])
    stop: str | None = Field(None, description="Last period of the window.")
    plan: list[dict[str, Any]] | dict[str, Any] | None = Field(
        None, description="Rows of future periods, as in /predict.", examples=[_ROWS]
    )


class WhatIf(Windowed):
    """Compare a scenario with what happened, or with a plan."""

    scale: dict[str, Any] | None = Field(
        None, description="Column and factor: 0 switches it off.", examples=[{"tv": 1.3}]
    )
    do: dict[str, Any] | None = Field(
        None,
        description="Column and its value in the window, one or one per period; of a panel one, or an object of geos "
        "with one or one per period each.",
    )
    shift: list[Shift] = Field([], description="Money to move between channels.")
    freq: str | None = Field(None, description='Add up periods by "month", "quarter" or "year".')
    margin: float | None = Field(
        None,
        description="Profit of one unit of outcome, for the gain over its cost; 1 where the outcome is money.",
    )
    quantiles: list[float] = Field([], description="Further quantiles to return, each between 0 and 1.")


class Effects(Windowed):
    """Total, direct and mediated effects of the spend of a window."""

    channels: list[str] | None = Field(None, description="Channels; all by default.", examples=[["tv"]])
    groups: dict[str, list[str]] | None = Field(None, description="Channels that are removed together, by name.")
    terms: list[str] | None = Field(None, description="Controls and events; all by default, [] for none.")
    window: str = Field("spend", description='"spend" counts tails after the window, "outcome" what came before.')


class Roi(Windowed):
    """Return on spend of the channels."""

    channels: list[str] | None = Field(None, description="Channels; all that are money by default.")
    window: str = Field("spend", description="As in /effects.")
    net: bool = Field(False, description="Count what a paid mediator was induced to spend, too.")


class Curves(Windowed):
    """Outcome gained over no spend as the spend of each channel is multiplied."""

    channels: list[str] | None = Field(None, description="Channels; all by default.")
    factors: list[float] | None = Field(
        None, description="Multiples of the spend of the window.", examples=[[0.5, 1, 2]]
    )
    window: str = Field("spend", description="As in /effects.")
    parts: bool = Field(False, description="Also what comes directly, and what comes through mediators.")


class Decompose(Windowed):
    """Parts of a series that add up to its mean in every period, fitted or planned."""

    equation: str | None = Field(None, description="Which series; the outcome by default.")
    freq: str | None = Field(
        "month", description='Add up by "month", "quarter", "year", or null for every period.'
    )


class Optimize(Question):
    """The best plan of a window; every field as in `optimize_budget` of Python."""

    draws: int | None = Field(None, description="Draws that choose the plan; as many others judge it.")
    paths: int = Field(PATHS, description="Residual paths of mediators per draw.")
    total: Any = Field(None, description="Money of the window, or [low, high].", examples=[250000])
    periods: int | None = Field(None, description="Plan the next so many periods.", examples=[13])
    plan: list[dict[str, Any]] | dict[str, Any] | None = Field(None, description="Instead: the current plan.")
    start: str | None = Field(None, description="Instead: first fitted period of a past window.")
    stop: str | None = Field(None, description="Its last period.")
    controls: dict[str, Any] | None = Field(None, description="With periods: what controls will be.")
    cost: dict[str, Any] | None = Field(None, description="Money that one unit of an exposure costs.")
    objective: str = Field("outcome", description='"outcome", "profit", "spend" or "roi".')
    margin: float | None = Field(None, description="Profit of one unit of outcome.")
    target: float | None = Field(None, description="Outcome to reach, for the least spend.")
    target_holds: Any = Field("mean", description='How it is reached: "mean", "median" or a probability.')
    target_roi: float | None = Field(None, description="Lift per money that the plan is to bring.")
    target_marginal_roi: float | None = Field(None, description="The same of its last unit of money.")
    risk: Any = Field("mean", description='"mean", ["sd", weight], ["cvar", share] or ["quantile", share].')
    round_to: float | None = Field(None, description="Every amount is a multiple of it.", examples=[100])
    channels: list[str] | None = Field(None, description="Channels to decide about.")
    geos: list[str] | None = Field(None, description="Geos to decide about.")
    mediators: str | dict[str, str] = Field(
        "respond", description='"respond", "fixed" or "decide", or by mediator.'
    )
    flighting: str = Field("flat", description='"flat", "historical" or "free".')
    bounds: Any = Field(
        None, description="Money of a channel in the window, or per cent.", examples=[{"tv": ["80%", None]}]
    )
    period_bounds: Any = Field(None, description="The same in every period.")
    change: Any = Field(None, description="Largest change of a channel, as a share.", examples=[0.3])
    groups: dict[str, Any] | None = Field(None, description="Group and [channels, [low, high]].")
    linear: list[Any] | None = Field(None, description="[coefficients, [low, high]] each.")
    geo_totals: Any = Field(None, description="Money of all decided channels in a geo.")
    minimum: Any = Field(None, description="A channel spends nothing or at least this.")
    starts: int = Field(4, description="Starts of the solver besides the current plan, up to 50.")


class Report(Question):
    """The report of a window as one page."""

    title: str | None = Field(None, description="Title of the page.")
    start: str | None = Field(None, description="First fitted period of the window.")
    stop: str | None = Field(None, description="Last fitted period of the window.")
    window: str = Field("spend", description="As in /effects.")
