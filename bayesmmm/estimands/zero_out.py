"""Total, direct and mediated effects by zero-out, and the returns on spend that follow from them."""

import datetime
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.data import MONEY
from bayesmmm.data.exposures import THOUSAND
from bayesmmm.errors import SettingError
from bayesmmm.estimands.query import (
    REDUCE,
    By,
    Query,
    bought_channels,
    checked_channels,
    open_query,
    per_money,
    units_attrs,
)
from bayesmmm.estimands.removal import removed
from bayesmmm.estimands.term_effects import Term, brought, checked_terms, term_variables
from bayesmmm.estimands.windows import Segment, over_draws
from bayesmmm.results import Fit
from bayesmmm.validate import PATHS, check_flag, check_groups, check_size

ALL_MEDIA = "all media"


def effects(
    fit: Fit,
    *,
    channels: Sequence[str] | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    terms: Sequence[str] | None = None,
    start: str | datetime.date | None = None,
    stop: str | datetime.date | None = None,
    window: str = "spend",
    plan: pd.DataFrame | None = None,
    paths: int = PATHS,
    seed: int = 0,
    by: By | None = None,
) -> xr.Dataset:
    """Effects of spend in a window, and of controls and events: what is lost without it, directly and through mediators.

    For channel c with spend x and mediators M, sums over the counted periods, per posterior draw::

        total    = y(x, M(x))          - y(x without c, M(x without c))
        direct   = y(x, M(x))          - y(x without c, M(x))
        indirect = y(x without c, M(x)) - y(x without c, M(x without c))

    so that direct + indirect = total under every likelihood. Residuals of observed periods are kept; residuals of
    periods after the data are integrated over. ``via`` splits the indirect part by the last mediator on the path,
    mediators switched in causal order.

    Of a control or an event the same, with its column at its reference in place of zero (`Equation`: 0 for a promotion,
    the mean for a price, 0 days for an event). A ``term_total`` is the change that ``what_if(fit, do={term:
    reference})`` has over the window with the sign turned, where nothing is counted after the window. ``per_unit`` is
    what was brought above the reference less what was brought below, over all units on both sides: per week of
    promotion, per euro, per day of a holiday.

    Parameters
    ----------
    fit : Fit
    channels : sequence of str, optional
        By default all exogenous columns that act as media. A mediator that acts as media may be named too: its effect
        is that of setting it to zero, whatever drives it.
    groups : mapping of str to sequence of str, optional
        Channels that are removed together; by default ``{"all media": all exogenous channels}``.
    terms : sequence of str, optional
        Controls and events that are asked about; by default all of them, with ``()`` none.
    start, stop : str or date, optional
        First and last period of the window, both included; by default the fitted periods, or those of the plan.
    window : {"spend", "outcome"}
        "spend": the effect of the spend of the window, its tail after the window included until less than 0.1 % of
        adstock is left; beyond the data, exogenous inputs are at their mean over the window. "outcome": the effect of
        all spend up to the end of the window on the outcome of the window, carry-in counted, the tail dropped.
    plan : DataFrame, optional
        Future spend and controls, as in `predict`.
    paths : int
        Residual paths of mediators that periods after the data are averaged over, per draw.
    seed : int
        Of residuals.
    by : str or mapping of str to sequence of str, optional
        Tell apart what a panel is made of: "geo", every geo; one of several columns that name its series, as "brand"; or
        groups of geos by name, ``{"north": ["leeds", "york"]}``, of which those that are in none are left out. What is
        money or another amount is added up within a group in every draw, and ratios are made of the sums. By default
        the answer is about the total of all geos.

    Returns
    -------
    xarray.Dataset
        By channel: ``spend`` in the window (channel), in money, NaN where it is not known; ``total``, ``direct``,
        ``indirect`` in units of the outcome, ``share`` (total over the outcome of the window), ``roi``, ``roi_direct``,
        ``roi_indirect`` (over spend), ``roi_net`` (total over spend and what paid mediators were induced to spend),
        ``cost`` (spend per unit of outcome, infinite in a draw without effect) (chain, draw, channel). Where a channel
        is an exposure, also ``units`` (channel), what was had of each, see ``attrs["counted"]``; ``cost_per_thousand``
        (channel), the money that a thousand of these cost in the window; ``per_thousand`` (chain, draw, channel), the
        total effect of a thousand of them: the last two are NaN for a channel that is money. By mediator: ``via`` and
        ``induced``, the change of the mediator in its own units (chain, draw, channel, mediator). By group: ``joint``,
        ``joint_direct``, ``joint_indirect``, and ``interaction``, joint minus the sum of its members' totals (chain,
        draw, group). By control and event: ``term_total``, ``term_direct``, ``term_indirect``, ``term_share`` and
        ``per_unit`` (chain, draw, term), ``term_via`` (chain, draw, term, mediator), ``units_away`` (term), units on
        both sides of the reference in the window; coords ``reference``, the level, and ``term_kind``, "control" or
        "event". Ratios to spend are NaN where a channel has no spend in the window, or none that is known. With `by`
        every variable has a dim geo, or the name of the column, or geo_group, after draw where it has one.

    Raises
    ------
    ConvergenceError
        When the sampler failed.
    UnknownTermError, SettingError
        For unknown channels, controls and events, and impossible arguments.
    WindowError, PlanError, DataError
        For a window outside the data, and a plan that cannot be used.
    AnswerSizeError
        When the answer would not fit into memory.

    References
    ----------
    Pearl (2001), Direct and indirect effects, doi:10.5555/2074022.2074073.

    Examples
    --------
    >>> found = effects(fit, start="2024-01-07", stop="2024-12-29")  # doctest: +SKIP
    >>> found["total"].median(("chain", "draw"))  # doctest: +SKIP
    """
    query = open_query(fit, start=start, stop=stop, window=window, plan=plan, paths=paths, seed=seed, by=by)
    names = checked_channels(query, channels)
    members, others = _checked_groups(query, groups), checked_terms(query, terms)
    # Members of groups are removed one at a time as well, so that the interaction can be told.
    singles = tuple(dict.fromkeys([*names, *(name for group in members.values() for name in group)]))
    targets = [*((name,) for name in singles), *members.values()]
    amounts = 9 + 2 * len(fit.system.mediators)
    check_size((amounts, *query.shape(len(targets) + len(others))), "the effects", REDUCE)

    def work(segments: list[Segment]) -> dict[str, np.ndarray]:
        out = removed(query, segments, targets)
        return out | brought(query, segments, others) if others else out

    return _labelled(query, names, singles, members, others, over_draws(query, work))


