"""What the data taught: contraction of each parameter, directions left to the prior, parameters that trade off.

Every parameter is put on the scale on which its own prior is standard Normal, ``u = Phi^-1(F(theta))`` with F the
prior distribution function. There the prior of all parameters together is N(0, I), so posterior variances, and those
along any direction, are shares of prior variance: 1 where the data taught nothing.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import special

from bayesmmm import engine
from bayesmmm.diagnostics.advice import prior_on, prior_on_return
from bayesmmm.diagnostics.check import Check, check_against
from bayesmmm.diagnostics.thresholds import CONTRACTION, DIRECTIONS, SHAPES, TRADE_OFF, UNINFORMED
from bayesmmm.priors import Prior
from bayesmmm.results import Fit

_SHAPES = ("half_life", "retention", "half_saturation", "slope")
_EFFECTS = ("contribution", "roi")
#: Normal scores of values so far out in a prior that their probability is not a number any more.
_BEYOND = 8.3
_LOADING = 0.35  # a parameter with less than this part in a direction is not named


def prior_scores(prior: Prior, values: np.ndarray) -> np.ndarray:
    """Values on the scale on which their prior is standard Normal.

    Examples
    --------
    >>> import numpy as np
    >>> prior_scores(Prior("LogNormal", mu=1.0, sigma=0.5), np.exp([1.0, 1.5, 0.0])).round(6).tolist()
    [0.0, 1.0, -2.0]
    """
    known = prior.scipy()
    low, high = np.asarray(known.cdf(values)), np.asarray(known.sf(values))
    # Each tail from its own side: 1 - cdf has no digits left in the upper one.
    score = np.where(low < high, special.ndtri(low), -special.ndtri(high))
    return np.where(np.isinf(score), np.copysign(_BEYOND, score), score)


def information_checks(fit: Fit) -> tuple[list[Check], dict[str, pd.DataFrame]]:
    """Compare posterior and prior.

    Tables: "contraction" by equation, parameter and label, ``1 - var(posterior) / var(prior)`` on the scale of the
    prior, and shift, the posterior mean in prior sds; "directions" by equation and rank, sd over prior sd along each
    eigenvector of the media parameters and the intercept, and which parameters are in it; "trade_off" by equation and
    pair, posterior correlation of contributions with each other and with the intercept.
    """
    checks: list[Check] = []
    tables: dict[str, dict[str, pd.DataFrame]] = {"contraction": {}, "directions": {}, "trade_off": {}}
    for name in fit.system.order:
        scores = _scores(fit, name)
        table = tables["contraction"][name] = _contraction(scores)
        if fit.system.equation(name).media:
            directions = tables["directions"][name] = _directions(scores)
            trades = tables["trade_off"][name] = _trade_offs(fit, name)
            checks += [
                _contraction_check(fit, name, table, _EFFECTS, "contribution"),
                _contraction_check(fit, name, table, _SHAPES, "shape"),
                _directions_check(fit, name, directions),
                _trade_off_check(fit, name, trades),
            ]
    return checks, {key: pd.concat(parts, names=["equation"]) for key, parts in tables.items() if parts}


def _scores(fit: Fit, name: str) -> dict[tuple[str, str], np.ndarray]:
    """Draws (S,) of every parameter of an equation on the scale of its prior, by parameter and label."""
    equation, par, data = fit.system.equation(name), fit.parameters()[name], fit.data
    columns = {"coefficient": equation.terms(), **dict.fromkeys((*_SHAPES, *_EFFECTS), equation.media)}
    out = {}
    for block in equation.parameters():
        labels = block.labels or ("",)
        if block.name == "retention":
            draws = engine.retention(par.get("median_half_life", par["half_life"]), data.days_per_period)
        elif block.name in _EFFECTS:
            draws = par.get("median_contribution", par["contribution"][:, 0])
        else:
            draws = par.get(f"median_{block.name}", par[block.name]).reshape(len(par["sigma"]), -1)
        for label, prior in zip(labels, block.priors, strict=True):
            values = draws[:, columns.get(block.name, labels).index(label)]
            if block.name == "roi":
                values = values / engine.spend_per_size(equation, label, data, fit.scales)
            out[block.name, label] = prior_scores(prior, values)
    return out


# ----------------------------------------------------------------------------------------------------- contraction
def _contraction(scores: dict[tuple[str, str], np.ndarray]) -> pd.DataFrame:
    rows = [{"contraction": 1.0 - float(np.var(u)), "shift": float(np.mean(u))} for u in scores.values()]
    return pd.DataFrame(rows, pd.MultiIndex.from_tuples(scores, names=["parameter", "label"]))


def _contraction_check(fit: Fit, name: str, table: pd.DataFrame, parameters: Sequence[str], what: str) -> Check:
    part = table[table.index.get_level_values("parameter").isin(parameters)]["contraction"]
    low = part[part < CONTRACTION.warn].sort_values()
    effects = what == "contribution"
    # An effect that is only believed is one too many; of shapes some always are.
    threshold, value = (CONTRACTION, float(part.min())) if effects else (SHAPES, len(low) / len(part))
    worst = ", ".join(f"{p} of {label} ({100 * v:.0f} %)" for (p, label), v in low.iloc[:4].items())
    more = f" and {len(low) - 4} more" if len(low) > 4 else ""
    parameter, channel = part.idxmin()
    least = f"least, {parameter} of {channel}: contraction {100 * part.min():.0f} %"
    finding = f"every {what} parameter of {name} was informed; {least}."
    if len(low):
        finding = f"{len(low)} of {len(part)} {what} parameters of {name} are as their priors say: {worst}{more}."
    meaning = (
        "the ROI of such a channel is what was believed before: the data neither support nor contradict it"
        if effects
        else "curves and carryover of such a channel are belief: marginal ROI and plans that lean on them are, too"
    )
    equation = fit.system.equation(name)
    known = prior_on_return(equation, channel, fit.data) if effects else prior_on(equation, parameter, channel)
    remedies = (
        f"say what is known from elsewhere, as {known}",
        f"vary {channel} on purpose: switch it off for some weeks, then double it, and fit again",
        "see whether the answer depends on it, as mm.sensitivity.power_scaling(fit)",
    )
    return check_against(f"learned_{what}:{name}", "information", threshold, value, finding, meaning, remedies)


# ------------------------------------------------------------------------------------------------------- directions
def _directions(scores: dict[tuple[str, str], np.ndarray]) -> pd.DataFrame:
    keys = [k for k in scores if k[0] in (*_SHAPES, *_EFFECTS) or k == ("coefficient", "intercept")]
    covariance = np.cov(np.stack([scores[k] for k in keys]))
    variance, vectors = np.linalg.eigh(np.atleast_2d(covariance))
    names = ["intercept" if parameter == "coefficient" else f"{parameter}[{label}]" for parameter, label in keys]
    rows = []
    for v, vector in zip(variance[::-1], vectors.T[::-1], strict=True):
        vector = vector * np.sign(vector[np.abs(vector).argmax()])
        parts = [i for i in np.argsort(-np.abs(vector)) if abs(vector[i]) >= _LOADING]
        text = ", ".join(f"{vector[i]:+.2f} {names[i]}" for i in parts)
        rows.append({"sd_ratio": float(np.sqrt(max(v, 0.0))), "direction": text})
    return pd.DataFrame(rows, pd.RangeIndex(1, len(rows) + 1, name="rank"))


def _directions_check(fit: Fit, name: str, table: pd.DataFrame) -> Check:
    count = int((table["sd_ratio"] >= UNINFORMED).sum())
    value = count / len(table)
    first = table.iloc[0]
    finding = (
        f"along {count} of {len(table)} directions of the media parameters of {name} the posterior is at least "
        f"{100 * UNINFORMED:.0f} % as wide as the prior; widest ({100 * first['sd_ratio']:.0f} %): "
        f"{first['direction'] or 'many parameters at once'}."
    )
    meaning = "so much of the response curves is prior; answers that depend on these directions are belief"
    remedies = (
        f"narrow what is known, as {prior_on(fit.system.equation(name), 'slope')}",
        "merge channels that are planned together into one column",
        "see which answers depend on priors, as mm.sensitivity.power_scaling(fit)",
    )
    return check_against(f"directions:{name}", "information", DIRECTIONS, value, finding, meaning, remedies)


# --------------------------------------------------------------------------------------------------------- trade-offs
def _trade_offs(fit: Fit, name: str) -> pd.DataFrame:
    par, channels = fit.parameters()[name], fit.system.equation(name).media
    intercept = par["coefficient"][..., 0].reshape(-1, 1)
    draws = np.concatenate([intercept, par["contribution"][:, 0]], axis=1)
    labels = ["intercept", *channels]
    with np.errstate(invalid="ignore"):  # a parameter that never moves correlates with nothing
        r = np.nan_to_num(np.corrcoef(draws.T))
    rows = [(labels[j], labels[i], float(r[i, j])) for i in range(len(labels)) for j in range(i)]
    total = np.corrcoef(draws[:, 0], draws[:, 1:].sum(axis=1))[0, 1]
    rows.append(("intercept", "all media", float(np.nan_to_num(total))))
    return pd.DataFrame(rows, columns=["one", "other", "correlation"]).set_index(["one", "other"])


def _trade_off_check(fit: Fit, name: str, table: pd.DataFrame) -> Check:
    # All media together trade with the intercept in any model of a level: that is no alarm.
    single = table["correlation"].drop(("intercept", "all media"))
    worst = single.abs().idxmax()
    value = float(abs(single[worst]))
    one, other = worst
    total = table["correlation"]["intercept", "all media"]
    finding = (
        f"contributions of {one} and {other} to {name} correlate by {single[worst]:+.2f} in the posterior, more than "
        f"any other pair; all media with the intercept by {total:+.2f}."
    ).replace("contributions of intercept and", "the intercept and the contribution of")
    base, equation = one == "intercept", fit.system.equation(name)
    together = f"merge {one} and {other} into one column, if they are planned together"
    if {one, other} <= set(fit.system.exogenous):
        together = f"report both as a group, as mm.effects(fit, groups={{'both': [{one!r}, {other!r}]}})"
    meaning = (
        f"what {other} brings and what would come anyway cannot be told apart, as it hardly ever pauses"
        if base
        else f"the data see the sum of {one} and {other} better than either of them"
    )
    remedies = (
        f"pause {other} in some weeks or regions, and fit again",
        f"say what is known, as {prior_on_return(equation, other, fit.data)}",
        f"say what the level is, as {prior_on(equation, 'intercept')}" if base else together,
    )
    return check_against(f"trade_off:{name}", "information", TRADE_OFF, value, finding, meaning, remedies)
