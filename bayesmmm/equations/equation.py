"""One structural equation: what explains a series, by which likelihood, under which priors.

Knows names, labels and priors. Knows no data: columns are names until `design_matrix` or the model builder meets them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayesmmm.data.dates import iso_date
from bayesmmm.equations.correlation import read_rho
from bayesmmm.equations.equation_priors import (
    MEDIA_PARAMETERS,
    parametrised,
    prior_of,
    read_priors,
    read_sign,
    read_spend_share,
)
from bayesmmm.equations.event_terms import (
    DEVIATION,
    EVENT,
    check_event_names,
    event_columns,
    events_of,
    read_pools,
)
from bayesmmm.equations.likelihoods import LIKELIHOODS, Likelihood, check_likelihood
from bayesmmm.equations.panel import MIN_GEOS, UNGROUPED, Panel, Spread
from bayesmmm.equations.reference import read_reference
from bayesmmm.equations.text import equation_text, format_days
from bayesmmm.errors import DateError, EquationError, UnknownTermError
from bayesmmm.priors import FrozenMap, Prior
from bayesmmm.text import no_such, written
from bayesmmm.validate import as_list, check_count, is_count, is_number, list_for

#: A century: a longer season is a trend.
_LONGEST_SEASON = 36525
_MOST_LAGS = 1000
_EPOCH = np.datetime64("1970-01-01")


@dataclass(frozen=True)
class Fourier:
    """A season as a sum of sines and cosines.

    ::

        sum over k = 1..order of  b_k sin(2 pi k d / period) + c_k cos(2 pi k d / period)

    with d the days since 1970-01-01, so that the phase belongs to the calendar and not to the first row.

    Parameters
    ----------
    period
        Length of the season in days, from 2 to 36525: 365.25 for a year, 7 for a week.
    order
        Number of harmonics: at most half as many as the season has days, since no data are finer than daily.

    Raises
    ------
    EquationError
        When `period` or `order` is something else.

    Examples
    --------
    >>> Fourier(period=365.25, order=1).labels()
    ('sin1@365.25', 'cos1@365.25')
    """

    period: float
    order: int

    def __post_init__(self):
        if not is_number(self.period) or not 2 <= self.period <= _LONGEST_SEASON:
            raise EquationError(
                f"the period of a Fourier season is {written(self.period)}. Give its length in days, from 2 to "
                f"{_LONGEST_SEASON}, as 365.25."
            )
        if not is_count(self.order) or not 1 <= self.order <= self.period / 2:
            raise EquationError(
                f"the order of a Fourier season is {written(self.order)}. Give a whole number from 1 to "
                f"{int(self.period / 2)}: a wave of less than two days shows in no data. Usual are 1 to 4."
            )
        object.__setattr__(self, "period", float(self.period))
        object.__setattr__(self, "order", int(self.order))

    def labels(self) -> tuple[str, ...]:
        """Return the names of the columns, in order."""
        return tuple(
            f"{wave}{k}@{format_days(self.period)}" for k in range(1, self.order + 1) for wave in ("sin", "cos")
        )

    def columns(self, dates: pd.DatetimeIndex) -> np.ndarray:
        """Return the waves at `dates` (T), shape (T, 2 * order): sin1, cos1, sin2, cos2, ..."""
        if not isinstance(dates, pd.DatetimeIndex):
            raise EquationError(
                f"dates is a {type(dates).__name__}. Give an index of dates, as pd.DatetimeIndex(dates)."
            )
        days = (dates.to_numpy() - _EPOCH) / np.timedelta64(1, "D")  # much faster than the same by pandas
        # The fraction of a turn is reduced first, so that large day numbers cost no accuracy in sin and cos.
        turns = np.outer(days / self.period, np.arange(1, self.order + 1)) % 1.0
        waves = np.stack([np.sin(2 * np.pi * turns), np.cos(2 * np.pi * turns)], axis=-1)
        return waves.reshape(len(days), 2 * self.order)


@dataclass(frozen=True)
class Parameter:
    """One block of unknowns of an equation.

    Attributes
    ----------
    name
        half_life, retention, half_saturation, slope, contribution, roi, tau and the other sds of what differs between
        geos, coefficient, sigma, nu_minus_two, omega or rho.
    labels
        What the values belong to: channels, linear terms, a mediator; empty for a single value.
    priors
        One prior per label; exactly one when there are no labels.
    """

    name: str
    labels: tuple[str, ...]
    priors: tuple[Prior, ...]


@dataclass(frozen=True)
class Equation:
    """The equation of one series v, in shares of its own mean size s_v.

    ::

        v_t / s_v = intercept + trend + seasons + linear + sum_c A_c hill(a_ct) + noise_t

    Parameters
    ----------
    name
        The column that this equation explains.
    media
        Columns that act through adstock and Hill saturation: exogenous spend, or the series of another equation.
    linear
        Columns that act linearly with free sign; each is standardised over the fitted periods.
    events
        Events of the data that act here, each with an effect of its own: a share of a mean day of v, per day.
    pooled_events
        ``{pool: events}`` of the many small ones, whose effects m + d lie around a common mean m: each says something
        about the others, and one that the data have no day of is expected to bring the mean. The sd of the deviations d
        is that of their prior, and is not learned.
    seasonality
        A `Fourier` or a sequence of them.
    trend
        False, True for a straight line, or a sequence of ISO dates at which the slope of the line may change.
    likelihood
        "normal", "student_t", "lognormal" (needs positive values) or "censored_normal" (values are max(0, latent)).
    priors
        ``{parameter: Prior}`` for every label, or ``{parameter: {label: Prior}}`` for some of them; the rest keep the
        default. Parameters: half_life (days), retention (per period), half_saturation (multiples of mean spend), slope,
        contribution (share of s_v), roi (outcome per unit of spend), intercept, trend, seasonality, coefficient, event
        (single ones and means of pools), event_deviation, sigma, nu_minus_two. A channel has half_life, and carries
        over by the day, or retention, and carries over from period to period; it has contribution or roi. A roi needs
        normal or student_t: under lognormal a contribution is in log units, under censored_normal it is a share of the
        latent series, part of which is cut off at 0. Under student_t, sigma is the scale of the t distribution; its
        standard deviation is sigma sqrt(nu / (nu - 2)).
    max_lag
        Cut the adstock after this many periods, at most 1000, and renormalise; None for the exact, endless one.
    rho
        ``{mediator: correlation}`` of the residuals of this equation with those of one mediator that acts in it, in
        the same period: what an unobserved common cause of both would leave. A number above -1 and below 1 is
        assumed; a Prior with support within these is learned. The data tell it from the effect of the mediator by the
        form of the equations alone, so that a learned rho mostly says what the priors on that effect imply, unless an
        experiment is behind them. Both likelihoods must be normal or lognormal. By default residuals are independent.
    panel
        How the geos of a panel share this equation; for data with several geos ``Panel()`` where it is left out. It adds
        the parameters tau (spread of the log contributions of geos) and omega (sd of the period effects, share of s_v),
        tau_group where geos are in groups, and tau_half_life and the like of what is pooled.
    sign
        ``{channel: "positive", "negative" or "any"}`` for some of `media`: what a channel can do to the series. Others
        are positive, unless a prior on their contribution or roi has mass below zero, which is taken as it is. The
        default contribution of "negative" is the mirror image of the positive one, and of "any" a Student-t around zero
        of the same scale: it holds zero, so that a channel that does nothing can be seen to do nothing. In a panel all
        geos of a channel have the sign of the median one.
    spend_share
        ``{channel: share}`` of spend, for all of `media`: default priors on contributions are in proportion to it, so
        that no channel starts from a higher return than another. A fit takes it from the data where it is left out, and
        keeps it; without data it is equal.
    reference
        ``{column: "mean", "min", "max" or a number}`` for some of `linear`: the level that what a column brought is
        counted from, in its unit. A fit takes 0 for what is 0 or 1, counted or bought, and the mean of the fitted
        periods for the rest, as prices are, and keeps them. It changes no draw: only what is called the part of a term,
        and what is left to the intercept. A column has one reference in all equations.

    Raises
    ------
    EquationError
        When the terms contradict each other, rho is not a correlation, or a sign, a share or a reference is none.
    UnknownTermError
        When rho, sign or reference names a column that does not act here.
    LikelihoodError
        When the likelihood is not known, or has no correlation.
    UnknownPriorError, PriorError, PriorSupportError
        When a prior names an unknown parameter or label, applies to nothing, is given twice over, or does not fit.

    Examples
    --------
    >>> equation = Equation("sales", media=["tv"], linear=["price"], trend=True)
    >>> equation.terms()
    ('intercept', 'trend', 'price')
    >>> [parameter.name for parameter in equation.parameters()]
    ['half_life', 'half_saturation', 'slope', 'contribution', 'coefficient', 'sigma']
    """

    name: str
    media: tuple[str, ...] = field(default=(), kw_only=True)
    linear: tuple[str, ...] = field(default=(), kw_only=True)
    events: tuple[str, ...] = field(default=(), kw_only=True)
    pooled_events: Mapping[str, tuple[str, ...]] = field(default_factory=FrozenMap, kw_only=True)
    seasonality: tuple[Fourier, ...] = field(default=(), kw_only=True)
    trend: bool | tuple[str, ...] = field(default=False, kw_only=True)
    likelihood: str = field(default="normal", kw_only=True)
    priors: Mapping[str, Any] = field(default_factory=FrozenMap, kw_only=True)
    max_lag: int | None = field(default=None, kw_only=True)
    rho: Mapping[str, Any] = field(default_factory=FrozenMap, kw_only=True)
    panel: Panel | None = field(default=None, kw_only=True)
    sign: Mapping[str, str] = field(default_factory=FrozenMap, kw_only=True)
    spend_share: Mapping[str, float] = field(default_factory=FrozenMap, kw_only=True)
    reference: Mapping[str, str | float] = field(default_factory=FrozenMap, kw_only=True)

    if TYPE_CHECKING:  # what may be given; the fields say what is kept

        def __init__(
            self,
            name: str,
            *,
            media: Sequence[str] = (),
            linear: Sequence[str] = (),
            events: Sequence[str] = (),
            pooled_events: Mapping[str, Sequence[str]] = {},
            seasonality: Fourier | Sequence[Fourier] = (),
            trend: bool | Sequence[str] = False,
            likelihood: str = "normal",
            priors: Mapping[str, Prior | Mapping[str, Prior]] = {},
            max_lag: int | None = None,
            rho: Mapping[str, float | Prior] = {},
            panel: Panel | None = None,
            sign: Mapping[str, str] = {},
            spend_share: Mapping[str, float] = {},
            reference: Mapping[str, str | float] = {},
        ) -> None: ...

    def __post_init__(self):
        if not isinstance(self.name, str) or not self.name:
            raise EquationError(f"an equation is named {self.name!r}. Name the column that it explains.")
        _set(self, "media", _names(self, "media"))
        _set(self, "linear", _names(self, "linear"))
        _set(self, "events", _names(self, "events"))
        _set(self, "pooled_events", read_pools(self))
        _set(self, "seasonality", _seasons(self))
        _set(self, "trend", _trend(self))
        check_likelihood(self.name, self.likelihood)
        _check_terms(self)
        if self.max_lag is not None:
            if not is_count(self.max_lag) or not 1 <= self.max_lag <= _MOST_LAGS:
                raise EquationError(
                    f"equation {self.name!r} has max_lag = {written(self.max_lag)}. Give a whole number of periods, 1 "
                    f"to {_MOST_LAGS} (every lag costs as much as a period more), or leave it out for the exact adstock."
                )
            _set(self, "max_lag", int(self.max_lag))
        _check_panel(self)
        _set(self, "sign", read_sign(self))
        _set(self, "spend_share", read_spend_share(self))
        _set(self, "reference", read_reference(self))
        _set(self, "priors", read_priors(self))
        _set(self, "rho", read_rho(self.name, self.rho, self.inputs, self.family))
        self.parameters()

    @property
    def family(self) -> Likelihood:
        """What is known of its likelihood."""
        return LIKELIHOODS[self.likelihood]

    @property
    def inputs(self) -> tuple[str, ...]:
        """Columns that act in this equation: media, then linear."""
        return (*self.media, *self.linear)

    @property
    def acting(self) -> tuple[str, ...]:
        """Columns of the data that act in this equation: inputs, then the days of events."""
        return (*self.inputs, *events_of(self))

    @cached_property
    def by_period(self) -> tuple[str, ...]:
        """Media that carry over by the classical recursion per period: those with a prior on retention."""
        return parametrised(self, "retention")[0]

    @property
    def tied_to(self) -> str | None:
        """Mediator whose residuals those of this equation are correlated with."""
        return next(iter(self.rho), None)

    @property
    def knots(self) -> tuple[str, ...]:
        """ISO dates at which the slope of the trend may change."""
        return self.trend if isinstance(self.trend, tuple) else ()

    @property
    def has_period_effects(self) -> bool:
        """Whether geos of a panel share an effect of every period."""
        return self.panel is not None and self.panel.periods in ("random", "fixed")

    @property
    def scalars(self) -> tuple[str, ...]:
        """Parameters that have one value."""
        random = self.panel is not None and self.panel.periods == "random"
        return (*self.family.scalars, "omega") if random else self.family.scalars

    @property
    def spreads(self) -> tuple[Spread, ...]:
        """What differs between the geos of a panel by factors: none in a national equation."""
        return self.panel.spreads if self.panel and self.media else ()

    @property
    def per_geo(self) -> tuple[str, ...]:
        """Linear terms with a coefficient for every geo: none in a national equation."""
        if self.panel is None:
            return ()
        own = {"intercept", *self.panel.per_geo}
        return tuple(term for term in self.terms() if term in own or self.term_kind(term) in own - {"coefficient"})

    @property
    def has_sigma_per_geo(self) -> bool:
        """Whether each geo of a panel has a residual scale of its own."""
        return self.panel is not None and self.panel.sigma == "per_geo"

    def for_geos(self, count: int, group: str = UNGROUPED) -> "Equation":
        """Return the equation with what its panel leaves open decided for so many geos, in groups by a key."""
        check_count(count, "count", advice="the number of geos", error=EquationError)
        panel = self.panel or Panel()
        if panel.periods is None:
            random = count >= MIN_GEOS and self.family.gaussian
            panel = replace(panel, periods="random" if random else "none")
        if panel.group is None:
            panel = replace(panel, group=group)
        return self if panel == self.panel else replace(self, panel=panel)

    def terms(self) -> tuple[str, ...]:
        """Return the labels of the linear part, in the order of the columns of `design_matrix`."""
        trend = ("trend", *(f"trend@{date}" for date in self.knots)) if self.trend else ()
        harmonics = tuple(label for season in self.seasonality for label in season.labels())
        return ("intercept", *trend, *harmonics, *self.linear, *event_columns(self))

    def parameters(self) -> tuple[Parameter, ...]:
        """Return every block of unknowns with one prior per label; blocks without labels are left out."""
        blocks = [Parameter(name, *parametrised(self, name)) for name in MEDIA_PARAMETERS]
        blocks = [block for block in blocks if block.labels]
        for spread in self.spreads:
            priors = tuple(prior_of(self, spread.tau, c) for c in self.media)
            blocks.append(Parameter(spread.tau, self.media, priors))
        terms = self.terms()
        priors = tuple(prior_of(self, self.term_kind(term), term) for term in terms)
        blocks.append(Parameter("coefficient", terms, priors))
        blocks += [Parameter(name, (), (prior_of(self, name, None),)) for name in self.scalars]
        blocks += [Parameter("rho", (m,), (v,)) for m, v in self.rho.items() if isinstance(v, Prior)]
        return tuple(blocks)

    def term_kind(self, term: str) -> str:
        """Return the prior parameter of a linear term: intercept, trend, seasonality, coefficient, or one of events."""
        if term in self.linear:
            return "coefficient"
        if term in (*self.events, *self.pooled_events):
            return EVENT
        if any(term in names for names in self.pooled_events.values()):
            return DEVIATION
        if term == "intercept":
            return "intercept"
        if term == "trend" or term in (f"trend@{date}" for date in self.knots):
            return "trend"
        if any(term in season.labels() for season in self.seasonality):
            return "seasonality"
        raise UnknownTermError(no_such(f"equation {self.name!r} has no linear term {term!r}", term, self.terms()))

    def part_of(self, term: str) -> str:
        """Return the part of a decomposition that a linear term belongs to: itself, its pool of events, or its kind."""
        kind = self.term_kind(term)
        if kind == DEVIATION:
            return next(pool for pool, names in self.pooled_events.items() if term in names)
        return term if kind in ("coefficient", EVENT) else kind

    def __str__(self) -> str:
        return equation_text(self)


# ---------------------------------------------------------------- reading the arguments


def _set(equation: Equation, name: str, value: Any) -> None:
    object.__setattr__(equation, name, value)


def _names(equation: Equation, argument: str) -> tuple[str, ...]:
    value = getattr(equation, argument)
    names = as_list(value)
    if names is None:
        example = list_for(value, {"media": ["tv", "radio"], "events": ["black friday"]}.get(argument, ["price"]))
        raise EquationError(
            f"equation {equation.name!r} has {argument} = {written(value)}. Give a list of column names, as {example}."
        )
    for name in names:
        if not isinstance(name, str) or not name:
            raise EquationError(
                f"equation {equation.name!r} lists {name!r} under {argument}. Give column names as text."
            )
    return tuple(map(str, names))


def _seasons(equation: Equation) -> tuple[Fourier, ...]:
    value = equation.seasonality
    value = (value,) if isinstance(value, Fourier) else value
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(v, Fourier) for v in value):
        raise EquationError(
            f"equation {equation.name!r} has seasonality = {value!r}. Give Fourier(period=365.25, order=2), or a list."
        )
    return tuple(value)


def _trend(equation: Equation) -> bool | tuple[str, ...]:
    value = equation.trend
    if isinstance(value, bool):
        return value
    advice = 'Give True, or a list of ISO dates in rising order, without time of day, such as ["2024-01-07"].'
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) == 0:
        raise EquationError(f"equation {equation.name!r} has trend = {value!r}. {advice}")
    knots = []
    for knot in value:
        try:
            knots.append(iso_date(knot, "trend"))
        except DateError:
            raise EquationError(f"equation {equation.name!r} has the trend knot {knot!r}. {advice}") from None
    if any(later <= earlier for earlier, later in pairwise(knots)):
        raise EquationError(f"equation {equation.name!r} has the trend knots {list(value)}. {advice}")
    return tuple(knot.date().isoformat() for knot in knots)


def _check_panel(equation: Equation) -> None:
    panel = equation.panel
    if panel is None:
        return
    if not isinstance(panel, Panel):
        raise EquationError(
            f"equation {equation.name!r} has panel = {written(panel)}. Give Panel(), or what differs, as "
            f'Panel(per_geo=["trend"]).'
        )
    panel.check_terms(equation.name, map(equation.term_kind, equation.terms()), equation.linear)
    if equation.rho and panel.sigma == "per_geo":
        raise EquationError(
            f"equation {equation.name!r} has a rho and a sigma per geo: correlated residuals have one sigma for all "
            f"geos. Leave rho out, or sigma out of its Panel."
        )


def _check_terms(equation: Equation) -> None:
    for argument in ("media", "linear"):
        names = getattr(equation, argument)
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise EquationError(
                f"equation {equation.name!r} lists {twice[0]!r} twice under {argument}. List it once."
            )
    both = [name for name in equation.media if name in equation.linear]
    if both:
        raise EquationError(
            f"equation {equation.name!r} lists {both[0]!r} under media and under linear. Keep it in one of the two."
        )
    if equation.name in equation.inputs:
        raise EquationError(f"equation {equation.name!r} lists its own column as a cause. Take it out.")
    check_event_names(equation)
    terms = equation.terms()
    clash = next((term for term, count in Counter(terms).items() if count > 1), None)
    if clash is not None:
        raise EquationError(
            f"equation {equation.name!r} has two linear terms called {clash!r}. Rename the column, or give "
            "each season a period of its own."
        )