def roi(
    fit: Fit,
    *,
    net: bool = False,
    channels: Sequence[str] | None = None,
    start: str | datetime.date | None = None,
    stop: str | datetime.date | None = None,
    window: str = "spend",
    plan: pd.DataFrame | None = None,
    paths: int = PATHS,
    seed: int = 0,
    by: By | None = None,
) -> xr.DataArray:
    """Return on spend: the total effect of a channel over its spend in the window.

    Parameters
    ----------
    fit : Fit
    net : bool
        Count what a paid mediator was induced to spend as spend of the channel, too.
    channels, start, stop, window, plan, paths, seed, by
        As in `effects`.

    Returns
    -------
    xarray.DataArray
        Named "roi", or "roi_net"; by default for every channel that is money; dims chain, draw, (geo,) channel; units
        of the outcome per unit of money. Where the outcome is money, ``attrs["threshold"]`` is 1, and `summarise` tells
        the probability of being above it. Channels that are not told apart from no effect are named, with
        their signs, in ``attrs["weak"]``, and `summarise` says so beside their rows.

    Raises
    ------
    ConvergenceError, UnknownTermError, SettingError, WindowError, PlanError, DataError, AnswerSizeError
        As `effects`.

    Examples
    --------
    >>> table = mm.summarise(roi(fit))  # doctest: +SKIP
    """
    net = check_flag(net, "net")
    answer = effects(
        fit,
        channels=bought_channels(fit, channels),
        groups={},
        terms=(),
        start=start,
        stop=stop,
        window=window,
        plan=plan,
        paths=paths,
        seed=seed,
        by=by,
    )
    return answer["roi_net" if net else "roi"]


def _checked_groups(query: Query, groups: Mapping[str, Sequence[str]] | None) -> dict[str, tuple[str, ...]]:
    if groups is None:
        every = query.fit.system.channels
        return {ALL_MEDIA: every} if every else {}
    out = {}
    for label, members in check_groups(groups, "['facebook', 'tiktok']").items():
        names = out[label] = checked_channels(query, members, where=f"groups[{label!r}]")
        mixed = [name for name in names if name in query.fit.system.mediators]
        if mixed and len(names) > 1:
            raise SettingError(
                f"group {label!r} holds the mediator {mixed[0]!r} beside channels that may drive it; such parts are not "
                f"defined together; leave {mixed[0]!r} out of it"
            )
    return out


