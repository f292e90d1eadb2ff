"""Whether the answers of a fit have a believable size: media share, baseline, returns, curves, dominance."""

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm import engine, kernels
from bayesmmm.data import MONEY
from bayesmmm.diagnostics.check import Check
from bayesmmm.diagnostics.seen import Seen
from bayesmmm.diagnostics.thresholds import (
    CURVE_RANGE,
    DOMINANCE,
    MEDIA_SHARE,
    NEGATIVE_BASELINE,
    PRIOR_SHARE,
    ROI_BOUND,
    ROI_SIZE,
    Threshold,
)
from bayesmmm.estimands import effects
from bayesmmm.results import Fit

#: Draws that effects are computed for.
DRAWS = 400
_PRIOR_DRAWS = 4000
_ROI_PRIOR = (
    "say what is believed, as Equation(..., priors={'roi': {'tv': Prior('LogNormal', mu=0.4, sigma=0.5)}})"
)


def plausibility_checks(seen: Seen) -> tuple[list[Check], dict[str, pd.DataFrame | xr.Dataset]]:
    """Check the size of the answers.

    Returns
    -------
    list of Check
    dict
        "effects": what `effects` says with ``window="outcome"``. "curve_range": by equation and channel, probability
        that the half-saturation lies above (below) every adstocked spend seen, and the share of periods above it.
    """
    fit = seen.fit
    found = effects(fit, window="outcome", draws=_draws(fit), allow_unconverged=True)
    checks = [_media_share(found), *_prior_share(fit), *_baseline(seen), *_returns(fit, found), *_dominance(found)]
    tables: dict[str, pd.DataFrame | xr.Dataset] = {"effects": found}
    ranges = {name: _ranges(seen, name) for name in fit.system.order if fit.system.equation(name).media}
    checks += [_range_check(name, table) for name, table in ranges.items()]
    if ranges:
        tables["curve_range"] = pd.concat(ranges, names=["equation"])
    return checks, tables


def _draws(fit: Fit) -> int:
    sizes = fit.posterior.sizes
    return min(max(DRAWS, sizes["chain"]), sizes["chain"] * sizes["draw"])


# ----------------------------------------------------------------------------------------------------------- shares
def _media_share(found: xr.Dataset) -> Check:
    # The outcome of the window is the same number for every channel.
    outcome = (found["total"] / found["share"]).isel(channel=0)
    share = (found["joint"].isel(group=0) / outcome).values.ravel()
    value = float((share > 1.0).mean())
    low, median, high = np.quantile(share, [0.05, 0.5, 0.95])
    finding = (
        f"all media together bring {100 * median:.0f} % of the outcome (90 % {100 * low:.0f} to {100 * high:.0f} %); "
        f"more than all of it with probability {value:.2f}."
    )
    meaning = "media take credit for more than there is; every ROI is too high, and the baseline is negative"
    moves = (
        "let the level be explained otherwise: seasonality=, trend=True, linear=[controls of demand]",
        "give the intercept the prior that is believed, as priors={'intercept': Prior('Normal', mu=0.6, sigma=0.2)}",
        _ROI_PRIOR,
    )
    return _check("media_share", MEDIA_SHARE, value, finding, meaning, moves)


def _prior_share(fit: Fit) -> list[Check]:
    """Where the posterior of the summed direct contributions lies in its prior."""
    system = fit.system
    equation = system.equation(system.outcome)
    if not equation.media or equation.likelihood == "lognormal":  # contributions in log units do not add up
        return []
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
    moves = (
        "look for what else could lift the outcome when spend is high: season, promotions, price, demand",
        "if the belief was too low, say so, as Equation(..., priors={'contribution': Prior('HalfNormal', sigma=0.3)})",
    )
    return [_check("prior_share", PRIOR_SHARE, value, finding, meaning, moves)]


def _baseline(seen: Seen) -> list[Check]:
    fit = seen.fit
    name = fit.system.outcome
    equation = fit.system.equation(name)
    if equation.likelihood not in ("normal", "student_t") or (fit.data.columns[name] < 0.0).any():
        return []  # elsewhere the baseline cannot be negative, or may be
    base = seen.linear(name, without=fit.system.mediators)
    share = (base < 0.0).mean(axis=0)
    value = float(share.mean())
    worst = int(share.argmax())
    finding = (
        f"without media and mediators {name} would be negative in {100 * value:.1f} % of periods (over draws); most "
        f"likely in {seen.dates()[worst]}, with probability {share[worst]:.2f}."
    )
    meaning = "media are credited with what would have come anyway: ROI is too high"
    moves = (
        "give the intercept the prior that is believed, as priors={'intercept': Prior('Normal', mu=0.6, sigma=0.2)}",
        "lower the order of the season, as Fourier(period=365.25, order=2), if it swings below zero",
        _ROI_PRIOR,
    )
    return [_check("baseline", NEGATIVE_BASELINE, value, finding, meaning, moves)]


