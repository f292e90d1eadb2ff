"""Channels that the data do not tell apart from no effect.

For a contribution with prior density p, the density ratio ``posterior(x) / p(x)`` is the likelihood of x, all other
unknowns averaged out, up to a constant. At zero, over its highest value, it is the relative likelihood of no effect: 1
where nothing says that the channel acts, ``exp(-z**2 / 2)`` where its estimate is z standard errors from zero. That
holds for a prior of any shape and of one sign, too: the ratio needs draws on one side of zero only, and divides by the
prior that is there, as the Savage-Dickey ratio does. A posterior of one sign never holds zero itself.

References
----------
Dickey (1971), The weighted likelihood ratio, linear hypotheses on Normal location parameters, Annals of Mathematical
Statistics 42, 204-223, doi:10.1214/aoms/1177693507.
"""

import math

import numpy as np
import pandas as pd

from bayesmmm.engine import spend_per_size
from bayesmmm.equations import sign_of
from bayesmmm.priors import Prior
from bayesmmm.results.fit import Fit

#: Relative likelihood of no effect at the ends of a 90 % interval of a Normal: above it zero lies inside.
NO_EFFECT = math.exp(-0.5 * 1.6448536269514722**2)
_BINS, _STEPS = 40, 50
_FEWEST = 100  # draws from which on a density is known at all


def relative_likelihood_of_zero(draws: np.ndarray, prior: Prior) -> float:
    """Likelihood of zero over the highest one, of a parameter with such posterior draws and such a prior.

    The logarithm of the density ratio is taken for quadratic over the draws, as that of a Normal estimate is, and fitted
    to how many of them fall into each of some intervals (a Poisson regression with the logarithm of the prior
    probability of an interval as its offset).

    Examples
    --------
    >>> import numpy as np
    >>> flat = Prior("Normal", mu=0, sigma=1e3)
    >>> draws = np.random.default_rng(0).normal(2.0, 1.0, 20_000)
    >>> abs(relative_likelihood_of_zero(draws, flat) - math.exp(-2.0)) < 0.02
    True
    """
    values = np.asarray(draws, dtype=float).ravel()
    low, high = prior.support
    ends = np.quantile(values, [0.002, 0.998])
    ends = np.array([min(ends[0], 0.0), max(ends[1], 0.0)]).clip(low, high)
    sd = float(values.std())
    if len(values) < _FEWEST or sd == 0.0 or ends[0] >= ends[1]:
        return math.nan
    edges = np.linspace(float(ends[0]), float(ends[1]), _BINS + 1)
    count = np.histogram(values, edges)[0].astype(float)
    mass = np.diff(prior.scipy().cdf(edges))
    kept = mass > 0.0
    middle = 0.5 * (edges[1:] + edges[:-1])[kept] / sd
    beta = _poisson(np.stack([np.ones(kept.sum()), middle, middle**2], axis=-1), count[kept], np.log(mass[kept]))
    at = np.append(middle, 0.0)
    log = np.stack([np.ones(len(at)), at, at**2], axis=-1) @ beta
    return float(np.exp(log[-1] - log.max()))


def _poisson(columns: np.ndarray, count: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Coefficients of a Poisson regression by Newton steps, halved where they overshoot."""
    beta = np.zeros(columns.shape[1])
    beta[0] = math.log(count.sum()) - np.logaddexp.reduce(offset)

    def fit(b: np.ndarray) -> tuple[float, np.ndarray]:
        with np.errstate(over="ignore"):
            mean = np.exp(columns @ b + offset)
        return float(count @ (columns @ b) - mean.sum()), mean

    value, mean = fit(beta)
    for _ in range(_STEPS):
        information = columns.T @ (mean[:, None] * columns) + 1e-9 * np.eye(len(beta))
        step = np.linalg.solve(information, columns.T @ (count - mean))
        while True:
            new, other = fit(beta + step)
            if new >= value - 1e-12 or np.abs(step).max() < 1e-10:
                break
            step = step / 2.0
        beta, gained, value, mean = beta + step, new - value, new, other
        if gained < 1e-9:
            break
    return beta


def weak_channels(fit: Fit) -> pd.DataFrame:
    """Say of each exogenous channel how likely no effect is, and whether it is told apart from that.

    A channel acts on the outcome directly or through mediators. A way is as sure as its least sure step, and a channel
    as its surest way.

    Returns
    -------
    pandas.DataFrame
        One row for each channel; columns channel, sign (where it acts last), ``no_effect``, the relative likelihood of
        no effect (0 to 1), and ``weak``, whether it is above `NO_EFFECT`, so that a 90 % interval holds zero.

    Examples
    --------
    >>> weak_channels(fit)  # doctest: +SKIP
    """
    if "no_effect" not in fit.memo:  # asked for with every table of returns
        fit.memo["no_effect"] = _doubts(fit)
    return fit.memo["no_effect"].copy()


def _doubts(fit: Fit) -> pd.DataFrame:
    system, steps = fit.system, _steps(fit)
    doubt = {system.outcome: 0.0}
    for name in (*reversed(system.mediators), *system.channels):
        ways = [max(steps[name, target], doubt[target]) for target in doubt if (name, target) in steps]
        doubt[name] = min(ways, default=1.0)
    rows = []
    for channel in system.channels:
        last = next(e for e in reversed(system.equations) if channel in e.media)
        value = doubt[channel]
        rows.append((channel, sign_of(last, channel), value, value > NO_EFFECT))
    return pd.DataFrame(rows, columns=["channel", "sign", "no_effect", "weak"])


def weak_signs(fit: Fit) -> dict[str, str]:
    """Signs of the channels that are not told apart from no effect: what `summarise` reads from ``attrs["weak"]``."""
    table = weak_channels(fit)
    return dict(table.loc[table["weak"], ["channel", "sign"]].itertuples(index=False))


def _steps(fit: Fit) -> dict[tuple[str, str], float]:
    """Relative likelihood that a cause does nothing to a series, for every cause and equation."""
    out = {}
    for name in fit.system.order:
        equation = fit.system.equation(name)
        for block in equation.parameters():
            if block.name not in ("contribution", "roi", "coefficient"):
                continue
            for label, prior in zip(block.labels, block.priors, strict=True):
                if label in equation.inputs:
                    draws = _draws(fit, name, block.name, label)
                    each = [relative_likelihood_of_zero(own, prior) for own in draws if not np.isnan(own).any()]
                    out[label, name] = min(each, default=math.nan)
    return out


def _draws(fit: Fit, name: str, parameter: str, label: str) -> np.ndarray:
    """Draws (1 or G, S) of what a prior speaks of: of the median geo where geos vary around one."""
    posterior, pooled = fit.posterior, f"{name}.median_contribution"
    variable = f"{name}.coefficient" if parameter == "coefficient" else f"{name}.contribution"
    variable = pooled if parameter != "coefficient" and pooled in posterior else variable
    dim = f"{name}.{'term' if parameter == 'coefficient' else 'media'}"
    draws = posterior[variable].sel({dim: label}).transpose("chain", "draw", ...).values
    draws = draws.reshape(draws.shape[0] * draws.shape[1], -1).T
    if parameter == "roi":
        return draws / spend_per_size(fit.system.equation(name), label, fit.data, fit.scales)
    return draws