# -------------------------------------------------------------------------------------------------------- labels
def _labelled(
    query: Query,
    names: Sequence[str],
    singles: Sequence[str],
    members: Mapping[str, Sequence[str]],
    terms: Sequence[Term],
    lost: Mapping[str, np.ndarray],
) -> xr.Dataset:
    fit, label = query.fit, query.label_places
    unit, mediators = fit.data.unit(fit.system.outcome), list(fit.system.mediators)
    at = [singles.index(name) for name in names]
    path, induced = lost["path"][:, :, at], lost["induced"][:, :, at]
    direct, indirect = path[..., 0], path[..., 1:].sum(axis=-1)
    total = direct + indirect
    spend, units = query.spend(names), query.units(names)
    net = spend + induced[..., [fit.data.is_money(m) for m in mediators]].sum(axis=-1)
    bought = spend > 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = {
            "roi": total / spend,
            "roi_direct": direct / spend,
            "roi_indirect": indirect / spend,
            "roi_net": np.where(net > 0.0, total / net, np.nan),
            "cost": np.where(total > 0.0, spend / total, np.inf),
        }
        share = total / lost["outcome"][..., None]
    ratios = {name: np.where(bought, values, np.nan) for name, values in ratios.items()}
    cost = ratios.pop("cost")
    variables: dict = {"spend": (*query.known_places(spend, "channel"), {"unit": MONEY})}
    for name, values in {"total": total, "direct": direct, "indirect": indirect}.items():
        variables[name] = (*label(values, "channel"), {"unit": unit})
    variables["share"] = (*label(share, "channel"), {"unit": "share of the outcome"})
    per = per_money(fit, names)
    variables |= {name: (*label(values, "channel"), per) for name, values in ratios.items()}
    if query.exposures(names):
        variables |= _per_thousand(query, names, total, units, spend)
    variables["cost"] = (*label(cost, "channel"), {"unit": f"{MONEY} per unit of {fit.system.outcome} ({unit})"})
    coords: dict = {**query.coords, "channel": list(names)}
    if mediators:
        coords["mediator"] = mediators
        variables["via"] = (*label(path[..., 1:], "channel", "mediator"), {"unit": unit})
        variables["induced"] = (*label(induced, "channel", "mediator"), {"unit": "units of the mediator"})
    if members:
        coords["group"] = list(members)
        joint = lost["path"][:, :, len(singles) :]
        parts = lost["path"].sum(axis=-1)
        alone = [parts[..., [singles.index(n) for n in group]].sum(axis=-1) for group in members.values()]
        for name, values in {
            "joint": joint.sum(axis=-1),
            "joint_direct": joint[..., 0],
            "joint_indirect": joint[..., 1:].sum(axis=-1),
            "interaction": joint.sum(axis=-1) - np.stack(alone, axis=-1),
        }.items():
            variables[name] = (*label(values, "group"), {"unit": unit})
    more, labels = term_variables(query, terms, lost, lost["outcome"])
    answer = xr.Dataset(variables | more, coords | labels, {**query.attrs, "unit": unit})
    # A variable taken out of the data set still says what it is about.
    for variable in answer.data_vars.values():
        variable.attrs |= query.attrs
    return answer


def _per_thousand(
    query: Query, names: Sequence[str], total: np.ndarray, units: np.ndarray, spend: np.ndarray
) -> dict[str, tuple]:
    """What a thousand units brought and cost, as variables, from effects (S, P, C), units and spend (P, C)."""
    data, outcome = query.fit.data, query.fit.system.outcome
    had = np.array([not data.is_money(name) for name in names]) & (units > 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        brought = np.where(had, total / units * THOUSAND, np.nan)
        cost = np.where(had, spend / units * THOUSAND, np.nan)
    unit = {"unit": f"{data.unit(outcome)} per thousand units"}
    return {
        "units": (*query.known_places(units, "channel"), units_attrs(query.fit, names)),
        "per_thousand": (*query.label_places(brought, "channel"), unit),
        "cost_per_thousand": (*query.known_places(cost, "channel"), {"unit": f"{MONEY} per thousand units"}),
    }