# ---------------------------------------------------------------------------------------------------------- returns
def _returns(fit: Fit, found: xr.Dataset) -> list[Check]:
    if fit.data.outcome_unit != MONEY:
        return []  # sign-ups per unit of money have no size that is wrong
    roi = found["roi"].dropna("channel", how="all")
    if not roi.sizes["channel"]:
        return []
    above = (roi > ROI_BOUND).mean(("chain", "draw"))
    worst = str(roi["channel"].values[int(above.argmax())])
    top = roi.median(("chain", "draw"))
    largest = str(roi["channel"].values[int(top.argmax())])
    value = float(above.max())
    finding = (
        f"largest ROI {float(top.max()):.2f} (median), of {largest}; that of {worst} is above {ROI_BOUND:.0f} with "
        f"probability {value:.2f}."
    )
    meaning = "a return of this size is more likely a fault of units or of the model than a discovery"
    moves = (
        f"check the units of {worst} and of {fit.system.outcome}: thousands beside single units?",
        "check for a common cause: demand that lifts spend and outcome together, as a control",
        _ROI_PRIOR,
    )
    return [_check("roi_size", ROI_SIZE, value, finding, meaning, moves)]


def _dominance(found: xr.Dataset) -> list[Check]:
    if found.sizes["channel"] < 2:
        return []
    total = found["total"].median(("chain", "draw"))
    whole = float(total.clip(min=0.0).sum())
    if whole <= 0.0:
        return []
    share = total / whole
    largest = str(share["channel"].values[int(share.argmax())])
    value = float(share.max())
    finding = (
        f"{largest} has {100 * value:.0f} % of all media effect, more than any other of {share.sizes['channel']}."
    )
    meaning = (
        f"true for some brands; otherwise {largest} stands in for demand or season that it was planned along with"
    )
    moves = (
        f"fit without {largest}, and see who takes its place",
        "add season, promotions and demand as controls",
        _ROI_PRIOR.replace("'tv'", repr(largest)),
    )
    return [_check("dominance", DOMINANCE, value, finding, meaning, moves)]


# ----------------------------------------------------------------------------------------------------------- curves
def _ranges(seen: Seen, name: str) -> pd.DataFrame:
    fit, equation = seen.fit, seen.fit.system.equation(name)
    par = seen.kept.rows.parameters[name]
    media = engine.inputs(equation, fit.data, fit.scales).media[0]
    stock = adstocks(
        media, engine.retention(par["half_life"], fit.data.days_per_period), engine.kernel_lag(equation)
    )
    point = par["half_saturation"][..., None]
    active = np.where(stock > 1e-3, stock, np.inf)
    return pd.DataFrame(
        {
            "above": (point[..., 0] > stock.max(axis=-1)).mean(axis=0),
            "below": (point[..., 0] < active.min(axis=-1)).mean(axis=0),
            "periods_above": (stock > point).mean(axis=(0, 2)),
        },
        pd.Index(equation.media, name="channel"),
    )


def adstocks(media: np.ndarray, retention: np.ndarray, lag: int) -> np.ndarray:
    """Adstocked inputs (S, C, T) of media (C, T) at retentions (S, C); `lag` as the kernels take it."""
    out = np.empty((*retention.shape, media.shape[-1]))
    for s, c in np.ndindex(*retention.shape):
        kernels.adstock(media[c], retention[s, c], 0.0, lag, out[s, c])
    return out


def _range_check(name: str, table: pd.DataFrame) -> Check:
    worst = str(table["above"].idxmax())
    row = table.loc[worst]
    value = float(row["above"])
    high = [str(c) for c in table.index[table["above"] > CURVE_RANGE.warn]]
    finding = (
        f"the half-saturation of {worst} in {name} lies above all spend seen with probability {value:.2f}; adstocked "
        f"spend is above it in {100 * row['periods_above']:.0f} % of periods."
    )
    meaning = (
        f"only the lower end of the curve of {' and '.join(high) or worst} was seen: what more spend would bring is "
        f"extrapolated, and plans that raise it rest on the prior"
    )
    moves = (
        f"keep plans near what was seen, as mm.optimize_budget(fit, ..., change={{{worst!r}: 0.2}})",
        f"spend more on {worst} in a test period, and fit again",
        f"say where it saturates, as Equation({name!r}, ..., priors={{'half_saturation': {{{worst!r}: "
        f"Prior('LogNormal', mu=0.0, sigma=0.3)}}}})",
    )
    return _check(f"curve_range:{name}", CURVE_RANGE, value, finding, meaning, moves)


def _check(
    name: str, threshold: Threshold, value: float, finding: str, meaning: str, moves: tuple[str, ...]
) -> Check:
    verdict = threshold.judge(value)
    raised = verdict in ("warn", "fail")
    bound = threshold.crossed(verdict)
    return Check(
        name, "plausibility", verdict, value, bound, finding, threshold.source, meaning, moves if raised else ()
    )
