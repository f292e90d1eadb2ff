"""Whether the answers of a fit have a believable size: media share, baseline, returns, curves, dominance."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm import engine, kernels
from bayesmmm.data import MONEY, Calendar
from bayesmmm.diagnostics import thresholds as bounds
from bayesmmm.diagnostics.advice import prior_on, prior_on_return, where
from bayesmmm.diagnostics.check import Check, check_against
from bayesmmm.diagnostics.posterior_view import PosteriorView
from bayesmmm.equations import Equation
from bayesmmm.estimands import effects
from bayesmmm.results import Fit

#: Draws that effects are computed for.
DRAWS = 400
_PRIOR_DRAWS = 4000


def plausibility_checks(view: PosteriorView) -> tuple[list[Check], dict[str, pd.DataFrame | xr.Dataset]]:
    """Check the size of the answers.

    Tables: "effects" as `effects` says with ``window="outcome"``; "curve_range" by equation and channel, see
    `curve_range`, with the share of periods above the half-saturation, and "unseen", the share of the contribution that
    is the response to the least adstocked spend seen: what no period without it has shown.
    """
    fit = view.fit
    if not fit.system.channels:
        return [], {}  # every one of them asks about media
    few = fit.thin(max(DRAWS, fit.posterior.sizes["chain"])).accept_unconverged()
    answers = effects(few, terms=(), window="outcome")
    checks = [_media_share(fit, answers), _prior_share(fit), _baseline(view), _returns(fit, answers)]
    checks.append(_dominance(fit, answers))
    tables: dict[str, pd.DataFrame | xr.Dataset] = {"effects": answers}
    ranges = {name: _ranges(view, name) for name in fit.system.order if fit.system.equation(name).media}
    checks += [_range_check(fit, name, table) for name, table in ranges.items()]
    bought = {n: [c for c in fit.system.equation(n).media if c in fit.system.exogenous] for n in ranges}
    checks += [_unseen_check(fit, n, ranges[n]["unseen"][own]) for n, own in bought.items() if own]
    if ranges:
        tables["curve_range"] = pd.concat(ranges, names=["equation"])
    return [check for check in checks if check is not None], tables


# ----------------------------------------------------------------------------------------------------------- shares
def _believed(fit: Fit, channel: str = "") -> str:
    """Remedy that says what is believed of a channel, by default the first one."""
    channel = channel or next(e for e in reversed(fit.system.equations) if e.media).media[0]
    return f"say what is believed, as {prior_on_return(where(fit.system, channel), channel, fit.data)}"


def _level(fit: Fit) -> str:
    code = prior_on(fit.system.equation(fit.system.outcome), "intercept")
    return f"give the intercept the prior that is believed, as {code}"


def _signed(fit: Fit) -> bool:
    """Whether the outcome takes negative values, as a net change does: then nothing is a share of it."""
    return bool((fit.data.columns[fit.system.outcome] < 0.0).any())


def _media_share(fit: Fit, answers: xr.Dataset) -> Check | None:
    if _signed(fit):
        return None
    # Without a window the effects are those of the fitted periods.
    known = fit.data.values(fit.system.outcome)
    total = known.sum() * (fit.data.has_row.sum() / known.size)  # of all periods, had they been recorded
    share = (answers["joint"].isel(group=0) / total).values.ravel()
    value = float((share > 1.0).mean())
    low, median, high = 100.0 * np.quantile(share, [0.05, 0.5, 0.95])
    finding = (
        f"all media together bring {median:.0f} % of the outcome (90 % {low:.0f} to {high:.0f} %); more than all of it "
        f"with probability {value:.2f}."
    )
    meaning = "media take credit for more than there is; every ROI is too high, and the baseline is negative"
    remedies = (
        "let the level be explained otherwise: seasonality=, trend=True, linear=[controls of demand]",
        _level(fit),
        _believed(fit),
    )
    return check_against("media_share", "plausibility", bounds.MEDIA_SHARE, value, finding, meaning, remedies)


def _prior_share(fit: Fit) -> Check | None:
    """Where the posterior of the summed direct contributions lies in its prior."""
    system = fit.system
    equation = system.equation(system.outcome)
    if not equation.media or equation.family.log_scale:  # contributions in log units do not add up
        return None
    rng = np.random.default_rng(0)
    prior = engine.draw_prior(system, fit.data, fit.scales, draws=_PRIOR_DRAWS, rng=rng, observed_mediators=True)
    before = prior[system.outcome]["contribution"][:, 0].sum(axis=-1)
    after = float(np.median(fit.parameters()[system.outcome]["contribution"][:, 0].sum(axis=-1)))
    value = float((before < after).mean())
    finding = (
        f"media and mediators bring {100 * after:.0f} % of {system.outcome} directly (median), more than "
        f"{100 * value:.0f} % of what their priors allow (95 % of it is below {100 * np.quantile(before, 0.95):.0f} %)."
    )
    meaning = (
        "priors and data disagree about how much media matter: one of them is wrong, and the fit is a compromise"
    )
    remedies = (
        "look for what else could lift the outcome when spend is high: season, promotions, price, demand",
        f"if the belief was too low, say so, with a larger value than in "
        f"{prior_on_return(equation, equation.media[0], fit.data)}",
    )
    return check_against("prior_share", "plausibility", bounds.PRIOR_SHARE, value, finding, meaning, remedies)


def _baseline(view: PosteriorView) -> Check | None:
    fit, name = view.fit, view.fit.system.outcome
    if not fit.system.equation(name).family.additive or _signed(fit):
        return None  # elsewhere the baseline cannot be negative, or may be
    base = view.linear(name, without=fit.system.mediators)
    share = (base < 0.0).mean(axis=0)
    value = float(share.mean())
    worst = int(share.argmax())
    finding = (
        f"without media and mediators {name} would be negative in {100 * value:.1f} % of periods (over draws); most "
        f"likely in {view.dates()[worst]}, with probability {share[worst]:.2f}."
    )
    meaning = "media are credited with what would have come anyway: ROI is too high"
    remedies = (
        _level(fit),
        "lower the order of the season, as seasonality=[mm.Fourier(period=365.25, order=1)], if it swings below zero",
        _believed(fit),
    )
    return check_against("baseline", "plausibility", bounds.NEGATIVE_BASELINE, value, finding, meaning, remedies)


# ---------------------------------------------------------------------------------------------------------- returns
def _returns(fit: Fit, answers: xr.Dataset) -> Check | None:
    roi = answers["roi"].dropna("channel", how="all")
    # Sign-ups per unit of money have no size that is wrong.
    if fit.data.outcome_unit != MONEY or not roi.sizes["channel"]:
        return None
    value, worst = _largest((roi > bounds.ROI_BOUND).mean(("chain", "draw")))
    top, largest = _largest(roi.median(("chain", "draw")))
    finding = (
        f"largest ROI {top:.2f} (median), of {largest}; that of {worst} is above {bounds.ROI_BOUND:.0f} with "
        f"probability {value:.2f}."
    )
    meaning = "a return of this size is more likely a fault of units or of the model than a discovery"
    remedies = (
        f"check the units of {worst} and of {fit.system.outcome}: thousands beside single units?",
        "check for a common cause: demand that lifts spend and outcome together, as a control; how strong it would have "
        f"to be is told by mm.sensitivity.confounder_sensitivity(fit, channels=[{worst!r}])",
        _believed(fit, worst),
    )
    return check_against("roi_size", "plausibility", bounds.ROI_SIZE, value, finding, meaning, remedies)


def _largest(by_channel: xr.DataArray) -> tuple[float, str]:
    """Largest value, and the channel that has it."""
    return float(by_channel.max()), str(by_channel.idxmax("channel").item())


def _dominance(fit: Fit, answers: xr.Dataset) -> Check | None:
    total = answers["total"].median(("chain", "draw"))
    whole = float(total.clip(min=0.0).sum())
    if total.size < 2 or whole <= 0.0:
        return None
    value, largest = _largest(total / whole)
    finding = f"{largest} has {100 * value:.0f} % of all media effect, more than any other of {total.size}."
    meaning = (
        f"true for some brands; otherwise {largest} stands in for demand or season that it was planned along with"
    )
    remedies = (
        f"fit without {largest}, and see who takes its place, as mm.sensitivity.leave_one_channel_out(fit, "
        f"channels=[{largest!r}])",
        "add season, promotions and demand as controls",
        _believed(fit, largest),
    )
    return check_against("dominance", "plausibility", bounds.DOMINANCE, value, finding, meaning, remedies)


# ----------------------------------------------------------------------------------------------------------- curves
def _ranges(view: PosteriorView, name: str) -> pd.DataFrame:
    fit, equation = view.fit, view.fit.system.equation(name)
    par = view.kept.rows.parameters[name]
    media = engine.inputs(equation, fit.data, fit.scales).media[0]
    stock = adstocks(equation, equation.media, media, par["half_life"], fit.data.calendar)
    table = curve_range(equation.media, par["half_saturation"], stock)
    half, slope = (par[key][..., None] for key in ("half_saturation", "slope"))
    with np.errstate(divide="ignore", over="ignore"):
        response = 1.0 / (1.0 + (half / stock) ** slope)
    unseen = np.median(response.min(axis=2) / response.mean(axis=2), axis=0)
    return table.assign(periods_above=(stock > half).mean(axis=(0, 2)), unseen=unseen)


def curve_range(channels: Sequence[str], half_saturation: np.ndarray, stock: np.ndarray) -> pd.DataFrame:
    """Share of draws (S, C) in which the half-saturation lies above (below) all adstocked spend (S, C, T) on air."""
    active = np.where(stock > 1e-3, stock, np.inf)
    columns = {
        "above": (half_saturation > stock.max(axis=-1)).mean(axis=0),
        "below": (half_saturation < active.min(axis=-1)).mean(axis=0),
    }
    return pd.DataFrame(columns, pd.Index(channels, name="channel"))


def adstocks(
    equation: Equation, names: Sequence[str], media: np.ndarray, half_life: np.ndarray, calendar: Calendar
) -> np.ndarray:
    """Adstock (S, C, T) of some media inputs (C, T) of an equation at half-lives (S, C)."""
    keep = engine.retention(half_life, engine.step_days(equation, names, calendar))
    days, lag = (
        engine.period_days(equation, names, calendar, 0, media.shape[1]),
        engine.kernel_lag(equation),
    )
    channels = zip(media, days, np.ascontiguousarray(keep.T), strict=True)
    return np.stack([kernels.adstocks(x[None], d, np.zeros(1), own, lag) for x, d, own in channels], axis=1)


def _range_check(fit: Fit, name: str, table: pd.DataFrame) -> Check:
    worst = str(table["above"].idxmax())
    row = table.loc[worst]
    value = float(row["above"])
    high = [str(c) for c in table.index[table["above"] > bounds.CURVE_RANGE.warn]]
    finding = (
        f"the half-saturation of {worst} in {name} lies above all spend seen with probability {value:.2f}; adstocked "
        f"spend is above it in {100 * row['periods_above']:.0f} % of periods."
    )
    meaning = (
        f"only the lower end of the curve of {' and '.join(high) or worst} was seen: what more spend would bring is "
        f"extrapolated, and plans that raise it rest on the prior"
    )
    remedies = (
        f"keep plans near what was seen, as mm.optimize_budget(fit, ..., change={{{worst!r}: 0.2}})"
        if worst in fit.system.exogenous
        else "keep plans near what was seen, as mm.optimize_budget(fit, ..., change=0.2)",
        f"spend more on {worst} in a test period, and fit again",
        f"say where it saturates, as {prior_on(fit.system.equation(name), 'half_saturation', worst)}",
    )
    return check_against(
        f"curve_range:{name}", "plausibility", bounds.CURVE_RANGE, value, finding, meaning, remedies
    )


def _unseen_check(fit: Fit, name: str, unseen: pd.Series) -> Check:
    """Whether what a channel is credited with rests on the shape of its curve where nobody has seen it."""
    value, worst = float(unseen.max()), str(unseen.idxmax())
    finding = (
        f"{100 * value:.0f} % of what {worst} brings to {name} is the response to the least spend seen in any period, "
        f"more than of any other channel."
    )
    meaning = (
        f"{worst} was never off, so that the shape of its curve below that spend, which no period shows, moves money "
        f"between {worst} and the intercept: its ROI is belief, its marginal ROI is not"
    )
    equation = fit.system.equation(name)
    remedies = (
        f"pause {worst}, or cut it deeply, in some weeks or regions, and fit again",
        f"say what is known of its return, as {prior_on_return(equation, worst, fit.data)}",
        f"say what is known of the shape, as {prior_on(equation, 'slope', worst)}",
    )
    return check_against(f"unseen:{name}", "plausibility", bounds.UNSEEN, value, finding, meaning, remedies)
